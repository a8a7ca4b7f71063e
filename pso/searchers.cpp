#include "murmur/pso/searchers.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string>

#include "murmur/engine/error.hpp"
#include "murmur/pso/cma_es.hpp"
#include "murmur/pso/comprehensive_learning_swarm.hpp"
#include "murmur/pso/differential_evolution.hpp"
#include "murmur/pso/fully_informed_swarm.hpp"
#include "murmur/pso/random_search.hpp"
#include "murmur/pso/sobol_search.hpp"
#include "murmur/pso/swarm.hpp"
#include "murmur/pso/tpe.hpp"

namespace murmur {

using nlohmann::json;

std::span<const SearcherInfo> searchers() {
  static const std::array rows{swarm_info(),
                               fully_informed_swarm_info(),
                               comprehensive_learning_swarm_info(),
                               cma_es_info(),
                               differential_evolution_info(),
                               tpe_info(),
                               random_search_info(),
                               sobol_search_info()};
  return rows;
}

const SearcherInfo& searcher_info(std::string_view name) {
  const auto found = std::ranges::find(searchers(), name, &SearcherInfo::name);
  if (found != searchers().end()) return *found;
  std::vector<std::string_view> names;
  for (const SearcherInfo& info : searchers()) names.push_back(info.name);
  throw InvalidArgument("algorithm: expected one of {}, got '{}'", fmt::join(names, ", "), name);
}

std::string_view algorithm_by_budget(int64_t num_trials) {
  // In trainings the swarm is best with 110 trials; before 440 it has converged, and SHADE goes on.
  constexpr int64_t kManyTrials = 440;
  return num_trials >= kManyTrials ? "shade" : "swarm";
}

std::string SearcherOption::key() const {
  std::string text(name);
  std::ranges::replace(text, '-', '_');
  return text;
}

json all_options(const SearcherInfo& info, const json& given) {
  json values = json::object();
  for (const SearcherOption& option : info.options) {
    const std::string key = option.key();
    values[key] = given.contains(key) ? given.at(key) : option.otherwise;
  }
  return values;
}

json budget_options(const SearcherInfo& info, const json& given, int64_t num_trials) {
  json options = info.by_budget != nullptr ? info.by_budget(num_trials) : json::object();
  options.update(given);
  return options;
}

namespace {

/// A flag's key.
std::string flag_key(const SearcherInfo& info, std::string_view name) {
  return std::ranges::find(info.options, name, &SearcherOption::name)->key();
}

/// True for a value that the option can have.
bool fits(const SearcherOption& option, const json& value) {
  if (option.otherwise.is_number_float()) return value.is_number();
  if (option.otherwise.is_number_integer()) {
    return value.is_number_integer() && value >= option.low && value <= option.high;
  }
  if (option.otherwise.is_boolean()) return value.is_boolean();
  return value.is_string() &&
         std::ranges::find(option.choices, value.get_ref<const std::string&>()) != option.choices.end();
}

}  // namespace

json defining_options(const SearcherInfo& info, const json& options) {
  json definition = json::object();
  for (const SearcherOption& option : info.options) {
    if (!option.defines) continue;
    if (!option.needs.empty() && !options.at(flag_key(info, option.needs)).get<bool>()) continue;
    if (option.newer && options.at(option.key()) == option.otherwise) continue;
    definition[option.key()] = options.at(option.key());
  }
  return definition;
}

json parse_defining_options(const SearcherInfo& info, const json& definition) {
  json options = all_options(info, json::object());
  size_t num_known = 0;
  for (const SearcherOption& option : info.options) {
    const std::string key = option.key();
    if (!option.defines || !definition.contains(key)) continue;
    const json& value = definition.at(key);
    if (!fits(option, value)) {
      throw InvalidArgument("{}: expected a value of --{}, got {}", info.name, option.name,
                            value.dump(-1, ' ', true, json::error_handler_t::replace));
    }
    options[key] = value;
    if (!option.needs.empty()) options[flag_key(info, option.needs)] = true;  // so it was given
    ++num_known;
  }
  if (num_known != definition.size() || defining_options(info, options) != definition) {
    throw InvalidArgument("{}: expected {} to define it, got {}", info.name, defining_options(info, options).dump(),
                          definition.dump(-1, ' ', true, json::error_handler_t::replace));
  }
  return options;
}

std::unique_ptr<Searcher> make_searcher(const SearcherInfo& info, const SearcherRequest& request) {
  if (request.num_trials < info.min_trials || request.num_trials > info.max_trials) {
    throw InvalidArgument("--trials: expected {} to {} for --algorithm {}, got {}", info.min_trials, info.max_trials,
                          info.name, request.num_trials);
  }
  return info.make(request);
}

}  // namespace murmur
