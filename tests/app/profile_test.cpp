// murmur profile: its command lines, tools that are not there or fail, and tables of recorded reports. nsys and ncu are
// scripts.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "tests/app/run.hpp"

namespace murmur::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kFixtures = MURMUR_SOURCE_DIR "/tests/app/profile/";

/// A folder with programs nsys and ncu that note their words, make the report that they are asked for, and answer with
/// a recorded table where they are to read one.
class ProfileCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string note = "#!/bin/sh\necho \"$0 $*\" >> '" + folder_ / "calls" + "'\n";
    add_tool("nsys", note + "case $1 in\nstats) cat '" + kFixtures +
                         "nsys_stats.csv' ;;\n*) for w; do case $w in --output=*) " +
                         ": > \"${w#--output=}\" ;; esac; done ;;\nesac\n");
    add_tool("ncu", note + "case $1 in\n--import) cat '" + kFixtures +
                        "ncu_raw.csv' ;;\n*) while [ $1 != --export ]; do shift; " + "done; : > \"$2\" ;;\nesac\n");
  }

  void add_tool(const std::string& name, const std::string& script) {
    write_text(folder_ / name, script);
    chmod((folder_ / name).c_str(), 0755);
  }
  ProgramResult profile(const std::string& arguments) {
    return run_murmur("profile " + arguments, "cd '" + folder_.path() + "' && PATH='" + folder_.path() + "':$PATH");
  }

  Folder folder_;
};

TEST_F(ProfileCommand, DryRunPrintsTheCommandAndRunsNothing) {
  const ProgramResult result = profile("nsys --dry-run --networks 64 --set dropout=0.1 --model 'conv6 flatten linear'");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(
      result.output,
      AllOf(HasSubstr("nsys profile --trace=cuda,nvtx "), HasSubstr("--output=murmur-nsys.nsys-rep "),
            HasSubstr(" train --quiet --device cuda --epochs 1 --no-graph --networks 64 --model 'conv6 flatten "
                      "linear' --set dropout=0.1\n"),
            HasSubstr("\nnsys stats --report cuda_gpu_kern_sum,nvtx_gpu_proj_sum "), Not(HasSubstr("capture-range"))));
  EXPECT_EQ(folder_.num_files(), 2u) << "the two tools";
}

TEST_F(ProfileCommand, TicksAndKernelsReachTheTools) {
  EXPECT_THAT(profile("nsys --dry-run --ticks 3:4 --epochs 2 --graph --device cuda:1").output,
              AllOf(HasSubstr(" --capture-range=cudaProfilerApi --capture-range-end=stop "),
                    HasSubstr(" --profile-ticks 3:4 --epochs 2 --device cuda:1\n"), Not(HasSubstr("--no-graph"))));
  EXPECT_THAT(profile("ncu --dry-run --kernel 'Update|NormPool' --output x").output,
              AllOf(HasSubstr("ncu --set full --clock-control none "), HasSubstr(" --export x.ncu-rep "),
                    HasSubstr(" --kernel-name 'regex:Update|NormPool' --profile-from-start off "),
                    HasSubstr(" --profile-ticks 3:3\n")));
}

TEST_F(ProfileCommand, ShowsTheTableOfATimeline) {
  const ProgramResult result = profile("nsys --networks 64 --json t.json");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(
      result.output,
      AllOf(HasSubstr("InputForward<float, FastNormals>"), HasSubstr("cutlass_80_simt_sgemm_64x64_8x5_nn_align1"),
            HasSubstr("range (GPU time of what it launched)"), HasSubstr("\nepoch "), Not(HasSubstr("%copy"))));
  const nlohmann::json report = nlohmann::json::parse(read_text(folder_ / "t.json"));
  EXPECT_EQ(report["format"], "murmur-profile-1");
  ASSERT_EQ(report["kernels"].size(), 3u);
  EXPECT_EQ(report["kernels"][0]["kernel"], "Update<float, FastNormals>");
  EXPECT_EQ(report["kernels"][0]["launches"], 750);  // of two rows of the report: one function, two signatures
  EXPECT_DOUBLE_EQ(report["kernels"][0]["mean_us"], 20.0);
  EXPECT_DOUBLE_EQ(report["kernels"][0]["share"], 0.6);
  EXPECT_TRUE(report["kernels"][0]["registers"].is_null());
  EXPECT_EQ(report["ranges"][0]["range"], "epoch") << "without the colon of its domain";
}

