#include "app/study_trial.hpp"
#include "app/cluster.hpp"

#include <charconv>

#include "murmur/engine/error.hpp"
#include "murmur/pso/final_test.hpp"

namespace murmur::app {

TrialRecord chosen_trial(const Study& study, const std::string& word, const std::string& option) {
  if (word == "best") {
    const std::optional<TrialRecord> best = study.best_trial();
    if (best) return *best;
    throw StudyError("study '{}': expected a complete trial, got none", study.path().string());
  }
  if (word == "winner") {
    if (const std::optional<int64_t> tested = tested_trial(study)) return study.trial(*tested);
    throw StudyError(
        "study '{}': expected a search that has ended with a final test, got none; 'best' is the best by "
        "validation",
        study.path().string());
  }
  int64_t number = -1;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, number);
  if (error != std::errc() || stop != end || number < 0) {
    throw InvalidArgument("{}: expected 'best', 'winner' or a trial's number, got '{}'", option, word);
  }
  return study.trial(number);
}

TrialRecord complete_trial(const Study& study, const std::string& word) {
  TrialRecord trial = chosen_trial(study, word);
  if (trial.state == TrialState::kComplete) return trial;
  throw InvalidArgument("--trial: expected a complete trial, got {}, which is {}", trial.number,
                        trial_state_name(trial.state));
}

Dataset load_search_data(CommonOptions common, const Study& study, const SearchDefinition& search) {
  common.dataset = search.dataset;
  common.train_images = search.train_images;
  if (search.dataset == "image-folder") common.image_size = search.image_size;
  Dataset dataset = load_on_all_ranks(common);
  if (dataset.contents == search.dataset_contents) return dataset;
  throw StudyError("study '{}': expected the images of the search ({}), got {} (see --data)", study.path().string(),
                   search.dataset_contents, dataset.contents);
}

void add_study_options(CLI::App& command, std::string& study, std::string& name) {
  command.add_option("--study", study, "study file of a search")->required();
  command.add_option("--name", name, "the study's name, where the file has several");
}

void add_place_options(CLI::App& command, CommonOptions& common) {
  command.add_option("--data", common.data, "folder with the data set's files (default: the usual places)");
  add_reading_options(command, common.skip_broken, common.no_cache);
  command.add_option("--device", common.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  command.add_option("--threads", common.threads, "CPU threads (0: one a core)")
      ->transform(whole_number(0, 4096))
      ->capture_default_str();
  add_running_options(command, common);
  command.add_flag("--quiet", common.quiet, "no progress");
  command.add_option("--json", common.json, "write the results to this file; - is standard output");
}

}  // namespace murmur::app
