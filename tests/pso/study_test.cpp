#include "murmur/pso/study.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "murmur/engine/error.hpp"
#include "murmur/pso/dimension_text.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/swarm.hpp"
#include "tests/support/numbers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using test::TemporaryFolder;
using testing::HasSubstr;
using testing::ThrowsMessage;

using test::kNan;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr uint64_t kLargeSeed = 0xfedcba9876543211u;  // 64 bits that a double cannot hold

StudyDefinition definition() {
  StudyDefinition result;
  result.space = SearchSpace({Technique::kFlip, Technique::kDropout, Technique::kLearningRate, Technique::kBatchSize,
                              Technique::kWeightNoise});
  result.base.set(Technique::kOptimizer, 2);
  result.base.set(Technique::kInputNoise, 0.1234567890123456);
  result.attributes = {{"model", "fc"}, {"epochs", 20}};
  return result;
}

const std::vector<double> kPosition{2.5, 0.1, 2.3836, 350.4, 6};

class StudyTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "study.db";
};

TEST_F(StudyTest, TrialRoundTrip) {
  const auto before = TrialRecord::Time::clock::now();
  {
    Study study = Study::create_or_open(path_, definition());
    EXPECT_EQ(study.begin_trial(kLargeSeed, kPosition, {{"particle", 3}, {"note", "a \"quoted\" \n \xc3\xa9 note"}}),
              0);
    TrialResult result;
    result.value = 0.1 + 0.2;
    result.intermediate = {0.1, kNan, kInfinity, -kInfinity, 0.1 + 0.2};
    result.attributes = {{"test_accuracy", 0.75}, {"particle", 4}};
    study.finish_trial(0, result);
  }
  const Study study = Study::open_read_only(path_);
  const std::vector<TrialRecord> trials = study.trials();
  ASSERT_EQ(trials.size(), 1u);
  const TrialRecord& trial = trials[0];
  EXPECT_EQ(trial.number, 0);
  EXPECT_EQ(trial.state, TrialState::kComplete);
  EXPECT_EQ(trial.seed, kLargeSeed);
  EXPECT_EQ(trial.position, kPosition);
  EXPECT_EQ(trial.setting, definition().space.decode(kPosition, definition().base));
  EXPECT_EQ(trial.setting[Technique::kWeightNoise], 0);
  EXPECT_EQ(trial.setting[Technique::kInputNoise], 0.1234567890123456);
  EXPECT_EQ(trial.value, 0.1 + 0.2);
  ASSERT_EQ(trial.intermediate.size(), 5u);
  EXPECT_TRUE(std::isnan(trial.intermediate[1]));
  EXPECT_EQ(trial.intermediate[2], kInfinity);
  EXPECT_EQ(trial.intermediate[3], -kInfinity);
  EXPECT_EQ(trial.intermediate[4], 0.1 + 0.2);
  EXPECT_EQ(trial.attributes,
            (Attributes{{"particle", 4}, {"note", "a \"quoted\" \n \xc3\xa9 note"}, {"test_accuracy", 0.75}}));
  ASSERT_TRUE(trial.started && trial.finished);
  EXPECT_LT(before - std::chrono::microseconds(1), *trial.started);
  EXPECT_LE(*trial.started, *trial.finished);
  EXPECT_LE(*trial.finished, TrialRecord::Time::clock::now());
}

TEST_F(StudyTest, AllTwentyTwoDimensionsRoundTripAtRandomPositions) {
  StudyDefinition all;
  const auto positions = sparse_initial_positions(all.space, 30, 11);
  Study study = Study::create_or_open(path_, all);
  for (const auto& position : positions) study.begin_trial(1, position);
  const std::vector<TrialRecord> trials = study.trials();
  ASSERT_EQ(trials.size(), 30u);
  for (size_t i = 0; i < 30; ++i) {
    EXPECT_EQ(trials[i].number, static_cast<int64_t>(i));
    EXPECT_EQ(trials[i].position, positions[i]);
    EXPECT_EQ(trials[i].setting, all.space.decode(positions[i]));
  }
}

