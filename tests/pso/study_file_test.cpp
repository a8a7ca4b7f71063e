#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "murmur/engine/error.hpp"
#include "murmur/pso/study.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

const std::vector<double> kFilePosition(22, 1.0);
const StudyOptions kImpatient{.busy_timeout_ms = 50};

StudyDefinition file_definition() {
  StudyDefinition result;
  result.attributes = {{"model", "fc"}, {"dataset", "mnist"}};
  return result;
}

class StudyFile : public testing::Test {
 protected:
  /// Both ways of opening say this, and neither changes or leaves anything.
  void expect_rejected(const std::filesystem::path& path, const std::string& message) {
    const auto before = folder_.contents();
    const auto matches = ThrowsMessage<StudyError>(AllOf(HasSubstr(path.string()), HasSubstr(message)));
    EXPECT_THAT([&] { Study::create_or_open(path, file_definition(), kImpatient); }, matches);
    EXPECT_THAT([&] { Study::open_read_only(path, "", kImpatient); }, matches);
    EXPECT_EQ(folder_.contents(), before);
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "study.db";
};

TEST_F(StudyFile, ANewStudyIsOneFile) {
  { Study::create_or_open(path_, file_definition()); }
  const auto files = folder_.contents();
  EXPECT_EQ(files.size(), 1u);
  { Study::create_or_open(path_, file_definition()); }
  { Study::open_read_only(path_).trials(); }
  EXPECT_EQ(folder_.contents(), files);
}

TEST_F(StudyFile, MissingFolder) {
  expect_rejected(folder_ / "none" / "study.db", "got no folder");
}

TEST_F(StudyFile, Folder) {
  std::filesystem::create_directory(path_);
  expect_rejected(path_, "expected a file, got a folder");
}

TEST_F(StudyFile, LinkToNothing) {
  std::filesystem::create_symlink(folder_ / "none.db", path_);
  expect_rejected(path_, "got a link to a file that does not exist");
}

TEST_F(StudyFile, NotSqlite) {
  folder_.write("study.db", std::string(5000, 'x'));
  expect_rejected(path_, "got a file that is not SQLite");
}

TEST_F(StudyFile, EmptyFile) {
  folder_.write("study.db", "");
  expect_rejected(path_, "got an empty file");
}

TEST_F(StudyFile, DeviceFile) {
  expect_rejected("/dev/null", "got a special file");
}

TEST_F(StudyFile, SqliteOfAnotherProgram) {
  for (const char* mode : {"DELETE", "WAL"}) {
    const std::filesystem::path path = folder_ / (std::string(mode) + ".db");
    {
      SQLite::Database other(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
      other.exec("PRAGMA journal_mode=" + std::string(mode));
      other.exec("CREATE TABLE trials (x)");
    }
    expect_rejected(path, "got an SQLite file without table 'studies'");
  }
}

TEST_F(StudyFile, DamagedFile) {
  { Study::create_or_open(path_, file_definition()).begin_trial(1, kFilePosition); }
  std::filesystem::resize_file(path_, 8192);
  expect_rejected(path_, "undamaged");
}

// A page of trials that nothing reads while a study is opened.
TEST_F(StudyFile, DamagedInTheMiddle) {
  {
    Study study = Study::create_or_open(path_, file_definition());
    for (uint64_t trial = 0; trial < 200; ++trial) study.begin_trial(trial, kFilePosition);
  }
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path_));
  std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(size / 4096 / 2 * 4096);
  file << std::string(4096, '\x5a');
  file.close();
  EXPECT_THAT([&] { Study::create_or_open(path_, file_definition()); },
              ThrowsMessage<StudyError>(HasSubstr("expected an undamaged SQLite file")));
  EXPECT_THAT([&] { Study::open_read_only(path_); },
              ThrowsMessage<StudyError>(HasSubstr("expected an undamaged SQLite file")));
}

TEST_F(StudyFile, OtherSchemaVersion) {
  { Study::create_or_open(path_, file_definition()); }
  SQLite::Database(path_.string(), SQLite::OPEN_READWRITE).exec("UPDATE version_info SET schema_version = 13");
  expect_rejected(path_, "schema version 12, got 13");
}

TEST_F(StudyFile, StudyOfOptunaAlone) {
  { Study::create_or_open(path_, file_definition()); }
  SQLite::Database(path_.string(), SQLite::OPEN_READWRITE).exec("DELETE FROM study_user_attributes");
  expect_rejected(path_, "expected a study made by murmur");
}

