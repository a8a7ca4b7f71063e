#include "app/from_study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "app/saved_options.hpp"
#include "app/study_trial.hpp"
#include "app/train_command.hpp"
#include "murmur/pso/definitions_json.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

/// A setting and the seed that it was trained with.
struct Source {
  Setting setting;
  uint64_t seed;
};

Source source_of(const Study& study, const SearchDefinition& search, const std::string& word) {
  if (word == "baseline") return {search.base, search.seed};
  const TrialRecord trial = chosen_trial(study, word);
  return {trial.setting, trial.seed};
}

/// Every technique, so that no default takes the place of one that is off.
std::vector<std::string> assignments(const Setting& setting) {
  std::vector<std::string> result;
  for (const TechniqueInfo& info : techniques()) {
    result.push_back(format_assignment(setting, info.id));
  }
  return result;
}

Json options_of(const SearchDefinition& search, uint64_t seed, bool with_definitions) {
  Json options{{"dataset", search.dataset},
               {"train-images", std::to_string(search.train_images)},
               {"model", search.model},
               {"epochs", std::to_string(search.num_epochs)},
               {"schedule-epochs", std::to_string(search.num_epochs)},
               {"micro-batch", std::to_string(search.micro_batch)},
               {"init", initialization_name(search.initialization)},
               {"seed", std::to_string(seed)}};
  if (search.dataset == "image-folder") options["image-size"] = search.image_size;
  if (!with_definitions) return options;
  const Json definitions = definitions_json(search.definitions);
  for (const auto& [key, value] : definitions.items()) {
    std::string name = key;
    std::ranges::replace(name, '_', '-');
    options[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return options;
}

/// The study's setting, and over it what the command line has.
void put_before(CLI::Option& set, const std::vector<std::string>& before) {
  const std::vector<std::string> own = set.results();
  set.clear();
  for (const std::string& assignment : before) set.add_result(assignment);
  for (const std::string& assignment : own) set.add_result(assignment);
  set.run_callback();
}

}  // namespace

void add_source_options(CLI::App& command, StudySource& source) {
  CLI::Option* from = command.add_option(
      "--from", source.from, "take setting, seed, model, data set and definitions from this study; other options win");
  command.add_option("--name", source.name, "the study's name, where the file has several")->needs(from);
  command
      .add_option("--trial", source.trial,
                  "of the study: a trial's number, best, winner (of the final test), or baseline")
      ->needs(from)
      ->capture_default_str();
}

std::string take_study_options(CLI::App& command, const StudySource& source) {
  if (source.from.empty()) return "";
  const Study study = Study::open_read_only(source.from, source.name);
  const SearchDefinition search = search_definition(study);
  const auto [setting, seed] = source_of(study, search, source.trial);
  constexpr std::array<const char*, 3> kData{"--dataset", "--train-images", "--image-size"};
  const bool has_own_data = std::ranges::any_of(kData, [&](const char* name) { return command.count(name) > 0; });
  const bool has_own_definitions = command.count("--paper") > 0;
  take_saved_options(command, options_of(search, seed, !has_own_definitions).dump(), source.from);
  put_before(*command.get_option("--set"), assignments(setting));
  return has_own_data ? "" : search.dataset_contents;
}

}  // namespace murmur::app
