#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/study.hpp"
#include "tests/app/report_data.hpp"
#include "tests/app/search_command.hpp"
#include "tests/support/numbers.hpp"

// What a report says, against what the study has.
namespace murmur {
namespace {

using nlohmann::json;
using test::column;
using test::data_of;
using test::Folder;
using test::read_text;
using test::report_of;
using test::run_murmur;
using test::search_command;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using test::kNan;

StudyDefinition small_definition(const std::string& name = "murmur") {
  StudyDefinition definition;
  definition.name = name;
  definition.attributes = {{"model", "fc"}, {"epochs", 3}};
  definition.space =
      SearchSpace({Technique::kDropout, Technique::kOptimizer, Technique::kLearningRate, Technique::kWeightNoise});
  return definition;
}

/// The same, NaN for NaN.
void expect_same(const std::vector<double>& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(got[i])) << i;
    } else {
      EXPECT_FLOAT_EQ(static_cast<float>(got[i]), static_cast<float>(expected[i])) << i;
    }
  }
}

TEST(Report, HasEveryColumnOfAStudy) {
  const Folder folder;
  const StudyDefinition definition = small_definition();
  const auto positions = sparse_initial_positions(definition.space, 5, 1);
  Study study = Study::create_or_open(folder / "s.db", definition);
  for (uint64_t i = 0; i < 5; ++i) study.begin_trial(i + 1, positions[i], {{"particle", i}});
  study.finish_trial(0, {.value = 0.75, .intermediate = {0.25, 0.5, 0.75}});
  study.finish_trial(1, {.state = TrialState::kPruned, .intermediate = {0.125}});
  study.finish_trial(2, {.state = TrialState::kFail, .intermediate = {0.5, kNan}});
  study.finish_trial(
      4, {.state = TrialState::kPruned, .value = 0.25, .intermediate = {0.25}, .attributes = {{"stage", 1}}});
  const json data = report_of(folder, folder / "s.db");
  EXPECT_EQ(data["format"], "murmur-report-1");
  EXPECT_EQ(data["generator"]["version"], MURMUR_VERSION);
  EXPECT_EQ(data["watch"], false);
  ASSERT_THAT(data["studies"], SizeIs(1));
  const json& got = data["studies"][0];
  EXPECT_EQ(got["name"], "murmur");
  EXPECT_EQ(got["origin"], "murmur");
  EXPECT_EQ(got["definition"]["model"], "fc");
  EXPECT_THAT(column(got["trials"]["number"]), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(column(got["trials"]["state"]), ElementsAre(0, 1, 2, 3, 1));
  expect_same(column(got["trials"]["value"]), {0.75, 0.125, kNan, kNan, 0.25});
  EXPECT_THAT(column(got["trials"]["epochs"]), ElementsAre(3, 1, 2, 0, 1));
  EXPECT_THAT(column(got["trials"]["stage"]), ElementsAre(0, 0, 0, 0, 1));
  EXPECT_FALSE(got["trials"].contains("particle"));  // not of a swarm that is known
  EXPECT_TRUE(std::isnan(column(got["trials"]["end"])[3]));
  expect_same(column(got["curves"]), {0.25, 0.5, 0.75, 0.125, 0.5, kNan, 0.25});
  ASSERT_THAT(got["dimensions"], SizeIs(4));
  ASSERT_THAT(got["params"], SizeIs(4));
  const std::vector<TrialRecord> trials = study.trials();
  for (size_t d = 0; d < 4; ++d) {
    const Technique id = definition.space.dimensions()[d].id;
    EXPECT_EQ(got["dimensions"][d]["key"], technique(id).key);
    std::vector<double> expected;
    for (const TrialRecord& trial : trials) expected.push_back(trial.setting[id]);
    expect_same(column(got["params"][d]), expected);
  }
  EXPECT_EQ(got["dimensions"][0]["off"], 0.0);
  EXPECT_EQ(got["dimensions"][0]["group"], "activation");
  EXPECT_EQ(got["dimensions"][1]["choices"], (json{"sgd", "momentum", "adam"}));
  EXPECT_EQ(got["dimensions"][1]["off"], nullptr);
  EXPECT_EQ(got["dimensions"][2]["scale"], "log");
  EXPECT_EQ(got["winner"]["trial"], 0);
  EXPECT_EQ(got["winner"]["tested"], false);
  EXPECT_THAT(got["winner"]["command"].get<std::string>(), HasSubstr("--trial 0"));
  EXPECT_THAT(got["commands"]["train"].get<std::string>(), ::testing::EndsWith("--trial {trial}"));
}

TEST(Report, SaysWhatASearchAndItsAnalysisSay) {
  const Folder folder;
  test::write_dataset(folder);
  const auto search = run_murmur(search_command(
      folder, "s.db", "--quiet --abort-below 0 --json " + (folder / "s.json") + " --report " + (folder / "s.html")));
  ASSERT_EQ(search.exit_code, 0) << search.output;
  const json at_end = data_of(read_text(folder / "s.html"))["studies"][0];
  const json expected = json::parse(read_text(folder / "s.json"));
  EXPECT_EQ(at_end["verdict"], expected["verdict"]);
  EXPECT_EQ(at_end["running"], false);
  EXPECT_EQ(at_end["planned"], 12);
  EXPECT_EQ(at_end["algorithm"], "swarm");
  EXPECT_EQ(at_end["baseline_name"], "all off");
  EXPECT_EQ(at_end["winner"]["trial"], expected["verdict"]["trial"]);
  EXPECT_EQ(at_end["winner"]["tested"], true);
  EXPECT_THAT(at_end["winner"]["command"].get<std::string>(), HasSubstr("--train-on-all"));
  EXPECT_THAT(at_end["baseline"]["curve"], SizeIs(2));
  EXPECT_THAT(at_end["notes"], IsEmpty());
  EXPECT_EQ(at_end["analysis"], nullptr);
  EXPECT_THAT(column(at_end["trials"]["particle"]), SizeIs(12));
  EXPECT_EQ(at_end["confirmation"], expected["confirmation"]);
  EXPECT_EQ(at_end["commands"]["search"], expected["command"]);
  const std::string provenance = at_end["provenance"].dump();
  EXPECT_THAT(provenance, HasSubstr("checksum"));
  EXPECT_THAT(provenance, HasSubstr("cpu: "));

  const std::string rest = " --quiet --data " + folder.path() + " --study " + (folder / "s.db") +
                           " --trial winner --repeats 2 --json " + (folder / "a.json");
  const auto without = run_murmur("analyse --device cpu" + rest);
  ASSERT_EQ(without.exit_code, 0) << without.output;
  const json before = report_of(folder, folder / "s.db")["studies"][0];
  EXPECT_FALSE(before["analysis"].contains("sample"));
  const std::string made_by = json::parse(read_text(folder / "a.json"))["command"];
  EXPECT_EQ(before["commands"]["analyse"], made_by + " --trials 440");  // what the page's box asks for

  ASSERT_EQ(run_murmur("analyse --device cpu --trials 0" + rest).exit_code, 0);
  EXPECT_EQ(report_of(folder, folder / "s.db")["studies"][0]["commands"]["analyse"], made_by + " --trials 440");

  const auto analyse = run_murmur("analyse --device cpu --trials 20" + rest);
  ASSERT_EQ(analyse.exit_code, 0) << analyse.output;
  const json after = report_of(folder, folder / "s.db")["studies"][0];
  json analysis = json::parse(read_text(folder / "a.json"));
  EXPECT_EQ(after["analysis"]["ablation"], analysis["ablation"]);
  analysis["sample"].erase("settings");
  json sample = after["analysis"]["sample"];
  EXPECT_EQ(sample["num_settings"], 20);
  sample.erase("num_settings");
  EXPECT_EQ(sample, analysis["sample"]);
  EXPECT_EQ(after["commands"]["analyse"], analysis["command"]);
  EXPECT_EQ(after["verdict"], expected["verdict"]);
}

TEST(Report, TakesStudiesThatSayLittle) {
  const Folder folder;
  Study study = Study::create_or_open(folder / "s.db", small_definition());
  json got = report_of(folder, folder / "s.db")["studies"][0];
  EXPECT_EQ(got["trials"]["number"]["length"], 0);
  EXPECT_EQ(got["winner"], nullptr);
  EXPECT_EQ(got["curves"], nullptr);
  const std::vector<double> off = small_definition().space.off();
  study.finish_trial(study.begin_trial(1, off), {.state = TrialState::kPruned, .value = 0.1, .intermediate = {0.1}});
  study.finish_trial(study.begin_trial(2, off), {.state = TrialState::kFail, .intermediate = {kNan}});
  got = report_of(folder, folder / "s.db")["studies"][0];
  EXPECT_EQ(got["winner"], nullptr);
  EXPECT_THAT(column(got["trials"]["state"]), ElementsAre(1, 2));
  study.finish_trial(study.begin_trial(3, off), {.value = std::numeric_limits<double>::infinity()});
  got = report_of(folder, folder / "s.db")["studies"][0];
  EXPECT_EQ(got["winner"]["trial"], 2);
  EXPECT_EQ(got["winner"]["value"], nullptr);
}

TEST(Report, NamesCannotEndTheData) {
  const Folder folder;
  const std::string name = "</script><script>alert(1)</script><!-- \"' \xff";
  StudyDefinition definition = small_definition(name);
  definition.attributes["</script>"] = "<b>&amp;</b>";
  Study::create_or_open(folder / "s.db", definition);
  Study::create_or_open(folder / "plain.db", small_definition());
  ASSERT_EQ(run_murmur("report --study " + (folder / "s.db")).exit_code, 0);
  ASSERT_EQ(run_murmur("report --study " + (folder / "plain.db")).exit_code, 0);
  const std::string page = read_text(folder / "s.html");
  for (const char* const mark : {"<script", "</script", "<!--"}) {
    EXPECT_EQ(test::count_of(page, mark), test::count_of(read_text(folder / "plain.html"), mark)) << mark;
  }
  const json got = data_of(page)["studies"][0];
  EXPECT_THAT(got["name"].get<std::string>(), HasSubstr("</script><script>alert(1)</script><!-- \"' "));
  EXPECT_EQ(got["definition"]["</script>"], "<b>&amp;</b>");
}

TEST(Report, ReadsAStudyThatOptunaMade) {
  if (std::system("/usr/bin/python3 -c 'import optuna' 2> /dev/null") != 0) {
    GTEST_SKIP() << "no optuna (package python3-optuna)";
  }
  const Folder folder;
  const std::string command = std::string("/usr/bin/python3 ") + MURMUR_SOURCE_DIR +
                              "/tests/app/optuna_makes_study.py " + (folder / "tpe.db") + " " + (folder / "tpe.json");
  ASSERT_EQ(std::system(command.c_str()), 0);
  const json expected = json::parse(read_text(folder / "tpe.json"));
  const json data = report_of(folder, folder / "tpe.db");
  ASSERT_THAT(data["studies"], SizeIs(2));
  const json& got = data["studies"][0];
  EXPECT_EQ(got["origin"], "optuna");
  EXPECT_EQ(got["name"], "tpe");
  EXPECT_FALSE(got.contains("direction"));
  EXPECT_EQ(got["winner"]["trial"], expected["best"]);
  const auto numbers = [](const json& values) {
    std::vector<double> result;
    for (const json& value : values) result.push_back(value.is_null() ? kNan : value.get<double>());
    return result;
  };
  expect_same(column(got["trials"]["state"]), numbers(expected["states"]));
  expect_same(column(got["trials"]["value"]), numbers(expected["values"]));
  expect_same(column(got["curves"]), numbers(expected["curves"]));
  for (size_t d = 0; d < got["dimensions"].size(); ++d) {
    const std::string key = got["dimensions"][d]["key"];
    SCOPED_TRACE(key);
    expect_same(column(got["params"][d]), numbers(expected["params"].at(key)));
    EXPECT_EQ(got["dimensions"][d]["group"], key == "dropout"         ? "activation"
                                             : key == "learning_rate" ? "update"
                                                                      : "other");
    EXPECT_EQ(got["dimensions"][d]["scale"], key == "learning_rate" ? "log" : "linear");
  }
  EXPECT_EQ(data["studies"][1]["direction"], "minimize");
  EXPECT_EQ(data["studies"][1]["winner"]["value"], 0.25);
  EXPECT_THAT(report_of(folder, folder / "tpe.db:least")["studies"], SizeIs(1));
}

}  // namespace
}  // namespace murmur
