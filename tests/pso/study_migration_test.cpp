#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <string>

#include "murmur/engine/error.hpp"
#include "murmur/pso/study.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

const std::vector<double> kMigrationPosition(22, 1.0);
// 2026-11-24 12:00:00.250000 UTC is 17:30 in the zone below.
constexpr const char* kUtc = "2026-11-24 12:00:00.250000";
constexpr const char* kLocal = "2026-11-24 17:30:00.250000";

StudyDefinition migration_definition(const std::string& name = "murmur") {
  StudyDefinition result;
  result.name = name;
  result.attributes = {{"model", "fc"}};
  return result;
}

std::string text(const std::filesystem::path& path, const std::string& query) {
  return SQLite::Database(path.string()).execAndGet(query).getString();
}

void execute(const std::filesystem::path& path, const std::string& statements) {
  SQLite::Database(path.string(), SQLite::OPEN_READWRITE).exec(statements);
}

class StudyMigration : public testing::Test {
 protected:
  void SetUp() override { set_zone("TEST-05:30"); }
  void TearDown() override {
    if (zone_ == "none") {
      unsetenv("TZ");
    } else {
      setenv("TZ", zone_.c_str(), 1);
    }
    tzset();
  }
  static void set_zone(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }

  /// A finished trial and a running one, in the tables that studies had before, with local times.
  void make_old() {
    {
      Study study = Study::create_or_open(path_, migration_definition());
      study.begin_trial(1, kMigrationPosition);
      study.begin_trial(2, kMigrationPosition);
      study.finish_trial(0, {.value = 0.5});
    }
    execute(path_,
            "DROP INDEX ix_trials_study_id; UPDATE alembic_version SET version_num = 'v3.0.0.d'; "
            "DELETE FROM study_system_attributes WHERE \"key\" = 'times'");
    execute(path_, std::string("UPDATE trials SET datetime_start = '") + kLocal + "'");
    execute(path_, std::string("UPDATE trials SET datetime_complete = '") + kLocal + "' WHERE number = 0");
  }

  const std::string zone_ = std::getenv("TZ") == nullptr ? "none" : std::getenv("TZ");
  const TrialRecord::Time time_ = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + std::chrono::hours(12) +
                                  std::chrono::milliseconds(250);
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "study.db";
};

TEST_F(StudyMigration, TimesAreUtc) {
  Study::create_or_open(path_, migration_definition()).begin_trial(1, kMigrationPosition);
  const auto now = std::chrono::system_clock::now();
  const auto started = Study::open_read_only(path_).trial(0).started;
  EXPECT_LT(std::chrono::abs(now - *started), std::chrono::minutes(1));
  const double stored =
      std::stod(text(path_, "SELECT (julianday('now') - julianday(datetime_start)) * 24 FROM trials"));
  EXPECT_NEAR(stored, 0, 0.1);
}

TEST_F(StudyMigration, AnOldStudyIsReadAsItIs) {
  make_old();
  const auto before = folder_.contents();
  {
    const Study study = Study::open_read_only(path_);
    EXPECT_EQ(study.trial(0).started, time_);
    EXPECT_EQ(study.trial(0).finished, time_);
    EXPECT_EQ(study.trial(1).finished, std::nullopt);
  }
  EXPECT_EQ(folder_.contents(), before);
}

TEST_F(StudyMigration, AnOldStudyIsBroughtUpToDateOnce) {
  make_old();
  for (int i = 0; i < 2; ++i) {
    Study study = Study::create_or_open(path_, migration_definition());
    EXPECT_EQ(study.trial(0).started, time_);
    EXPECT_EQ(study.trial(0).finished, time_);
    EXPECT_EQ(study.trial(1).started, time_);
    EXPECT_EQ(study.trial(1).finished, std::nullopt);
  }
  EXPECT_EQ(text(path_, "SELECT version_num FROM alembic_version"), "v3.2.0.a");
  EXPECT_EQ(text(path_, "SELECT datetime_start FROM trials WHERE number = 1"), kUtc);
  EXPECT_EQ(text(path_, "SELECT count(*) FROM sqlite_master WHERE name = 'trials_study_id_key'"), "1");
  // Read in another zone, it is the same moment.
  set_zone("OTHER+08:00");
  EXPECT_EQ(Study::open_read_only(path_).trial(0).started, time_);
}

