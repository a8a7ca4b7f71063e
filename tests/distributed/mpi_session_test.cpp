#include "murmur/distributed/mpi_session.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>

namespace murmur {
namespace {

/// Of processes with these variables, and no others of a launcher.
bool is_launched_with(const std::map<std::string, std::string>& variables) {
  for (const char* name :
       {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    unsetenv(name);
  }
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  const bool result = MpiSession::is_launched();
  for (const auto& [name, value] : variables) unsetenv(name.c_str());
  return result;
}

TEST(MpiSession, IsForProcessesThatALauncherStartedWithOthers) {
  EXPECT_FALSE(is_launched_with({}));
  EXPECT_TRUE(is_launched_with({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"PMIX_RANK", "0"}}));
  EXPECT_TRUE(is_launched_with({{"PMI_RANK", "3"}, {"PMI_SIZE", "4"}}));
  EXPECT_TRUE(is_launched_with({{"PMIX_RANK", "3"}, {"SLURM_STEP_NUM_TASKS", "8"}}));
  EXPECT_TRUE(is_launched_with({{"PMIX_RANK", "3"}}));
  // srun murmur train, with one task: there is nobody to speak to.
  EXPECT_FALSE(is_launched_with({{"PMIX_RANK", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}}));
  EXPECT_FALSE(is_launched_with({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}}));
  EXPECT_FALSE(is_launched_with({{"SLURM_STEP_NUM_TASKS", "8"}})) << "a batch script's own line, not srun's";
}

}  // namespace
}  // namespace murmur