TEST_F(StudyTest, StatesAndValues) {
  Study study = Study::create_or_open(path_, definition());
  for (int i = 0; i < 6; ++i) EXPECT_EQ(study.begin_trial(static_cast<uint64_t>(i), kPosition), i);
  study.finish_trial(2, {.state = TrialState::kComplete, .value = 0.5});
  study.finish_trial(1, {.state = TrialState::kPruned, .value = 0.9, .intermediate = {0.2, 0.9}});
  study.finish_trial(3, {.state = TrialState::kFail, .intermediate = {0.3, kNan}});
  study.finish_trial(4, {.state = TrialState::kComplete, .value = 0.7});
  study.finish_trial(5, {.state = TrialState::kComplete, .value = -kInfinity});
  const std::vector<TrialRecord> trials = study.trials();
  ASSERT_EQ(trials.size(), 6u);
  EXPECT_EQ(trials[0].state, TrialState::kRunning);
  EXPECT_TRUE(std::isnan(trials[0].value));
  EXPECT_FALSE(trials[0].finished.has_value());
  EXPECT_EQ(trials[1].state, TrialState::kPruned);
  EXPECT_EQ(trials[1].value, 0.9);
  EXPECT_EQ(trials[3].state, TrialState::kFail);
  EXPECT_TRUE(std::isnan(trials[3].value));
  EXPECT_EQ(trials[5].value, -kInfinity);
  EXPECT_EQ(study.best_trial()->number, 4);  // neither the pruned 0.9 nor the failed one
  EXPECT_EQ(study.trial(3).seed, 3u);
  EXPECT_EQ(study.num_trials(), 6);
}

TEST_F(StudyTest, BestOfNothingAndOfInfinities) {
  Study study = Study::create_or_open(path_, definition());
  EXPECT_FALSE(study.best_trial().has_value());
  EXPECT_TRUE(study.trials().empty());
  EXPECT_EQ(study.num_trials(), 0);
  for (const double value : {-kInfinity, -1.0, -1.0, kInfinity}) {
    study.finish_trial(study.begin_trial(0, kPosition), {.value = value});
  }
  EXPECT_EQ(study.best_trial()->number, 3);
}

TEST_F(StudyTest, BegunTrialsAreFinishedAfterReopening) {
  Study::create_or_open(path_, definition()).begin_trial(7, kPosition, {{"particle", 1}});
  Study study = Study::create_or_open(path_, definition());
  EXPECT_EQ(study.begin_trial(8, kPosition), 1);
  study.finish_trial(0, {.value = 0.25, .intermediate = {0.25}});
  EXPECT_EQ(study.trial(0).value, 0.25);
  EXPECT_EQ(study.trial(0).seed, 7u);
  EXPECT_EQ(study.trial(0).attributes.at("particle"), 1);
  EXPECT_EQ(study.trial(1).state, TrialState::kRunning);
}

TEST_F(StudyTest, AttributesOfStudyAndTrial) {
  {
    Study study = Study::create_or_open(path_, definition());
    EXPECT_EQ(study.attributes(), (Attributes{{"model", "fc"}, {"epochs", 20}}));
    study.set_attribute("sweeps", 3);
    study.set_attribute("sweeps", {{"done", 4}});
    study.begin_trial(0, kPosition);
    study.set_trial_attribute(0, "test_accuracy", 0.5);
    study.set_trial_attribute(0, "test_accuracy", 0.6);
  }
  const Study study = Study::create_or_open(path_, definition());  // more attributes than defined are no difference
  EXPECT_EQ(study.attributes().at("sweeps"), (nlohmann::json{{"done", 4}}));
  EXPECT_EQ(study.trial(0).attributes, (Attributes{{"test_accuracy", 0.6}}));
  EXPECT_EQ(study.space(), definition().space);
  EXPECT_EQ(study.base(), definition().base);
  EXPECT_EQ(study.name(), "murmur");
}

