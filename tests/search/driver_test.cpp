#include "murmur/pso/driver.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/layers/specification.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/study.hpp"
#include "murmur/pso/swarm.hpp"
#include "tests/search/tiny_data.hpp"
#include "tests/support/same_trials.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using test::expect_same_trials;
using test::TemporaryFolder;
using testing::HasSubstr;
using testing::ThrowsMessage;

struct Plan {
  int64_t num_slots = 3;
  int64_t num_particles = 3;
  int64_t num_stage_one = 8;
  int64_t stage_one_epochs = 1;
  SearchOptions options{.num_trials = 24, .num_epochs = 4, .abort_below = 0.12, .seed = 3};
};

/// Settings of which most learn something and some nothing.
StudyDefinition definition() {
  StudyDefinition result;
  result.space = SearchSpace({Technique::kDropout, Technique::kInputNoise, Technique::kLossNoise, Technique::kOptimizer,
                              Technique::kLearningRate, Technique::kLearningRateSchedule, Technique::kLabelSmoothing});
  result.base.set(Technique::kBatchSize, 16);
  return result;
}

TrainerOptions tiny_trainer_options(int64_t num_networks) {
  TrainerOptions options;
  options.num_networks = num_networks;
  options.micro_batch = 16;
  options.num_threads = 1;
  options.initialization = Initialization::kHe;
  return options;
}

/// A search in one process, from its start or from where its study stands.
class Search {
 public:
  Search(const std::filesystem::path& path, const Plan& plan)
      : study_(Study::create_or_open(path, definition())),
        trainer_(parse_model("flatten linear8 dropout linear"), tiny_data(), trainer_options(plan)),
        swarm_(study_.space().low(), study_.space().high(), swarm_options(plan), positions(plan)),
        driver_(trainer_, swarm_, study_, plan.options) {}

  bool step() {
    steps_ += 1;
    running_ = driver_.step() ? driver_.progress().num_running : 0;
    return running_ > 0;
  }
  void finish() {
    while (step()) {
    }
  }
  /// Spoils one weight of the network in a slot.
  void break_network(int64_t slot) {
    const Tensor& weight = trainer_.model().parameters().weight();
    std::vector<float> values = weight.to_vector<float>();
    values[static_cast<size_t>(slot * weight.network_size())] = std::numeric_limits<float>::quiet_NaN();
    weight.copy_from_host(values.data(), static_cast<int64_t>(values.size() * sizeof(float)));
  }
  int64_t running() const { return running_; }
  int64_t steps() const { return steps_; }
  const SearchProgress& progress() const { return driver_.progress(); }
  const Study& study() const { return study_; }

 private:
  static TrainerOptions trainer_options(const Plan& plan) {
    return tiny_trainer_options(plan.num_slots * std::max<int64_t>(1, plan.options.num_repeats));
  }
  static SwarmOptions swarm_options(const Plan& plan) {
    SwarmOptions options;
    options.num_particles = plan.num_particles;
    options.num_stage_one = plan.num_stage_one;
    options.stage_one_epochs = plan.stage_one_epochs;
    options.patience = 1000;
    options.seed = plan.options.seed;
    return options;
  }
  static std::vector<std::vector<double>> positions(const Plan& plan) {
    return sparse_initial_positions(definition().space, std::max(plan.num_particles, plan.num_stage_one),
                                    plan.options.seed);
  }

  Study study_;
  PopulationTrainer trainer_;
  Swarm swarm_;
  SearchDriver driver_;
  int64_t running_ = 0;
  int64_t steps_ = 0;
};

