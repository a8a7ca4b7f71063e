#include "app/analysis_report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <span>

#include "app/accuracy_text.hpp"
#include "app/json_report.hpp"
#include "app/terminal.hpp"
#include "murmur/pso/setting_json.hpp"

namespace murmur::app {

using Json = nlohmann::json;

namespace {

constexpr double kLevel = 0.05;
constexpr size_t kMostInteractions = 10;

}  // namespace

std::string p_text(double p) {
  if (std::isnan(p)) return "-";
  return p < 0.001 ? "< .001" : fmt::format("{:.3f}", p);
}

std::string points_text(const PairedDifference& difference) {
  if (std::isnan(difference.difference)) return "-";
  if (std::isnan(difference.standard_error)) return fmt::format("{:+.2f}", 100 * difference.difference);  // of one pair
  return fmt::format("{:+.2f} ± {:.2f}", 100 * difference.difference, 100 * difference.standard_error);
}

std::string word_of(const PairedDifference& difference, double adjusted_p) {
  if (difference.num_first_failed + difference.num_second_failed > 0) return "diverged";
  if (!(adjusted_p < kLevel)) return "";
  return difference.difference > 0 ? "helps" : "hurts";
}

Json interval_json(const Interval& interval) {
  return {finite_or_null(interval.low), finite_or_null(interval.high)};
}

namespace {

/// "12.3", in percent; "-" where it is not known.
std::string percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.1f}", 100 * share);
}

std::string key_of(const SearchSpace& space, int64_t dimension) {
  return murmur::key_of(space.dimensions()[static_cast<size_t>(dimension)]);
}

/// "optimizer, learning_rate and batch_size"
std::string listed(std::span<const Dimension> dimensions) {
  std::string text;
  for (size_t i = 0; i < dimensions.size(); ++i) {
    const char* const between = i == 0 ? "" : i + 1 == dimensions.size() ? " and " : ", ";
    text += between + murmur::key_of(dimensions[i]);
  }
  return text;
}

void print_rows(const AblationReport& report, std::initializer_list<Comparison> comparisons, const std::string& title) {
  bool has_title = false;
  for (size_t i = 0; i < report.rows.size(); ++i) {
    if (std::ranges::find(comparisons, report.rows[i].comparison) == comparisons.end()) continue;
    if (!has_title) fmt::print("\n{:<36} {:>17}  {:>8}\n", title, "gives, points", "p (Holm)");
    has_title = true;
    const PairedDifference& difference = report.effects[i].difference;
    // What a long label takes more is taken from the spaces behind it.
    const std::string& label = report.rows[i].label;
    const size_t width = std::max<size_t>(label.size(), 51) - label.size();
    fmt::print("  {} {:>{}}  {:>8}  {}\n", label, points_text(difference), width, p_text(report.effects[i].adjusted_p),
               word_of(difference, report.effects[i].adjusted_p));
  }
}

/// "+.31"
std::string short_text(double correlation) {
  std::string text = fmt::format("{:+.2f}", correlation);
  if (text[1] == '0') text.erase(1, 1);
  return text;
}

/// "+.31 [+.12 +.48]*"
std::string correlation_text(const Correlation& correlation) {
  if (std::isnan(correlation.effect.size)) return "-";
  return fmt::format("{} [{} {}]{}", short_text(correlation.effect.size), short_text(correlation.interval.low),
                     short_text(correlation.interval.high), correlation.effect.adjusted_p < kLevel ? "*" : "");
}

void print_groups(const SampleReport& report, const SearchSpace& space) {
  fmt::print("\nrank correlation with the accuracy, 95 % interval (*: p < .05 by Holm)\n{:<22}", "");
  for (const GroupCorrelations& group : report.groups) {
    const std::string name = group.optimizer.empty() ? "all" : group.optimizer;
    fmt::print(" {:<18}", fmt::format("{}, n = {}", name, group.num_settings));
  }
  fmt::print("\n");
  for (int64_t d = 0; d < space.num_dimensions(); ++d) {
    fmt::print("{:<22}", key_of(space, d));
    for (const GroupCorrelations& group : report.groups) {
      fmt::print(" {:<18}", correlation_text(group.correlations[static_cast<size_t>(d)]));
    }
    fmt::print("\n");
  }
}

