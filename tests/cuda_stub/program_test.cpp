// The program with failures of a GPU: one plain line, exit code 4, all that was finished is in the study, and nothing
// is left allocated.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/app/run.hpp"

namespace murmur {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class StubProgram : public ::testing::Test {
 protected:
  void SetUp() override { test::write_dataset(folder_, 640, 16); }

  test::ProgramResult run(const std::string& arguments, const std::string& faults = "", const std::string& more = "") {
    return test::run_murmur(arguments, "LD_LIBRARY_PATH=" MURMUR_STUB_DIR " XDG_CACHE_HOME=" + folder_.path() +
                                           " MURMUR_STUB_REPORT=" + report_file() + " MURMUR_STUB_FAIL=" + faults +
                                           " " + more);
  }
  nlohmann::json report() const { return nlohmann::json::parse(test::read_text(report_file())); }
  int64_t counted(const std::string& name) const { return report().at("counts").value(name, int64_t{0}); }

  std::string data() const { return " --device cuda --micro-batch 32 --data " + folder_.path() + " "; }
  std::string train(const std::string& model) const { return "train --quiet --epochs 3 --model " + model + data(); }
  std::string search(const std::string& study) const {
    return "search --quiet --model 'conv4 pool flatten linear' --epochs 2 --trials 8 --particles 4 --slots 3 "
           "--abort-below 0 --repeats 2 --confirm 2 --seed 5 --patience 100 --study " +
           (folder_ / study) + data();
  }

  /// Of whatever a run has left behind.
  void expect_nothing_left() const {
    const nlohmann::json all = report();
    EXPECT_TRUE(all.at("violations").empty()) << all.at("violations");
    for (const auto& [name, number] : all.at("counts").items()) {
      if (!name.starts_with("live ")) continue;
      EXPECT_EQ(number, 0) << name;
    }
    EXPECT_EQ(all.at("counts").value("invalid calls in a capture", 0), 0);
  }

  static void expect_one_line(const test::ProgramResult& result) {
    EXPECT_EQ(result.exit_code, 4) << result.output;
    const size_t line = result.output.find("murmur: ");
    ASSERT_NE(line, std::string::npos) << result.output;
    EXPECT_EQ(result.output.find('\n', line), result.output.size() - 1) << result.output;
    EXPECT_THAT(result.output, Not(HasSubstr("terminate")));
  }

  /// Trials in a state: 1 is complete.
  int64_t num_trials(const std::string& study, const std::string& state) const {
    SQLite::Database database(folder_ / study);
    SQLite::Statement statement(database, "SELECT COUNT(*) FROM trials WHERE state = ?");
    statement.bind(1, state);
    statement.executeStep();
    return statement.getColumn(0);
  }

  test::Folder folder_;

