#include "murmur/pso/success_memory.hpp"

#include <algorithm>
#include <cmath>

namespace murmur {

SuccessMemory::Parameters SuccessMemory::spread(double place, double cauchy, double normal) const {
  const Parameters& mean = means_[static_cast<size_t>(place * static_cast<double>(means_.size()))];
  const double crossover = mean.crossover < 0 ? 0 : std::clamp(mean.crossover + 0.1 * normal, 0.0, 1.0);
  return {std::min(mean.scale + 0.1 * cauchy, 1.0), crossover};
}

void SuccessMemory::learn() {
  if (successes_.empty()) return;
  // An infinite gain, of a parent that had failed, counts as the largest of the others.
  double largest = 0;
  for (const Success& success : successes_) {
    if (std::isfinite(success.gain)) largest = std::max(largest, success.gain);
  }
  if (largest == 0) largest = 1;
  double scale = 0, scale_squares = 0, crossover = 0, crossover_squares = 0, most = 0;
  for (const Success& success : successes_) {
    const double weight = std::min(success.gain, largest) / largest;
    const auto [f, cr] = success.parameters;
    scale += weight * f;
    scale_squares += weight * f * f;
    crossover += weight * cr;
    crossover_squares += weight * cr * cr;
    most = std::max(most, cr);
  }
  successes_.clear();
  Parameters& mean = means_[next_];
  next_ = (next_ + 1) % means_.size();
  if (scale > 0) mean.scale = scale_squares / scale;
  if (mean.crossover < 0 || most == 0) {
    mean.crossover = -1;
  } else if (crossover > 0) {
    mean.crossover = crossover_squares / crossover;
  }
}

}  // namespace murmur
