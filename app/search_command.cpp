#include "app/search_command.hpp"

#include <algorithm>
#include <filesystem>

#include "app/starts.hpp"
#include "murmur/engine/error.hpp"

namespace murmur::app {
namespace {

/// The techniques of a group of the study, or of `all` groups; none where the word is no group.
std::vector<Technique> group_of(const std::string& word) {
  const auto group = static_cast<size_t>(std::ranges::find(kCategories, word) - kCategories.begin());
  std::vector<Technique> ids;
  for (const TechniqueInfo& info : techniques().first<kNumStudyTechniques>()) {
    if (word == "all" || info.category == static_cast<Category>(group)) ids.push_back(info.id);
  }
  return ids;
}

/// The dimensions of the words of --search. One that is named itself counts before those of groups.
SearchSpace space_of(const SearchCommand& command, const DimensionDefaults& defaults) {
  const std::vector<std::string> all{"all"};
  std::vector<Dimension> dimensions, named;
  for (const std::string& word : command.search.empty() ? all : command.search) {
    const std::vector<Technique> ids = group_of(word);
    if (ids.empty()) named.push_back(parse_dimension(word, defaults));
    for (const Technique id : ids) dimensions.push_back(default_dimension(id, defaults));
  }
  for (const Dimension& dimension : named) {
    const auto found = std::ranges::find(dimensions, key_of(dimension), key_of);
    const bool is_of_group = found != dimensions.end() && std::ranges::count(named, key_of(dimension), key_of) == 1;
    if (is_of_group) {
      *found = dimension;
    } else {
      dimensions.push_back(dimension);
    }
  }
  return SearchSpace(std::move(dimensions));
}

/// What an existing study stores under a key; null where there is no such study.
nlohmann::json stored_attribute(const SearchCommand& command, const std::string& key) {
  if (!std::filesystem::exists(command.study)) return {};
  try {
    const Attributes stored = Study::open_read_only(command.study, command.study_name).attributes();
    const auto found = stored.find(key);
    return found == stored.end() ? nlohmann::json() : found->second;
  } catch (const StudyError&) {
    return {};  // opening it for writing will say why
  }
}

/// The options of the algorithm. What depends on the number of trials stays as it is when a study goes on with more.
nlohmann::json searcher_options(const SearchCommand& command) {
  if (command.common.paper) return command.searcher;
  nlohmann::json options = budget_options(searcher_info(command.algorithm), command.searcher, command.num_trials);
  const nlohmann::json stored = stored_attribute(command, command.algorithm);
  for (auto option = options.begin(); option != options.end(); ++option) {
    const std::string& key = option.key();
    if (!command.searcher.contains(key) && stored.contains(key)) option.value() = stored.at(key);
  }
  return options;
}

}  // namespace

std::string resolved_algorithm(const SearchCommand& command) {
  if (command.algorithm != kAutoAlgorithm) return command.algorithm;
  const nlohmann::json stored = stored_attribute(command, "algorithm");
  return stored.is_string() ? stored.get<std::string>() : std::string(algorithm_by_budget(command.num_trials));
}

SearchDefinition definition_of(const SearchCommand& command) {
  const CommonOptions& common = command.common;
  SearchDefinition search = definition_of(common);
  search.name = command.study_name;
  search.abort_below = command.abort_below;
  search.pruner = command.pruner;
  search.pruner.kind = parse_pruner_kind(command.prune);
  search.trial_repeats = command.trial_repeats;
  search.same_seeds = command.same_seeds;
  search.space = space_of(command, {search.definitions.loss_reduction, command.off_probability});
  for (const Dimension& dimension : search.space.dimensions()) {
    const bool can_be_on =
        search.space.find(dimension.id) != nullptr || search.base[dimension.id] != technique(dimension.id).off;
    if (can_be_on) continue;
    throw InvalidArgument("--search {0}: expected {1} to be searched, or set with --set, got neither",
                          key_of(dimension), technique(dimension.id).key);
  }
  const std::vector<std::string> starts{common.paper ? "none" : "off"};
  search.starts = read_starts(command.start.empty() ? starts : command.start, search.space, search.base);
  search.algorithm = command.algorithm;
  search.options = searcher_options(command);
  // The same seeds would give the same fitness again.
  if (command.same_seeds && search.options.value("reevaluate", 1) > 1) {
    throw InvalidArgument("--reevaluate: expected trials with seeds of their own, got --same-seeds");
  }
  return search;
}

}  // namespace murmur::app
