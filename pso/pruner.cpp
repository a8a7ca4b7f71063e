#include "murmur/pso/pruner.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>
#include <set>
#include <utility>
#include <vector>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

/// Accuracies, divided into the best 1/divisor of them (rounded down) and the rest.
class BestShare {
 public:
  explicit BestShare(size_t divisor) : divisor_(divisor) {}

  void add(double value) {
    if (std::isnan(value)) return;
    best_.insert(value);
    rest_.insert(best_.extract(best_.begin()));
    if (best_.size() < size() / divisor_) best_.insert(rest_.extract(std::prev(rest_.end())));
  }
  size_t size() const { return best_.size() + rest_.size(); }
  /// The last of the best share; of the rest where that is empty the first.
  double threshold() const { return best_.empty() ? first_of_rest() : *best_.begin(); }
  double first_of_rest() const { return *rest_.rbegin(); }

 private:
  size_t divisor_;
  std::multiset<double> best_, rest_;
};

/// The best of them; NaN counts as none.
double best_of(std::span<const double> accuracies) {
  double best = -1;
  for (const double value : accuracies) best = std::fmax(best, value);
  return best;
}

class MedianPruner final : public Pruner {
 public:
  explicit MedianPruner(const PrunerOptions& options) : options_(options) {}

  void report(int64_t /*trial*/, std::span<const double> /*accuracies*/) override {}

  void complete(std::span<const double> accuracies) override {
    if (accuracies_.size() < accuracies.size()) accuracies_.resize(accuracies.size(), BestShare(2));
    for (size_t i = 0; i < accuracies.size(); ++i) accuracies_[i].add(accuracies[i]);
  }

  bool prunes(int64_t /*trial*/, std::span<const double> accuracies) const override {
    const size_t epochs = accuracies.size();
    if (std::cmp_less(epochs, options_.min_epochs) || epochs > accuracies_.size()) return false;
    const BestShare& others = accuracies_[epochs - 1];
    if (others.size() == 0 || std::cmp_less(others.size(), options_.startup_trials)) return false;
    const bool is_even = others.size() % 2 == 0;
    const double median = is_even ? (others.threshold() + others.first_of_rest()) / 2 : others.first_of_rest();
    return best_of(accuracies) < median;
  }

 private:
  PrunerOptions options_;
  std::vector<BestShare> accuracies_;  // of the complete trials after each epoch
};

class HalvingPruner final : public Pruner {
 public:
  HalvingPruner(const PrunerOptions& options, int64_t num_epochs) {
    for (int64_t rung = options.min_epochs; rung < num_epochs; rung *= options.factor) rungs_.push_back(rung);
    const size_t num_brackets = options.kind == PrunerKind::kHyperband ? rungs_.size() + 1 : 1;
    double sum = 0;
    for (size_t s = 0; s < num_brackets; ++s) {
      const auto remaining = static_cast<double>(num_brackets - s);
      const double growth = std::pow(static_cast<double>(options.factor), remaining - 1);
      sum += std::ceil(static_cast<double>(num_brackets) / remaining * growth);
      shares_.push_back(sum);
    }
    for (double& share : shares_) share /= sum;
    reached_.resize(num_brackets * rungs_.size(), BestShare(static_cast<size_t>(options.factor)));
  }

  void report(int64_t trial, std::span<const double> accuracies) override {
    if (BestShare* const reached = rung_of(*this, trial, accuracies)) reached->add(accuracies.back());
  }

  void complete(std::span<const double> /*accuracies*/) override {}

  bool prunes(int64_t trial, std::span<const double> accuracies) const override {
    const BestShare* const reached = rung_of(*this, trial, accuracies);
    if (reached == nullptr || reached->size() == 0) return false;
    return !(accuracies.back() >= reached->threshold());
  }

 private:
  /// By the trial's number alone: the multiples of the golden ratio are spread evenly.
  size_t bracket_of(int64_t trial) const {
    double whole = 0;
    const double place = std::modf(static_cast<double>(trial + 1) * (std::numbers::phi - 1), &whole);
    const auto found = std::ranges::upper_bound(shares_, place);
    return std::min(static_cast<size_t>(found - shares_.begin()), shares_.size() - 1);
  }

  /// What was at the rung where the trial is now; null where it is at none of its bracket.
  template <class Self>
  static auto rung_of(Self& self, int64_t trial, std::span<const double> accuracies) -> decltype(self.reached_.data()) {
    const auto found = std::ranges::find(self.rungs_, static_cast<int64_t>(accuracies.size()));
    const size_t rung = static_cast<size_t>(found - self.rungs_.begin());
    const size_t bracket = self.bracket_of(trial);
    if (found == self.rungs_.end() || rung < bracket) return nullptr;
    return &self.reached_[bracket * self.rungs_.size() + rung];
  }

  std::vector<int64_t> rungs_;      // epochs, below a full training's
  std::vector<double> shares_;      // of the brackets, summed up: the last one is 1
  std::vector<BestShare> reached_;  // by bracket and rung
};

}  // namespace

std::unique_ptr<Pruner> make_pruner(const PrunerOptions& options, int64_t num_epochs) {
  const auto expect_at_least = [](const char* what, int64_t least, int64_t value) {
    if (value < least) throw InvalidArgument("pruning: expected {} of at least {}, got {}", what, least, value);
  };
  expect_at_least("epochs before the first trial is pruned", 1, options.min_epochs);
  expect_at_least("a factor between rungs", 2, options.factor);
  expect_at_least("trials to compare with", 1, options.startup_trials);
  constexpr int64_t kMostFactor = int64_t{1} << 20;  // a rung times the factor does not overflow
  if (options.factor > kMostFactor) {
    throw InvalidArgument("pruning: expected a factor between rungs of at most {}, got {}", kMostFactor,
                          options.factor);
  }
  switch (options.kind) {
    case PrunerKind::kNone:
      break;
    case PrunerKind::kMedian:
      return std::make_unique<MedianPruner>(options);
    case PrunerKind::kHalving:
    case PrunerKind::kHyperband:
      return std::make_unique<HalvingPruner>(options, num_epochs);
  }
  return nullptr;
}

PrunerKind parse_pruner_kind(std::string_view name) {
  const auto* const found = std::ranges::find(kPrunerNames, name);
  if (found == kPrunerNames.end()) {
    throw InvalidArgument("pruning: expected one of {}, got '{}'", fmt::join(kPrunerNames, ", "), name);
  }
  return static_cast<PrunerKind>(found - kPrunerNames.begin());
}

}  // namespace murmur