void print_interactions(const SampleReport& report, const SearchSpace& space) {
  fmt::print("\n{:<48} {:>9}  {:>8}\n", "interactions", "share, %", "p (Holm)");
  for (size_t i = 0; i < std::min(kMostInteractions, report.interactions.size()); ++i) {
    const Interaction& pair = report.interactions[i];
    if (!(pair.effect.adjusted_p < kLevel)) {
      if (i == 0) fmt::print("  none of {} pairs is significant\n", report.interactions.size());
      return;
    }
    fmt::print("  {:<46} {:>9}  {:>8}\n", key_of(space, pair.first) + " x " + key_of(space, pair.second),
               percent(pair.effect.size), p_text(pair.effect.adjusted_p));
  }
}

Json effect_json(const Effect& effect, const char* size) {
  return {{size, finite_or_null(effect.size)},
          {"p", finite_or_null(effect.p)},
          {"adjusted_p", finite_or_null(effect.adjusted_p)}};
}

Json failures_json(const FailureCount& count) {
  return {{"trials", count.num_trials},
          {"aborted", count.num_aborted},
          {"diverged", count.num_diverged},
          {"pruned", count.num_pruned}};
}

const char* name_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::kAllOff:
      return "setting";
    case Comparison::kWithout:
      return "without";
    case Comparison::kWithoutPlace:
      return "without_place";
    case Comparison::kWithoutNoise:
      return "without_noise";
    case Comparison::kWith:
      return "with";
    case Comparison::kAlone:
      return "alone";
  }
  return "";
}

Json summary_json(const SearchSummary& summary) {
  Json rows = Json::array();
  for (const TechniqueSummary& row : summary.techniques) {
    rows.push_back(
        {{"technique", technique(row.id).key},
         {"on", failures_json(row.on)},
         {"off", failures_json(row.off)},
         {"share_among_best", finite_or_null(row.share_among_best)},
         {"correlation", finite_or_null(row.correlation)},
         {"typical_among_best",
          std::isnan(row.typical_among_best) ? Json() : value_json(technique(row.id), row.typical_among_best)}});
  }
  Json optimizers = Json::object();
  for (const ChoiceSummary& row : summary.optimizers) {
    optimizers[format_value(technique(Technique::kOptimizer), row.value)] = {{"trials", failures_json(row.trials)},
                                                                             {"best", finite_or_null(row.best)}};
  }
  return {{"trials", failures_json(summary.all)},
          {"best", summary.num_best},
          {"techniques", rows},
          {"optimizers", optimizers}};
}

}  // namespace

Json ablation_json(const AblationReport& report) {
  Json rows = Json::array();
  for (size_t i = 0; i < report.rows.size(); ++i) {
    const PairedDifference& difference = report.effects[i].difference;
    rows.push_back({{"comparison", name_of(report.rows[i].comparison)},
                    {"label", report.rows[i].label},
                    {"setting", setting_json(report.rows[i].setting, SettingPart::kNotOff)},
                    {"accuracies", accuracies_json(report.accuracies[i])},
                    {"difference", finite_or_null(difference.difference)},
                    {"standard_error", finite_or_null(difference.standard_error)},
                    {"interval", interval_json(difference.interval)},
                    {"p", finite_or_null(difference.p)},
                    {"adjusted_p", finite_or_null(report.effects[i].adjusted_p)},
                    {"command", report.commands[i]}});
  }
  return {{"trial", report.trial},
          {"epochs", report.num_epochs},
          {"first_seed", std::to_string(report.first_seed)},
          {"all_off", {{"accuracies", accuracies_json(report.all_off)}, {"command", report.all_off_command}}},
          {"text", verdict(report.effects[0].difference, report.base_name)},
          {"noise_text", noise_text(report)},
          {"rows", rows}};
}

