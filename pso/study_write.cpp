#include <cmath>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/study_impl.hpp"
#include "murmur/pso/study_statement.hpp"

namespace murmur {
namespace {

using nlohmann::json;
using study_statement::check_key;
using study_statement::dump;
using study_statement::execute;

StudyWriter& expect_writer(const std::filesystem::path& path, const std::unique_ptr<StudyWriter>& writer) {
  if (writer == nullptr) throw StudyError("study '{}': expected it open for writing, got read-only", path.string());
  return *writer;
}

}  // namespace

StudyWriter::StudyWriter(const SQLite::Database& database)
    : insert_trial(database,
                   "INSERT INTO trials (number, study_id, state, datetime_start) VALUES (?, ?, 'RUNNING', ?)"),
      insert_param(database,
                   "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) "
                   "VALUES (?, ?, ?, ?)"),
      insert_value(database, "INSERT INTO trial_values (trial_id, value, value_type, objective) VALUES (?, ?, ?, 0)"),
      insert_intermediate(database,
                          "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, "
                          "intermediate_value_type) VALUES (?, ?, ?, ?)"),
      upsert_attribute(database,
                       "INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) VALUES (?, ?, ?) "
                       "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json = excluded.value_json"),
      end_trial(database, "UPDATE trials SET state = ?, datetime_complete = ? WHERE trial_id = ?") {}

Study::Impl::Write::Write(Impl& impl) : impl_(impl) {
  if (!impl.transaction) impl.transaction.emplace(impl.database, SQLite::TransactionBehavior::IMMEDIATE);
}

Study::Impl::Write::~Write() {
  if (is_done_) return;
  impl_.transaction.reset();  // rolls back
  impl_.has_failed = impl_.is_grouped;
}

void Study::Impl::Write::commit() {
  if (!impl_.is_grouped) {
    impl_.transaction->commit();
    impl_.transaction.reset();
  }
  is_done_ = true;
}

Study::Transaction::Transaction(Study& study) : impl_(*study.impl_) {
  if (impl_.is_grouped) throw InvalidArgument("study: expected one transaction at a time, got a second one");
  impl_.is_grouped = true;
}

Study::Transaction::~Transaction() {
  impl_.transaction.reset();  // rolls back what was not committed
  impl_.is_grouped = impl_.has_failed = false;
}

void Study::Transaction::commit() {
  study_file::guarded(impl_.path, [&] {
    if (impl_.has_failed)
      throw StudyError("study '{}': expected writes that succeed, got one that failed", impl_.path.string());
    if (impl_.transaction) impl_.transaction->commit();
    impl_.transaction.reset();
  });
}

void Study::set_attribute(const std::string& key, const json& value) {
  check_key("study attribute", key, {kSpaceKey, kBaseKey});
  expect_writer(impl_->path, impl_->writer);
  study_file::guarded(impl_->path, [&] {
    Impl::Write write(*impl_);
    SQLite::Statement statement(impl_->database,
                                "INSERT INTO study_user_attributes (study_id, \"key\", value_json) VALUES (?, ?, ?) "
                                "ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json = excluded.value_json");
    execute(statement, impl_->study_id, key, dump(value));
    write.commit();
  });
}

int64_t Study::begin_trial(uint64_t seed, std::span<const double> position, const Attributes& attributes) {
  StudyWriter& writer = expect_writer(impl_->path, impl_->writer);
  const Setting setting = impl_->space.decode(position, impl_->base);
  for (const auto& [key, value] : attributes) check_key("trial attribute", key, {kSeedKey, kPositionKey});
  return study_file::guarded(impl_->path, [&] {
    Impl::Write write(*impl_);
    const int64_t number = num_trials();
    execute(writer.insert_trial, number, impl_->study_id, study_schema::format_time(TrialRecord::Time::clock::now()));
    const int64_t trial_id = impl_->database.getLastInsertRowid();
    for (size_t d = 0; d < position.size(); ++d) {
      const Dimension& dimension = impl_->space.dimensions()[d];
      if (!SearchSpace::exists(dimension, setting)) continue;  // as Optuna has conditional parameters
      execute(writer.insert_param, trial_id, key_of(dimension), stored_value(dimension, value_of(setting, dimension)),
              impl_->distributions[d]);
    }
    execute(writer.upsert_attribute, trial_id, kSeedKey, dump(std::to_string(seed)));
    execute(writer.upsert_attribute, trial_id, kPositionKey,
            dump(std::vector<double>(position.begin(), position.end())));
    for (const auto& [key, value] : attributes) execute(writer.upsert_attribute, trial_id, key, dump(value));
    write.commit();
    return number;
  });
}

void Study::finish_trial(int64_t number, const TrialResult& result) {
  StudyWriter& writer = expect_writer(impl_->path, impl_->writer);
  if (result.state == TrialState::kRunning || result.state == TrialState::kWaiting) {
    throw InvalidArgument("study: expected trial {} to end COMPLETE, PRUNED or FAIL, got {}", number,
                          trial_state_name(result.state));
  }
  if (result.state == TrialState::kComplete && std::isnan(result.value)) {
    throw InvalidArgument("study: expected trial {} to be COMPLETE with a value, got NaN", number);
  }
  for (const auto& [key, value] : result.attributes) check_key("trial attribute", key, {kSeedKey, kPositionKey});
  study_file::guarded(impl_->path, [&] {
    Impl::Write write(*impl_);
    const Impl::Row row = impl_->expect(number);
    if (row.state != trial_state_name(TrialState::kRunning)) {
      throw StudyError("study '{}': expected trial {} to be RUNNING, got {}", impl_->path.string(), number, row.state);
    }
    execute(writer.end_trial, std::string(trial_state_name(result.state)),
            study_schema::format_time(TrialRecord::Time::clock::now()), row.trial_id);
    if (!std::isnan(result.value)) {
      execute(writer.insert_value, row.trial_id, result.value, study_schema::value_type(result.value));
    }
    int64_t step = 0;
    for (const double value : result.intermediate) {
      execute(writer.insert_intermediate, row.trial_id, ++step, value, study_schema::value_type(value));
    }
    for (const auto& [key, value] : result.attributes) execute(writer.upsert_attribute, row.trial_id, key, dump(value));
    write.commit();
  });
}

void Study::set_trial_attribute(int64_t number, const std::string& key, const json& value) {
  StudyWriter& writer = expect_writer(impl_->path, impl_->writer);
  check_key("trial attribute", key, {kSeedKey, kPositionKey});
  study_file::guarded(impl_->path, [&] {
    Impl::Write write(*impl_);
    execute(writer.upsert_attribute, impl_->expect(number).trial_id, key, dump(value));
    write.commit();
  });
}

}  // namespace murmur