/// The study as a process leaves it that is killed after the first `num_events` beginnings and ends of trials (the
/// baseline's end, where it comes between, is none of them). How many events there were in all.
int64_t write_cut_study(const std::filesystem::path& path, const Study& whole, int64_t num_events) {
  const std::vector<TrialRecord> trials = whole.trials();
  std::vector<const TrialRecord*> told(trials.size());
  for (const TrialRecord& trial : trials) told.at(trial.attributes.at("told").get<size_t>()) = &trial;
  const nlohmann::json baseline = whole.attributes().at("baseline");
  Study cut = Study::create_or_open(path, definition());
  int64_t event = 0;
  size_t next = 0;
  const auto happens = [&](int64_t clock) {
    if (event >= num_events) return false;
    ++event;
    if (clock >= baseline.at("ended") && !cut.attributes().contains("baseline")) {
      cut.set_attribute("baseline", baseline);
    }
    return true;
  };
  for (const TrialRecord* trial : told) {
    const Attributes& ended = trial->attributes;
    for (; next < ended.at("asked").get<size_t>(); ++next) {
      const Attributes& all = trials[next].attributes;
      if (!happens(all.at("begun"))) return event;
      Attributes begun;
      for (const char* key : {"particle", "slot", "begun", "stage"}) {
        if (all.contains(key)) begun[key] = all.at(key);
      }
      cut.begin_trial(trials[next].seed, trials[next].position, begun);
    }
    if (!happens(ended.at("begun").get<int64_t>() + ended.at("epochs").get<int64_t>())) return event;
    TrialResult result{trial->state, trial->value, trial->intermediate, {}};
    for (const char* key : {"told", "asked", "epochs"}) result.attributes[key] = ended.at(key);
    cut.finish_trial(trial->number, result);
  }
  return event;
}

int64_t num_with_stage(const std::vector<TrialRecord>& trials, int stage) {
  return std::ranges::count_if(trials,
                               [stage](const TrialRecord& trial) { return trial.attributes.at("stage") == stage; });
}

TEST(SearchDriver, StageOneTrialsArePrunedAndTheBestGoOn) {
  const TemporaryFolder folder;
  Plan plan;
  plan.stage_one_epochs = 2;
  Search search(folder / "s.db", plan);
  search.finish();
  const std::vector<TrialRecord> trials = search.study().trials();
  ASSERT_EQ(trials.size(), 24u);
  EXPECT_EQ(num_with_stage(trials, 1), 8);
  EXPECT_EQ(num_with_stage(trials, 2), 16);
  std::vector<std::pair<double, size_t>> ranks;
  for (size_t i = 0; i < 8; ++i) {
    const TrialRecord& trial = trials[i];
    EXPECT_EQ(trial.attributes.at("stage"), 1);
    EXPECT_NE(trial.state, TrialState::kComplete);
    EXPECT_LE(trial.attributes.at("epochs"), 2);
    EXPECT_EQ(trial.intermediate.size(), trial.attributes.at("epochs"));
    ranks.emplace_back(trial.state == TrialState::kFail ? 1 : -trial.value, i);
  }
  std::ranges::sort(ranks);
  ASSERT_LT(ranks[2].first, -0.12) << "three of them should learn something";
  // Those, and no others of stage one, are trained again in full.
  std::vector<std::vector<double>> best, first;
  for (size_t i = 0; i < 3; ++i) best.push_back(trials[ranks[i].second].position);
  for (size_t i = 8; i < trials.size(); ++i) {
    const auto same = [&](const TrialRecord& trial) { return trial.position == trials[i].position; };
    if (std::any_of(trials.begin(), trials.begin() + 8, same)) first.push_back(trials[i].position);
  }
  EXPECT_THAT(first, testing::UnorderedElementsAreArray(best));
  EXPECT_EQ(search.study().best_trial()->attributes.at("stage"), 2);
  EXPECT_EQ(search.progress().best, search.study().best_trial()->value);
  const SearchProgress& progress = search.progress();
  EXPECT_GE(progress.num_stage_one, 3);
  EXPECT_EQ(progress.num_told,
            progress.num_stage_one + progress.num_complete + progress.num_aborted + progress.num_diverged);
  EXPECT_EQ(progress.images_to_come, 0);
  EXPECT_EQ(progress.num_running, 0);
  EXPECT_EQ(progress.baseline, read_baseline(search.study())->validation_accuracy);
}