TEST_F(StudyTest, TextThatIsNoUtf8IsReplacedNotFatal) {
  StudyDefinition odd = definition();
  odd.attributes["data"] = "folder \xff";
  odd.attributes["limit"] = kInfinity;  // JSON has none: null
  Study::create_or_open(path_, odd);
  EXPECT_EQ(Study::create_or_open(path_, odd).attributes().at("limit"), nullptr);
}

TEST_F(StudyTest, RejectsWrongTrials) {
  Study study = Study::create_or_open(path_, definition());
  EXPECT_THAT([&] { study.begin_trial(0, std::vector{0.5}); },
              ThrowsMessage<InvalidArgument>(HasSubstr("5 dimensions, got 1")));
  EXPECT_THAT(
      [&] {
        study.begin_trial(0, kPosition, {{"seed", 1}});
      },
      ThrowsMessage<InvalidArgument>(HasSubstr("'seed'")));
  EXPECT_THAT([&] { study.set_attribute("search_space", 1); },
              ThrowsMessage<InvalidArgument>(HasSubstr("'search_space'")));
  EXPECT_EQ(study.num_trials(), 0);
  EXPECT_THAT([&] { study.finish_trial(0, {.value = 1.0}); }, ThrowsMessage<StudyError>(HasSubstr("no trial 0")));
  EXPECT_THAT([&] { study.trial(0); }, ThrowsMessage<StudyError>(HasSubstr("no trial 0")));
  study.begin_trial(0, kPosition);
  EXPECT_THAT([&] { study.finish_trial(0, {}); }, ThrowsMessage<InvalidArgument>(HasSubstr("got NaN")));
  EXPECT_THAT([&] { study.finish_trial(0, {.state = TrialState::kRunning}); },
              ThrowsMessage<InvalidArgument>(HasSubstr("got RUNNING")));
  study.finish_trial(0, {.state = TrialState::kFail});
  EXPECT_THAT([&] { study.finish_trial(0, {.value = 1.0}); },
              ThrowsMessage<StudyError>(HasSubstr("trial 0 to be RUNNING, got FAIL")));
  EXPECT_EQ(study.trial(0).state, TrialState::kFail);
}

TEST_F(StudyTest, ReadOnlyStudiesDoNotWrite) {
  Study::create_or_open(path_, definition()).begin_trial(0, kPosition);
  Study study = Study::open_read_only(path_);
  EXPECT_THROW(study.begin_trial(0, kPosition), StudyError);
  EXPECT_THROW(study.finish_trial(0, {.value = 1.0}), StudyError);
  EXPECT_THROW(study.set_attribute("a", 1), StudyError);
  EXPECT_THROW(study.set_trial_attribute(0, "a", 1), StudyError);
  EXPECT_EQ(study.trials().size(), 1u);
}

TEST_F(StudyTest, ReadersSeeTrialsWhileTheSearchWrites) {
  Study writer = Study::create_or_open(path_, definition());
  writer.begin_trial(0, kPosition);
  const Study reader = Study::open_read_only(path_);
  EXPECT_EQ(reader.trials().size(), 1u);
  writer.finish_trial(0, {.value = 0.5});
  writer.begin_trial(1, kPosition);
  EXPECT_EQ(reader.trials().size(), 2u);
  EXPECT_EQ(reader.best_trial()->value, 0.5);
}

