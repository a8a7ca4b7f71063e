#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "app/options.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/study.hpp"

// A training that a study knows, and what it was trained on.
namespace murmur::app {

/// The trial of this number, the "best" complete one, or the "winner", which the final test has tested. Throws:
/// InvalidArgument where the word is neither; StudyError where there is no such trial.
TrialRecord chosen_trial(const Study& study, const std::string& word, const std::string& option = "--trial");

/// The same, and complete. Throws: InvalidArgument where it is not.
TrialRecord complete_trial(const Study& study, const std::string& word);

/// The images of the search; the options say where they are. Throws: StudyError where they are others; DataError.
Dataset load_search_data(CommonOptions common, const Study& study, const SearchDefinition& search);

/// --study and --name.
void add_study_options(CLI::App& command, std::string& study, std::string& name);

/// What says where and how to train, not what: --data, --skip-broken, --no-cache, --device, --threads, --fp32,
/// --deterministic, --wave,
/// --no-graph,
/// --quiet, --json.
void add_place_options(CLI::App& command, CommonOptions& common);

}  // namespace murmur::app
