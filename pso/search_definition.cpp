#include "murmur/pso/search_definition.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <sstream>
#include <vector>

#include "murmur/engine/error.hpp"
#include "murmur/pso/definitions_json.hpp"
#include "murmur/pso/dimensions.hpp"
#include "murmur/pso/searchers.hpp"
#include "murmur/pso/setting_json.hpp"
#include "murmur/pso/stored.hpp"

namespace murmur {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 5> kInitializations{"scale", "he", "glorot", "lecun", "orthogonal"};
static_assert(static_cast<size_t>(Initialization::kScale) == 0 && static_cast<size_t>(Initialization::kHe) == 1 &&
              static_cast<size_t>(Initialization::kGlorot) == 2 && static_cast<size_t>(Initialization::kLecun) == 3 &&
              static_cast<size_t>(Initialization::kOrthogonal) == 4);

/// The model with one space between words.
std::string model_text(const std::string& model) {
  std::istringstream stream(model);
  const std::vector<std::string> words{std::istream_iterator<std::string>(stream), {}};
  return fmt::format("{}", fmt::join(words, " "));
}

/// Of each start what differs from the base.
json starts_json(const SearchDefinition& search) {
  json array = json::array();
  for (const Setting& start : search.starts) {
    json object = json::object();
    for (const TechniqueInfo& info : techniques()) {
      if (!start.agrees(search.base, info.id)) object[std::string(info.key)] = value_json(start, info.id);
    }
    array.push_back(std::move(object));
  }
  return array;
}

std::vector<Setting> parse_starts(const json& array, const Setting& base) {
  std::vector<Setting> starts;
  for (const json& object : array) {
    if (!object.is_object()) throw InvalidArgument("starts: expected an object of techniques, got {}", object.dump());
    Setting& start = starts.emplace_back(base);
    for (const auto& [key, value] : object.items()) {
      parse_value_json(start, technique(key), value);
    }
  }
  return starts;
}

/// The options that the kind of pruner has.
json pruner_json(const PrunerOptions& pruner) {
  json object{{"kind", kPrunerNames[static_cast<size_t>(pruner.kind)]}, {"min_epochs", pruner.min_epochs}};
  if (pruner.kind == PrunerKind::kMedian) {
    object["startup_trials"] = pruner.startup_trials;
  } else {
    object["factor"] = pruner.factor;
  }
  return object;
}

PrunerOptions parse_pruner(const Stored& stored) {
  PrunerOptions pruner;
  pruner.kind = parse_pruner_kind(stored.text("kind"));
  pruner.min_epochs = stored.count("min_epochs");
  if (stored.has("startup_trials")) pruner.startup_trials = stored.count("startup_trials");
  if (stored.has("factor")) pruner.factor = stored.count("factor");
  return pruner;
}

/// Runs f and calls what it refuses the study's fault.
template <class F>
auto of_study(const Study& study, const F& f) {
  try {
    return f();
  } catch (const InvalidArgument& error) {
    throw StudyError("study '{}': {}", study.path().string(), error.what());
  }
}

}  // namespace

std::string_view initialization_name(Initialization initialization) {
  return kInitializations[static_cast<size_t>(initialization)];
}

Initialization parse_initialization(std::string_view name) {
  const auto* const found = std::ranges::find(kInitializations, name);
  if (found == kInitializations.end()) {
    throw InvalidArgument("initialization: expected one of {}, got '{}'", fmt::join(kInitializations, ", "), name);
  }
  return static_cast<Initialization>(found - kInitializations.begin());
}

std::vector<std::string> initialization_names() {
  return {kInitializations.begin(), kInitializations.end()};
}

bool is_initialization(std::string_view name) {
  return std::ranges::find(kInitializations, name) != kInitializations.end();
}

