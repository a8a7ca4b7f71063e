#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/final_test.hpp"
#include "app/options.hpp"
#include "murmur/pso/dimension_text.hpp"
#include "murmur/pso/driver.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/searchers.hpp"

namespace murmur::app {

/// The options of `murmur search`.
struct SearchCommand {
  CommonOptions common;
  std::string study;
  std::string study_name = "murmur";
  std::vector<std::string> search;
  std::vector<std::string> start;  // empty: off, or with --paper none
  double off_probability = DimensionDefaults{}.off_probability;
  std::string algorithm = "swarm";
  nlohmann::json searcher = nlohmann::json::object();  // options of the algorithm that were given
  int64_t num_trials = 0;
  double timeout = 0;  // seconds; 0: none
  double abort_below = SearchOptions{}.abort_below;
  std::string prune{kPrunerNames.front()};
  PrunerOptions pruner;
  int64_t slots = 0;  // 0: as many as the algorithm evaluates at once
  int64_t trial_repeats = 1;
  bool same_seeds = false;
  bool synchronous = false;
  AnswerOptions answer;
  std::string report;  // empty: none
};

/// Declares them.
std::shared_ptr<SearchCommand> add_search_options(CLI::App& app);

/// What `--algorithm auto` stands for: the study's own, else that which suits the number of trials.
std::string resolved_algorithm(const SearchCommand& command);

/// Throws where an option was given that the algorithm does not have.
void refuse_options_of_others(const CLI::App& app, const SearcherInfo& info);

/// What the command line defines; the data set adds its own.
SearchDefinition definition_of(const SearchCommand& command);

}  // namespace murmur::app