TEST_F(StudyFile, StudyThatMinimises) {
  { Study::create_or_open(path_, file_definition()); }
  SQLite::Database(path_.string(), SQLite::OPEN_READWRITE).exec("UPDATE study_directions SET direction='MINIMIZE'");
  expect_rejected(path_, "MAXIMIZE, got MINIMIZE");
}

TEST_F(StudyFile, UnknownTechniqueInTheSpace) {
  { Study::create_or_open(path_, file_definition()); }
  SQLite::Database(path_.string(), SQLite::OPEN_READWRITE)
      .exec(
          "UPDATE study_user_attributes SET value_json = '[{\"key\": \"telepathy\"}]' WHERE \"key\" = 'search_space'");
  expect_rejected(path_, "unknown technique 'telepathy'");
}

/// The study's space with one change, as JSON.
void rewrite_space(const std::filesystem::path& path, const std::function<void(nlohmann::json&)>& change) {
  nlohmann::json space = SearchSpace::all().to_json();
  change(space);
  SQLite::Database database(path.string(), SQLite::OPEN_READWRITE);
  SQLite::Statement update(database, "UPDATE study_user_attributes SET value_json = ? WHERE \"key\" = 'search_space'");
  update.bind(1, space.dump());
  update.exec();
}

// The study's positions are read as it was defined, and a search that is defined otherwise does not go on.
TEST_F(StudyFile, DimensionsThatTheSearchHasOtherwise) {
  { Study::create_or_open(path_, file_definition()); }
  const size_t optimizer = 14, rate = 15;
  const auto expect_moved = [&](const char* message, const std::function<void(nlohmann::json&)>& change) {
    rewrite_space(path_, change);
    EXPECT_NE(Study::open_read_only(path_).space(), SearchSpace::all());
    EXPECT_THAT([&] { Study::create_or_open(path_, file_definition(), kImpatient); },
                ThrowsMessage<StudyError>(AllOf(HasSubstr(path_.string()), HasSubstr(message))));
  };
  // As a program wrote it whose table had two optimizers.
  expect_moved(R"(expected search_space optimizer choices = ["sgd","momentum","adam"], got ["sgd","momentum"])",
               [&](nlohmann::json& space) {
                 space[optimizer]["choices"] = {"sgd", "momentum"};
                 space[optimizer]["raw_high"] = 2.0;
               });
  EXPECT_EQ(Study::open_read_only(path_).space().dimensions()[optimizer].choices, (std::vector<double>{0, 1}));
  expect_moved("expected search_space learning_rate high = 0.1, got 1.0", [&](nlohmann::json& space) {
    space[rate]["high"] = 1.0;
    space[rate]["raw_low"] = 0.0;
  });
  expect_moved("expected search_space learning_rate off_high = none, got 5.5", [&](nlohmann::json& space) {
    space[rate]["off_low"] = 5.0;
    space[rate]["off_high"] = 5.5;
  });
  rewrite_space(path_, [](nlohmann::json&) {});
  EXPECT_EQ(Study::create_or_open(path_, file_definition()).space(), SearchSpace::all());
}

TEST_F(StudyFile, DimensionsThatMakeNoSense) {
  { Study::create_or_open(path_, file_definition()); }
  const size_t optimizer = 14, rate = 15;
  const auto expect_refused = [&](const char* message, const std::function<void(nlohmann::json&)>& change) {
    rewrite_space(path_, change);
    expect_rejected(path_, message);
  };
  expect_refused("expected raw bounds of optimizer = 0 and 3, the number of its choices, got 0 and 2",
                 [&](nlohmann::json& space) { space[optimizer]["raw_high"] = 2.0; });
  expect_refused("optimizer: expected one of sgd, momentum, adam, nesterov, adamw, sgld, got 'lion'",
                 [&](nlohmann::json& space) { space[optimizer]["choices"][2] = "lion"; });
  expect_refused("expected search_space learning_rate = {",
                 [&](nlohmann::json& space) { space[rate]["scale"] = "linear"; });
  expect_refused("expected search_space learning_rate = {", [&](nlohmann::json& space) { space[rate]["off"] = 0.1; });
  expect_refused("expected decode of learning_rate = a way to decode, got none",
                 [&](nlohmann::json& space) { space[rate].erase("decode"); });
  expect_refused("expected raw_low of learning_rate = a number, got \"1\"",
                 [&](nlohmann::json& space) { space[rate]["raw_low"] = "1"; });
  expect_refused("expected raw_low < raw_high of learning_rate, got 5 and 5",
                 [&](nlohmann::json& space) { space[rate]["raw_low"] = 5.0; });
  expect_refused("expected low <= high of learning_rate, got 0.2 and 0.1",
                 [&](nlohmann::json& space) { space[rate]["low"] = 0.2; });
  expect_refused("learning_rate: expected a value in [1e-08, 10], got 0",
                 [&](nlohmann::json& space) { space[rate]["low"] = 0.0; });
  expect_refused("expected search_space learning_rate = {", [&](nlohmann::json& space) { space[rate]["step"] = 1; });
  expect_refused("expected search_space with a key, range and scale for each dimension, got \"shuffle\"",
                 [](nlohmann::json& space) {
                   space = {"shuffle", "flip"};
                 });
  expect_refused("expected search_space = an array, got 7", [](nlohmann::json& space) { space = 7; });
  expect_refused("expected at least one technique", [](nlohmann::json& space) { space = nlohmann::json::array(); });
  expect_refused("got {\"key\":5}", [](nlohmann::json& space) { space = {{{"key", 5}}}; });
}

