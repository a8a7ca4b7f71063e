#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/study.hpp"
#include "tests/app/run.hpp"
#include "tests/app/search_command.hpp"
#include "tests/support/same_trials.hpp"

namespace murmur {
namespace {

using test::expect_same_search;
using test::Folder;
using test::read_text;
using test::run_murmur;
using test::search_command;
using test::write_dataset;
using test::write_text;
using ::testing::HasSubstr;

TEST(Search, FinishesAndFillsTheStudy) {
  const Folder folder;
  write_dataset(folder);
  const auto result = run_murmur(search_command(folder, "a.db", "--json " + (folder / "a.json")));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("baseline"));
  EXPECT_THAT(result.output, HasSubstr(folder / "a.db"));
  const Study study = Study::open_read_only(folder / "a.db");
  EXPECT_EQ(study.num_trials(), 12);
  for (const TrialRecord& trial : study.trials()) {
    EXPECT_NE(trial.state, TrialState::kRunning);
    EXPECT_EQ(trial.seed, 5u + static_cast<uint64_t>(trial.number));
    EXPECT_EQ(trial.setting, study.space().decode(trial.position, study.base()));
    if (trial.state == TrialState::kComplete) {
      EXPECT_EQ(trial.value, trial.intermediate.back());
    }
  }
  const auto json = nlohmann::json::parse(read_text(folder / "a.json"));
  EXPECT_TRUE(json["rows"][0]["trial"].is_null());
  EXPECT_EQ(json["rows"][0]["test_accuracies"].size(), 2u);
  EXPECT_EQ(json["first_seed"], 5 + (int64_t{1} << 40)) << "no trial's";
  EXPECT_EQ(json["rows"][0]["setting"]["optimizer"], "sgd");
}

TEST(Search, IsReproducibleForASeed) {
  const Folder folder;
  write_dataset(folder);
  ASSERT_EQ(run_murmur(search_command(folder, "a.db")).exit_code, 0);
  ASSERT_EQ(run_murmur(search_command(folder, "b.db", "--threads 1")).exit_code, 0);
  expect_same_search(folder / "a.db", folder / "b.db");
}

TEST(Search, PrunesAndSaysSo) {
  const Folder folder;
  write_dataset(folder);
  const std::string pruned = "--prune halving --prune-factor 2 --epochs 4 --abort-below 0 ";
  const auto result = run_murmur(search_command(folder, "a.db", pruned + "--json " + (folder / "a.json")));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const std::vector<TrialRecord> trials = Study::open_read_only(folder / "a.db").trials();
  int64_t num_pruned = 0;
  int64_t last = -1;
  for (const TrialRecord& trial : trials) {
    if (!trial.attributes.contains("pruned")) continue;
    ++num_pruned;
    last = trial.number;
    EXPECT_LT(trial.intermediate.size(), 4u);
  }
  ASSERT_GE(num_pruned, 3);
  EXPECT_THAT(result.output, HasSubstr(std::to_string(num_pruned) + " pruned, 0 aborted"));
  // What was pruned can be had again, as far as it was trained.
  EXPECT_EQ(run_murmur("replay --study " + (folder / "a.db") + " --trial " + std::to_string(last) + " --data " +
                       folder.path() + " --device cpu")
                .exit_code,
            0);
  const auto other = run_murmur(search_command(folder, "a.db", "--epochs 4 --abort-below 0"));
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.output, HasSubstr("pruner"));
  const auto alone = run_murmur(search_command(folder, "b.db", "--prune-factor 2"));
  EXPECT_EQ(alone.exit_code, 2);
  EXPECT_THAT(alone.output, HasSubstr("--prune-factor requires --prune"));
}

