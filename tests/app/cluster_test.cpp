#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "murmur/pso/study.hpp"
#include "tests/app/child.hpp"
#include "tests/app/run.hpp"
#include "tests/app/search_command.hpp"
#include "tests/support/same_trials.hpp"

// The program in an mpirun on this machine.
namespace murmur {
namespace {

using test::becomes_true;
using test::Child;
using test::Folder;
using test::ProgramResult;
using test::read_text;
using test::run_murmur;
using test::search_command;
using test::write_dataset;
using test::write_text;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// Of an mpirun, be it root's, with more ranks than cores or in a container. MPI keeps memory until the end.
std::string launcher(int num_ranks) {
  return "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_vader_single_copy_mechanism=none "
         "ASAN_OPTIONS=detect_leaks=0 mpirun --oversubscribe --bind-to none -n " +
         std::to_string(num_ranks);
}

class Cluster : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v mpirun > /dev/null") != 0) GTEST_SKIP() << "no mpirun";
    const ProgramResult result = run_murmur("--version", launcher(2));
    if (result.output.find("expected a build with MPI") != std::string::npos) GTEST_SKIP() << "built without MPI";
    write_dataset(folder_, 3200);
  }

  ProgramResult run(int num_ranks, const std::string& arguments) const {
    return run_murmur(arguments, num_ranks == 0 ? "" : launcher(num_ranks));
  }
  std::vector<TrialRecord> trials(const std::string& study) const {
    return Study::open_read_only(folder_ / study).trials();
  }
  void expect_same(const std::string& a, const std::string& b) const {
    test::expect_same_search(folder_ / a, folder_ / b);
  }

  Folder folder_;
};

/// The process of a rank whose command names this study; none where there is none.
std::optional<pid_t> process_of(int rank, const std::string& study) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::string environment = read_text(entry.path() / "environ"), command = read_text(entry.path() / "cmdline");
    const std::string variable = "OMPI_COMM_WORLD_RANK=" + std::to_string(rank) + '\0';
    if (environment.find(variable) == std::string::npos || command.find(study) == std::string::npos) continue;
    return static_cast<pid_t>(std::stoi(name));
  }
  return std::nullopt;
}

TEST_F(Cluster, ASynchronousSearchIsTheSameForEachNumberOfRanks) {
  for (const int num_ranks : {0, 1, 2, 4}) {
    const std::string name = std::to_string(num_ranks);
    const ProgramResult result =
        run(num_ranks, search_command(folder_, name + ".db", "--synchronous --confirm 3 --json " + (folder_ / name)));
    ASSERT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(nlohmann::json::parse(read_text(folder_ / name)).at("ranks"), std::max(1, num_ranks));
    const std::string said = "on " + name + " ranks, rank 0 on cpu";
    EXPECT_EQ(result.output.find(said) != std::string::npos, num_ranks > 1) << result.output;
    if (num_ranks > 0) expect_same(name + ".db", "0.db");
  }
}

