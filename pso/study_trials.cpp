#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/json_text.hpp"
#include "murmur/pso/stored.hpp"
#include "murmur/pso/study_impl.hpp"
#include "murmur/pso/study_schema.hpp"
#include "murmur/pso/study_statement.hpp"

// How trials are read.
namespace murmur {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 5> kStateNames{"RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING"};

double column_value(SQLite::Statement& statement, int column) {
  return study_schema::stored_value(statement.getColumn(column + 1).getString(),
                                    study_statement::number_in(statement.getColumn(column)));
}

/// Numbers as they are written in a JSON array; none where the text is another.
std::optional<std::vector<double>> parse_numbers(std::string_view text) {
  std::vector<double> numbers;
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  while (!text.empty()) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || !std::isfinite(number)) return std::nullopt;
    numbers.push_back(number);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (text.empty()) break;
    if (text.front() != ',' || text.size() == 1) return std::nullopt;
    text.remove_prefix(1);
  }
  return numbers;
}

/// A trial's attribute; seed and position have places of their own.
void read_attribute(const std::filesystem::path& path, TrialRecord& record, const std::string& key,
                    const std::string& text) {
  const bool is_seed = key == kSeedKey;
  if (!is_seed && key != kPositionKey) {
    record.attributes[key] = parse_json(text);
    return;
  }
  if (!is_seed) {
    if (auto numbers = parse_numbers(text)) {
      record.position = std::move(*numbers);
      return;
    }
  }
  const Stored stored(path, "trial " + std::to_string(record.number), {{key, parse_json(text)}});
  if (is_seed) {
    record.seed = stored.seed(kSeedKey);
    return;
  }
  for (const json& value : stored.array(kPositionKey)) {
    if (!value.is_number()) stored.fail(kPositionKey, "an array of numbers");
    record.position.push_back(value.get<double>());
  }
}

/// Gives a trial without a position, one that Optuna made, that of its setting.
void complete_position(const std::filesystem::path& path, TrialRecord& record, const SearchSpace& space) {
  if (record.position.empty()) record.position = space.encode(record.setting);
  if (static_cast<int64_t>(record.position.size()) == space.num_dimensions()) return;
  throw StudyError("study '{}': expected a position of {} dimensions in trial {}, got {}", path.string(),
                   space.num_dimensions(), record.number, record.position.size());
}

}  // namespace

std::string_view trial_state_name(TrialState state) {
  return kStateNames[static_cast<size_t>(state)];
}

TrialState parse_trial_state(const std::filesystem::path& path, const std::string& name) {
  const auto state = std::find(kStateNames.begin(), kStateNames.end(), name) - kStateNames.begin();
  if (state == std::ssize(kStateNames)) {
    throw StudyError("study '{}': expected a trial state of Optuna (RUNNING, COMPLETE, ...), got '{}'", path.string(),
                     name);
  }
  return static_cast<TrialState>(state);
}

/// Reads the study's trials of a range of row ids.
class Study::Impl::Reader {
 public:
  Reader(const Impl& study, int64_t first_id, int64_t last_id) : study_(study) { read_trials(first_id, last_id); }

  std::vector<TrialRecord> read() && {
    if (records_.empty()) return {};
    read_settings();
    for_each("trial_values", "value, value_type, objective", [](TrialRecord& record, SQLite::Statement& row) {
      if (row.getColumn(3).getInt64() == 0) record.value = column_value(row, 1);
    });
    read_intermediate();
    for_each("trial_user_attributes", "\"key\", value_json", [&](TrialRecord& record, SQLite::Statement& row) {
      read_attribute(study_.path, record, row.getColumn(1).getString(), row.getColumn(2).getString());
    });
    for (TrialRecord& record : records_) complete_position(study_.path, record, study_.space);
    return std::move(records_);
  }

 private:
  void read_trials(int64_t first_id, int64_t last_id);
  void read_settings();
  void read_intermediate();

  /// Calls f(trial, statement) for each row of a table that belongs to one of the trials, in the order of the table.
  /// `columns` come behind the trial's row id.
  template <class F>
  void for_each(const std::string& table, const std::string& columns, const F& f);

