#include "murmur/pso/study_file.hpp"

#include <SQLiteCpp/Backup.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "murmur/engine/file.hpp"
#include "murmur/pso/study_schema.hpp"

namespace murmur::study_file {
namespace {

namespace fs = std::filesystem;

// Between the name of a study's file and the number of the process that is making it; and what SQLite puts behind.
constexpr const char* kNew = ".new-";
constexpr std::array<std::string_view, 4> kSuffixes{"", "-journal", "-wal", "-shm"};

bool is_read_only(SQLite::Database& database) {
  return sqlite3_db_readonly(database.getHandle(), "main") == 1;
}

/// The path as an SQLite URI.
std::string uri(const fs::path& path, std::string_view query) {
  std::string text = "file:";
  for (const char c : path.string()) {
    const bool plain = c != '?' && c != '#' && c != '%';
    text += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return text + "?" + std::string(query);
}

int64_t count(SQLite::Database& database, const std::string& query) {
  return database.execAndGet(query).getInt64();
}

/// A reader that may tidy up the write-ahead log when it closes; needs a folder and a file that can be written.
SQLite::Database open_tidy_reader(const fs::path& path, int busy_timeout_ms) {
  SQLite::Database database(path.string(), SQLite::OPEN_READWRITE, busy_timeout_ms);
  if (is_read_only(database)) throw SQLite::Exception("read-only", SQLITE_READONLY);
  database.exec("PRAGMA query_only=ON");
  count(database, "SELECT count(*) FROM sqlite_master");  // the first read opens the log
  return database;
}

/// The file that a study is made in, and what SQLite keeps beside it: none of them is there before or after. Its names
/// are there from the beginning, so that they go when no memory is left.
class TemporaryFiles {
 public:
  explicit TemporaryFiles(const fs::path& path) {
    for (const std::string_view suffix : kSuffixes) names_.push_back(path.string() + std::string(suffix));
    remove();
  }
  ~TemporaryFiles() { remove(); }
  TemporaryFiles(const TemporaryFiles&) = delete;
  TemporaryFiles& operator=(const TemporaryFiles&) = delete;

 private:
  void remove() const {
    for (const std::string& name : names_) ::unlink(name.c_str());
  }
  std::vector<std::string> names_;
};

/// An empty file that nobody else has made, and no link to one.
void create_alone(const fs::path& path, const fs::path& temporary) {
  constexpr mode_t kMode = 0644;  // as SQLite; less the umask
  const int descriptor = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode);
  if (descriptor < 0) {
    throw StudyError("study '{}': expected to create '{}' in a folder that can be written, got: {}", path.string(),
                     temporary.string(), std::generic_category().message(errno));
  }
  ::close(descriptor);
}

/// Gives a file its name unless the name is taken.
bool publish(const fs::path& temporary, const fs::path& path) {
  std::error_code error;
  fs::create_hard_link(temporary, path, error);
  if (!error) return true;
  std::error_code ignored;
  if (fs::exists(path, ignored)) return false;
  // A file system without hard links: the remaining race needs two processes that create one study at the same moment.
  fs::rename(temporary, path, error);
  if (error) {
    throw StudyError("study '{}': expected to create the file, got: {}", path.string(), error.message());
  }
  return true;
}

/// A file that `fill` makes, which appears under its name only when it is complete. False where the name was taken.
bool make_file(const fs::path& path, const std::function<void(SQLite::Database&)>& fill) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  remove_leftovers(folder, path.filename().string() + kNew,
                   [](std::string_view end) { return std::ranges::find(kSuffixes, end) != kSuffixes.end(); });
  const fs::path temporary = path.string() + fmt::format("{}{}", kNew, getpid());
  const TemporaryFiles files(temporary);
  create_alone(path, temporary);
  guarded(path, [&] {
    SQLite::Database database(temporary.string(), SQLite::OPEN_READWRITE);
    fill(database);
  });
  return publish(temporary, path);
}

/// What is damaged, of a disk or a copy that was cut, is seen before anything is built on it.
void check_undamaged(const fs::path& path, SQLite::Database& database) {
  const std::string state = database.execAndGet("PRAGMA quick_check(1)").getString();
  if (state == "ok") return;
  throw StudyError("study '{}': expected an undamaged SQLite file, got: {} (sqlite3's .recover saves what it can)",
                   path.string(), state);
}

SQLite::Database open_any_reader(const fs::path& path, int64_t busy_timeout_ms) {
  return guarded(path, [&] {
    const int timeout = static_cast<int>(busy_timeout_ms);
    const fs::path file = fs::canonical(path);  // SQLite keeps its log beside the file itself, not beside a link
    // A log: a search is running, or was killed. Read through it and let it lie.
    if (fs::exists(file.string() + "-wal")) return SQLite::Database(file.string(), SQLite::OPEN_READONLY, timeout);
    try {
      return open_tidy_reader(file, timeout);
    } catch (const SQLite::Exception& error) {
      const int code = error.getErrorCode() & 0xff;
      if (code != SQLITE_READONLY && code != SQLITE_CANTOPEN) throw;
    }
    // A file or folder that cannot be written, and no log: nobody here writes it, so it may be read without locks.
    return SQLite::Database(uri(file, "immutable=1"), SQLite::OPEN_READONLY | SQLite::OPEN_URI, timeout);
  });
}

}  // namespace