// The schedules count in epochs of a full training, so stage one is the beginning of one.
TEST(SearchDriver, AStageOneTrialIsTheBeginningOfAFullTraining) {
  const TemporaryFolder folder;
  Plan brief;
  brief.stage_one_epochs = 2;
  Plan full = brief;
  full.num_particles = full.num_slots = 8;
  full.num_stage_one = 0;
  brief.options.num_trials = full.options.num_trials = 8;
  Search stage_one(folder / "brief.db", brief), plain(folder / "full.db", full);
  stage_one.finish();
  plain.finish();
  for (int64_t i = 0; i < 8; ++i) {
    const TrialRecord a = stage_one.study().trial(i), b = plain.study().trial(i);
    EXPECT_EQ(a.position, b.position);
    EXPECT_FALSE(b.attributes.contains("stage"));
    for (size_t epoch = 0; epoch < a.intermediate.size(); ++epoch) {
      EXPECT_EQ(a.intermediate[epoch], b.intermediate.at(epoch)) << "trial " << i;
    }
  }
}

TEST(SearchDriver, SlotsStayFullAcrossTheStagesAndWhereTrialsAreAborted) {
  const TemporaryFolder folder;
  Plan plan;
  plan.options.num_trials = 40;
  Search search(folder / "s.db", plan);
  while (search.step() && search.study().num_trials() < 40) EXPECT_EQ(search.running(), 3) << search.steps();
  EXPECT_GT(search.progress().num_aborted, 5);
}

TEST(SearchDriver, ADivergedCandidateFailsAndItsSlotIsRefilledAtOnce) {
  for (const int64_t num_stage_one : {0, 8}) {
    const TemporaryFolder folder;
    Plan plan;
    plan.num_stage_one = num_stage_one;
    plan.stage_one_epochs = 3;
    plan.options.abort_below = 0;
    Search search(folder / "s.db", plan);
    search.step();
    ASSERT_EQ(search.study().trial(0).attributes.at("slot"), 1);  // slot 0 has the baseline
    search.break_network(1);
    search.step();
    const TrialRecord failed = search.study().trial(0);
    EXPECT_EQ(failed.state, TrialState::kFail);
    EXPECT_TRUE(std::isnan(failed.value));
    EXPECT_EQ(failed.attributes.at("epochs"), 2);
    EXPECT_EQ(search.progress().num_diverged, 1);
    const TrialRecord next = search.study().trial(2);
    EXPECT_EQ(next.state, TrialState::kRunning);
    EXPECT_EQ(next.attributes.at("slot"), 1);
    EXPECT_EQ(next.attributes.at("begun"), 2);
    search.finish();
    EXPECT_EQ(search.progress().num_told, 24);
  }
}

// Whatever the moment: in stage one, at its end, before and after the baseline's end, between two tells of an epoch.
TEST(SearchDriver, KilledAnywhereItGivesTheSameStudy) {
  for (const int64_t num_stage_one : {0, 8}) {
    const TemporaryFolder folder;
    Plan plan;
    plan.num_stage_one = num_stage_one;
    Search whole(folder / "whole.db", plan);
    whole.finish();
    const std::vector<TrialRecord> expected = whole.study().trials();
    ASSERT_EQ(expected.size(), 24u);
    EXPECT_GT(whole.progress().num_complete, 3);
    EXPECT_GT(whole.progress().num_aborted, 3);
    const int64_t num_events = write_cut_study(folder / "all.db", whole.study(), 1000);
    EXPECT_EQ(num_events, 48);
    for (int64_t event = 0; event<num_events; event += num_stage_one> 0 ? 1 : 7) {
      const std::string name = "cut" + std::to_string(event) + ".db";
      write_cut_study(folder / name, whole.study(), event);
      Search resumed(folder / name, plan);
      resumed.finish();
      SCOPED_TRACE("killed after event " + std::to_string(event));
      expect_same_trials(resumed.study().trials(), expected);
      EXPECT_EQ(resumed.study().attributes().at("baseline"), whole.study().attributes().at("baseline"));
      EXPECT_EQ(resumed.progress().num_stage_one, whole.progress().num_stage_one);
      EXPECT_EQ(resumed.progress().num_aborted, whole.progress().num_aborted);
      if (testing::Test::HasFailure()) return;
    }
  }
}

Plan pruned_plan(PrunerKind kind) {
  Plan plan;
  plan.num_stage_one = 0;
  plan.options.abort_below = 0.05;
  plan.options.pruner = {kind, 1, 2, 3};
  return plan;
}

