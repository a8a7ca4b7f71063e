#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "murmur/pso/dimensions.hpp"

// What Optuna's RDB schema looks like: tables, and how values become columns. Private to the study.
namespace murmur::study_schema {

/// The tables and the version rows, as Optuna from 3.2 on creates them.
extern const char* const kCreateTables;

/// The names of the tables.
std::span<const std::string_view> tables();

inline constexpr int kSchemaVersion = 12;

/// The revision of the tables that studies had before, and what a file of that revision lacks: an index of trials.
inline constexpr const char* kOldRevision = "v3.0.0.d";
inline constexpr const char* kRevision = "v3.2.0.a";

/// The distribution of a searched technique, as `optuna.distributions.distribution_to_json` writes it.
std::string distribution_json(const Dimension& dimension);

/// Optuna's `*_type` column of a value: FINITE, INF_POS, INF_NEG or NAN. Only FINITE ones have a value beside it.
const char* value_type(double value);
double stored_value(std::string_view type, double finite);

/// `2026-11-23 12:57:23.481629`, in UTC, and back; none where the text is not of that form. Studies had local times
/// before.
enum class TimeZone : uint8_t { kUtc, kLocal };
std::string format_time(std::chrono::system_clock::time_point time);
std::optional<std::chrono::system_clock::time_point> parse_time(const std::string& text, TimeZone zone);

}  // namespace murmur::study_schema
