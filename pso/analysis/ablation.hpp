#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "murmur/pso/analysis/statistics.hpp"
#include "murmur/pso/search_space.hpp"
#include "murmur/pso/study.hpp"

// What each technique is worth around one setting: everything else stays, and all are trained with the same seeds.
namespace murmur {

/// What a row's setting is compared with, and which way round a positive effect speaks for the technique.
enum class Comparison : uint8_t {
  kAllOff,        // the setting itself, against all off
  kWithout,       // one technique off: the setting against it
  kWithoutPlace,  // all techniques of a place off: the setting against it
  kWithoutNoise,  // all noise of all places off, the hyper-parameters of the update left: the setting against it
  kWith,          // one more technique on: it against the setting
  kAlone,         // one technique on, all else off: it against all off
};

struct AblationRow {
  Comparison comparison;
  std::string label;  // "dropout=0.1", "weight (2)"
  Setting setting;    // what is trained for this row
};

/// The rows of an ablation, the setting itself first. A technique is off where it has the value of `all_off` (a study's
/// base), on otherwise; those that are off are put on at a typical level of the `best` settings that have it on, and
/// left out where none has. A place whose one active technique has a row already has none, and all noise has none where
/// it is all in one place, or all that the setting has on.
std::vector<AblationRow> ablation_rows(const SearchSpace& space, const Setting& all_off, const Setting& setting,
                                       std::span<const Setting> best);

/// What of a setting is noise: its techniques of every place but Place::kUpdate.
struct NoiseOfSetting {
  enum class Share : uint8_t { kNone, kSome, kAll } share;
  std::optional<size_t> row;    // that takes all noise away, of kSome; none where no row does
  std::vector<Dimension> rest;  // what else it has on
};

/// Of the setting of the first of `rows`, which `ablation_rows` has made. Throws: InvalidArgument without rows.
NoiseOfSetting noise_of_setting(const SearchSpace& space, const Setting& all_off, std::span<const AblationRow> rows);

/// The median of the settings' values of a technique, of an even number the lower one; of a choice the most frequent.
/// NaN without settings.
double typical_value(std::span<const Setting> settings, const Dimension& dimension);

/// The settings of the best tenth of the complete trials, at least ten of them.
std::vector<Setting> best_settings(std::span<const TrialRecord> trials);

struct AblationEffect {
  PairedDifference difference;  // positive: the technique helps
  double adjusted_p = 1;  // Holm's, for all rows around the setting, for all rows alone; the first row is a family
};

/// `accuracies` are those of the rows, and `all_off`'s, with the same seeds in the same order (NaN: diverged).
/// Throws: InvalidArgument where their numbers differ.
std::vector<AblationEffect> ablation_effects(std::span<const AblationRow> rows,
                                             std::span<const std::vector<double>> accuracies,
                                             std::span<const double> all_off);

}  // namespace murmur