TEST(SearchDriver, WhatIsPrunedMakesPlaceAtOnceAndChangesNothingOfTheOthers) {
  for (const PrunerKind kind : {PrunerKind::kMedian, PrunerKind::kHalving, PrunerKind::kHyperband}) {
    SCOPED_TRACE(kPrunerNames[static_cast<size_t>(kind)]);
    const TemporaryFolder folder;
    const Plan plan = pruned_plan(kind);
    Search search(folder / "s.db", plan);
    search.finish();
    PopulationTrainer alone(parse_model("flatten linear8 dropout linear"), tiny_data(), tiny_trainer_options(1));
    std::map<std::pair<int64_t, int64_t>, int64_t> begun;  // what began in a slot at a time
    const std::vector<TrialRecord> trials = search.study().trials();
    for (const TrialRecord& trial : trials) {
      begun[{trial.attributes.at("slot"), trial.attributes.at("begun")}] = trial.number;
    }
    int64_t num_pruned = 0, num_saved = 0, last_asked = 0;
    for (const TrialRecord& trial : trials)
      last_asked = std::max(last_asked, trial.attributes.at("begun").get<int64_t>());
    for (const TrialRecord& trial : trials) {
      SCOPED_TRACE("trial " + std::to_string(trial.number));
      const auto epochs = static_cast<int64_t>(trial.intermediate.size());
      EXPECT_EQ(trial.attributes.at("epochs"), epochs);
      alone.start(0, {trial.seed, trial.setting, plan.options.num_epochs});
      for (const double accuracy : trial.intermediate) {
        EXPECT_EQ(alone.run_epoch()[0].validation_accuracy, accuracy);
      }
      alone.stop(0);
      EXPECT_EQ(trial.state == TrialState::kComplete, epochs == plan.options.num_epochs);
      if (!trial.attributes.contains("pruned")) continue;
      EXPECT_EQ(trial.state, TrialState::kPruned);
      EXPECT_EQ(trial.value, trial.intermediate.back());
      ++num_pruned;
      num_saved += plan.options.num_epochs - epochs;
      const int64_t ended = trial.attributes.at("begun").get<int64_t>() + epochs;
      if (ended < last_asked) {
        EXPECT_TRUE(begun.contains({trial.attributes.at("slot"), ended}));
      }
    }
    EXPECT_GE(num_pruned, 3);
    EXPECT_EQ(search.progress().num_pruned, num_pruned);
    EXPECT_EQ(search.progress().num_epochs_pruned, num_saved);
    const SearchProgress& progress = search.progress();
    EXPECT_EQ(progress.num_complete + progress.num_aborted + progress.num_pruned + progress.num_diverged, 24);
  }
}

TEST(SearchDriver, PrunedAndStoppedAfterAnyEpochItGivesTheSameStudy) {
  for (const PrunerKind kind : {PrunerKind::kMedian, PrunerKind::kHalving, PrunerKind::kHyperband}) {
    const TemporaryFolder folder;
    const Plan plan = pruned_plan(kind);
    Search whole(folder / "whole.db", plan);
    whole.finish();
    const std::vector<TrialRecord> expected = whole.study().trials();
    for (int64_t epochs = 1; epochs < whole.steps(); ++epochs) {
      SCOPED_TRACE("stopped after epoch " + std::to_string(epochs));
      const std::filesystem::path path = folder / (std::to_string(epochs) + ".db");
      {
        Search first(path, plan);
        for (int64_t i = 0; i < epochs; ++i) first.step();
      }
      Search resumed(path, plan);
      resumed.finish();
      expect_same_trials(resumed.study().trials(), expected);
      EXPECT_EQ(resumed.progress().num_pruned, whole.progress().num_pruned);
      EXPECT_EQ(resumed.progress().num_epochs_pruned, whole.progress().num_epochs_pruned);
      if (testing::Test::HasFailure()) return;
    }
  }
}

// Stage one compares candidates by its own rule; what goes on is compared with its like.
TEST(SearchDriver, StageOneIsNotPruned) {
  const TemporaryFolder folder;
  Plan plan = pruned_plan(PrunerKind::kHalving);
  plan.num_stage_one = 12;
  plan.stage_one_epochs = 2;
  Search search(folder / "s.db", plan);
  search.finish();
  for (const TrialRecord& trial : search.study().trials()) {
    if (trial.attributes.at("stage") == 1) {
      EXPECT_FALSE(trial.attributes.contains("pruned")) << trial.number;
    }
  }
  EXPECT_GT(search.progress().num_pruned, 0);
}

