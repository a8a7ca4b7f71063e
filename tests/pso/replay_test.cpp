#include "murmur/pso/replay.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "murmur/engine/error.hpp"
#include "murmur/pso/random_search.hpp"
#include "murmur/pso/swarm.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr uint64_t kSeed = 11;
constexpr int64_t kNumTrials = 20;

StudyDefinition replayed_definition() {
  StudyDefinition result;
  result.space = SearchSpace({Technique::kDropout, Technique::kOptimizer, Technique::kLearningRate});
  return result;
}

Swarm make_swarm(int64_t num_stage_one = 0) {
  SwarmOptions options;
  options.num_particles = 4;
  options.num_stage_one = num_stage_one;
  options.seed = kSeed;
  return Swarm(replayed_definition().space.low(), replayed_definition().space.high(), options);
}

/// A search as a driver records it, of which the last three trials are still running: no training, any smooth fitness.
template <class S>
S record(const std::filesystem::path& path, S searcher) {
  Study study = Study::create_or_open(path, replayed_definition());
  const auto ask = [&] {
    const std::vector<Candidate> candidates = searcher.ask(1);
    if (candidates.empty()) return;
    const Candidate& candidate = candidates.front();
    Attributes attributes{{"particle", candidate.particle}, {"slot", candidate.id % 3}, {"begun", candidate.id}};
    if (searcher.stage_one().num_candidates > 0) attributes["stage"] = candidate.stage_one ? 1 : 2;
    study.begin_trial(kSeed + static_cast<uint64_t>(candidate.id), candidate.position, attributes);
  };
  for (int i = 0; i < 3; ++i) ask();
  while (searcher.num_asked() < kNumTrials) {
    const std::vector<Candidate> out = searcher.outstanding();
    const Candidate& candidate = out.at(static_cast<size_t>(searcher.num_told()) % out.size());
    const bool failed = candidate.id == 4;
    TrialResult result;
    result.state = failed ? TrialState::kFail : candidate.stage_one ? TrialState::kPruned : TrialState::kComplete;
    if (!failed) result.value = 1 / (1 + candidate.position[0] + candidate.position[2]);
    result.attributes = {{"told", searcher.num_told()}, {"asked", searcher.num_asked()}, {"epochs", 2}};
    study.finish_trial(candidate.id, result);
    searcher.tell(candidate.id, failed ? kWorst : result.value);
    ask();
  }
  return searcher;
}