  const Impl& study_;
  std::vector<int64_t> ids_;  // row ids, ascending
  std::vector<TrialRecord> records_;
};

void Study::Impl::Reader::read_trials(int64_t first_id, int64_t last_id) {
  SQLite::Statement statement(study_.database,
                              "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials "
                              "WHERE study_id = ? AND trial_id BETWEEN ? AND ? ORDER BY trial_id");
  statement.bind(1, study_.study_id);
  statement.bind(2, first_id);
  statement.bind(3, last_id);
  while (statement.executeStep()) {
    ids_.push_back(statement.getColumn(0).getInt64());
    TrialRecord& record = records_.emplace_back();
    record.number = statement.getColumn(1).getInt64();
    record.state = parse_trial_state(study_.path, statement.getColumn(2).getString());
    record.setting = study_.base;
    record.started = study_schema::parse_time(statement.getColumn(3).getString(), study_.zone);
    record.finished = study_schema::parse_time(statement.getColumn(4).getString(), study_.zone);
  }
}

template <class F>
void Study::Impl::Reader::for_each(const std::string& table, const std::string& columns, const F& f) {
  // One trial is found by the table's index; for many, going through the table as it lies in the file is faster.
  const char* const column = ids_.size() == 1 ? "trial_id" : "+trial_id";
  SQLite::Statement statement(
      study_.database, "SELECT trial_id, " + columns + " FROM " + table + " WHERE " + column + " BETWEEN ? AND ?");
  statement.bind(1, ids_.front());
  statement.bind(2, ids_.back());
  size_t trial = 0;  // most rows are of the same trial as the row before
  while (statement.executeStep()) {
    const int64_t id = statement.getColumn(0).getInt64();
    if (ids_[trial] != id) {
      const auto found = std::ranges::lower_bound(ids_, id);
      if (found == ids_.end() || *found != id) continue;  // of another study
      trial = static_cast<size_t>(found - ids_.begin());
    }
    f(records_[trial], statement);
  }
}

void Study::Impl::Reader::read_settings() {
  struct Parameter {
    Technique id;
    const Dimension* dimension;  // null: not searched
  };
  const std::vector<std::string> keys = study_.space.keys();
  std::unordered_map<std::string_view, Parameter> parameters;
  for (const TechniqueInfo& info : techniques()) parameters[info.key] = {info.id, nullptr};
  for (size_t d = 0; d < keys.size(); ++d) {
    const Dimension& dimension = study_.space.dimensions()[d];
    parameters[keys[d]] = {dimension.id, &dimension};
  }
  for_each("trial_params", "param_name, param_value", [&](TrialRecord& record, SQLite::Statement& row) {
    const auto found = parameters.find(row.getColumn(1).getText());
    if (found == parameters.end()) return;  // not ours
    const auto [id, dimension] = found->second;
    const double stored = row.getColumn(2).getDouble();
    if (dimension == nullptr) return record.setting.set(id, stored);
    set_value(record.setting, *dimension, parse_stored_value(*dimension, stored));
  });
}

void Study::Impl::Reader::read_intermediate() {
  struct Value {
    TrialRecord* trial;
    int64_t step;
    double value;
  };
  std::vector<Value> values;
  for_each("trial_intermediate_values", "step, intermediate_value, intermediate_value_type",
           [&](TrialRecord& record, SQLite::Statement& row) {
             values.push_back({&record, row.getColumn(1).getInt64(), column_value(row, 2)});
           });
  std::ranges::sort(values, {}, [](const Value& value) { return std::pair(value.trial, value.step); });
  for (const Value& value : values) value.trial->intermediate.push_back(value.value);
}

std::vector<TrialRecord> Study::Impl::read(int64_t first_id, int64_t last_id) const {
  std::optional<SQLite::Transaction> snapshot;  // all tables as of one moment
  if (!transaction) snapshot.emplace(database);
  return Reader(*this, first_id, last_id).read();
}

}  // namespace murmur