TEST_F(StudyTest, ATransactionIsWrittenWholeOrNotAtAll) {
  Study study = Study::create_or_open(path_, definition());
  const Study reader = Study::open_read_only(path_);
  {
    Study::Transaction transaction(study);
    EXPECT_THROW(Study::Transaction{study}, InvalidArgument);
    EXPECT_EQ(study.begin_trial(1, kPosition), 0);
    EXPECT_EQ(study.begin_trial(2, kPosition), 1);
    study.finish_trial(0, {.value = 0.5});
    study.set_attribute("baseline", 0.25);
    EXPECT_EQ(study.num_trials(), 2);
    EXPECT_EQ(study.trial(0).value, 0.5);
    EXPECT_EQ(reader.num_trials(), 0);
    transaction.commit();
  }
  EXPECT_EQ(reader.trial(0).value, 0.5);
  EXPECT_EQ(reader.attributes().at("baseline"), 0.25);
  {
    const Study::Transaction transaction(study);
    study.finish_trial(1, {.value = 0.75});
    study.begin_trial(3, kPosition);
  }
  EXPECT_EQ(study.num_trials(), 2);
  EXPECT_EQ(study.trial(1).state, TrialState::kRunning);
  {
    Study::Transaction transaction(study);
    study.finish_trial(1, {.value = 0.75});
    EXPECT_THROW(study.finish_trial(0, {.value = 0.5}), StudyError);
    EXPECT_THROW(transaction.commit(), StudyError);
  }
  EXPECT_EQ(study.trial(1).state, TrialState::kRunning);
  study.finish_trial(1, {.value = 0.75});
  EXPECT_EQ(reader.trial(1).value, 0.75);
}

// It locks the file from the first write on, not before.
TEST_F(StudyTest, ATransactionWithoutWritesLocksNothing) {
  Study study = Study::create_or_open(path_, definition());
  Study::Transaction transaction(study);
  EXPECT_EQ(Study::create_or_open(path_, definition(), {.busy_timeout_ms = 50}).begin_trial(1, kPosition), 0);
  EXPECT_EQ(study.begin_trial(2, kPosition), 1);
  transaction.commit();
}

// The rows of a trial may lie anywhere in their tables, as another program left them.
TEST_F(StudyTest, RowsAreReadInTheOrderOfTrialsAndSteps) {
  Study study = Study::create_or_open(path_, definition());
  for (uint64_t i = 0; i < 3; ++i) study.begin_trial(i, kPosition);
  for (const int64_t i : {2, 0}) study.finish_trial(i, {.value = 0.5, .intermediate = {0.25, 0.5}});
  SQLite::Database(path_.string(), SQLite::OPEN_READWRITE, 1000)
      .exec(
          "UPDATE trial_intermediate_values SET step = 5 - step WHERE trial_id = 1; "
          "UPDATE trial_user_attributes SET value_json = '[2.5, 1e-1 ,2.3836,350.4,6]' WHERE \"key\" = 'position'");
  const std::vector<TrialRecord> trials = study.trials();
  EXPECT_EQ(trials[0].intermediate, (std::vector{0.5, 0.25}));
  EXPECT_EQ(trials[2].intermediate, (std::vector{0.25, 0.5}));
  EXPECT_TRUE(trials[1].intermediate.empty());
  for (uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(trials[i].position, kPosition);
    EXPECT_EQ(trials[i].seed, i);
    EXPECT_EQ(study.trial(static_cast<int64_t>(i)).position, kPosition);
  }
}

TEST_F(StudyTest, SeveralStudiesInAFileNeedAName) {
  Study::create_or_open(path_, definition());
  SQLite::Database(path_.string(), SQLite::OPEN_READWRITE).exec("INSERT INTO studies (study_name) VALUES ('other')");
  EXPECT_EQ(Study::open_read_only(path_, "murmur").name(), "murmur");
  EXPECT_THAT([&] { Study::open_read_only(path_); },
              ThrowsMessage<StudyError>(HasSubstr("expected one study, got 'murmur', 'other'")));
  EXPECT_THAT([&] { Study::open_read_only(path_, "mine"); },
              ThrowsMessage<StudyError>(HasSubstr("a study named 'mine', got 'murmur', 'other'")));
}