void throw_study_error(const fs::path& path, const SQLite::Exception& error) {
  const auto fail = [&path](std::string_view expected, std::string_view got) {
    throw StudyError("study '{}': expected {}, got {}", path.string(), expected, got);
  };
  switch (error.getErrorCode() & 0xff) {
    case SQLITE_NOTADB:
      fail("a study (an SQLite file with Optuna's tables)", "a file that is not SQLite");
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      fail("a file that is free", "one that another process keeps locked");
      break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      fail("a file and folder that can be written", "a read-only one");
      break;
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
      fail("a file that can be opened, in a folder that can be written", error.what());
      break;
    case SQLITE_FULL:
      fail("room on the disk", "a full one");
      break;
    case SQLITE_IOERR:
      fail("to read and write the file", error.what());
      break;
    case SQLITE_CORRUPT:
      fail("an undamaged SQLite file", error.what());
      break;
    default:
      break;
  }
  throw StudyError("study '{}': SQLite failed: {}", path.string(), error.what());
}

bool exists(const fs::path& path) {
  // What SQLite would take for something else than a file, here or where another program opens it.
  if (path.string().starts_with("file:") || path.string().starts_with(":")) {
    throw StudyError("study '{}': expected a file, got a name that SQLite takes for something else; './{}' is a file",
                     path.string(), path.string());
  }
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::exists(status)) {
    if (!fs::is_regular_file(status)) {
      throw StudyError("study '{}': expected a file, got {}", path.string(),
                       fs::is_directory(status) ? "a folder" : "a special file");
    }
    if (fs::file_size(path, error) == 0) {
      throw StudyError("study '{}': expected a study (an SQLite file with Optuna's tables), got an empty file",
                       path.string());
    }
    return true;
  }
  if (fs::is_symlink(fs::symlink_status(path, error))) {
    throw StudyError("study '{}': expected a file, got a link to a file that does not exist", path.string());
  }
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (path.filename().empty() || !fs::is_directory(folder, error)) {
    throw StudyError("study '{}': expected a file in an existing folder, got no folder '{}'", path.string(),
                     folder.string());
  }
  return false;
}

SQLite::Database open_reader(const fs::path& path, int64_t busy_timeout_ms) {
  SQLite::Database database = open_any_reader(path, busy_timeout_ms);
  guarded(path, [&] { check_undamaged(path, database); });
  return database;
}

SQLite::Database open_writer(const fs::path& path, int64_t busy_timeout_ms) {
  return guarded(path, [&] {
    SQLite::Database database(path.string(), SQLite::OPEN_READWRITE, static_cast<int>(busy_timeout_ms));
    if (is_read_only(database)) throw SQLite::Exception("read-only", SQLITE_READONLY);
    database.exec("PRAGMA synchronous=NORMAL");
    {
      // throws now, not after an hour of training
      const SQLite::Transaction probe(database, SQLite::TransactionBehavior::IMMEDIATE);
    }
    database.exec("PRAGMA journal_mode=WAL");  // kept in the file; a copy has none
    check_undamaged(path, database);
    return database;
  });
}

void check_tables(const fs::path& path, SQLite::Database& database) {
  guarded(path, [&] {
    for (const std::string_view table : study_schema::tables()) {
      if (count(database, fmt::format("SELECT count(*) FROM sqlite_master WHERE type='table' AND name='{}'", table)) ==
          0) {
        throw StudyError("study '{}': expected a study with Optuna's tables, got an SQLite file without table '{}'",
                         path.string(), table);
      }
    }
    const int64_t version = count(database, "SELECT coalesce(max(schema_version), 0) FROM version_info");
    if (version != study_schema::kSchemaVersion) {
      throw StudyError("study '{}': expected Optuna's schema version {}, got {}", path.string(),
                       study_schema::kSchemaVersion, version);
    }
  });
}

void create(const fs::path& path, const std::function<void(SQLite::Database&)>& fill) {
  make_file(path, [&](SQLite::Database& database) {
    SQLite::Transaction transaction(database);
    database.exec(study_schema::kCreateTables);
    fill(database);
    transaction.commit();
    database.exec("PRAGMA journal_mode=WAL");  // kept in the file
  });
}

bool copy(SQLite::Database& database, const fs::path& path) {
  return make_file(path, [&](SQLite::Database& target) {
    if (SQLite::Backup(target, database).executeStep() != SQLITE_DONE) {
      throw SQLite::Exception("the file is in use", SQLITE_BUSY);
    }
    target.exec("PRAGMA journal_mode=DELETE");  // no log beside it, whoever opens it
  });
}

}  // namespace murmur::study_file
