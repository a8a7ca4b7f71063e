#include "murmur/pso/study_schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>

namespace murmur::study_schema {

// Source: optuna/storages/_rdb/models.py of Optuna 5.0, schema version 12, alembic revision v3.2.0.a.
const char* const kCreateTables = R"sql(
CREATE TABLE studies (
  study_id INTEGER NOT NULL, study_name VARCHAR(512) NOT NULL,
  PRIMARY KEY (study_id));
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE TABLE version_info (
  version_info_id INTEGER NOT NULL, schema_version INTEGER, library_version VARCHAR(256),
  PRIMARY KEY (version_info_id), CHECK (version_info_id=1));
CREATE TABLE study_directions (
  study_direction_id INTEGER NOT NULL, direction VARCHAR(8) NOT NULL, study_id INTEGER NOT NULL,
  objective INTEGER NOT NULL,
  PRIMARY KEY (study_direction_id), UNIQUE (study_id, objective),
  FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE TABLE study_user_attributes (
  study_user_attribute_id INTEGER NOT NULL, study_id INTEGER, "key" VARCHAR(512), value_json TEXT,
  PRIMARY KEY (study_user_attribute_id), UNIQUE (study_id, "key"),
  FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE TABLE study_system_attributes (
  study_system_attribute_id INTEGER NOT NULL, study_id INTEGER, "key" VARCHAR(512), value_json TEXT,
  PRIMARY KEY (study_system_attribute_id), UNIQUE (study_id, "key"),
  FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE TABLE trials (
  trial_id INTEGER NOT NULL, number INTEGER, study_id INTEGER, state VARCHAR(8) NOT NULL,
  datetime_start DATETIME, datetime_complete DATETIME,
  PRIMARY KEY (trial_id), FOREIGN KEY(study_id) REFERENCES studies (study_id));
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE TABLE trial_user_attributes (
  trial_user_attribute_id INTEGER NOT NULL, trial_id INTEGER, "key" VARCHAR(512), value_json TEXT,
  PRIMARY KEY (trial_user_attribute_id), UNIQUE (trial_id, "key"),
  FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_system_attributes (
  trial_system_attribute_id INTEGER NOT NULL, trial_id INTEGER, "key" VARCHAR(512), value_json TEXT,
  PRIMARY KEY (trial_system_attribute_id), UNIQUE (trial_id, "key"),
  FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_params (
  param_id INTEGER NOT NULL, trial_id INTEGER, param_name VARCHAR(512), param_value FLOAT, distribution_json TEXT,
  PRIMARY KEY (param_id), UNIQUE (trial_id, param_name),
  FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_values (
  trial_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, objective INTEGER NOT NULL, value FLOAT,
  value_type VARCHAR(7) NOT NULL,
  PRIMARY KEY (trial_value_id), UNIQUE (trial_id, objective),
  FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_intermediate_values (
  trial_intermediate_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, step INTEGER NOT NULL,
  intermediate_value FLOAT, intermediate_value_type VARCHAR(7) NOT NULL,
  PRIMARY KEY (trial_intermediate_value_id), UNIQUE (trial_id, step),
  FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE trial_heartbeats (
  trial_heartbeat_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, heartbeat DATETIME NOT NULL,
  PRIMARY KEY (trial_heartbeat_id), UNIQUE (trial_id), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));
CREATE TABLE alembic_version (
  version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO version_info VALUES (1, 12, '3.2.0');
INSERT INTO alembic_version VALUES ('v3.2.0.a');
)sql";

std::span<const std::string_view> tables() {
  static constexpr std::array<std::string_view, 13> kTables{"studies",
                                                            "version_info",
                                                            "study_directions",
                                                            "study_user_attributes",
                                                            "study_system_attributes",
                                                            "trials",
                                                            "trial_user_attributes",
                                                            "trial_system_attributes",
                                                            "trial_params",
                                                            "trial_values",
                                                            "trial_intermediate_values",
                                                            "trial_heartbeats",
                                                            "alembic_version"};
  return kTables;
}

namespace {

/// A float as Python writes it: `0.0`, `1e-05`.
std::string python_float(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

std::string distribution_json(const Dimension& dimension) {
  const TechniqueInfo& info = technique(dimension.id);
  if (!dimension.choices.empty()) {
    std::string choices;
    for (const double value : dimension.choices) {
      choices += choices.empty() ? "" : ", ";
      const bool is_number = info.choices.empty() && !is_schedule(dimension);
      choices += is_number ? python_float(value) : nlohmann::json(format_value(dimension, value)).dump();
    }
    return R"({"name": "CategoricalDistribution", "attributes": {"choices": [)" + choices + "]}}";
  }
  // Off belongs to the range, also where it lies outside of what a position that is on may be.
  const bool can_be_off = has_off_interval(dimension) || dimension.decode == Decode::kNegativePowerOff;
  const double low = can_be_off ? std::min(dimension.low, info.off) : dimension.low;
  const double high = can_be_off ? std::max(dimension.high, info.off) : dimension.high;
  const bool is_log = dimension.decode == Decode::kNegativePower || dimension.decode == Decode::kNegativePowerOff;
  if (info.kind == Kind::kInteger) {
    return fmt::format(
        R"({{"name": "IntDistribution", "attributes": {{"log": false, "step": 1, "low": {}, "high": {}}}}})",
        std::lround(low), std::lround(high));
  }
  return fmt::format(
      R"({{"name": "FloatDistribution", "attributes": {{"step": null, "low": {}, "high": {}, "log": {}}}}})",
      python_float(low), python_float(high), is_log && low > 0);
}

const char* value_type(double value) {
  if (std::isnan(value)) return "NAN";
  if (std::isinf(value)) return value > 0 ? "INF_POS" : "INF_NEG";
  return "FINITE";
}

double stored_value(std::string_view type, double finite) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (type == "INF_POS") return kInfinity;
  if (type == "INF_NEG") return -kInfinity;
  if (type == "NAN") return std::numeric_limits<double>::quiet_NaN();
  return finite;
}

std::string format_time(std::chrono::system_clock::time_point time) {
  const int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = us / 1000000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, us % 1000000);
}

std::optional<std::chrono::system_clock::time_point> parse_time(const std::string& text, TimeZone zone) {
  std::tm fields{};
  int us = 0;
  const int num_fields = std::sscanf(text.c_str(), "%4d-%2d-%2d %2d:%2d:%2d.%6d", &fields.tm_year, &fields.tm_mon,
                                     &fields.tm_mday, &fields.tm_hour, &fields.tm_min, &fields.tm_sec, &us);
  // The clock counts nanoseconds from 1970 in 64 bits, which end in 2262.
  constexpr int kFirstYear = 1900, kLastYear = 2200;
  if (num_fields < 6 || fields.tm_year < kFirstYear || fields.tm_year > kLastYear) return std::nullopt;
  fields.tm_year -= 1900;
  fields.tm_mon -= 1;
  fields.tm_isdst = -1;
  const std::time_t seconds = zone == TimeZone::kUtc ? timegm(&fields) : std::mktime(&fields);
  return std::chrono::system_clock::from_time_t(seconds) + std::chrono::microseconds(us);
}

}  // namespace murmur::study_schema
