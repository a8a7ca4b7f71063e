#include "app/report/provenance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "app/analysis.hpp"
#include "app/train_command.hpp"
#include "murmur/pso/confirmation.hpp"
#include "murmur/pso/searcher.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kSample = " --trials 440";  // finds what explains 8 % of the variance

const RunRecord* last_of(std::span<const RunRecord> runs, std::string_view kind) {
  const auto found = std::ranges::find(runs.rbegin(), runs.rend(), kind, &RunRecord::kind);
  return found == runs.rend() ? nullptr : &*found;
}

std::string version_of(const RunRecord& run) {
  return run.commit.empty() ? run.version : fmt::format("{} ({})", run.version, run.commit);
}

std::string times_of(const RunRecord& run) {
  const std::string end = !run.end.empty() ? run.end : run.is_running ? "now running" : "killed";
  return fmt::format("{} to {}{}", run.begin, end, run.signal != 0 ? ", interrupted" : "");
}

/// What differs between the commands that have worked on a study has a line for each value.
template <class F>
void add_values(Json& rows, const char* label, std::span<const RunRecord> runs, const F& value_of) {
  std::vector<std::string> values;
  for (const RunRecord& run : runs) {
    std::string value = value_of(run);
    if (!value.empty() && std::ranges::find(values, value) == values.end()) values.push_back(std::move(value));
  }
  for (const std::string& value : values) rows.push_back({label, value});
}

void add_search(Json& rows, const SearchDefinition& search) {
  rows.push_back({"data", fmt::format("{}: {}", search.dataset, search.dataset_contents)});
  if (search.train_images > 0) rows.push_back({"training images", fmt::format("the first {}", search.train_images)});
  rows.push_back({"model", search.model});
  rows.push_back({"seeds", search.same_seeds ? fmt::format("{} for all trials", search.seed)
                                             : fmt::format("{} + the trial's number", search.seed)});
  rows.push_back({"seeds of the confirmation", fmt::format("from {}", search.seed + kConfirmationSeeds)});
  rows.push_back({"seeds of the final test", fmt::format("from {}", search.seed + static_cast<uint64_t>(kMaxTrials))});
}

/// Seconds that trials were trained for, of those that have both times.
void add_time(Json& rows, std::span<const TrialRecord> trials) {
  std::optional<TrialRecord::Time> first, last;
  for (const TrialRecord& trial : trials) {
    if (trial.started && (!first || *trial.started < *first)) first = trial.started;
    if (trial.finished && (!last || *trial.finished > *last)) last = trial.finished;
  }
  if (!first || !last || *last < *first) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*last - *first).count();
  rows.push_back({"trials", fmt::format("{} to {} ({} min {:02} s)", utc_text(*first), utc_text(*last), seconds / 60,
                                        seconds % 60)});
}

/// The line that has made the analysis, or would: where the study has no sample one that trains it, too.
std::string analyse_command(const Study& study, const RunRecord* last, bool has_sample, bool has_name) {
  if (last == nullptr) {
    std::vector<std::string> words{"murmur", "analyse", "--study", study.path().string()};
    if (has_name) words.insert(words.end(), {"--name", study.name()});
    return shell_line(words) + std::string(kSample);
  }
  if (has_sample) return last->command;
  const std::string command = std::regex_replace(last->command, std::regex(" --trials[= ]0(?= |$)"), "");
  // One with a sample has been stopped before the sample's end, and goes on.
  return command.find(" --trials") == std::string::npos ? command + std::string(kSample) : command;
}

}  // namespace

Json provenance(const Study& study, const std::optional<SearchDefinition>& search, std::span<const RunRecord> runs,
                std::span<const TrialRecord> trials) {
  Json rows = Json::array();
  rows.push_back({"study", fmt::format("{} in {}", study.name(), study.path().string())});
  if (search) add_search(rows, *search);
  add_values(rows, "version", runs, version_of);
  add_values(rows, "device", runs, [](const RunRecord& run) {
    return run.device.empty() ? "" : fmt::format("{}: {}", run.device, run.device_description);
  });
  add_time(rows, trials);
  for (const RunRecord& run : runs) {
    rows.push_back({run.kind.empty() ? "command" : run.kind, run.command});
    rows.push_back({"", times_of(run)});
  }
  return rows;
}

Json commands(const Study& study, std::span<const RunRecord> runs, bool has_sample) {
  const RunRecord* const search = last_of(runs, "search");
  const RunRecord* const analyse = last_of(runs, "analyse");
  // A place is no word of a shell: it must not be quoted.
  std::string train = train_command(study, "baseline");
  train.replace(train.rfind("baseline"), std::string_view("baseline").size(), "{trial}");
  return {{"search", search == nullptr ? Json() : Json(search->command)},
          {"analyse", analyse_command(study, analyse, has_sample, train.find(" --name ") != std::string::npos)},
          {"train", train}};
}

int64_t num_planned(std::span<const RunRecord> runs) {
  const RunRecord* const search = last_of(runs, "search");
  return search == nullptr ? 0 : search->num_trials;
}

bool is_interrupted(std::span<const RunRecord> runs) {
  const RunRecord* const search = last_of(runs, "search");
  return search != nullptr && !search->is_running && search->signal != 0;
}

std::string how_it_ended(std::span<const RunRecord> runs, bool is_tested) {
  const RunRecord* const search = last_of(runs, "search");
  if (search == nullptr || search->is_running || is_tested) return "";
  if (is_interrupted(runs)) return "the search has been interrupted; the same command goes on from there";
  if (search->end.empty()) return "the search has not come to its end; the same command goes on from there";
  return "the search has ended without a setting to test: no complete trial differs from the baseline, or none is "
         "stable";
}

}  // namespace murmur::app