// `optuna storage upgrade`, which the documentation recommended, leaves the times as they are.
TEST_F(StudyMigration, AStudyThatOptunaUpgradedHasLocalTimesToo) {
  make_old();
  execute(path_,
          "CREATE INDEX trials_study_id_key ON trials (study_id); "
          "UPDATE alembic_version SET version_num = 'v3.2.0.a'");
  EXPECT_EQ(Study::open_read_only(path_).trial(0).started, time_);
  EXPECT_EQ(Study::create_or_open(path_, migration_definition()).trial(0).started, time_);
  EXPECT_EQ(text(path_, "SELECT datetime_complete FROM trials WHERE number = 0"), kUtc);
}

TEST_F(StudyMigration, ARefusedStudyStaysOld) {
  make_old();
  const auto before = folder_.contents();
  StudyDefinition other = migration_definition();
  other.attributes["model"] = "vgg3";
  EXPECT_THROW(Study::create_or_open(path_, other), StudyError);
  EXPECT_EQ(folder_.contents(), before);
}

TEST_F(StudyMigration, ACopyForAnOldOptunaComesBackWithItsIndex) {
  Study::create_or_open(path_, migration_definition()).begin_trial(1, kMigrationPosition);
  execute(path_, "UPDATE alembic_version SET version_num = 'v3.0.0.d'");
  const std::string time = text(path_, "SELECT datetime_start FROM trials");
  { Study::create_or_open(path_, migration_definition()); }
  EXPECT_EQ(text(path_, "SELECT datetime_start FROM trials"), time);
  EXPECT_EQ(text(path_, "SELECT group_concat(name) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'trials'"),
            "ix_trials_study_id");
}

TEST_F(StudyMigration, AFileHoldsSeveralStudies) {
  {
    Study first = Study::create_or_open(path_, migration_definition("first"));
    first.begin_trial(1, kMigrationPosition);
    first.begin_trial(2, kMigrationPosition);
    Study second = Study::create_or_open(path_, migration_definition("second"));
    EXPECT_EQ(second.begin_trial(3, kMigrationPosition), 0);
    EXPECT_EQ(first.begin_trial(4, kMigrationPosition), 2);
    EXPECT_EQ(second.begin_trial(5, kMigrationPosition), 1);
    second.finish_trial(1, {.value = 0.75});
    first.finish_trial(0, {.value = 0.25});
  }
  EXPECT_THAT(study_names(path_), ElementsAre("first", "second"));
  EXPECT_EQ(Study::open_read_only(path_, "first").best_trial()->seed, 1u);
  EXPECT_EQ(Study::open_read_only(path_, "second").best_trial()->seed, 5u);
  EXPECT_EQ(Study::create_or_open(path_, migration_definition("first")).num_trials(), 3);
  StudyDefinition other = migration_definition("second");
  other.attributes["model"] = "vgg3";
  EXPECT_THAT([&] { Study::create_or_open(path_, other); },
              ThrowsMessage<StudyError>(HasSubstr(R"(expected model = "vgg3", got "fc")")));
}

TEST_F(StudyMigration, ACopyIsOneFileAndHasWhatTheLogHas) {
  Study study = Study::create_or_open(path_, migration_definition());
  study.begin_trial(1, kMigrationPosition);
  ASSERT_TRUE(std::filesystem::exists(path_.string() + "-wal"));
  const std::filesystem::path copy = folder_ / "copy.db";
  copy_studies(path_, copy);
  EXPECT_EQ(text(copy, "PRAGMA journal_mode"), "delete");
  EXPECT_FALSE(std::filesystem::exists(copy.string() + "-wal"));
  EXPECT_EQ(Study::open_read_only(copy).trial(0).seed, 1u);
  EXPECT_THAT([&] { copy_studies(path_, copy); },
              ThrowsMessage<StudyError>(HasSubstr("expected a new file, got one that exists")));
  EXPECT_THAT([&] { copy_studies(folder_ / "none.db", folder_ / "other.db"); },
              ThrowsMessage<StudyError>(HasSubstr("got no such file")));
  study.finish_trial(0, {.value = 0.5});
  EXPECT_EQ(Study::open_read_only(copy).trial(0).state, TrialState::kRunning);
  // A copy goes on as the study does.
  Study::create_or_open(copy, migration_definition()).finish_trial(0, {.value = 0.75});
  EXPECT_EQ(text(copy, "PRAGMA journal_mode"), "wal");
}

}  // namespace
}  // namespace murmur