TEST(Search, GoesOnWhereItStopped) {
  const Folder folder;
  write_dataset(folder);
  ASSERT_EQ(run_murmur(search_command(folder, "a.db", "--trials 5")).exit_code, 0);
  const std::vector<TrialRecord> before = Study::open_read_only(folder / "a.db").trials();
  ASSERT_EQ(before.size(), 5u);
  ASSERT_EQ(run_murmur(search_command(folder, "a.db")).exit_code, 0);
  const std::vector<TrialRecord> after = Study::open_read_only(folder / "a.db").trials();
  ASSERT_EQ(after.size(), 12u);
  for (size_t i = 0; i < before.size(); ++i) EXPECT_EQ(after[i].intermediate, before[i].intermediate);
}

int64_t num_told(const std::string& study) {
  const std::vector<TrialRecord> trials = Study::open_read_only(study).trials();
  return std::ranges::count_if(trials, [](const TrialRecord& trial) { return trial.state != TrialState::kRunning; });
}

struct Stopped {
  int64_t seen = 0;  // trials told in the study, just before the signal
  int status = 0;    // of waitpid
  std::string output;
};

/// Starts a search and sends it the signal as soon as the study is so far.
Stopped stop_search_when(const Folder& folder, const std::string& study, int signal, const std::string& rest,
                         const std::function<bool(const std::string& path)>& is_due) {
  const std::string log = folder / "log";
  const std::string command = std::string("exec ") + MURMUR_PROGRAM + " " +
                              search_command(folder, study, rest + " --quiet") + " >" + log + " 2>&1";
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  Stopped stopped;
  for (int i = 0; i < 6000; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (std::filesystem::exists(folder / study) && is_due(folder / study)) break;
  }
  kill(child, signal);
  waitpid(child, &stopped.status, 0);
  stopped.output = read_text(log);
  return stopped;
}

/// As soon as so many trials have been told.
Stopped stop_search(const Folder& folder, const std::string& study, int signal,
                    const std::string& rest = "--trials 2000", int64_t num_trials = 6) {
  int64_t seen = 0;
  Stopped stopped = stop_search_when(folder, study, signal, rest, [&](const std::string& path) {
    seen = num_told(path);
    return seen >= num_trials;
  });
  stopped.seen = seen;
  return stopped;
}

TEST(Search, ASignalStopsItWithTheExitCodeThatShellsExpect) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Folder folder;
    write_dataset(folder, 6400);
    const Stopped stopped = stop_search(folder, "s.db", signal);
    ASSERT_GE(stopped.seen, 6) << stopped.output;
    ASSERT_TRUE(WIFEXITED(stopped.status)) << stopped.output;
    EXPECT_EQ(WEXITSTATUS(stopped.status), 128 + signal);
    const int64_t told = num_told(folder / "s.db");
    EXPECT_GE(told, stopped.seen);
    EXPECT_THAT(stopped.output, HasSubstr("stopped after " + std::to_string(told) + " trials"));
    EXPECT_THAT(stopped.output, HasSubstr((folder / "s.db") + "; the same command goes on"));
    // Those in training are trained again.
    const int64_t trials = Study::open_read_only(folder / "s.db").num_trials() + 2;
    const auto again = run_murmur(search_command(folder, "s.db", "--trials " + std::to_string(trials)));
    ASSERT_EQ(again.exit_code, 0) << again.output;
    EXPECT_EQ(num_told(folder / "s.db"), trials);
  }
}

TEST(Search, KilledItLosesNoReportedTrial) {
  const Folder folder;
  write_dataset(folder, 6400);
  const Stopped stopped = stop_search(folder, "k.db", SIGKILL);
  ASSERT_GE(stopped.seen, 6) << stopped.output;
  EXPECT_GE(num_told(folder / "k.db"), stopped.seen);
  const std::vector<TrialRecord> trials = Study::open_read_only(folder / "k.db").trials();
  // and the search goes on from there, training again what was running
  const auto again = run_murmur(search_command(folder, "k.db", "--trials " + std::to_string(trials.size() + 2)));
  ASSERT_EQ(again.exit_code, 0) << again.output;
  for (const TrialRecord& trial : Study::open_read_only(folder / "k.db").trials()) {
    EXPECT_NE(trial.state, TrialState::kRunning);
  }
}