// A process that ends in the middle of an epoch's end has written nothing of it: here because a beginning fails.
TEST(SearchDriver, AnEpochsEndIsOneTransaction) {
  const TemporaryFolder folder;
  Plan plan;
  plan.num_particles = 6;
  plan.num_slots = 6;  // the baseline and trials 0 to 4, which one epoch of stage one ends; then 5 to 9
  const std::filesystem::path path = folder / "s.db";
  Search search(path, plan);
  SQLite::Database(path.string(), SQLite::OPEN_READWRITE, 1000)
      .exec(
          "CREATE TRIGGER no_more BEFORE INSERT ON trials WHEN NEW.number = 7 "
          "BEGIN SELECT RAISE(ABORT, 'no more'); END");
  EXPECT_THAT([&] { search.step(); }, ThrowsMessage<StudyError>(HasSubstr("no more")));
  const std::vector<TrialRecord> trials = Study::open_read_only(path).trials();
  EXPECT_EQ(trials.size(), 5u);
  for (const TrialRecord& trial : trials) EXPECT_EQ(trial.state, TrialState::kRunning);
}

// By hand: a training each, alone.
std::vector<double> mean_accuracies(const TrialRecord& trial, const Plan& plan) {
  TrainerOptions options;
  options.num_networks = 1;
  options.micro_batch = 16;
  options.initialization = Initialization::kHe;
  std::vector<double> sums(trial.intermediate.size());
  for (int64_t repeat = 0; repeat < plan.options.num_repeats; ++repeat) {
    PopulationTrainer trainer(parse_model("flatten linear8 dropout linear"), tiny_data(), options);
    trainer.start(0,
                  {trial.seed + static_cast<uint64_t>(repeat) * kRepeatSeeds, trial.setting, plan.options.num_epochs});
    for (double& sum : sums) sum += trainer.run_epoch().front().validation_accuracy;
  }
  for (double& sum : sums) sum /= static_cast<double>(plan.options.num_repeats);
  return sums;
}

TEST(SearchDriver, ATrialIsTheMeanOfItsTrainings) {
  const TemporaryFolder folder;
  Plan plan;
  plan.num_stage_one = 0;
  plan.options.num_repeats = 3;
  plan.options.num_trials = 8;
  Search search(folder / "s.db", plan);
  ASSERT_TRUE(search.step());
  EXPECT_EQ(search.running(), 3) << "candidates, not networks";
  search.finish();
  for (const TrialRecord& trial : search.study().trials()) {
    if (trial.state == TrialState::kFail) continue;
    EXPECT_EQ(trial.seed, 3U + static_cast<uint64_t>(trial.number));
    EXPECT_EQ(trial.intermediate, mean_accuracies(trial, plan)) << "trial " << trial.number;
  }
}

TEST(SearchDriver, OneTrainingThatDivergesFailsTheTrial) {
  const TemporaryFolder folder;
  Plan plan;
  plan.num_stage_one = 0;
  plan.options.num_repeats = 2;
  plan.options.abort_below = 0;
  Search search(folder / "s.db", plan);
  search.step();
  ASSERT_EQ(search.study().trial(0).attributes.at("slot"), 1);
  search.break_network(3);  // the second of slot 1
  search.step();
  EXPECT_EQ(search.study().trial(0).state, TrialState::kFail);
  EXPECT_EQ(search.progress().num_diverged, 1);
  EXPECT_EQ(search.study().trial(2).attributes.at("slot"), 1);
}

TEST(SearchDriver, WithTheSameSeedsTrialsDifferInTheirSettingsOnly) {
  const TemporaryFolder folder;
  Plan plan;
  plan.num_stage_one = 0;
  plan.options.num_trials = 8;
  plan.options.same_seeds = true;
  Search search(folder / "s.db", plan);
  search.finish();
  for (const TrialRecord& trial : search.study().trials()) {
    EXPECT_EQ(trial.seed, 3U);
    if (trial.state != TrialState::kFail) {
      EXPECT_EQ(trial.intermediate, mean_accuracies(trial, plan));
    }
  }
  plan.options.same_seeds = false;
  EXPECT_THAT([&] { Search(folder / "s.db", plan); },
              ThrowsMessage<StudyError>(HasSubstr("trial 1: expected seed = 4, got 3")));
}

