#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "murmur/pso/study.hpp"
#include "tests/app/run.hpp"
#include "tests/app/search_command.hpp"

// What a search covers, and where it begins.
namespace murmur {
namespace {

using test::Folder;
using test::run_murmur;
using test::search_command;
using test::write_dataset;
using test::write_text;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(SearchSpaceOptions, GroupsOfTechniquesCanBeSearched) {
  const Folder folder;
  write_dataset(folder);
  ASSERT_EQ(run_murmur(search_command(folder, "a.db", "--trials 1 --search optimization,dropout")).exit_code, 0);
  const auto keys = Study::open_read_only(folder / "a.db").space().keys();
  EXPECT_THAT(keys, ::testing::ElementsAre("optimizer", "learning_rate", "learning_rate_schedule", "batch_size",
                                           "batch_size_schedule", "weight_noise", "gradient_noise", "gradient_dropout",
                                           "dropout"));
  // One that is named itself counts before its group; twice it is a mistake.
  ASSERT_EQ(run_murmur(search_command(folder, "c.db", "--trials 1 --search network,dropout:0:0.2")).exit_code, 0);
  const Study named = Study::open_read_only(folder / "c.db");
  EXPECT_EQ(named.space().num_dimensions(), 6);
  EXPECT_EQ(named.space().find(Technique::kDropout)->high, 0.2);
  const auto twice = run_murmur(search_command(folder, "b.db", "--trials 1 --search dropout,network,dropout:0:0.2"));
  EXPECT_EQ(twice.exit_code, 2);
  EXPECT_THAT(twice.output, HasSubstr("expected each technique once, got 'dropout' twice"));
}

// Particle 0 starts with everything off; files and trials of other studies follow where they are named.
TEST(SearchSpaceOptions, StartsFromWhatIsKnown) {
  const Folder folder;
  write_dataset(folder);
  const std::string search = "--particles 4 --trials 4 --epochs 1 --search all,transient_weight_noise ";
  const auto settings = [&](const std::string& study, const std::string& rest) {
    const auto result = run_murmur(search_command(folder, study, search + rest));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    std::vector<Setting> trained;
    for (const TrialRecord& trial : Study::open_read_only(folder / study).trials()) trained.push_back(trial.setting);
    return trained;
  };
  const std::vector<Setting> by_default = settings("a.db", "--set label_smoothing=0.1");
  Setting base;
  base.set(Technique::kLearningRate, 0.1);  // what suits the mean loss
  base.set(Technique::kLabelSmoothing, 0.1);
  for (const TechniqueInfo& info : techniques()) {
    EXPECT_DOUBLE_EQ(by_default.at(0)[info.id], base[info.id]) << info.key;
  }
  EXPECT_NE(by_default.at(1), by_default.at(0));

  write_text(folder / "s.toml", "[set]\ndropout = 0.25\noptimizer = \"adam\"\n");
  write_text(folder / "s.json", R"({"trial": 3, "setting": {"zoom": 0.125, "learning_rate": 0.01}})");
  const std::vector<Setting> named = settings("b.db", "--start " + (folder / "s.toml") + " --start " +
                                                          (folder / "s.json") + " --start " + (folder / "a.db") + ":1");
  EXPECT_EQ(named.at(0)[Technique::kDropout], 0.25);
  EXPECT_EQ(named.at(0)[Technique::kOptimizer], 2);
  EXPECT_EQ(named.at(1)[Technique::kZoom], 0.125);
  EXPECT_DOUBLE_EQ(named.at(1)[Technique::kLearningRate], 0.01);
  for (const TechniqueInfo& info : techniques()) {
    EXPECT_NEAR(named.at(2)[info.id], by_default.at(1)[info.id], 1e-14) << info.key;
  }
  EXPECT_NE(settings("c.db", "--start none").at(0), base);

  const auto expect_refused = [&](const std::string& rest, const std::string& words) {
    const auto result = run_murmur(search_command(folder, "d.db", search + rest));
    EXPECT_NE(result.exit_code, 0);
    EXPECT_THAT(result.output, HasSubstr(words));
    EXPECT_FALSE(std::filesystem::exists(folder / "d.db"));
  };
  expect_refused("--start none --start off", "--start: expected 'none' alone, got 2 starts");
  expect_refused("--start nothing.toml", "--start: expected off, none, STUDY:TRIAL or a file that can be read");
  expect_refused("--start " + (folder / "a.db") + ":x",
                 "--start STUDY:TRIAL: expected 'best', 'winner' or a trial's number, got 'x'");
  expect_refused("--start off --start off --start off --start off --start off", "expected at most 4 starts");
  write_text(folder / "bad.toml", "multiplicative_weight_noise = 0.5\n");
  expect_refused("--start " + (folder / "bad.toml"), "got multiplicative_weight_noise, which is not (see --set)");
  write_text(folder / "bad.json", "[1]");
  expect_refused("--start " + (folder / "bad.json"), "expected an object of techniques in JSON");
}

// The number of particles suits that of trials, and stays when the study goes on.
TEST(SearchSpaceOptions, FewTrialsHaveFewParticles) {
  const Folder folder;
  write_dataset(folder);
  const auto particles = [&](const std::string& study, const std::string& rest) {
    const std::string command = "search --device cpu --micro-batch 32 --epochs 1 --repeats 1 --quiet --data " +
                                folder.path() + " --study " + (folder / study) + " " + rest;
    EXPECT_EQ(run_murmur(command).exit_code, 0) << command;
    const Study opened = Study::open_read_only(folder / study);
    return opened.attributes().at("swarm").at("particles").get<int64_t>();
  };
  EXPECT_EQ(particles("a.db", "--trials 2 --search shuffle"), 8);
  EXPECT_EQ(particles("a.db", "--trials 441 --patience 1 --search shuffle"), 8) << "as it was begun";
  EXPECT_EQ(particles("b.db", "--trials 441 --patience 1 --search shuffle"), 22);
  EXPECT_EQ(particles("c.db", "--trials 2 --paper --search shuffle"), 22);
}

TEST(SearchSpaceOptions, SearchesOnlyWhatIsAskedFor) {
  const Folder folder;
  write_dataset(folder);
  const auto result = run_murmur(search_command(folder, "a.db", "--search dropout,input_noise --set optimizer=adam"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Study study = Study::open_read_only(folder / "a.db");
  EXPECT_EQ(study.space().num_dimensions(), 2);
  EXPECT_EQ(study.trial(3).setting[Technique::kOptimizer], 2);
  EXPECT_EQ(study.trial(3).setting[Technique::kRotation], 0);
}

TEST(SearchSpaceOptions, OffHasAnIntervalWhereItIsAskedFor) {
  const Folder folder;
  write_dataset(folder);
  const auto has_interval = [&](const std::string& study, const std::string& rest) {
    const auto result = run_murmur(search_command(folder, study, "--trials 1 --search dropout " + rest));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return has_off_interval(*Study::open_read_only(folder / study).space().find(Technique::kDropout));
  };
  EXPECT_FALSE(has_interval("a.db", ""));
  EXPECT_TRUE(has_interval("b.db", "--off-probability 0.25"));
}

// A schedule is searched, stored, replayed bit for bit, and the same command goes on.
TEST(SearchSpaceOptions, SchedulesAreSearched) {
  const Folder folder;
  write_dataset(folder);
  const std::string search =
      "--trials 12 --abort-below 0 --search 'dropout:0.1:0.5:on,dropout.schedule=early:0.5|late:0.5'";
  const auto result = run_murmur(search_command(folder, "a.db", search));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Study study = Study::open_read_only(folder / "a.db");
  EXPECT_THAT(study.space().keys(), ::testing::ElementsAre("dropout", "dropout.schedule"));
  std::set<std::string> seen;
  for (const TrialRecord& trial : study.trials()) {
    seen.insert(format_noise_schedule(trial.setting.schedule(Technique::kDropout)));
  }
  EXPECT_THAT(seen, ::testing::ElementsAre("early:0.5", "late:0.5"));
  const auto replay = run_murmur("replay --trial 7 --study " + (folder / "a.db") + " --data " + folder.path());
  EXPECT_EQ(replay.exit_code, 0) << replay.output;
  const auto again = run_murmur(search_command(folder, "a.db", search));
  EXPECT_EQ(again.exit_code, 0) << again.output;
  // A schedule that is searched is a start; one that is not would be lost.
  const std::string from = " --start " + (folder / "a.db") + ":";
  std::string late;
  for (const TrialRecord& trial : study.trials()) {
    if (trial.setting.schedule(Technique::kDropout).shape == ScheduleShape::kLate) late = std::to_string(trial.number);
  }
  ASSERT_EQ(run_murmur(search_command(folder, "c.db", search + from + late)).exit_code, 0);
  EXPECT_EQ(Study::open_read_only(folder / "c.db").trial(0).setting, study.trial(std::stoll(late)).setting);
  const auto lost = run_murmur(search_command(folder, "d.db", "--search dropout" + from + late));
  EXPECT_EQ(lost.exit_code, 2);
  EXPECT_THAT(lost.output,
              HasSubstr("expected schedules that are searched (see --search dropout.schedule), got dropout="));
  const auto shown = run_murmur("study show " + (folder / "a.db"));
  EXPECT_THAT(shown.output, HasSubstr("dropout.schedule early:0.5 late:0.5"));
  const auto exported = run_murmur("study export " + (folder / "a.db"));
  EXPECT_THAT(exported.output, HasSubstr(",dropout,dropout.schedule,epoch_1"));
  const auto refused = run_murmur(search_command(folder, "b.db", "--search zoom,dropout.schedule"));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.output, HasSubstr("expected dropout to be searched, or set with --set, got neither"));
}

// The learning rate's default and range are those of the loss's reduction.
TEST(SearchSpaceOptions, TheLearningRateSuitsTheLoss) {
  const Folder folder;
  write_dataset(folder);
  const auto highest = [&](const std::string& study, const std::string& rest) {
    const auto result = run_murmur(search_command(folder, study, "--trials 1 --search learning_rate " + rest));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    const Study opened = Study::open_read_only(folder / study);
    return std::pair(opened.base()[Technique::kLearningRate], opened.space().dimensions().front().high);
  };
  EXPECT_EQ(highest("a.db", ""), std::pair(0.1, 1.0));
  EXPECT_EQ(highest("b.db", "--loss-reduction sum"), std::pair(0.001, 0.1));
  EXPECT_EQ(highest("c.db", "--paper"), std::pair(0.001, 0.1));
}

TEST(SearchSpaceOptions, ABaselineThatHasNotLearnedIsSaid) {
  const Folder folder;
  write_dataset(folder);
  const auto output = [&](const std::string& study, const std::string& rest) {
    return run_murmur(search_command(folder, study, "--trials 1 --abort-below 0 --search dropout " + rest)).output;
  };
  EXPECT_THAT(output("a.db", "--set learning_rate=1e-8"), HasSubstr("the network has hardly learned"));
  EXPECT_THAT(output("b.db", "--epochs 8 --init he --set optimizer=adam --set learning_rate=0.01"),
              Not(HasSubstr("hardly learned")));
}

}  // namespace
}  // namespace murmur