constexpr const char* kTwoStage = "--two-stage --stage-one-particles 10 --trials 30 --epochs 5";

TEST(Search, EndsAfterItsTimeWithAnAnswerAndGoesOn) {
  const Folder folder;
  write_dataset(folder);
  const ProgramResult ended = run_murmur(search_command(folder, "s.db", "--abort-below 0 --timeout 1e-9"));
  ASSERT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("--timeout: the search ends after "));
  const auto num_complete = [&] {
    return std::ranges::count(Study::open_read_only(folder / "s.db").trials(), TrialState::kComplete,
                              &TrialRecord::state);
  };
  EXPECT_GE(num_complete(), 1) << "something to compare with the baseline";
  EXPECT_LT(num_complete(), 12);
  EXPECT_THAT(ended.output, HasSubstr("all off")) << "the answer";
  const ProgramResult rest = run_murmur(search_command(folder, "s.db", "--abort-below 0"));
  ASSERT_EQ(rest.exit_code, 0) << rest.output;
  EXPECT_THAT(rest.output, HasSubstr("goes on with the study"));
  EXPECT_EQ(num_complete(), 12);
}

TEST(Search, TwoStagesFillTheStudyAndOnlyTheSecondIsTested) {
  const Folder folder;
  write_dataset(folder);
  const auto result = run_murmur(
      search_command(folder, "a.db", std::string(kTwoStage) + " --abort-below 0 --json " + (folder / "a.json")));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("4 particles (the best of 10 after 1 epoch) in 3 slots, 30 trials of 5 epochs"));
  EXPECT_THAT(result.output, HasSubstr("30 trials (10 of stage one, 20 complete, 0 aborted, 0 diverged)"));
  const Study study = Study::open_read_only(folder / "a.db");
  ASSERT_EQ(study.num_trials(), 30);
  for (const TrialRecord& trial : study.trials()) {
    const bool stage_one = trial.number < 10;
    EXPECT_EQ(trial.attributes.at("stage"), stage_one ? 1 : 2);
    EXPECT_EQ(trial.attributes.at("epochs"), stage_one ? 1 : 5);
    EXPECT_EQ(trial.state, stage_one ? TrialState::kPruned : TrialState::kComplete);
    EXPECT_EQ(trial.intermediate.size(), stage_one ? 1u : 5u);
    EXPECT_EQ(trial.value, trial.intermediate.back());
  }
  const nlohmann::json report = nlohmann::json::parse(read_text(folder / "a.json"));
  for (const auto& row : report["rows"]) {
    if (!row["trial"].is_null()) {
      EXPECT_GE(row["trial"], 10);
    }
  }
  // It goes on only as what it was.
  for (const char* other : {"", "--two-stage --stage-one-particles 11", "--two-stage --stage-one-epochs 2"}) {
    const auto refused = run_murmur(search_command(folder, "a.db", std::string("--epochs 5 --abort-below 0 ") + other));
    EXPECT_EQ(refused.exit_code, 3) << refused.output;
    EXPECT_THAT(refused.output, HasSubstr("expected swarm = "));
  }
}

TEST(Search, KilledInEitherStageItGoesOnAsIfItHadNotBeen) {
  const Folder folder;
  write_dataset(folder, 6400);
  ASSERT_EQ(run_murmur(search_command(folder, "whole.db", kTwoStage)).exit_code, 0);
  for (const int64_t first : {2, 8}) {
    const std::string study = std::to_string(first) + ".db";
    for (const int64_t told : {first, int64_t{10}, first + 11}) {
      const Stopped stopped = stop_search(folder, study, SIGKILL, kTwoStage, told);
      ASSERT_GE(stopped.seen, told) << stopped.output;
    }
    ASSERT_EQ(run_murmur(search_command(folder, study, kTwoStage)).exit_code, 0);
    expect_same_search(folder / study, folder / "whole.db");
  }
}

