#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/study.hpp"
#include "tests/app/run.hpp"
#include "tests/support/numbers.hpp"

namespace murmur {
namespace {

using nlohmann::json;
using test::Folder;
using test::read_text;
using test::run_murmur;
using ::testing::AllOf;
using ::testing::HasSubstr;

using test::kNan;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream stream(line + ",");
  for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
  return fields;
}

/// Two studies in a file: one of all dimensions, with a trial in each state, and a small one.
class StudyCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    StudyDefinition definition;
    definition.attributes = {{"model", "fc"}, {"epochs", 2}};
    Study study = Study::create_or_open(path(), definition);
    position_ = sparse_initial_positions(definition.space, 1, 1).front();
    study.begin_trial(1, position_, {{"slot", 0}});
    for (uint64_t seed = 2; seed < 5; ++seed) study.begin_trial(seed, definition.space.off());
    study.finish_trial(0, {.value = 0.5, .intermediate = {0.25, 0.5}, .attributes = {{"epochs", 2}}});
    study.finish_trial(1, {.state = TrialState::kPruned, .value = 0.1, .intermediate = {0.1}});
    study.finish_trial(2, {.state = TrialState::kFail, .intermediate = {kNan}});
    StudyDefinition other;
    other.name = "other";
    other.space = SearchSpace({Technique::kDropout});
    Study::create_or_open(path(), other);
  }
  std::string path() const { return folder_ / "study.db"; }
  std::string run(const std::string& arguments, int exit_code = 0) const {
    const auto result = run_murmur("study " + arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.output;
    return result.output;
  }
  std::string exported(const std::string& format) const {
    return run("export " + path() + " --name murmur --format " + format);
  }

  Folder folder_;
  std::vector<double> position_;
};

TEST_F(StudyCommand, ListsTheStudiesOfAFile) {
  const std::vector<std::string> lines = lines_of(run("list " + path()));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[1], AllOf(HasSubstr(" 4 "), HasSubstr("0.5000 (0)"), HasSubstr(" murmur")));
  EXPECT_THAT(lines[2], AllOf(HasSubstr(" 0 "), HasSubstr(" other")));
  run("list " + path() + " --json " + (folder_ / "list.json"));
  const json report = json::parse(read_text(folder_ / "list.json"));
  EXPECT_EQ(report["format"], "murmur-study-list-1");
  EXPECT_EQ(report["studies"][0]["best"], (json{{"trial", 0}, {"value", 0.5}}));
  EXPECT_EQ(report["studies"][0]["running"], 1);
}

TEST_F(StudyCommand, ShowsAStudyAndATrial) {
  const std::string study = run("show " + path() + " --name murmur");
  EXPECT_THAT(study,
              AllOf(HasSubstr("4 trials, 1 complete, 1 aborted, 1 failed, 1 running"), HasSubstr("model fc"),
                    HasSubstr("search learning_rate from 1e-05 to 0.1, log"),
                    HasSubstr("search optimizer sgd momentum adam"), HasSubstr("        0      0.5000  "),
                    HasSubstr("again (any trial):\n    murmur train --from " + path() + " --name murmur --trial 0")));
  for (const char* trial : {"0", "best"}) {
    EXPECT_THAT(run("show " + path() + " --name murmur --trial " + trial),
                AllOf(HasSubstr("trial 0 of murmur, COMPLETE"), HasSubstr("seed 1\n"), HasSubstr("epoch 1 0.2500"),
                      HasSubstr("--trial 0")));
  }
  run("show " + path() + " --name murmur --trial 2 --json " + (folder_ / "show.json"));
  const json report = json::parse(read_text(folder_ / "show.json"));
  EXPECT_EQ(report["trial"]["accuracies"], json::array({nullptr}));
  EXPECT_EQ(report["trial"]["state"], "FAIL");
  EXPECT_THAT(run("show " + path(), 3), HasSubstr("expected one study, got 'murmur', 'other'"));
  EXPECT_THAT(run("show " + path() + " --name murmur --trial 9", 3), HasSubstr("got no trial 9"));
}

TEST_F(StudyCommand, ExportsCsv) {
  const std::vector<std::string> lines = lines_of(exported("csv"));
  ASSERT_EQ(lines.size(), 5u);
  const std::vector<std::string> header = fields_of(lines[0]);
  EXPECT_EQ(header.size(), 6u + 7 + 22 + 2);
  const auto column = [&](size_t row, const std::string& name) {
    const auto found = std::find(header.begin(), header.end(), name) - header.begin();
    return fields_of(lines[row]).at(static_cast<size_t>(found));
  };
  EXPECT_EQ(column(1, "state"), "COMPLETE");
  EXPECT_EQ(column(1, "slot"), "0");
  EXPECT_EQ(column(1, "epoch_2"), "0.5");
  EXPECT_EQ(column(2, "optimizer"), "sgd");
  EXPECT_EQ(column(2, "weight_noise"), "0.0");
  EXPECT_EQ(column(3, "value"), "");
  EXPECT_EQ(column(4, "finished"), "");
  EXPECT_EQ(std::stod(column(1, "rotation")),
            Study::open_read_only(path(), "murmur").trial(0).setting[Technique::kRotation]);
}

