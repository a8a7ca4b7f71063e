#include "murmur/distributed/ranks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <thread>

#include "murmur/engine/error.hpp"
#include "murmur/layers/specification.hpp"
#include "murmur/pso/confirmation.hpp"
#include "murmur/pso/driver.hpp"
#include "murmur/pso/final_test.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/swarm.hpp"
#include "tests/search/tiny_data.hpp"
#include "tests/support/same_trials.hpp"
#include "tests/support/temporary_folder.hpp"

// Threads stand for the processes: the trainers, messages and their order are the same.
namespace murmur {
namespace {

using test::expect_same_trials;
using test::TemporaryFolder;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

constexpr const char* kModel = "flatten linear8 dropout linear";

TrainerOptions options_for(int64_t num_networks, TrainerMaker* maker = nullptr) {
  TrainerOptions options;
  options.num_networks = num_networks;
  options.micro_batch = 16;
  options.num_threads = 1;
  options.maker = maker;
  return options;
}

Trial trial_of(uint64_t seed, int64_t num_epochs = 3) {
  Trial trial{seed, {}, num_epochs};
  trial.setting.set(Technique::kBatchSize, 16);
  trial.setting.set(Technique::kDropout, 0.1);
  return trial;
}

void expect_same(const EpochResult& a, const EpochResult& b) {
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.train_loss, b.train_loss);
  EXPECT_EQ(a.train_accuracy, b.train_accuracy);
  EXPECT_EQ(a.validation_loss, b.validation_loss);
  EXPECT_EQ(a.validation_accuracy, b.validation_accuracy);
  EXPECT_EQ(a.diverged, b.diverged);
}

TEST(Ranks, InLockstepEachNumberOfThemGivesTheSameBits) {
  PopulationTrainer alone(parse_model(kModel), tiny_data(), options_for(5));
  for (const int num_ranks : {1, 2, 3, 7}) {  // 7: some have no slot
    SCOPED_TRACE(num_ranks);
    Ranks ranks({}, {}, num_ranks);
    const auto together = make_trainer(parse_model(kModel), tiny_data(), options_for(5, &ranks), {.lockstep = true});
    EXPECT_EQ(together->num_networks(), 5);
    EXPECT_EQ(together->epoch_size(), alone.epoch_size());
    EXPECT_TRUE(together->is_lockstep());
    for (Trainer* trainer : {static_cast<Trainer*>(&alone), together.get()}) {
      for (int64_t slot = 0; slot < 4; ++slot) trainer->start(slot, trial_of(static_cast<uint64_t>(slot) + 1));
      if (trainer->is_running(4)) trainer->stop(4);
    }
    for (int epoch = 0; epoch < 3; ++epoch) {
      const std::vector<EpochResult> expected = alone.run_epoch(), got = together->run_epoch();
      ASSERT_EQ(got.size(), 5u);
      for (size_t slot = 0; slot < 5; ++slot) expect_same(got[slot], expected[slot]);
      if (epoch > 0) continue;
      for (Trainer* trainer : {static_cast<Trainer*>(&alone), together.get()}) {
        trainer->stop(0);
        trainer->start(4, trial_of(9));
      }
    }
    const std::vector<Evaluation> expected = alone.evaluate_test(), got = together->evaluate_test();
    for (size_t slot = 1; slot < 5; ++slot) {
      EXPECT_EQ(got[slot].loss, expected[slot].loss);
      EXPECT_EQ(got[slot].accuracy, expected[slot].accuracy);
    }
  }
}

TEST(Ranks, WithoutLockstepAnEpochIsWhatHasEnded) {
  Ranks ranks({}, {}, 3);
  const auto trainer = make_trainer(parse_model(kModel), tiny_data(), options_for(6, &ranks));
  EXPECT_FALSE(trainer->is_lockstep());
  EXPECT_EQ(trainer->run_epoch().size(), 6u) << "nothing runs: it does not wait";
  for (int64_t slot = 0; slot < 6; ++slot) trainer->start(slot, trial_of(static_cast<uint64_t>(slot)));
  std::map<size_t, int64_t> epochs;
  while (epochs.size() < 6 || epochs[0] < 5) {
    const std::vector<EpochResult> results = trainer->run_epoch();
    int64_t num_results = 0;
    for (size_t slot = 0; slot < 6; ++slot) {
      if (results[slot].epoch == 0) continue;
      EXPECT_EQ(results[slot].epoch, ++epochs[slot]) << "each epoch once, in its order";
      ++num_results;
    }
    EXPECT_GT(num_results, 0);
    EXPECT_EQ(num_results % 2, 0) << "a rank's two networks come together";
  }
  EXPECT_EQ(epochs.size(), 6u);
}

TEST(Ranks, WhatBelongsTogetherIsOnOneRank) {
  Ranks ranks({}, {}, 2);
  const TrainerSharing sharing{.together = 3};
  const auto trainer = make_trainer(parse_model(kModel), tiny_data(), options_for(9, &ranks), sharing);
  for (int64_t slot = 0; slot < 9; ++slot) trainer->start(slot, trial_of(static_cast<uint64_t>(slot)));
  const std::vector<EpochResult> results = trainer->run_epoch();
  for (size_t trial = 0; trial < 3; ++trial) {
    EXPECT_EQ(results[3 * trial].epoch, results[3 * trial + 1].epoch);
    EXPECT_EQ(results[3 * trial].epoch, results[3 * trial + 2].epoch);
  }
  EXPECT_THAT([&] { make_trainer(parse_model(kModel), tiny_data(), options_for(8, &ranks), sharing); },
              ThrowsMessage<InvalidArgument>(HasSubstr("expected a multiple of the 3")));
}

TEST(Ranks, AnErrorNamesItsRankAndTheNextTrainerWorks) {
  Ranks ranks({}, {}, 2);
  {
    const auto trainer = make_trainer(parse_model(kModel), tiny_data(), options_for(4, &ranks), {.lockstep = true});
    Trial small = trial_of(1);
    small.setting.set(Technique::kBatchSize, 4);
    trainer->start(0, trial_of(1));
    trainer->start(3, small);
    EXPECT_THAT([&] { trainer->run_epoch(); }, ThrowsMessage<InvalidArgument>(StartsWith("rank 1: batch_size")));
    EXPECT_THROW(trainer->start(4, trial_of(1)), InvalidArgument);
  }
  TrainerOptions bad = options_for(4, &ranks);
  bad.micro_batch = 3;
  EXPECT_THROW(make_trainer(parse_model(kModel), tiny_data(), bad), InvalidArgument);
  const auto trainer = make_trainer(parse_model(kModel), tiny_data(), options_for(2, &ranks), {.lockstep = true});
  trainer->start(1, trial_of(2));
  EXPECT_EQ(trainer->run_epoch()[1].epoch, 1);
}

// As a second Ctrl-C does: what is in the middle of an epoch ends there, and is out of the next trainer's way.
TEST(Ranks, WhatIsThrownWhileTheyTrainEndsTheEpoch) {
  Ranks ranks({}, {}, 2);
  struct Enough {};
  TrainerOptions options = options_for(2, &ranks);
  options.on_ticks = [](const TickProgress&) { throw Enough(); };
  const auto stopped = [&] {
    const auto trainer = make_trainer(parse_model("flatten linear400 linear400 linear"), tiny_data(), options);
    trainer->start(0, trial_of(1));
    trainer->start(1, trial_of(2));
    for (int epoch = 0; epoch < 100000; ++epoch) trainer->run_epoch();
  };
  EXPECT_THROW(stopped(), Enough);
}

/// Says that it has loaded these images, whatever was asked for.
class SomeData final : public ServedData {
 public:
  explicit SomeData(std::string images) : images_(std::move(images)) {}
  nlohmann::json load(const nlohmann::json&) override {
    if (images_.empty()) throw DataError("no images here");
    return {{"images", images_}};
  }
  TrainingData on(Device) override { return tiny_data(); }