TEST_F(ProfileCommand, ShowsWhatBoundsAKernel) {
  const ProgramResult result = profile("ncu --copy-bandwidth 3000 --json t.json");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, AllOf(HasSubstr("%copy: of 3000 GB/s"), HasSubstr("registers"), HasSubstr("%occupancy")));
  const nlohmann::json report = nlohmann::json::parse(read_text(folder_ / "t.json"));
  ASSERT_EQ(report["kernels"].size(), 2u);
  const nlohmann::json& update = report["kernels"][0];
  EXPECT_EQ(update["kernel"], "Update<float, FastNormals>");
  EXPECT_EQ(update["launches"], 2);
  EXPECT_DOUBLE_EQ(update["time_us"], 200.0);
  EXPECT_DOUBLE_EQ(update["bytes"], 480e6);
  EXPECT_DOUBLE_EQ(update["copy_percent"], 80.0);  // 480 MB in 200 us: 2,400 of 3,000 GB/s
  EXPECT_EQ(update["registers"], 64);
  EXPECT_DOUBLE_EQ(update["occupancy_percent"], 45.0);
}

TEST_F(ProfileCommand, AReportCanBeReadLater) {
  write_text(folder_ / "old.nsys-rep", "");
  const ProgramResult result = profile("nsys --read old.nsys-rep --kernel Input");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, AllOf(HasSubstr("InputForward<float, FastNormals>"), Not(HasSubstr("Update"))));
  EXPECT_THAT(read_text(folder_ / "calls"), Not(HasSubstr("profile")));
}

/// One plain line, the last of the output.
void expect_failure(const ProgramResult& result, int exit_code, const std::string& words) {
  EXPECT_EQ(result.exit_code, exit_code) << result.output;
  EXPECT_THAT(result.output, AllOf(HasSubstr("murmur: "), HasSubstr(words)));
}

TEST_F(ProfileCommand, FailuresAreOneLine) {
  const std::string nowhere = "cd '" + folder_.path() + "' && PATH=/nowhere";
  expect_failure(run_murmur("profile ncu", nowhere), 1, "expected ncu (NVIDIA Nsight Compute) on the PATH, got none");
  expect_failure(profile("ncu --device cpu"), 2, "--device: expected a GPU, got cpu");
  expect_failure(profile("ncu --ticks 4:3"), 2, "--ticks: expected A:B");
  expect_failure(profile("vtune"), 2, "vtune");
  expect_failure(profile("nsys --read old.nsys-rep"), 1, "expected the report old.nsys-rep, got none");
  write_text(folder_ / "old.nsys-rep", "");
  expect_failure(profile("nsys --read old.nsys-rep --kernel '('"), 2, "--kernel: expected a regular expression");
  add_tool("ncu", "#!/bin/sh\nexit 4\n");
  expect_failure(profile("ncu"), 4, "ncu: expected exit code 0, got 4");
  add_tool("ncu", "#!/bin/sh\nexit 0\n");
  expect_failure(profile("ncu"), 1, "expected the report murmur-ncu.ncu-rep, got none");
  add_tool("nsys",
           "#!/bin/sh\ncase $1 in stats) echo 'SKIPPED: no kernel data' ;; *) : > murmur-nsys.nsys-rep ;; esac\n");
  expect_failure(profile("nsys"), 3, "expected a table with Total Time (ns), Instances and Name, got none");
}

}  // namespace
}  // namespace murmur::test
