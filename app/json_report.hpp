#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

// What --json writes.
namespace murmur::app {

/// Keeps the command line, which a report names. Once, from main.
void remember_command(const std::vector<std::string>& words);

/// The head of a report: "format" ("murmur-train-1": the command, and a number that grows when what a reader relies on
/// changes), "version" and "commit" of the program, "command" as a line for a shell.
nlohmann::json report_head(std::string_view command, int format = 1);

/// For --json: throws unless the file can be written when the work is done. For "-", standard output is the report's
/// from here on, and what is printed besides goes to standard error.
void reserve_report(const std::string& path);

/// Writes the report where --json says; no path, no report.
void write_report(const std::string& path, const nlohmann::json& report);

/// JSON has no NaN: null.
nlohmann::json finite_or_null(double value);

/// An array of them.
nlohmann::json accuracies_json(const std::vector<double>& accuracies);

}  // namespace murmur::app