TEST_F(StudyTest, NumbersAreFoundBesideTheTrialsOfAnotherStudy) {
  Study study = Study::create_or_open(path_, definition());
  SQLite::Database other(path_.string(), SQLite::OPEN_READWRITE, 1000);
  other.exec("INSERT INTO studies (study_id, study_name) VALUES (2, 'other')");
  for (int i = 0; i < 4; ++i) {
    other.exec("INSERT INTO trials (number, study_id, state) VALUES (" + std::to_string(i) + ", 2, 'COMPLETE')");
    EXPECT_EQ(study.begin_trial(static_cast<uint64_t>(10 + i), kPosition), i);
  }
  study.finish_trial(2, {.value = 0.5});
  EXPECT_EQ(study.trial(2).seed, 12u);
  EXPECT_EQ(study.trials().size(), 4u);
  EXPECT_EQ(study.best_trial()->number, 2);
}

TEST_F(StudyTest, ASearchIsResumedByReplay) {
  const SearchSpace space = definition().space;
  SwarmOptions options;
  options.num_particles = 4;
  const auto fitness = [](const Setting& setting) { return setting[Technique::kDropout]; };
  const auto begin = [](Study& study, const std::vector<Candidate>& candidates) {
    for (const Candidate& candidate : candidates) study.begin_trial(0, candidate.position);
  };
  Swarm original(space.low(), space.high(), options);
  {
    Study study = Study::create_or_open(path_, definition());
    begin(study, original.ask(3));
    for (int i = 0; i < 20; ++i) {
      const Candidate candidate = original.outstanding().at(static_cast<size_t>(i) % 3);
      const double value = fitness(space.decode(candidate.position));
      study.finish_trial(candidate.id, {.value = value, .attributes = {{"told", i}, {"asked", original.num_asked()}}});
      original.tell(candidate.id, value);
      begin(study, original.ask(1));
    }
  }
  const Study study = Study::open_read_only(path_);
  std::vector<ToldCandidate> told(20);
  for (const TrialRecord& trial : study.trials()) {
    if (trial.state == TrialState::kRunning) continue;
    told.at(trial.attributes.at("told")) = {trial.number, trial.value, trial.attributes.at("asked")};
  }
  Swarm resumed(space.low(), space.high(), options);
  resumed.replay(told, study.num_trials());
  EXPECT_EQ(resumed.outstanding(), original.outstanding());
  EXPECT_EQ(resumed.outstanding().size(), 3u);
  for (const Candidate& candidate : resumed.outstanding()) {
    EXPECT_EQ(study.trial(candidate.id).position, candidate.position);
    EXPECT_EQ(study.trial(candidate.id).state, TrialState::kRunning);
  }
}

// As Optuna has conditional parameters: where a dimension does not exist, its trial has no such parameter.
TEST_F(StudyTest, AParameterThatDoesNotExistIsNotStored) {
  StudyDefinition searched;
  searched.space = SearchSpace(
      {parse_dimension("learning_rate:1e-3:1e-1@optimizer=sgd", {}), parse_dimension("optimizer=adam|sgd", {})});
  searched.base.set(Technique::kLearningRate, 0.25);
  Study study = Study::create_or_open(path_, searched);
  study.begin_trial(1, std::vector{2.0, 0.5});  // adam
  study.begin_trial(2, std::vector{2.0, 1.5});  // sgd
  const std::vector<TrialRecord> trials = study.trials();
  EXPECT_EQ(trials[0].setting[Technique::kOptimizer], 2);
  EXPECT_EQ(trials[0].setting[Technique::kLearningRate], 0.25) << "of the base";
  EXPECT_EQ(trials[1].setting[Technique::kOptimizer], 0);
  EXPECT_DOUBLE_EQ(trials[1].setting[Technique::kLearningRate], 0.01);
  SQLite::Database database(path_.string(), SQLite::OPEN_READONLY);
  EXPECT_EQ(database.execAndGet("SELECT group_concat(trial_id) FROM trial_params WHERE param_name = 'learning_rate'")
                .getString(),
            "2");
  // A choice is stored as its place in the distribution.
  EXPECT_EQ(database.execAndGet("SELECT param_value FROM trial_params WHERE trial_id = 2 AND param_name = 'optimizer'")
                .getInt(),
            1);
}

}  // namespace
}  // namespace murmur