 private:
  std::string images_;
};

/// What it throws; empty: nothing. Calls it once, which ThrowsMessage does not where it fails.
std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

TEST(Ranks, RankWithOtherImagesIsRefusedByItsName) {
  const nlohmann::json ours{{"images", "checksum 1"}};
  for (const std::string theirs : {"checksum 1", "checksum 2", ""}) {
    SCOPED_TRACE(theirs);
    auto [here, there] = make_local_channel();
    SomeData data(theirs);
    std::thread thread([&data, channel = std::move(there)] { serve_trainer(*channel, data, {}); });
    {
      Ranks ranks({{"rank 1 on b", std::move(here)}});
      ranks.begin_load({{"dataset", "mnist"}});
      const std::string refusal = message_of([&] { ranks.end_load(ours); });
      if (theirs.empty()) {
        EXPECT_EQ(refusal, "rank 1 on b: no images here");
      } else if (theirs != "checksum 1") {
        EXPECT_THAT(refusal, StartsWith("rank 1 on b: expected what rank 0 has loaded"));
      } else {
        EXPECT_EQ(refusal, "");
        const auto trainer = make_trainer(parse_model(kModel), tiny_data(), options_for(2, &ranks), {.lockstep = true});
        trainer->start(1, trial_of(1));
        EXPECT_EQ(trainer->run_epoch()[1].epoch, 1);
      }
    }
    thread.join();
  }
}

TEST(Ranks, EachHasAGpuOfItsOwnAsLongAsThereAreEnough) {
  const Device first{DeviceType::kCuda, 0}, second{DeviceType::kCuda, 1};
  EXPECT_EQ(gpu_of(first, 3, 4).index, 3);
  EXPECT_EQ(gpu_of(second, 0, 4).index, 1);
  EXPECT_EQ(gpu_of(second, 2, 4).index, 3);
  EXPECT_EQ(gpu_of(second, 3, 4).index, 1) << "shared";
  EXPECT_EQ(gpu_of(first, 3, 1).index, 0) << "each sees one";
  EXPECT_EQ(gpu_of(first, 3, 0).index, 0) << "require_device says that there is none";
  EXPECT_EQ(gpu_of(second, 0, 1).index, 1);
}

struct Search {
  Study study;
  std::unique_ptr<Trainer> trainer;
  Swarm swarm;
  SearchDriver driver;