class Replay : public testing::Test {
 protected:
  /// The study says this, in one line that names the file, after the change.
  void expect_refused(const std::string& change, const std::string& message, int64_t num_stage_one = 0) {
    const std::filesystem::path path = folder_ / "changed.db";
    std::filesystem::copy_file(path_, path, std::filesystem::copy_options::overwrite_existing);
    SQLite::Database(path.string(), SQLite::OPEN_READWRITE).exec(change);
    Swarm swarm = make_swarm(num_stage_one);
    EXPECT_THAT(
        [&] { replay_study(Study::open_read_only(path), swarm, {kSeed}); },
        ThrowsMessage<StudyError>(AllOf(HasSubstr(path.string()), HasSubstr(message),
                                        testing::Not(HasSubstr("json.exception")), testing::Not(HasSubstr("\n")))))
        << change;
  }
  static std::string of_trial(int64_t number, const std::string& key, const std::string& value) {
    return "UPDATE trial_user_attributes SET value_json = '" + value + "' WHERE \"key\" = '" + key +
           "' AND trial_id = " + std::to_string(number + 1);
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "study.db";
};

TEST_F(Replay, BringsASearcherToWhereItWas) {
  const Swarm original = record(path_, make_swarm());
  Swarm resumed = make_swarm();
  const std::vector<RecordedTrial> trials = replay_study(Study::open_read_only(path_), resumed, {kSeed});
  EXPECT_EQ(resumed.outstanding(), original.outstanding());
  EXPECT_EQ(resumed.outstanding().size(), 3u);
  EXPECT_EQ(resumed.best()->position, original.best()->position);
  ASSERT_EQ(trials.size(), static_cast<size_t>(kNumTrials));
  EXPECT_EQ(trials[4].state, TrialState::kFail);
  EXPECT_EQ(trials[4].slot, 1);
  EXPECT_EQ(trials[4].begun, 4);
  EXPECT_EQ(trials[4].epochs, 2);
  for (const Candidate& candidate : resumed.outstanding()) {
    EXPECT_EQ(trials[static_cast<size_t>(candidate.id)].state, TrialState::kRunning);
  }
}

TEST_F(Replay, WorksForStagesAndForRandomSearch) {
  const Swarm original = record(path_, make_swarm(8));
  Swarm resumed = make_swarm(8);
  EXPECT_TRUE(replay_study(Study::open_read_only(path_), resumed, {kSeed})[7].stage_one);
  EXPECT_EQ(resumed.outstanding(), original.outstanding());
  expect_refused(of_trial(8, "stage", "1"), "trial 8: expected stage = 2, got 1", 8);
  expect_refused(of_trial(2, "stage", "\"one\""), "trial 2: expected stage = a whole number from 0, got \"one\"", 8);
  expect_refused("DELETE FROM trial_user_attributes WHERE \"key\" = 'stage'",
                 "trial 0: expected stage = a whole number from 0, got none", 8);
  expect_refused("SELECT 1", "trial 0: expected stage = none, got 1", 0);

  const std::filesystem::path random = folder_ / "random.db";
  const auto make = [] {
    return RandomSearch(replayed_definition().space.low(), replayed_definition().space.high(), kSeed);
  };
  const RandomSearch first = record(random, make());
  RandomSearch second = make();
  replay_study(Study::open_read_only(random), second, {kSeed});
  EXPECT_EQ(second.outstanding(), first.outstanding());
  Swarm swarm = make_swarm();
  EXPECT_THROW(replay_study(Study::open_read_only(random), swarm, {kSeed}), StudyError);
}

// The identity of a study: whatever of a trial is not what this program gives is named, with both values.
TEST_F(Replay, RefusesTrialsThatDiffer) {
  record(path_, make_swarm());
  expect_refused(of_trial(6, "position", "[0.1, 1.0, 3.0]"), "trial 6: expected position of dropout = ");
  expect_refused(of_trial(6, "seed", "\"4\""), "trial 6: expected seed = 17, got 4");
  expect_refused(of_trial(19, "seed", "\"4\""), "trial 19: expected seed = 30, got 4");
  expect_refused(of_trial(3, "particle", "9"), "trial 3: expected particle = 3, got 9");
  const auto param = [](const std::string& name, const std::string& value) {
    return "UPDATE trial_params SET param_value = " + value + " WHERE trial_id = 6 AND param_name = '" + name + "'";
  };
  expect_refused(param("dropout", "0.499"), "trial 5: expected dropout = 0.");
  expect_refused(param("optimizer", "(param_value + 1) % 3"), "trial 5: expected optimizer = \"");
  expect_refused(param("learning_rate", "param_value * 1.000001"), "trial 5: expected learning_rate = ");
  expect_refused("DELETE FROM trial_params WHERE trial_id = 6 AND param_name = 'dropout'",
                 "trial 5: expected dropout = ");
  // A fitness moves the particles that it drew: the first trial that this moves is named.
  expect_refused("UPDATE trial_values SET value = 5 WHERE trial_id = 3", ": expected position of ");
  // Another seed of the swarm is another search.
  Swarm other(replayed_definition().space.low(), replayed_definition().space.high(),
              {.num_particles = 4, .seed = kSeed + 1});
  EXPECT_THAT([&] { replay_study(Study::open_read_only(path_), other, {kSeed}); },
              ThrowsMessage<StudyError>(HasSubstr("trial 0: expected position of dropout = ")));
}

TEST_F(Replay, RefusesAnotherSchedule) {
  StudyDefinition scheduled;
  scheduled.space = SearchSpace(
      {schedule_dimension(Technique::kDropout, {{ScheduleShape::kEarly, 0.5F}, {ScheduleShape::kLate, 0.5F}})});
  scheduled.base.set(Technique::kDropout, 0.25);
  Swarm searcher(scheduled.space.low(), scheduled.space.high(), {.num_particles = 4, .seed = kSeed});
  {
    Study study = Study::create_or_open(path_, scheduled);
    const std::vector<Candidate> candidates = searcher.ask(1);
    study.begin_trial(kSeed, candidates.at(0).position, {{"particle", 0}, {"slot", 0}, {"begun", 0}});
  }
  const auto replay = [&] {
    Swarm again(scheduled.space.low(), scheduled.space.high(), {.num_particles = 4, .seed = kSeed});
    replay_study(Study::open_read_only(path_), again, {kSeed});
  };
  EXPECT_NO_THROW(replay());
  SQLite::Database(path_.string(), SQLite::OPEN_READWRITE)
      .exec("UPDATE trial_params SET param_value = 1 - param_value");
  EXPECT_THAT(replay, ThrowsMessage<StudyError>(HasSubstr("trial 0: expected dropout = \"0.25@")));
}

TEST_F(Replay, PowersOfTenMayDifferInTheLastDigits) {
  record(path_, make_swarm());
  SQLite::Database(path_.string(), SQLite::OPEN_READWRITE)
      .exec(
          "UPDATE trial_params SET param_value = param_value * (1 - 4e-16) WHERE param_name = 'learning_rate' AND "
          "param_value > 2e-5");
  Swarm swarm = make_swarm();
  EXPECT_NO_THROW(replay_study(Study::open_read_only(path_), swarm, {kSeed}));
}

TEST_F(Replay, RefusesRecordsThatMakeNoSense) {
  record(path_, make_swarm());
  for (const char* key : {"told", "asked", "slot", "begun", "epochs", "particle"}) {
    for (const char* value : {"\"x\"", "null", "-1", "0.5", "[1]", "{}", "1e300", "9223372036854775807"}) {
      expect_refused(of_trial(5, key, value),
                     "trial 5: expected " + std::string(key) + " = a whole number from 0, got ");
    }
  }
  for (const char* key : {"told", "asked"}) {
    expect_refused("DELETE FROM trial_user_attributes WHERE \"key\" = '" + std::string(key) + "' AND trial_id = 6",
                   "expected trials of this search, got trial 5 without its place in the search");
  }
  for (const char* key : {"slot", "begun", "epochs", "particle"}) {
    expect_refused("DELETE FROM trial_user_attributes WHERE \"key\" = '" + std::string(key) + "' AND trial_id = 6",
                   "trial 5: expected " + std::string(key) + " = a whole number from 0, got none");
  }
  expect_refused(of_trial(0, "told", "1"), "expected told = ");
  expect_refused(of_trial(0, "told", "1000"), "expected told = ");
  expect_refused(of_trial(0, "asked", "1000000"), "trial 0: expected asked = at most 20, got 1000000");
  expect_refused(of_trial(0, "asked", "20"), "expected the trials of this search: ");
  expect_refused(of_trial(0, "asked", "0"), "expected the trials of this search: ");
  expect_refused("UPDATE trials SET number = number + 1", "trial 0: expected number = 0, got 1");
  expect_refused("DELETE FROM trials WHERE number = 3", "trial 3: expected number = 3, got 4");
  expect_refused("UPDATE trials SET state = 'RUNNING' WHERE number = 2", "expected ");
  expect_refused("UPDATE trials SET state = 'WAITING' WHERE number = 19", "got trial 19 without its place");
  expect_refused("DELETE FROM trial_values WHERE trial_id = 3", "trial 2: expected value = an accuracy, got none");
}

}  // namespace
}  // namespace murmur
