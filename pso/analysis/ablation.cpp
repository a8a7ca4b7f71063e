#include "murmur/pso/analysis/ablation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <map>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr int64_t kFewestBest = 10;
constexpr int64_t kBestShare = 10;  // one in so many

/// Of a row that is trained with `setting`.
std::string label_of(const Dimension& dimension, double value, const Setting& setting) {
  std::string label = fmt::format("{}={}", key_of(dimension), format_value(dimension, value));
  if (dimension.id != Technique::kOptimizer) return label;
  // Each optimizer wants a learning rate of its own, and here keeps that of another.
  return fmt::format("{} (at {} {:.3g})", label, technique(Technique::kLearningRate).key,
                     setting[Technique::kLearningRate]);
}

Setting with(Setting setting, const Dimension& dimension, double value) {
  set_value(setting, dimension, value);
  return setting;
}

Setting without(Setting setting, const Dimension& dimension, const Setting& all_off) {
  if (is_schedule(dimension)) {
    setting.set_schedule(dimension.id, all_off.schedule(dimension.id));
  } else {
    setting.set(dimension.id, all_off[dimension.id]);
  }
  return setting;
}

bool is_active(const Dimension& dimension, const Setting& all_off, const Setting& setting) {
  return SearchSpace::exists(dimension, setting) && value_of(setting, dimension) != value_of(all_off, dimension);
}

/// The dimensions of the space that the setting has on.
std::vector<Dimension> active_dimensions(const SearchSpace& space, const Setting& all_off, const Setting& setting) {
  std::vector<Dimension> active;
  std::ranges::copy_if(space.dimensions(), std::back_inserter(active),
                       [&](const Dimension& dimension) { return is_active(dimension, all_off, setting); });
  return active;
}

/// A typical level of those that have it on; NaN where none has.
double level_of(std::span<const Setting> best, const Dimension& dimension, const Setting& all_off) {
  std::vector<Setting> on;
  std::copy_if(best.begin(), best.end(), std::back_inserter(on),
               [&](const Setting& setting) { return is_active(dimension, all_off, setting); });
  return typical_value(on, dimension);
}

bool is_noise(const Dimension& dimension) {
  return technique(dimension.id).place != Place::kUpdate;
}

/// The setting without those of the active dimensions that `is_taken` says.
template <class F>
Setting without_all(Setting setting, std::span<const Dimension> active, const Setting& all_off, const F& is_taken) {
  for (const Dimension& dimension : active) {
    if (is_taken(dimension)) setting = without(setting, dimension, all_off);
  }
  return setting;
}

/// Which family of tests a row belongs to.
int family_of(Comparison comparison) {
  if (comparison == Comparison::kAllOff) return 0;
  return comparison == Comparison::kAlone ? 2 : 1;
}

}  // namespace

double typical_value(std::span<const Setting> settings, const Dimension& dimension) {
  if (settings.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> values;
  for (const Setting& setting : settings) values.push_back(value_of(setting, dimension));
  std::sort(values.begin(), values.end());
  const bool has_order = technique(dimension.id).kind != Kind::kCategorical && !is_schedule(dimension);
  if (has_order) return values[(values.size() - 1) / 2];
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
  const std::vector<Dimension> active = active_dimensions(space, all_off, setting);
  for (const Dimension& dimension : active) {
    rows.push_back({Comparison::kWithout, label_of(dimension, value_of(setting, dimension), setting),
                    without(setting, dimension, all_off)});
  }
  for (size_t place = 0; place < kPlaces.size(); ++place) {
    const auto is_there = [&](const Dimension& dimension) {
      return technique(dimension.id).place == static_cast<Place>(place);
    };
    const auto num_active = std::ranges::count_if(
        active, [&](const Dimension& dimension) { return is_there(dimension) && !is_schedule(dimension); });
    if (num_active > 1) {
      rows.push_back({Comparison::kWithoutPlace, fmt::format("{} ({})", kPlaces[place], num_active),
                      without_all(setting, active, all_off, is_there)});
    }
  }
  const Setting without_noise = without_all(setting, active, all_off, is_noise);
  const bool is_only_noise = std::ranges::all_of(active, is_noise);
  if (!is_only_noise && std::ranges::find(rows, without_noise, &AblationRow::setting) == rows.end()) {
    rows.push_back({Comparison::kWithoutNoise,
                    fmt::format("all noise (everything but {})", kPlaces[static_cast<size_t>(Place::kUpdate)]),
                    without_noise});
  }
  std::vector<AblationRow> alone;
  for (const Dimension& dimension : space.dimensions()) {
    const bool has_it = is_active(dimension, all_off, setting);
    const double level = has_it ? value_of(setting, dimension) : level_of(best, dimension, all_off);
    if (std::isnan(level)) continue;
    // A schedule changes nothing where its technique is off.
    const bool can_have_it = SearchSpace::exists(dimension, setting) || !is_schedule(dimension);
    if (!has_it && can_have_it) {
      rows.push_back({Comparison::kWith, label_of(dimension, level, setting), with(setting, dimension, level)});
    }
    if (!is_schedule(dimension)) {
      alone.push_back({Comparison::kAlone, label_of(dimension, level, all_off), with(all_off, dimension, level)});
    }
  }
  rows.insert(rows.end(), alone.begin(), alone.end());
  return rows;
}

NoiseOfSetting noise_of_setting(const SearchSpace& space, const Setting& all_off, std::span<const AblationRow> rows) {
  if (rows.empty()) throw InvalidArgument("ablation: expected the setting's row");
  const Setting& setting = rows[0].setting;
  const std::vector<Dimension> active = active_dimensions(space, all_off, setting);
  NoiseOfSetting noise{NoiseOfSetting::Share::kNone, {}, {}};
  std::ranges::remove_copy_if(active, std::back_inserter(noise.rest), is_noise);
  if (std::ranges::none_of(active, is_noise)) return noise;
  noise.share = noise.rest.empty() ? NoiseOfSetting::Share::kAll : NoiseOfSetting::Share::kSome;
  if (noise.rest.empty()) return noise;
  const Setting without_noise = without_all(setting, active, all_off, is_noise);
  const auto row = std::ranges::find_if(rows, [&](const AblationRow& one) {
    return one.setting == without_noise && one.comparison != Comparison::kAlone;
  });
  if (row != rows.end()) noise.row = static_cast<size_t>(row - rows.begin());
  return noise;
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
      case Comparison::kWithoutNoise:
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