TEST(SearchDriver, KilledWithRepeatsAndTheSameSeedsItGivesTheSameStudy) {
  const TemporaryFolder folder;
  Plan plan;
  plan.options.num_repeats = 2;
  plan.options.same_seeds = true;
  Search whole(folder / "whole.db", plan);
  whole.finish();
  const std::vector<TrialRecord> expected = whole.study().trials();
  for (const int64_t event : {3, 11, 20, 29, 41}) {
    const std::string name = "cut" + std::to_string(event) + ".db";
    write_cut_study(folder / name, whole.study(), event);
    Search resumed(folder / name, plan);
    resumed.finish();
    SCOPED_TRACE("killed after event " + std::to_string(event));
    expect_same_trials(resumed.study().trials(), expected);
    EXPECT_EQ(resumed.study().attributes().at("baseline"), whole.study().attributes().at("baseline"));
  }
}

TEST(SearchDriver, GoesOnWithOtherSlotsAndMoreTrials) {
  const TemporaryFolder folder;
  Plan plan;
  for (const int64_t num_slots : {5, 1, 2, 7}) {
    plan.num_slots = num_slots;
    Search search(folder / "s.db", plan);
    for (int i = 0; i < 3; ++i) search.step();  // then it is killed
  }
  plan.options.num_trials = 30;
  Search search(folder / "s.db", plan);
  search.finish();
  const std::vector<TrialRecord> trials = search.study().trials();
  EXPECT_EQ(trials.size(), 30u);
  for (const TrialRecord& trial : trials) EXPECT_NE(trial.state, TrialState::kRunning);
  Search again(folder / "s.db", plan);
  EXPECT_FALSE(again.step());
}

TEST(SearchDriver, WithoutALimitItRunsUntilTheSwarmHasConverged) {
  const TemporaryFolder folder;
  Plan plan;
  plan.options.num_trials = 0;
  plan.options.num_epochs = 1;
  Search search(folder / "s.db", plan);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(search.step());
  EXPECT_GT(search.progress().num_told, 100);
  EXPECT_FALSE(search.progress().images_to_come.has_value());
}

// The driver compares what it replays: a search does not go on where a trial is not its own.
TEST(SearchDriver, RefusesAStudyWhoseTrialsDiffer) {
  const TemporaryFolder folder;
  Plan plan;
  plan.options.num_trials = 9;
  Search(folder / "s.db", plan).finish();
  plan.options.seed = 4;
  EXPECT_THAT([&] { Search(folder / "s.db", plan); },
              ThrowsMessage<StudyError>(HasSubstr("trial 0: expected position of dropout = ")));
  plan.options.seed = 3;
  Study::create_or_open(folder / "s.db", definition()).set_trial_attribute(5, "begun", "yesterday");
  EXPECT_THAT(
      [&] { Search(folder / "s.db", plan); },
      ThrowsMessage<StudyError>(HasSubstr("trial 5: expected begun = a whole number from 0, got \"yesterday\"")));
}

TEST(SearchDriver, ValidatesItsOptions) {
  const TemporaryFolder folder;
  const auto expect_rejected = [&](const char* words, const SearchOptions& options) {
    EXPECT_THAT([&] { Search(folder / "s.db", Plan{.options = options}); },
                ThrowsMessage<InvalidArgument>(HasSubstr(words)));
  };
  expect_rejected("trials: expected at least 0, got -1", {.num_trials = -1});
  expect_rejected("epochs: expected at least 1, got 0", {.num_epochs = 0});
  expect_rejected("abort_below: expected an accuracy in [0, 1], got nan",
                  {.abort_below = std::numeric_limits<double>::quiet_NaN()});
  expect_rejected("repeats of a trial: expected at least 1, got 0", {.num_repeats = 0});
  const Plan plan{.stage_one_epochs = 3, .options = {.num_epochs = 2}};
  EXPECT_THAT([&] { Search(folder / "s.db", plan); },
              ThrowsMessage<InvalidArgument>(HasSubstr("at most the 2 of a full training, got 3")));
}

}  // namespace
}  // namespace murmur