TEST_F(Cluster, AnAsynchronousSearchEndsWithAllTrialsEachAsItIsAlone) {
  const ProgramResult result = run(3, search_command(folder_, "a.db"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const std::vector<TrialRecord> all = trials("a.db");
  ASSERT_EQ(all.size(), 12u);
  for (const int64_t trial : {0, 7, 11}) {
    if (all[static_cast<size_t>(trial)].intermediate.empty()) continue;
    const ProgramResult replay = run(2, "replay --device cpu --data " + folder_.path() + " --study " +
                                            (folder_ / "a.db") + " --trial " + std::to_string(trial));
    EXPECT_EQ(replay.exit_code, 0) << replay.output;
  }
}

TEST_F(Cluster, AnalyseAndBaselineUseAllRanksAndGiveTheSame) {
  ASSERT_EQ(run(0, search_command(folder_, "s.db")).exit_code, 0);
  std::vector<nlohmann::json> analyses, baselines;
  for (const int num_ranks : {0, 3}) {
    const std::string name = std::to_string(num_ranks);
    std::filesystem::copy_file(folder_ / "s.db", folder_ / (name + ".db"));
    const ProgramResult analysed =
        run(num_ranks, "ablate --device cpu --data " + folder_.path() + " --from " + (folder_ / (name + ".db")) +
                           " --repeats 2 --quiet --json " + (folder_ / name));
    ASSERT_EQ(analysed.exit_code, 0) << analysed.output;
    analyses.push_back(nlohmann::json::parse(read_text(folder_ / name)).at("rows"));
    for (nlohmann::json& row : analyses.back()) row.erase("command");  // names the study's file
    const ProgramResult compared =
        run(num_ranks, "baseline --device cpu --micro-batch 32 --levels 1 --epochs 1 --quiet --data " + folder_.path() +
                           " --json " + (folder_ / name));
    ASSERT_EQ(compared.exit_code, 0) << compared.output;
    baselines.push_back(nlohmann::json::parse(read_text(folder_ / name)).at("rows"));
  }
  EXPECT_EQ(analyses[0], analyses[1]);
  EXPECT_EQ(baselines[0], baselines[1]);
}

// The launcher then ends the others, rank 0 too.
TEST_F(Cluster, ARankThatIsKilledLosesNoTrialToldAndTheSearchGoesOn) {
  const std::string options = "--synchronous --trials 30 --epochs 4 --abort-below 0";
  ASSERT_EQ(run(0, search_command(folder_, "whole.db", options)).exit_code, 0);
  const char* wanted = std::getenv("MURMUR_KILLS");
  const int num_kills = wanted == nullptr ? 3 : std::atoi(wanted);
  for (int kill_number = 0; kill_number < num_kills; ++kill_number) {
    const std::string study = "k" + std::to_string(kill_number) + ".db";
    const int rank = kill_number % 4;
    const auto told = [&] {
      return std::ranges::count_if(trials(study), [](const TrialRecord& t) { return t.state != TrialState::kRunning; });
    };
    {
      Child child(search_command(folder_, study, options + " --threads 1"), folder_ / "out", launcher(4));
      const auto is_far_enough = [&] {
        return std::filesystem::exists(folder_ / study) && told() >= 1 + kill_number % 20;
      };
      ASSERT_TRUE(becomes_true([&] {
        try {
          return is_far_enough();
        } catch (const std::exception&) {
          return false;  // it is just being made
        }
      })) << read_text(folder_ / "out");
      const std::optional<pid_t> process = process_of(rank, folder_ / study);
      if (process) kill(*process, SIGKILL);  // else it has ended just now
      EXPECT_NE(child.wait(), 0);
      EXPECT_THAT(read_text(folder_ / "out"), Not(HasSubstr("terminate called")));
    }
    const auto told_before = told();
    EXPECT_GE(told_before, 1 + kill_number % 20);
    ASSERT_TRUE(becomes_true([&] { return !process_of(0, folder_ / study).has_value(); }));
    const ProgramResult again = run(2 + kill_number % 3, search_command(folder_, study, options));
    ASSERT_EQ(again.exit_code, 0) << again.output;
    EXPECT_THAT(again.output, HasSubstr("goes on with the study"));
    expect_same(study, "whole.db");
    if (testing::Test::HasFailure()) return;
  }
}

// Namespaces of the network stand for machines; on the nodes the folder with the study is another one, and empty.
TEST_F(Cluster, OnSeveralMachinesWithoutACommonHomeItIsTheSameSearch) {
  const std::string hosts = std::string(MURMUR_SOURCE_DIR) + "/tests/distributed/hosts.sh " + folder_.path();
  if (std::system((hosts + " true > /dev/null 2>&1").c_str()) != 0) GTEST_SKIP() << "namespaces are not allowed";
  const auto command = [&](const std::string& study) {
    return "search --device cpu --dataset fashion-mnist --train-images 2000 --micro-batch 32 --particles 6 --trials 12 "
           "--epochs 2 --repeats 2 --seed 5 --synchronous --study " +
           (folder_ / study);
  };
  ASSERT_EQ(run_murmur(command("here.db")).exit_code, 0);
  const ProgramResult result = run_murmur(command("hosts.db"), "ASAN_OPTIONS=detect_leaks=0 " + hosts);
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("on 3 ranks"));
  expect_same("hosts.db", "here.db");
  // The images lie in a folder that the nodes do not have: they say so, and which.
  const ProgramResult without = run_murmur(search_command(folder_, "x.db"), "ASAN_OPTIONS=detect_leaks=0 " + hosts);
  EXPECT_NE(without.exit_code, 0);
  EXPECT_THAT(without.output, HasSubstr("murmur: rank 1 on node1: "));
}

TEST_F(Cluster, RefusesInOneLineAndEndsAllRanks) {
  const ProgramResult no_data = run(3, search_command(folder_, "x.db", "--dataset mnist --data /nowhere"));
  EXPECT_NE(no_data.exit_code, 0);
  EXPECT_EQ(test::count_of(no_data.output, "murmur: "), 1u) << no_data.output;
  const ProgramResult usage = run(3, search_command(folder_, "x.db", "--epochs 0"));
  EXPECT_NE(usage.exit_code, 0);
  EXPECT_THAT(usage.output, HasSubstr("--epochs"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x.db"));
}

}  // namespace
}  // namespace murmur