TEST_F(StudyFile, AttributesOfTheWrongType) {
  { Study::create_or_open(path_, file_definition()); }
  const auto expect_refused = [&](const std::string& table, const std::string& key, const std::string& value,
                                  const std::string& message) {
    const std::filesystem::path copy = folder_ / "copy.db";
    std::filesystem::copy_file(path_, copy, std::filesystem::copy_options::overwrite_existing);
    SQLite::Database(copy.string(), SQLite::OPEN_READWRITE)
        .exec("UPDATE " + table + " SET value_json = '" + value + "' WHERE \"key\" = '" + key + "'");
    EXPECT_THAT([&] { Study::create_or_open(copy, file_definition(), kImpatient); },
                ThrowsMessage<StudyError>(AllOf(HasSubstr(copy.string()), HasSubstr(message))));
  };
  expect_refused("study_user_attributes", "base_setting", "3", "expected an object of techniques, got 3");
  expect_refused("study_user_attributes", "base_setting", "{\"zoom\": \"far\"}",
                 "zoom: expected a number, got \"far\"");
  expect_refused("study_user_attributes", "base_setting", "{\"zoom\": 1e999}",
                 "attribute 'base_setting': expected JSON, got ");
  expect_refused("study_user_attributes", "base_setting", "{\"zoom\": 0.1}",
                 "expected base_setting zoom = 0.0, got 0.1");
  expect_refused("study_system_attributes", "definition", "{\"a\": 1}", "expected definition = the keys of attributes");
  expect_refused("study_system_attributes", "definition", "7", "expected definition = the keys of attributes");
}

TEST_F(StudyFile, AttributeThatIsNotJson) {
  { Study::create_or_open(path_, file_definition()); }
  SQLite::Database(path_.string(), SQLite::OPEN_READWRITE)
      .exec("UPDATE study_user_attributes SET value_json = '{oops' WHERE \"key\" = 'model'");
  expect_rejected(path_, "attribute 'model': expected JSON, got ");
}

TEST_F(StudyFile, AValueThatIsNoNumber) {
  {
    Study study = Study::create_or_open(path_, file_definition());
    TrialResult result;
    result.state = TrialState::kComplete;
    result.value = 0.5;
    study.finish_trial(study.begin_trial(1, kFilePosition), result);
  }
  SQLite::Database(path_.string(), SQLite::OPEN_READWRITE).exec("UPDATE trial_values SET value = 'abc'");
  EXPECT_THAT([&] { Study::open_read_only(path_).trials(); },
              ThrowsMessage<StudyError>(HasSubstr("value: expected a number, got 'abc'")));
}

// Working on it would end the stack.
TEST_F(StudyFile, AttributesThatAreNestedTooDeep) {
  { Study::create_or_open(path_, file_definition()).begin_trial(1, kFilePosition, {{"a", 1}}); }
  const std::string value = std::string(1000000, '[') + std::string(1000000, ']');
  for (const char* where :
       {"study_user_attributes WHERE \"key\" = 'model'", "trial_user_attributes WHERE \"key\" = 'a'",
        "trial_user_attributes WHERE \"key\" = 'position'", "study_system_attributes WHERE \"key\" = 'definition'"}) {
    const std::filesystem::path copy = folder_ / "copy.db";
    std::filesystem::copy_file(path_, copy, std::filesystem::copy_options::overwrite_existing);
    const std::string place(where);
    const size_t space = place.find(' ');
    SQLite::Database(copy.string(), SQLite::OPEN_READWRITE)
        .exec("UPDATE " + place.substr(0, space) + " SET value_json = '" + value + "'" + place.substr(space));
    EXPECT_THAT(
        [&] {
          Study study = Study::create_or_open(copy, file_definition(), kImpatient);
          static_cast<void>(study.trials());
        },
        ThrowsMessage<StudyError>(AllOf(HasSubstr(copy.string()), HasSubstr("expected JSON nested at most 64 deep"))))
        << where;
  }
}