TEST(Search, AbortsConvolutionNetworksAndRefillsTheirSlotsAtOnce) {
  const Folder folder;
  write_dataset(folder);
  const auto result = run_murmur(
      search_command(folder, "a.db",
                     "--model 'conv4 norm pool dropout flatten linear8 dropout linear' --init he --trials 40 "
                     "--epochs 3"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const std::vector<TrialRecord> trials = Study::open_read_only(folder / "a.db").trials();
  ASSERT_EQ(trials.size(), 40u);
  ASSERT_EQ(trials.front().position.size(), 22u);
  const auto integer = [](const TrialRecord& trial, const char* key) {
    return trial.attributes.at(key).get<int64_t>();
  };
  int64_t num_aborted = 0;
  for (const TrialRecord& trial : trials) {
    const bool aborted = std::ranges::any_of(trial.intermediate, [](double accuracy) { return accuracy < 0.12; });
    EXPECT_EQ(aborted, trial.state == TrialState::kPruned) << "trial " << trial.number;
    if (!aborted) continue;
    ++num_aborted;
    EXPECT_LT(trial.value, 0.12);
    EXPECT_EQ(trial.intermediate.size(), integer(trial, "epochs"));
    if (integer(trial, "asked") > 37) continue;  // nothing may be left for its slot
    EXPECT_TRUE(std::ranges::any_of(trials,
                                    [&](const TrialRecord& next) {
                                      return next.attributes.at("slot") == trial.attributes.at("slot") &&
                                             integer(next, "begun") ==
                                                 integer(trial, "begun") + integer(trial, "epochs");
                                    }))
        << "trial " << trial.number;
  }
  EXPECT_GE(num_aborted, 3);
}

TEST(Search, SearchesAllTechniquesOnLenet5) {
  const Folder folder;
  write_dataset(folder, 320, 12);
  const auto result =
      run_murmur(search_command(folder, "a.db",
                                "--model lenet5 --init he --trials 6 --epochs 1 --repeats 1 --abort-below 0 "
                                "--initialization uniform --json " +
                                    (folder / "a.json")));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Study study = Study::open_read_only(folder / "a.db");
  EXPECT_EQ(study.space().keys(), SearchSpace::all().keys());
  ASSERT_EQ(study.num_trials(), 6);
  int64_t num_complete = 0;
  for (const TrialRecord& trial : study.trials()) {
    ASSERT_EQ(trial.position.size(), 22u);
    num_complete += trial.state == TrialState::kComplete;
  }
  EXPECT_GE(num_complete, 1);
  const auto rows = nlohmann::json::parse(read_text(folder / "a.json"))["rows"];
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(rows[0]["test_accuracies"][0].is_number());
}

TEST(Search, RandomSearchTrainsUniformPositionsAndGoesOn) {
  const Folder folder;
  write_dataset(folder);
  const auto run = [&](const std::string& rest) {
    return run_murmur("search --algorithm random --start none --device cpu --micro-batch 32 --data " + folder.path() +
                      " --study " + (folder / "r.db") + " --slots 3 --epochs 1 --repeats 1 --seed 5 " + rest);
  };
  const auto expect_uniform = [&](size_t num_trials) {
    const Study study = Study::open_read_only(folder / "r.db");
    const auto expected = uniform_initial_positions(study.space().low(), study.space().high(), 12, 5);
    const std::vector<TrialRecord> trials = study.trials();
    ASSERT_EQ(trials.size(), num_trials);
    for (size_t i = 0; i < num_trials; ++i) {
      EXPECT_EQ(trials[i].position, expected[i]) << "trial " << i;
      EXPECT_NE(trials[i].state, TrialState::kRunning);
    }
  };
  const auto first = run("--trials 5");
  ASSERT_EQ(first.exit_code, 0) << first.output;
  EXPECT_THAT(first.output, HasSubstr("random search in 3 slots, 5 trials of 1 epoch"));
  expect_uniform(5);
  ASSERT_EQ(run("--trials 12").exit_code, 0);
  expect_uniform(12);
  ASSERT_EQ(run("--trials 7").exit_code, 0) << "fewer than there are";
  expect_uniform(12);
  // It is no swarm's study, and has no swarm's options.
  const auto swarm = run("--trials 12 --algorithm swarm");
  EXPECT_EQ(swarm.exit_code, 3);
  EXPECT_THAT(swarm.output, HasSubstr(R"(expected algorithm = "swarm", got "random")"));
  EXPECT_THAT(run("").output, HasSubstr("--trials: expected 1 to 1048576 for --algorithm random, got 0"));
  EXPECT_THAT(run("--trials 12 --patience 3").output, HasSubstr("--patience: expected --algorithm swarm with it"));
}

TEST(Search, RefusesWhatCannotBeSearchedBeforeThereIsAStudy) {
  const Folder folder;
  write_dataset(folder);
  const auto expect_refused = [&](const std::string& rest, const std::string& words) {
    const auto result = run_murmur(search_command(folder, "a.db", rest));
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, HasSubstr(words));
    EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
    EXPECT_FALSE(std::filesystem::exists(folder / "a.db"));
  };
  expect_refused("--stage-one-particles 10", "--stage-one-particles requires --two-stage");
  expect_refused("--two-stage --stage-one-particles 3", "expected num_stage_one in [4 (num_particles)");
  expect_refused("--two-stage --stage-one-epochs 3", "epochs of stage one: expected at most the 2 of a full training");
  expect_refused("--micro-batch 256 --set batch_size=256", "at least the micro-batch of 256 samples in every trial");
  expect_refused("--micro-batch 256 --search dropout",
                 "at least the micro-batch of 256 samples in every trial, got 128");
  expect_refused("--train-on-all", "--train-on-all");
  // Trials and the final test count up from the seed.
  expect_refused("--seed 18446744073709551615", "--seed: expected at most 18446742973661052926, so that SEED + ");
}

TEST(Search, AFileThatIsNoStudyExitsWith3AndIsNotChanged) {
  const Folder folder;
  write_dataset(folder);
  write_text(folder / "notes.txt", "not a study, but dear to somebody");
  const auto result = run_murmur(search_command(folder, "notes.txt"));
  EXPECT_EQ(result.exit_code, 3) << result.output;
  EXPECT_THAT(result.output, HasSubstr("notes.txt"));
  EXPECT_EQ(read_text(folder / "notes.txt"), "not a study, but dear to somebody");
  EXPECT_EQ(folder.num_files(), 5u);
}

TEST(Search, AStudyOfAnotherSearchExitsWith3) {
  const Folder folder;
  write_dataset(folder);
  const auto expect_refused = [&](const std::string& study, const std::string& rest, const std::string& words) {
    const auto result = run_murmur(search_command(folder, study, "--quiet --trials 2 " + rest));
    EXPECT_EQ(result.exit_code, 3) << result.output;
    EXPECT_THAT(result.output, HasSubstr(words));
    EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
  };
  ASSERT_EQ(run_murmur(search_command(folder, "a.db", "--trials 2")).exit_code, 0);
  expect_refused("a.db", "--model 'flatten linear8 linear'", R"(expected model = "flatten linear8 linear", got "fc")");
  expect_refused("a.db", "--model resnet8", R"(expected model = "resnet8", got "fc")");
  expect_refused("a.db", "--dataset mnist", R"(expected dataset = "mnist", got "fashion-mnist")");
  expect_refused("a.db", "--micro-batch 64", "expected micro_batch = 64, got 32");
  expect_refused("a.db", "--micro-batch 64 --epochs 3 --set dropout=0.1",
                 "expected epochs = 3, got 2; expected micro_batch = 64, got 32; expected base_setting dropout = 0.1, "
                 "got 0.0 (expected: what this search has; got: what the study has)");
  expect_refused("a.db", "--epochs 3", "expected epochs = 3, got 2");
  expect_refused("a.db", "--paper", "expected definitions =");
  expect_refused("a.db", "--search dropout", "search_space");
  expect_refused("a.db", "--train-images 320", "expected train_images = 320, got 0");
  // A model's spacing is no other model.
  const std::string model = "--trials 2 --model ";
  ASSERT_EQ(run_murmur(search_command(folder, "b.db", model + "'flatten linear8 linear'")).exit_code, 0);
  ASSERT_EQ(run_murmur(search_command(folder, "b.db", model + "' flatten  linear8 linear'")).exit_code, 0);
  EXPECT_EQ(Study::open_read_only(folder / "b.db").attributes().at("model"), "flatten linear8 linear");
  expect_refused("b.db", "--model 'flatten linear9 linear'", "model");
  expect_refused("b.db", "", R"(expected model = "fc", got "flatten linear8 linear")");
}

TEST(Search, AStudyGoesOnOnlyWithTheSameImages) {
  const Folder folder;
  write_dataset(folder);
  const auto run = [&](const std::string& rest) {
    return run_murmur(search_command(folder, "a.db", "--quiet --trials 2 " + rest));
  };
  ASSERT_EQ(run("--train-images 320").exit_code, 0);
  const auto all = run("");
  EXPECT_EQ(all.exit_code, 3) << all.output;
  EXPECT_THAT(all.output, HasSubstr("expected train_images = 0, got 320"));
  ASSERT_EQ(run("--train-images 320").exit_code, 0);
  const std::string labels = folder / "t10k-labels-idx1-ubyte";
  std::string bytes = read_text(labels);
  bytes.back() = static_cast<char>((bytes.back() + 1) % 10);
  write_text(labels, bytes);
  const auto other = run("--train-images 320");
  EXPECT_EQ(other.exit_code, 3) << other.output;
  EXPECT_THAT(other.output, HasSubstr(R"(expected dataset_contents = "10 classes, 640 + 640 images of 4x4x1, )"));
}

TEST(Search, StoppedInTheConfirmationItGoesOn) {
  const Folder folder;
  write_dataset(folder, 6400);
  const std::string rest = "--abort-below 0 --search dropout --trials 5 --epochs 1 --final-epochs 12 --confirm 4";
  const Stopped stopped = stop_search_when(folder, "s.db", SIGINT, rest, [](const std::string& path) {
    return Study::open_read_only(path).attributes().contains("confirmation");
  });
  ASSERT_TRUE(WIFEXITED(stopped.status)) << stopped.output;
  EXPECT_EQ(WEXITSTATUS(stopped.status), 130);
  EXPECT_THAT(stopped.output, HasSubstr("stopped in the confirmation"));
  const auto verdict = [&](const std::string& study) {
    const auto result = run_murmur(search_command(folder, study, rest + " --json " + (folder / "r.json")));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    auto report = nlohmann::json::parse(read_text(folder / "r.json"));
    // Commands name the study.
    report["confirmation"]["baseline"].erase("command");
    for (auto& row : report["confirmation"]["rows"]) row.erase("command");
    return std::pair(report["verdict"], report["confirmation"]);
  };
  EXPECT_EQ(verdict("s.db"), verdict("whole.db"));
}

TEST(Search, RepeatsAndSeedsOfTrialsArePartOfTheStudy) {
  const Folder folder;
  write_dataset(folder);
  const std::string rest = "--trials 6 --confirm 0 --quiet --search dropout --trial-repeats 3 --same-seeds";
  ASSERT_EQ(run_murmur(search_command(folder, "a.db", rest)).exit_code, 0);
  for (const TrialRecord& trial : Study::open_read_only(folder / "a.db").trials()) EXPECT_EQ(trial.seed, 5U);
  const auto other = run_murmur(search_command(folder, "a.db", "--trials 8 --search dropout --same-seeds"));
  EXPECT_EQ(other.exit_code, 3) << other.output;
  EXPECT_THAT(other.output, HasSubstr("trial_repeats"));
  const auto again =
      run_murmur("replay --device cpu --quiet --trial best --study " + (folder / "a.db") + " --data " + folder.path());
  EXPECT_EQ(again.exit_code, 0) << again.output;
}

// Two trials of a position differ by their seeds alone; the same command goes on, another number is another search.
TEST(Search, ContendersAreEvaluatedAgain) {
  const Folder folder;
  write_dataset(folder);
  const std::string rest = "--confirm 0 --quiet --search dropout,input_noise --reevaluate 3 --trials ";
  ASSERT_EQ(run_murmur(search_command(folder, "a.db", rest + "9")).exit_code, 0);
  ASSERT_EQ(run_murmur(search_command(folder, "a.db", rest + "30")).exit_code, 0);
  const std::vector<TrialRecord> trials = Study::open_read_only(folder / "a.db").trials();
  ASSERT_EQ(trials.size(), 30U);
  std::map<std::vector<double>, std::set<uint64_t>> seeds;
  for (const TrialRecord& trial : trials) EXPECT_TRUE(seeds[trial.position].insert(trial.seed).second);
  EXPECT_LT(seeds.size(), trials.size());
  const auto other = run_murmur(search_command(folder, "a.db", "--search dropout,input_noise --trials 31"));
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.output, HasSubstr("reevaluate"));
  const auto pointless = run_murmur(search_command(folder, "b.db", rest + "9 --same-seeds"));
  EXPECT_EQ(pointless.exit_code, 2);
  EXPECT_THAT(pointless.output, HasSubstr("--reevaluate: expected trials with seeds of their own, got --same-seeds"));
}

// What a study needs to be: a trial that is not what its definition gives, or a dimension that this program has
// otherwise, is refused before anything is trained, in one line.
TEST(Search, AStudyThatWasEditedExitsWith3) {
  const Folder folder;
  write_dataset(folder);
  ASSERT_EQ(run_murmur(search_command(folder, "a.db", "--trials 6")).exit_code, 0);
  const auto expect_refused = [&](const std::string& change, const std::string& words) {
    std::filesystem::copy_file(folder / "a.db", folder / "b.db", std::filesystem::copy_options::overwrite_existing);
    SQLite::Database(folder / "b.db", SQLite::OPEN_READWRITE).exec(change);
    const auto result = run_murmur(search_command(folder, "b.db", "--quiet --trials 8"));
    EXPECT_EQ(result.exit_code, 3) << result.output;
    EXPECT_THAT(result.output, HasSubstr(words));
    EXPECT_THAT(result.output, ::testing::Not(HasSubstr("exception")));
    EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
  };
  // A study of a program that had two optimizers: every position of this dimension would mean something else now.
  expect_refused(
      "UPDATE study_user_attributes SET value_json = replace(value_json, ', \"adam\"', '') WHERE key = 'search_space'; "
      "UPDATE study_user_attributes SET value_json = replace(value_json, ',\"adam\"', '') WHERE key = 'search_space'",
      "expected raw bounds of optimizer = 0 and 2, the number of its choices, got 0 and 3");
  expect_refused("UPDATE trial_params SET param_value = 0.0321 WHERE trial_id = 3 AND param_name = 'init_scale'",
                 "trial 2: expected init_scale = ");
  expect_refused("UPDATE trial_user_attributes SET value_json = '\"9\"' WHERE trial_id = 3 AND key = 'seed'",
                 "trial 2: expected seed = 7, got 9");
  expect_refused("UPDATE trial_user_attributes SET value_json = '7' WHERE trial_id = 3 AND key = 'told'",
                 "expected told = ");
  expect_refused("UPDATE study_user_attributes SET value_json = '[]' WHERE key = 'baseline'",
                 "baseline: expected an object, got []");
  expect_refused("DELETE FROM trials WHERE number = 1", "trial 1: expected number = 1, got 2");
}

}  // namespace
}  // namespace murmur
