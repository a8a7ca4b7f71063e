#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "murmur/pso/search_domain.hpp"
#include "murmur/pso/searcher.hpp"

// The searchers that there are, as data: what the command line offers, what a study stores, how one is made.
namespace murmur {

/// An option of a searcher. The type of its value is that of its default: bool (a flag), integer, number or text.
struct SearcherOption {
  std::string_view name;     // of the command line: "inertia-weight"
  nlohmann::json otherwise;  // its value where it is not given
  std::string_view help;
  bool defines = true;                             // false: it may change when a search goes on
  bool newer = false;                              // true: there are studies from before it, which had its default
  std::string_view needs{};                        // a flag without which it has no meaning; empty: none
  int64_t low = 0, high = 0;                       // of an integer
  std::span<const std::string_view> choices = {};  // of a text

  /// Its key in JSON: "inertia_weight".
  std::string key() const;
};

/// What a searcher is made for.
struct SearcherRequest {
  SearchDomain domain;
  uint64_t seed;
  int64_t num_trials;                         // 0: until it has converged
  const nlohmann::json& options;              // a value for every option, by its key
  std::vector<std::vector<double>> starts{};  // positions of the first candidates
};

/// A row of the table of searchers.
struct SearcherInfo {
  std::string_view name;
  std::string_view help;
  int64_t min_trials, max_trials;  // limits of `num_trials`
  std::vector<SearcherOption> options;
  /// Throws: InvalidArgument.
  std::unique_ptr<Searcher> (*make)(const SearcherRequest& request);
  /// The values of options that suit a number of trials, where the user gives none and follows no other definition;
  /// null: the options' defaults.
  nlohmann::json (*by_budget)(int64_t num_trials) = nullptr;
};

std::span<const SearcherInfo> searchers();

/// The row of this name. Throws: InvalidArgument, naming those there are.
const SearcherInfo& searcher_info(std::string_view name);

/// What stands for the row that suits the number of trials, and that row's name: docs/searchers.md has the
/// measurements.
inline constexpr std::string_view kAutoAlgorithm = "auto";
std::string_view algorithm_by_budget(int64_t num_trials);

/// The values of all options: those of `given`, the others' defaults.
nlohmann::json all_options(const SearcherInfo& info, const nlohmann::json& given);

/// `given`, and of what is not given that which suits the number of trials.
nlohmann::json budget_options(const SearcherInfo& info, const nlohmann::json& given, int64_t num_trials);

/// What defines a search, of the values of all options: an object; empty when nothing does.
nlohmann::json defining_options(const SearcherInfo& info, const nlohmann::json& options);

/// The inverse: the values of all options of a search with this definition; what does not define it has its default.
/// Throws: InvalidArgument where the definition is none of this searcher.
nlohmann::json parse_defining_options(const SearcherInfo& info, const nlohmann::json& definition);

/// Makes a searcher. Throws: InvalidArgument.
std::unique_ptr<Searcher> make_searcher(const SearcherInfo& info, const SearcherRequest& request);

}  // namespace murmur