TEST_F(StudyFile, TrialThatMakesNoSense) {
  { Study::create_or_open(path_, file_definition()).begin_trial(1, kFilePosition); }
  const auto expect_unreadable = [&](const std::string& damage, const std::string& message) {
    SQLite::Database database(path_.string(), SQLite::OPEN_READWRITE);
    database.exec("SAVEPOINT undo; " + damage);
    database.exec("RELEASE undo");
    EXPECT_THAT([&] { Study::open_read_only(path_).trials(); }, ThrowsMessage<StudyError>(HasSubstr(message)));
  };
  expect_unreadable("UPDATE trials SET state = 'LOST'", "got 'LOST'");
  expect_unreadable(
      "UPDATE trials SET state = 'FAIL'; UPDATE trial_params SET param_value = 7 WHERE param_name = 'zoom'",
      "zoom: expected a value in [0, 0.9], got 7");
  expect_unreadable(
      "UPDATE trial_params SET param_value = 0 WHERE param_name = 'zoom'; "
      "UPDATE trial_user_attributes SET value_json = '\"x\"' WHERE \"key\" = 'seed'",
      "trial 0: expected seed = a 64-bit number as a text, got \"x\"");
  expect_unreadable(
      "UPDATE trial_user_attributes SET value_json = '\"1\"' WHERE \"key\" = 'seed'; "
      "UPDATE trial_user_attributes SET value_json = '[1]' WHERE \"key\" = 'position'",
      "22 dimensions in trial 0, got 1");
  expect_unreadable("UPDATE trial_user_attributes SET value_json = '7' WHERE \"key\" = 'position'",
                    "trial 0: expected position = an array, got 7");
  expect_unreadable("UPDATE trial_user_attributes SET value_json = '[null]' WHERE \"key\" = 'position'",
                    "trial 0: expected position = an array of numbers, got [null]");
  expect_unreadable(
      "UPDATE trial_user_attributes SET value_json = '[1]' WHERE \"key\" = 'position'; "
      "UPDATE trial_user_attributes SET value_json = '{}' WHERE \"key\" = 'seed'",
      "trial 0: expected seed = a text, got {}");
}

TEST_F(StudyFile, StudyOfAnotherSearch) {
  { Study::create_or_open(path_, file_definition()); }
  const auto before = folder_.contents();
  const auto expect_different = [&](const std::string& message, const std::function<void(StudyDefinition&)>& change) {
    StudyDefinition other = file_definition();
    change(other);
    EXPECT_THAT([&] { Study::create_or_open(path_, other); }, ThrowsMessage<StudyError>(HasSubstr(message)));
  };
  expect_different(R"(expected dataset = "cifar10", got "mnist")",
                   [](StudyDefinition& d) { d.attributes["dataset"] = "cifar10"; });
  expect_different("expected epochs = 20, got none", [](StudyDefinition& d) { d.attributes["epochs"] = 20; });
  expect_different(R"(expected search_space = ["zoom"], got ["shuffle",)",
                   [](StudyDefinition& d) { d.space = SearchSpace({Technique::kZoom}); });
  expect_different(R"(expected dataset = none, got "mnist")",
                   [](StudyDefinition& d) { d.attributes.erase("dataset"); });
  expect_different("expected base_setting", [](StudyDefinition& d) { d.base.set(Technique::kZoom, 0.1); });
  EXPECT_EQ(folder_.contents(), before);
}

TEST_F(StudyFile, WrongDefinitionsCreateNothing) {
  StudyDefinition nameless = file_definition();
  nameless.name = "";
  EXPECT_THROW(Study::create_or_open(path_, nameless), InvalidArgument);
  StudyDefinition reserved = file_definition();
  reserved.attributes["base_setting"] = 1;
  EXPECT_THROW(Study::create_or_open(path_, reserved), InvalidArgument);
  EXPECT_THAT([&] { Study::open_read_only(path_); }, ThrowsMessage<StudyError>(HasSubstr("got no such file")));
  EXPECT_TRUE(folder_.contents().empty());
}

}  // namespace
}  // namespace murmur