StudyDefinition study_definition(const SearchDefinition& search) {
  StudyDefinition definition{search.name, search.space, search.base, {}};
  definition.attributes = {{"dataset", search.dataset},
                           {"dataset_contents", search.dataset_contents},
                           {"image_size", search.image_size},
                           {"train_images", search.train_images},
                           {"model", model_text(search.model)},
                           {"epochs", search.num_epochs},
                           {"micro_batch", search.micro_batch},
                           {"initialization", initialization_name(search.initialization)},
                           {"definitions", definitions_json(search.definitions)},
                           {"seed", std::to_string(search.seed)},
                           {"abort_below", search.abort_below},
                           {"starts", starts_json(search)},
                           {"algorithm", search.algorithm}};
  // Only where they are not what every search once had.
  if (search.trial_repeats != 1) definition.attributes["trial_repeats"] = search.trial_repeats;
  if (search.same_seeds) definition.attributes["same_seeds"] = true;
  if (search.pruner.kind != PrunerKind::kNone) definition.attributes["pruner"] = pruner_json(search.pruner);
  const SearcherInfo& info = searcher_info(search.algorithm);
  json options = defining_options(info, all_options(info, search.options));
  if (!options.empty()) definition.attributes[search.algorithm] = std::move(options);
  return definition;
}

SearchDefinition search_definition(const Study& study) {
  const Stored stored(study.path(), "definition", study.attributes());
  return of_study(study, [&] {
    SearchDefinition search;
    search.name = study.name();
    search.dataset = stored.text("dataset");
    search.dataset_contents = stored.text("dataset_contents");
    search.image_size = stored.text("image_size");
    search.train_images = stored.count("train_images");
    search.model = stored.text("model");
    search.num_epochs = stored.count("epochs");
    search.micro_batch = stored.count("micro_batch");
    search.initialization = parse_initialization(stored.text("initialization"));
    search.definitions = parse_definitions(stored.at("definitions"));
    search.abort_below = stored.number("abort_below");
    search.seed = stored.seed("seed");
    if (stored.has("trial_repeats")) search.trial_repeats = stored.count("trial_repeats");
    search.same_seeds = stored.has("same_seeds");
    if (stored.has("pruner")) search.pruner = parse_pruner(Stored(study.path(), "pruner", stored.at("pruner")));
    make_pruner(search.pruner, search.num_epochs);  // refuses what makes none
    search.space = study.space();
    search.base = study.base();
    search.starts = parse_starts(stored.array("starts"), search.base);
    search.algorithm = stored.text("algorithm");
    const SearcherInfo& info = searcher_info(search.algorithm);
    const json options = stored.has(search.algorithm) ? stored.at(search.algorithm) : json::object();
    search.options = parse_defining_options(info, options);
    return search;
  });
}

void check_batch_size(const SearchDefinition& search) {
  const Dimension* const searched = search.space.find(Technique::kBatchSize);
  double least = search.base[Technique::kBatchSize];
  if (searched != nullptr) {
    const std::vector<double>& choices = searched->choices;
    least = std::min(least, choices.empty() ? searched->low : *std::ranges::min_element(choices));
  }
  if (static_cast<double>(search.micro_batch) <= least) return;
  throw InvalidArgument("batch_size: expected at least the micro-batch of {} samples in every trial, got {}{}",
                        search.micro_batch, least,
                        searched != nullptr ? " (it is searched; see --search, --micro-batch)" : "");
}

std::unique_ptr<Searcher> make_searcher(const SearchDefinition& search, int64_t num_trials) {
  const SearcherInfo& info = searcher_info(search.algorithm);
  const json options = all_options(info, search.options);
  std::vector<std::vector<double>> starts;
  for (const Setting& start : search.starts) starts.push_back(search.space.encode(start));
  return make_searcher(info, {search_domain(search.space), search.seed, num_trials, options, std::move(starts)});
}

SearchOptions search_options(const SearchDefinition& search, int64_t num_trials) {
  return {.num_trials = num_trials,
          .num_epochs = search.num_epochs,
          .abort_below = search.abort_below,
          .seed = search.seed,
          .num_repeats = search.trial_repeats,
          .same_seeds = search.same_seeds,
          .pruner = search.pruner};
}

TrainerOptions trainer_options_of(const SearchDefinition& search, TrainerOptions options) {
  options.micro_batch = search.micro_batch;
  options.initialization = search.initialization;
  options.definitions = search.definitions;
  return options;
}

}  // namespace murmur