 private:
  std::string report_file() const { return folder_ / "stub.json"; }
};

TEST_F(StubProgram, ProfiledTicksStartAndStopTheProfilerOnce) {
  const test::ProgramResult result = run(train("fc") + "--profile-ticks 2:4");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(counted("cudaProfilerStart"), 1);
  EXPECT_EQ(counted("cudaProfilerStop"), 1);
  expect_nothing_left();
}

TEST_F(StubProgram, TrainsAndLeavesNothing) {
  for (const char* model : {"fc", "lenet5"}) {
    const test::ProgramResult result = run(train(model) + "--networks 3");
    EXPECT_EQ(result.exit_code, 0) << result.output;
    expect_nothing_left();
    EXPECT_EQ(counted("allocations in a capture"), 0);
    EXPECT_EQ(counted("kernels loaded in a capture"), 0);
    EXPECT_EQ(counted("heuristics in a capture"), 0);
  }
}

TEST_F(StubProgram, ProductsAreInTf32UnlessAskedOtherwise) {
  const std::string json = folder_ / "report.json";
  const auto precision = [&](const std::string& option) {
    const test::ProgramResult result = run(train("fc") + "--json " + json + option);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return nlohmann::json::parse(test::read_text(json)).at("precision");
  };
  EXPECT_EQ(precision(""), "tf32");
  EXPECT_GT(counted("products in TF32"), 0);
  EXPECT_EQ(counted("products in full precision"), 0);
  EXPECT_EQ(precision(" --fp32"), "fp32");
  EXPECT_EQ(counted("products in TF32"), 0);
  EXPECT_GT(counted("products in full precision"), 0);
}

TEST_F(StubProgram, InfoSaysWhetherConvolutionsHaveALibrary) {
  EXPECT_THAT(run("info").output, HasSubstr(": ready\n"));
  EXPECT_THAT(run("info", "cudnn_create:1+").output, HasSubstr("a sublibrary is missing"));
}

// The nth call of each kind, from the first of the program to those deep in its training.
TEST_F(StubProgram, EveryFailureOfATrainingEndsInOneLine) {
  ASSERT_EQ(run(train("lenet5")).exit_code, 0);  // convolutions are timed
  for (const std::string fault :
       {"malloc:1",       "malloc:2",        "malloc:9",        "malloc:16",     "memset:1",      "memset:12",
        "copy:1",         "copy:5",          "copy:14",         "host_alloc:1",  "host_alloc:3",  "stream:1",
        "event:1+",       "cublas_create:1", "launch:1",        "launch:12",     "launch:40",     "gemm:1",
        "gemm:5",         "gemm:12",         "begin_capture:1", "end_capture:1", "instantiate:1", "begin_capture:2",
        "graph_launch:1", "graph_launch:30", "synchronize:2",   "synchronize:9", "kernel:3",      "execute:7"}) {
    const test::ProgramResult result = run(train("lenet5"), fault);
    if (counted("injected failures") == 0) {
      ADD_FAILURE() << fault << ": expected so many calls, got fewer";
      continue;
    }
    SCOPED_TRACE(fault);
    if (fault == "event:1+") {  // without its branches there is no library, and matrix products train
      EXPECT_EQ(result.exit_code, 0);
      EXPECT_THAT(result.output, HasSubstr("matrix products do it"));
    } else {
      expect_one_line(result);
    }
    expect_nothing_left();
  }
}

TEST_F(StubProgram, WithoutAPlanMatrixProductsTrainAndSaySo) {
  const test::ProgramResult result = run(train("lenet5"), "plan:1+");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("matrix products do it"));
  EXPECT_EQ(counted("convolution"), 0);
  expect_nothing_left();
}

TEST_F(StubProgram, TooManyNetworksSayHowManyFit) {
  const test::ProgramResult result = run(train("lenet5") + "--networks 2000", "", "MURMUR_STUB_MEMORY=300000000");
  expect_one_line(result);
  EXPECT_THAT(result.output, HasSubstr("about "));
  EXPECT_THAT(result.output, HasSubstr("fit (see --networks, --slots)"));
  expect_nothing_left();
}

TEST_F(StubProgram, WhatASearchHasFinishedIsInTheStudy) {
  const test::ProgramResult whole = run(search("whole.db"));
  ASSERT_EQ(whole.exit_code, 0) << whole.output;
  EXPECT_EQ(num_trials("whole.db", "COMPLETE"), 8);
  expect_nothing_left();
  ASSERT_EQ(run(search("again.db")).exit_code, 0);  // without the launches of the timing
  const int64_t num_launches = counted("cudaGraphLaunch");
  for (const int64_t part : {10, 4, 2}) {
    const std::string study = "part" + std::to_string(part) + ".db";
    const test::ProgramResult result = run(search(study), "graph_launch:" + std::to_string(num_launches / part));
    EXPECT_EQ(counted("injected failures"), 1);
    expect_one_line(result);
    expect_nothing_left();
    const int64_t complete = num_trials(study, "COMPLETE");
    const test::ProgramResult resumed = run(search(study));
    EXPECT_EQ(resumed.exit_code, 0) << resumed.output;
    EXPECT_EQ(num_trials(study, "COMPLETE"), 8);
    if (part == 2) {
      EXPECT_GT(complete, 0);
    }
  }
}

TEST_F(StubProgram, TheFinalTestHasTheSearchsMemory) {
  ASSERT_EQ(run(search("study.db")).exit_code, 0);
  const int64_t peak_of_all = counted("peak bytes");
  ASSERT_EQ(run(search("none.db") + "--confirm 0 --repeats 1").exit_code, 0);
  EXPECT_LT(peak_of_all, counted("peak bytes") * 3 / 2) << "trainers follow each other";
}

TEST_F(StubProgram, ASecondGpuIsUsedForAllOrForNothing) {
  std::string options = train("lenet5");
  options.replace(options.find("--device cuda"), 13, "--device cuda:1");
  const test::ProgramResult result = run(options, "", "MURMUR_STUB_DEVICES=2");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  expect_nothing_left();
}

}  // namespace
}  // namespace murmur
