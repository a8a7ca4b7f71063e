#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace murmur {

/// What SHADE remembers of the parameters of trials that were better than their parents.
/// Source: Tanabe & Fukunaga, CEC 2013 and 2014 (weighted Lehmer means of both).
class SuccessMemory {
 public:
  struct Parameters {
    double scale;      // F, in (0, 1]
    double crossover;  // CR, in [0, 1]
  };
  explicit SuccessMemory(int64_t size) : means_(static_cast<size_t>(size), {0.5, 0.5}) {}

  /// A place's parameters, spread: `cauchy` is a standard Cauchy number, `normal` a standard normal one. A scale of 0
  /// or less is to be drawn again.
  Parameters spread(double place, double cauchy, double normal) const;

  /// Parameters of a success that made the fitness better by `gain` > 0.
  void succeed(const Parameters& parameters, double gain) { successes_.push_back({parameters, gain}); }

  /// The successes since the last time become the next place's means; nothing where there was none.
  void learn();

  const std::vector<Parameters>& means() const { return means_; }

 private:
  struct Success {
    Parameters parameters;
    double gain;
  };
  std::vector<Parameters> means_;  // a crossover below 0: only 0 succeeded, and it stays 0
  std::vector<Success> successes_;
  size_t next_ = 0;
};

}  // namespace murmur