Json sample_json(const TrainedSample& sample, const SearchSpace& space) {
  Json dimensions = Json::array();
  Json pairs = Json::array();
  Json settings = Json::array();
  for (int64_t d = 0; d < space.num_dimensions(); ++d) {
    const auto index = static_cast<size_t>(d);
    Json row{{"technique", key_of(space, d)},
             {"variance", effect_json(sample.report.shares[index], "share")},
             {"best", effect_json(sample.report.contributions[index], "share")}};
    for (const GroupCorrelations& group : sample.report.groups) {
      const Correlation& correlation = group.correlations[index];
      Json of_group = effect_json(correlation.effect, "rho");
      of_group["interval"] = interval_json(correlation.interval);
      of_group["settings"] = group.num_settings;
      row["correlations"][group.optimizer.empty() ? "all" : group.optimizer] = of_group;
    }
    dimensions.push_back(row);
  }
  for (const Interaction& pair : sample.report.interactions) {
    Json row = effect_json(pair.effect, "share");
    row["techniques"] = {key_of(space, pair.first), key_of(space, pair.second)};
    pairs.push_back(row);
  }
  for (size_t i = 0; i < sample.settings.size(); ++i) {
    settings.push_back({{"setting", setting_json(sample.settings[i], SettingPart::kNotOff)},
                        {"epochs", sample.outcomes[i].num_epochs},
                        {"validation_accuracy", finite_or_null(sample.outcomes[i].validation_accuracy)}});
  }
  return {{"seed", std::to_string(sample.seed)},
          {"epochs", sample.num_epochs},
          {"dimensions", dimensions},
          {"interactions", pairs},
          {"settings", settings}};
}

std::string noise_text(const AblationReport& report) {
  using Share = NoiseOfSetting::Share;
  const NoiseOfSetting& noise = report.noise;
  if (noise.share == Share::kNone && noise.rest.empty()) return "";  // all off itself
  const PairedDifference& whole = report.effects[0].difference;
  if (whole.num_first_failed + whole.num_second_failed > 0) return "";
  const std::string gives =
      fmt::format("Trial {} gives {} points over {}", report.trial, points_text(whole), report.base_name);
  if (noise.share == Share::kAll) return fmt::format("{}. All of this is its noise's: it has nothing else.", gives);
  const std::string rest = fmt::format("{} {}", listed(noise.rest), noise.rest.size() == 1 ? "gives" : "give");
  if (noise.share == Share::kNone) return fmt::format("{}. It has no noise: {} all of this.", gives, rest);
  if (!noise.row) return "";
  const PairedDifference& difference = report.effects[*noise.row].difference;
  if (difference.num_first_failed + difference.num_second_failed > 0) {
    return fmt::format("{}. What its noise gives of this cannot be said: without it trainings diverged.", gives);
  }
  // One question, asked once: it is no member of the family of rows, whose p values are adjusted.
  const double p = difference.p;
  const std::string doubt = p < kLevel ? fmt::format("p {}", p_text(p)) : "not distinguishable from none";
  return fmt::format("{}. Of this, its noise gives {} points ({}): {} the rest.", gives, points_text(difference), doubt,
                     rest);
}

void print_noise(const AblationReport& report) {
  const std::string text = noise_text(report);
  if (!text.empty()) fmt::print("\n{}", wrapped(text, terminal_width(STDOUT_FILENO)));
}

void print_ablation(const AblationReport& report) {
  fmt::print("around trial {}: {} seeds of {} epochs, validation accuracy ± standard error\n", report.trial,
             report.all_off.size(), report.num_epochs);
  fmt::print("  {:<34} {:>17}\n", fmt::format("trial {}", report.trial), accuracy_percent_text(report.accuracies[0]));
  fmt::print("  {:<34} {:>17}\n", report.base_name, accuracy_percent_text(report.all_off));
  const PairedDifference& difference = report.effects[0].difference;
  fmt::print("{}", wrapped(fmt::format("trial {}: {}", report.trial, verdict(difference, report.base_name)),
                           terminal_width(STDOUT_FILENO)));
  print_rows(report, {Comparison::kWithout}, fmt::format("in trial {}, each", report.trial));
  print_rows(report, {Comparison::kWithoutPlace, Comparison::kWithoutNoise}, "all of a place together");
  print_rows(report, {Comparison::kWith}, fmt::format("put on besides, over trial {}", report.trial));
  print_rows(report, {Comparison::kAlone}, "alone, over " + report.base_name);
}