  static StudyDefinition definition() {
    StudyDefinition result;
    result.space = SearchSpace({Technique::kDropout, Technique::kInputNoise, Technique::kOptimizer,
                                Technique::kLearningRate, Technique::kLabelSmoothing});
    result.base.set(Technique::kBatchSize, 16);
    return result;
  }
  static SwarmOptions swarm_options() {
    SwarmOptions options;
    options.num_particles = 5;
    options.patience = 1000;
    options.seed = 3;
    return options;
  }
  Search(const std::filesystem::path& path, TrainerMaker* maker, bool lockstep, int64_t repeats = 1)
      : study(Study::create_or_open(path, definition())),
        trainer(make_trainer(parse_model(kModel), tiny_data(), options_for(5 * repeats, maker),
                             {.together = repeats, .lockstep = lockstep})),
        swarm(study.space().low(), study.space().high(), swarm_options(),
              sparse_initial_positions(study.space(), 5, 3)),
        driver(*trainer, swarm, study,
               {.num_trials = 30, .num_epochs = 4, .abort_below = 0.12, .seed = 3, .num_repeats = repeats}) {}
};

TEST(Ranks, ASearchInLockstepIsTheSameForEachNumberOfThem) {
  const TemporaryFolder folder;
  for (const int64_t repeats : {1, 2}) {
    Search alone(folder / ("alone" + std::to_string(repeats)), nullptr, true, repeats);
    while (alone.driver.step()) {
    }
    for (const int num_ranks : {1, 2, 4}) {
      SCOPED_TRACE(num_ranks);
      Ranks ranks({}, {}, num_ranks);
      Search search(folder / (std::to_string(repeats) + std::to_string(num_ranks)), &ranks, true, repeats);
      while (search.driver.step()) {
      }
      expect_same_trials(search.study.trials(), alone.study.trials());
      EXPECT_EQ(search.study.attributes(), alone.study.attributes());
      EXPECT_EQ(search.driver.progress().num_images, alone.driver.progress().num_images);
    }
  }
}

// Which trials there are is a matter of time, but each has what it has when it trains alone; and the search can be
// stopped at any step and goes on.
TEST(Ranks, ASearchWithoutLockstepTellsEachTrialOnceAndGoesOn) {
  const TemporaryFolder folder;
  for (const int stop_after : {0, 1, 5, 12, 1000}) {
    SCOPED_TRACE(stop_after);
    const std::string name = std::to_string(stop_after);
    const auto run = [&](int64_t num_steps) {
      Ranks ranks({}, {}, 3);
      Search search(folder / name, &ranks, false);
      for (int64_t step = 0; step < num_steps && search.driver.step(); ++step) {
      }
      return search.driver.progress().num_told;
    };
    const int64_t told = run(stop_after);
    if (told < 25) {
      Ranks ranks({}, {}, 3);
      EXPECT_EQ(Search(folder / name, &ranks, false).driver.progress().num_running, 5) << "it waits for nothing";
    }
    EXPECT_EQ(run(100000), 30);
    EXPECT_LE(told, 30);
    const Study study = Study::open_read_only(folder / name, "murmur");
    PopulationTrainer alone(parse_model(kModel), tiny_data(), options_for(1));
    std::set<int64_t> places;
    for (const TrialRecord& trial : study.trials()) {
      EXPECT_NE(trial.state, TrialState::kRunning);
      places.insert(trial.attributes.at("told").get<int64_t>());
      alone.start(0, {trial.seed, trial.setting, 4});
      for (const double accuracy : trial.intermediate) {
        EXPECT_EQ(alone.run_epoch()[0].validation_accuracy, accuracy) << "trial " << trial.number;
      }
    }
    EXPECT_EQ(places.size(), 30u);
    EXPECT_TRUE(read_baseline(study).has_value());
  }
}

TEST(Ranks, TrainingsOfWhichSomeAreAbortedAreTheSame) {
  SearchDefinition search;
  search.model = kModel;
  search.num_epochs = 4;
  search.micro_batch = 16;
  search.initialization = Initialization::kHe;
  std::vector<Training> trainings;
  for (uint64_t i = 0; i < 12; ++i) {
    trainings.push_back({trial_of(0).setting, i});
    trainings.back().setting.set(Technique::kLearningRate, 0.1);
    if (i % 3 == 0) trainings.back().setting.set(Technique::kFrozenFraction, 1);  // learns nothing
  }
  std::vector<std::vector<int64_t>> epochs;
  std::vector<std::vector<double>> accuracies;
  for (const int num_ranks : {0, 3}) {
    std::optional<Ranks> ranks;
    if (num_ranks > 0) ranks.emplace(std::vector<RankChannel>{}, ServerPlace{}, num_ranks);
    TrainingsProgress last;
    const auto outcomes = run_trainings(search, tiny_data(), options_for(1, ranks ? &*ranks : nullptr), trainings,
                                        {.num_epochs = 4, .num_slots = 5, .abort_below = 0.2},
                                        [&](const TrainingsProgress& now) { return last = now, true; });
    ASSERT_TRUE(outcomes);
    epochs.emplace_back();
    accuracies.emplace_back();
    for (const TrainingOutcome& outcome : *outcomes) {
      epochs.back().push_back(outcome.num_epochs);
      accuracies.back().push_back(outcome.validation_accuracy);
    }
    EXPECT_EQ(last.num_epochs_done, std::accumulate(epochs.back().begin(), epochs.back().end(), int64_t{0}));
    EXPECT_EQ(last.num_epochs_left, 0);
  }
  EXPECT_THAT(epochs[0], testing::AllOf(testing::Contains(1), testing::Contains(4)));
  EXPECT_EQ(epochs[1], epochs[0]);
  EXPECT_EQ(accuracies[1], accuracies[0]);
}

TEST(Ranks, ConfirmationAndFinalTestAreTheSame) {
  const TemporaryFolder folder;
  SearchDefinition search;
  search.model = kModel;
  search.num_epochs = 4;
  search.micro_batch = 16;
  search.space = Search::definition().space;
  search.base = Search::definition().base;
  search.seed = 3;
  std::vector<std::vector<double>> accuracies;
  for (const int num_ranks : {0, 1, 3}) {
    std::optional<Ranks> ranks;
    if (num_ranks > 0) ranks.emplace(std::vector<RankChannel>{}, ServerPlace{}, num_ranks);
    TrainerMaker* maker = ranks ? &*ranks : nullptr;
    Search trials(folder / std::to_string(num_ranks), maker, true);
    while (trials.driver.step()) {
    }
    const TrainerOptions options = options_for(1, maker);
    const auto confirmed =
        confirm(trials.study, search, tiny_data(), options, {.count = 3, .repeats = 2, .num_slots = 4});
    ASSERT_TRUE(confirmed && confirmed->winner() != nullptr);
    const auto tested = final_test(trials.study, search, tiny_data(), options,
                                   trials.study.trial(confirmed->winner()->trial), {.repeats = 3, .num_epochs = 5});
    ASSERT_TRUE(tested);
    std::vector<double> all = tested->baseline.test_accuracies;
    all.insert(all.end(), tested->winner.test_accuracies.begin(), tested->winner.test_accuracies.end());
    for (const ConfirmedRow& row : confirmed->rows) all.insert(all.end(), row.accuracies.begin(), row.accuracies.end());
    accuracies.push_back(all);
  }
  EXPECT_EQ(accuracies[0].size(), 12u);
  EXPECT_EQ(accuracies[1], accuracies[0]);
  EXPECT_EQ(accuracies[2], accuracies[0]);
}

}  // namespace
}  // namespace murmur