TEST_F(StudyCommand, ExportsJsonLines) {
  const std::vector<std::string> lines = lines_of(exported("jsonl"));
  ASSERT_EQ(lines.size(), 4u);
  const json trial = json::parse(lines[0]);
  EXPECT_EQ(trial["position"], json(position_));
  EXPECT_EQ(trial["seed"], "1");
  EXPECT_EQ(trial["attributes"], (json{{"slot", 0}, {"epochs", 2}}));
  EXPECT_EQ(json::parse(lines[2])["intermediate"], json::array({nullptr}));
  EXPECT_EQ(json::parse(lines[1])["setting"]["flip"], "none");
}

TEST_F(StudyCommand, ExportsTheStudysOwnLayout) {
  const std::vector<std::string> lines = lines_of(exported("paper"));
  ASSERT_EQ(lines.size(), 3u);  // the trials that ended with an accuracy
  EXPECT_THAT(lines[0], ::testing::StartsWith("epochs,shuffle,flip,rotation,"));
  EXPECT_THAT(lines[0], ::testing::EndsWith(",gradient noise,gradient dropout,validation,test"));
  EXPECT_EQ(fields_of(lines[0]).size(), 25u);
  const std::vector<std::string> fields = fields_of(lines[1]);
  EXPECT_EQ(fields[0], "2");
  for (size_t d = 0; d < 22; ++d) EXPECT_EQ(std::stod(fields[1 + d]), position_[d]) << d;
  EXPECT_EQ(fields[23], "0.5");
  // What is not searched has the position of its value: here off, in the study's units.
  Study other = Study::create_or_open(path(), [] {
    StudyDefinition definition;
    definition.name = "third";
    definition.space = SearchSpace({Technique::kDropout});
    definition.base.set(Technique::kLearningRate, 0.25);
    return definition;
  }());
  other.finish_trial(other.begin_trial(1, std::vector{0.25}), {.value = 0.5});
  const std::vector<std::string> row = fields_of(lines_of(run("export --format paper --name third " + path())).at(1));
  EXPECT_EQ(row[10], "0.25");
  EXPECT_NEAR(std::stod(row[16]), 0.602, 1e-3);  // 10^-0.602, which is beyond the study's range
  EXPECT_EQ(std::stod(row[20]), 6);              // weight noise
}

TEST_F(StudyCommand, ExportsAJournalThatOptunaLoads) {
  const std::string file = folder_ / "journal.log";
  run("export " + path() + " --name murmur --format optuna-journal --output " + file);
  ASSERT_EQ(json::parse(lines_of(read_text(file)).at(0))["study_name"], "murmur");
  int num_tested = 0;
  const char* const source = std::getenv("MURMUR_OPTUNA");
  for (const std::string& before : {std::string(), source == nullptr ? "none" : "PYTHONPATH=" + std::string(source)}) {
    const std::string python = "env " + before + " /usr/bin/python3 ";
    if (before == "none" || std::system((python + "-c 'import optuna' 2> /dev/null").c_str()) != 0) continue;
    ++num_tested;
    run("export " + path() + " --name murmur --format optuna-journal --output " + file);  // it adds trials to it
    EXPECT_EQ(std::system((python + MURMUR_SOURCE_DIR + "/tests/app/optuna_reads_journal.py " + file).c_str()), 0);
  }
  if (num_tested == 0) GTEST_SKIP() << "no optuna (package python3-optuna, or a source tree in MURMUR_OPTUNA)";
}

TEST_F(StudyCommand, CopiesAFile) {
  const std::string copy = folder_ / "copy.db";
  run("copy " + path() + " " + copy);
  EXPECT_EQ(study_names(copy), study_names(path()));
  EXPECT_THAT(run("copy " + path() + " " + copy, 3), HasSubstr("expected a new file"));
  EXPECT_THAT(run("copy " + path(), 2), HasSubstr("expected the new file"));
  EXPECT_THAT(run("list " + path() + " " + copy, 2), HasSubstr("expected one file"));
  EXPECT_THAT(run("fly " + path(), 2), HasSubstr("action"));
  EXPECT_THAT(run("list " + (folder_ / "none.db"), 3), HasSubstr("got no such file"));
  EXPECT_THAT(run("export --name murmur " + path() + " --output /none/x", 2), HasSubstr("--output"));
}

}  // namespace
}  // namespace murmur
