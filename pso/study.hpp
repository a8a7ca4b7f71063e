#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "murmur/pso/search_space.hpp"
#include "murmur/techniques/techniques.hpp"

namespace murmur {

/// Named values that go with a study or a trial (Optuna's user attributes).
using Attributes = std::map<std::string, nlohmann::json>;

/// Optuna's trial states. kPruned = aborted early, kFail = diverged; kWaiting is only made by Optuna (`enqueue_trial`).
enum class TrialState : uint8_t { kRunning, kComplete, kPruned, kFail, kWaiting };

/// The state as Optuna writes it: `COMPLETE`.
std::string_view trial_state_name(TrialState state);

/// What a study searches: fixed when its file is created.
struct StudyDefinition {
  std::string name = "murmur";
  SearchSpace space = SearchSpace::all();
  Setting base{};           // the values of the techniques that are not searched
  Attributes attributes{};  // whatever else defines the search: model, dataset, epochs, swarm options, ...
};

struct StudyOptions {
  int64_t busy_timeout_ms = 10000;  // how long to wait for another process that is writing
};

/// How a trial ended.
struct TrialResult {
  TrialState state = TrialState::kComplete;                 // kComplete, kPruned or kFail
  double value = std::numeric_limits<double>::quiet_NaN();  // the fitness; NaN = none (not for kComplete)
  std::vector<double> intermediate{};                       // the fitness after each epoch, from epoch 1; may be NaN
  Attributes attributes{};
};

/// A trial as a study holds it.
struct TrialRecord {
  using Time = std::chrono::system_clock::time_point;
  int64_t number = 0;
  TrialState state = TrialState::kRunning;
  uint64_t seed = 0;             // 0 in a trial that Optuna made
  std::vector<double> position;  // raw units of the space; of a trial that Optuna made: encoded from its setting
  Setting setting;               // the trial's parameters over the study's base
  double value = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> intermediate;  // in the order of their steps
  std::optional<Time> started, finished;
  Attributes attributes;  // all but seed and position
};

/// Every trial of a search, in an SQLite file with Optuna's own tables (RDB schema 12, revision v3.2.0.a: Optuna 3.2
/// and later). A file may hold several studies. One of the revision before (v3.0.0.d, which studies had), or with local
/// times, is read as it is, and brought up to date, once, where it is opened for writing.
///
/// What Optuna sees: a study, direction MAXIMIZE. Each searched technique is a parameter in the units that a user
/// writes: Float, Int or Categorical with the choices' names; log where the search is logarithmic. `weight_noise`,
/// whose off = 0 lies outside of its logarithmic range, is a linear Float from 0, for Optuna has no distribution with
/// both. Fitness per epoch = intermediate values, step = epoch from 1. A pruned trial's value is its last intermediate
/// value where the caller gives it (so does Optuna), a failed trial has none. User attributes of a trial: `seed` (a
/// string: JSON readers lose bits of 64-bit numbers), `position` (raw), and the caller's; of the study: `search_space`,
/// `base_setting`, and the definition's. Times are UTC, as Optuna 5 has them (3.2 to 4 take them for local ones).
///
/// Each call that writes is one transaction (or a part of one: `Transaction`), on disk (journal mode WAL, synchronous
/// NORMAL) when it returns: a killed process loses nothing, a power cut at most the last trials. Begun trials that a
/// killed process never finished are still RUNNING; `finish_trial` them later by their number. Use a study from one
/// thread at a time. Other processes may read it all the while (optuna-dashboard). Throws: StudyError from every
/// member: a file that cannot be opened, read or written, is locked, or is not a study.
class Study {
  struct Impl;

 public:
  /// Opens the study for writing, or adds it to the file, or creates the file when there is none. An existing study of
  /// this name must have the same space, base and attributes, no fewer and no more (but for those set later); else
  /// StudyError says what differs, and the file is unchanged. A new file appears at once and complete.
  static Study create_or_open(const std::filesystem::path& path, const StudyDefinition& definition,
                              const StudyOptions& options = {});

  /// Number of the trials that such a study has where there is one, and nothing where there is none. Changes no file.
  /// Throws: as create_or_open.
  static std::optional<int64_t> count_trials(const std::filesystem::path& path, const StudyDefinition& definition,
                                             const StudyOptions& options = {});

  /// Opens a study for reading; the name is needed only when the file has several. Changes no file, and works on a
  /// read-only one.
  static Study open_read_only(const std::filesystem::path& path, const std::string& name = "",
                              const StudyOptions& options = {});

  ~Study();
  Study(Study&&) noexcept;
  Study& operator=(Study&&) noexcept;

  const std::filesystem::path& path() const;
  /// The definition as stored, without attributes that were set later.
  const std::string& name() const;
  const SearchSpace& space() const;
  const Setting& base() const;

  /// All attributes but `search_space` and `base_setting`.
  Attributes attributes() const;
  /// Sets or replaces one.
  void set_attribute(const std::string& key, const nlohmann::json& value);

  /// Records a RUNNING trial and returns its number (0, 1, 2, ...). Its parameters are the decoded position.
  /// Throws: InvalidArgument for a position that does not fit the space, or an attribute called seed or position.
  int64_t begin_trial(uint64_t seed, std::span<const double> position, const Attributes& attributes = {});

  /// Ends a RUNNING trial. Throws: InvalidArgument for kComplete without a value or a state that is no end; StudyError
  /// when there is no such trial or it has ended.
  void finish_trial(int64_t number, const TrialResult& result);

  /// Sets or replaces an attribute of a trial.
  void set_trial_attribute(int64_t number, const std::string& key, const nlohmann::json& value);

  /// What is written while there is one, from the first write on, is one transaction: on disk, all of it, after commit;
  /// nothing of it without. The study's readers here see it before.
  class Transaction {
   public:
    /// Throws: InvalidArgument where there is one.
    explicit Transaction(Study& study);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    /// Throws: StudyError, also where a write failed before.
    void commit();

   private:
    Impl& impl_;
  };

  /// The number of the next trial to begin.
  int64_t num_trials() const;
  std::vector<TrialRecord> trials() const;
  TrialRecord trial(int64_t number) const;
  /// The COMPLETE trial of the highest value, the first of them.
  std::optional<TrialRecord> best_trial() const;

 private:
  explicit Study(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Writes a file of studies, with what lies in its write-ahead log, into one new file; the source may be in use.
/// Throws: StudyError; where there is a file already, or the source is none of studies.
void copy_studies(const std::filesystem::path& from, const std::filesystem::path& to, const StudyOptions& options = {});

/// The names of a file's studies, those of other programs too. Throws: StudyError.
std::vector<std::string> study_names(const std::filesystem::path& path, const StudyOptions& options = {});

}  // namespace murmur
