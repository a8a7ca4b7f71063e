#include "murmur/pso/analysis/ablation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr int64_t kFewestBest = 10;
constexpr int64_t kBestShare = 10;  // one in so many

std::string label_of(Technique id, double value) {
  const TechniqueInfo& info = technique(id);
  return fmt::format("{}={}", info.key, format_value(info, value));
}

Setting with(Setting setting, Technique id, double value) {
  setting.set(id, value);
  return setting;
}

/// The techniques of the space that the setting has on.
std::vector<Technique> active_techniques(const SearchSpace& space, const Setting& all_off, const Setting& setting) {
  std::vector<Technique> active;
  for (const Technique id : space.techniques()) {
    if (setting[id] != all_off[id]) active.push_back(id);
  }
  return active;
}

/// A typical level of those that have it on; NaN where none has.
double level_of(std::span<const Setting> best, Technique id, double off) {
  std::vector<Setting> on;
  std::copy_if(best.begin(), best.end(), std::back_inserter(on), [&](const Setting& s) { return s[id] != off; });
  return typical_value(on, id);
}

/// Which family of tests a row belongs to.
int family_of(Comparison comparison) {
  if (comparison == Comparison::kAllOff) return 0;
  return comparison == Comparison::kAlone ? 2 : 1;
}

}  // namespace

double typical_value(std::span<const Setting> settings, Technique technique) {
  if (settings.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> values;
  for (const Setting& setting : settings) values.push_back(setting[technique]);
  std::sort(values.begin(), values.end());
  if (murmur::technique(technique).kind != Kind::kCategorical) return values[(values.size() - 1) / 2];
  std::map<double, int64_t> counts;
  for (const double value : values) ++counts[value];
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

std::vector<Setting> best_settings(std::span<const TrialRecord> trials) {
  std::vector<const TrialRecord*> complete;
  for (const TrialRecord& trial : trials) {
    if (trial.state == TrialState::kComplete) complete.push_back(&trial);
  }
  std::stable_sort(complete.begin(), complete.end(),
                   [](const TrialRecord* a, const TrialRecord* b) { return a->value > b->value; });
  const auto num_complete = static_cast<int64_t>(complete.size());
  const int64_t num_best = std::min(num_complete, std::max(kFewestBest, num_complete / kBestShare));
  std::vector<Setting> best;
  for (int64_t i = 0; i < num_best; ++i) best.push_back(complete[static_cast<size_t>(i)]->setting);
  return best;
}

std::vector<AblationRow> ablation_rows(const SearchSpace& space, const Setting& all_off, const Setting& setting,
                                       std::span<const Setting> best) {
  std::vector<AblationRow> rows{{Comparison::kAllOff, "the setting", setting}};
  const std::vector<Technique> active = active_techniques(space, all_off, setting);
  for (const Technique id : active) {
    rows.push_back({Comparison::kWithout, label_of(id, setting[id]), with(setting, id, all_off[id])});
  }
  for (size_t place = 0; place < kPlaces.size(); ++place) {
    Setting without = setting;
    int64_t num_active = 0;
    for (const Technique id : active) {
      if (technique(id).place != static_cast<Place>(place)) continue;
      without.set(id, all_off[id]);
      ++num_active;
    }
    if (num_active > 1) {
      rows.push_back({Comparison::kWithoutPlace, fmt::format("{} ({})", kPlaces[place], num_active), without});
    }
  }
  std::vector<AblationRow> alone;
  for (const Technique id : space.techniques()) {
    const bool is_active = setting[id] != all_off[id];
    const double level = is_active ? setting[id] : level_of(best, id, all_off[id]);
    if (std::isnan(level)) continue;
    if (!is_active) rows.push_back({Comparison::kWith, label_of(id, level), with(setting, id, level)});
    alone.push_back({Comparison::kAlone, label_of(id, level), with(all_off, id, level)});
  }
  rows.insert(rows.end(), alone.begin(), alone.end());
  return rows;
}

std::vector<AblationEffect> ablation_effects(std::span<const AblationRow> rows,
                                             std::span<const std::vector<double>> accuracies,
                                             std::span<const double> all_off) {
  if (rows.empty() || rows.size() != accuracies.size()) {
    throw InvalidArgument("ablation: expected accuracies of {} rows, got {}", rows.size(), accuracies.size());
  }
  const std::span<const double> whole = accuracies[0];
  std::vector<AblationEffect> effects;
  for (size_t i = 0; i < rows.size(); ++i) {
    switch (rows[i].comparison) {
      case Comparison::kAllOff:
      case Comparison::kAlone:
        effects.push_back({paired_difference(accuracies[i], all_off)});
        break;
      case Comparison::kWith:
        effects.push_back({paired_difference(accuracies[i], whole)});
        break;
      case Comparison::kWithout:
      case Comparison::kWithoutPlace:
        effects.push_back({paired_difference(whole, accuracies[i])});
        break;
    }
  }
  for (int family = 0; family < 3; ++family) {
    std::vector<double> p;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (family_of(rows[i].comparison) == family) p.push_back(effects[i].difference.p);
    }
    const std::vector<double> adjusted = holm(p);
    size_t next = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (family_of(rows[i].comparison) == family) effects[i].adjusted_p = adjusted[next++];
    }
  }
  return effects;
}

}  // namespace murmur
