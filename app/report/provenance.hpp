#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/runs.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/study.hpp"

// Where a study comes from.
namespace murmur::app {

/// [["data", "..."], ["device", "..."], ...]
nlohmann::json provenance(const Study& study, const std::optional<SearchDefinition>& search,
                          std::span<const RunRecord> runs, std::span<const TrialRecord> trials);

/// "search", "analyse", "train": lines for a shell. That of a study without a designed sample trains one.
nlohmann::json commands(const Study& study, std::span<const RunRecord> runs, bool has_sample);

/// How many trials the search is to have; 0: nobody knows.
int64_t num_planned(std::span<const RunRecord> runs);

/// Whether a signal has stopped the search, and it does not run again.
bool is_interrupted(std::span<const RunRecord> runs);

/// What is to be said of a search that has no answer and does not run; else nothing.
std::string how_it_ended(std::span<const RunRecord> runs, bool is_tested);

}  // namespace murmur::app