void print_sample(const TrainedSample& sample, const SearchSpace& space) {
  int64_t num_aborted = 0, num_diverged = 0;
  for (const TrainingOutcome& outcome : sample.outcomes) {
    const bool is_diverged = std::isnan(outcome.validation_accuracy);
    num_diverged += is_diverged ? 1 : 0;
    num_aborted += !is_diverged && outcome.num_epochs < sample.num_epochs ? 1 : 0;
  }
  fmt::print("\na designed sample of {} settings, {} epochs: {} aborted, {} diverged\n\n", sample.settings.size(),
             sample.num_epochs, num_aborted, num_diverged);
  fmt::print("{:<28} {:>13} {:>8}   {:>13} {:>8}\n", "importance", "of variance,%", "p (Holm)", "of the best,%",
             "p (Holm)");
  for (int64_t d = 0; d < space.num_dimensions(); ++d) {
    const Effect& share = sample.report.shares[static_cast<size_t>(d)];
    const Effect& best = sample.report.contributions[static_cast<size_t>(d)];
    fmt::print("  {:<26} {:>13} {:>8}   {:>13} {:>8}\n", key_of(space, d), percent(share.size),
               p_text(share.adjusted_p), percent(best.size), p_text(best.adjusted_p));
  }
  print_groups(sample.report, space);
  print_interactions(sample.report, space);
}

void print_summary(const SearchSummary& summary) {
  fmt::print(
      "\nthe search's own trials: it looks where it has found something, so that none of\n"
      "this is evidence for a technique; a swarm's trials give what does nothing, too,\n"
      "a correlation. corr.: of ranks with the accuracy, the order of trials held fixed\n\n");
  fmt::print("{:<24} {:>10} {:>6}  {:>12} {:>10} {:>7}\n", "", "failed: on", "off, %",
             fmt::format("on, best {}", summary.num_best), "typically", "corr.");
  for (const TechniqueSummary& row : summary.techniques) {
    const TechniqueInfo& info = technique(row.id);
    fmt::print("  {:<22} {:>10} {:>6}  {:>12} {:>10} {:>7}\n", info.key, percent(row.on.failure_rate()),
               percent(row.off.failure_rate()), percent(row.share_among_best) + " %",
               std::isnan(row.typical_among_best) ? "-" : format_value(info, row.typical_among_best),
               std::isnan(row.correlation) ? "-" : fmt::format("{:+.2f}", row.correlation));
  }
  fmt::print("\n{:<24} {:>10} {:>10}   {:>10}\n", "optimizer", "trials", "failed, %", "best");
  for (const ChoiceSummary& row : summary.optimizers) {
    fmt::print("  {:<22} {:>10} {:>10}   {:>10}\n", format_value(technique(Technique::kOptimizer), row.value),
               row.trials.num_trials, percent(row.trials.failure_rate()),
               std::isnan(row.best) ? "-" : fmt::format("{:.4f}", row.best));
  }
}

void print_commands(const AblationReport& report) {
  fmt::print("\nto train a row again:\n");
  fmt::print("{}\n  {}\n", report.base_name, report.all_off_command);
  for (size_t i = 0; i < report.rows.size(); ++i) {
    fmt::print("{} {}\n  {}\n", name_of(report.rows[i].comparison), report.rows[i].label, report.commands[i]);
  }
}

Json analysis_json(const AnalysisReport& report, const Study& study) {
  Json result = report_head("analyse");
  result.update({{"study", report.study}, {"search", summary_json(report.search)}});
  if (report.ablation) result["ablation"] = ablation_json(*report.ablation);
  if (report.sample) result["sample"] = sample_json(*report.sample, study.space());
  return result;
}

Json ablation_json(const AblationReport& report, const Study& study) {
  Json result = report_head("ablate");
  result["study"] = study.path().string();
  result.update(ablation_json(report));
  return result;
}

}  // namespace murmur::app
