#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

// The exact distributions that random numbers are compared with.
namespace murmur::bench {

struct Atom {
  double value, probability;
};

/// A distribution: continuous, or of finitely many values.
class Law {
 public:
  static constexpr size_t kNumMoments = 9;

  /// A continuous one, that of location + scale u. `raw`: the moments E u^k, k = 0..8. `cdf`: P(X <= x).
  Law(std::string name, const std::array<double, kNumMoments>& raw, double location, double scale,
      std::function<double(double)> cdf);
  /// A discrete one. `atoms`: in ascending order; their probabilities are positive and add up to 1.
  Law(std::string name, std::vector<Atom> atoms);

  const std::string& name() const { return name_; }
  double mean() const { return mean_; }
  double deviation() const { return deviation_; }
  /// E z^k of the standardised value z = (x - mean) / deviation, k = 0..8.
  double moment(size_t k) const { return moments_[k]; }
  bool is_discrete() const { return !atoms_.empty(); }
  const std::vector<Atom>& atoms() const { return atoms_; }
  /// P(X <= x).
  double cdf(double x) const { return cdf_(x); }
  /// P(|X - mean| > deviations * deviation).
  double beyond(double deviations) const;
  /// The x with P(X <= x) = q, of a continuous law, to 1e-15 of its deviation.
  double quantile(double q) const;
  double standardised(float x) const { return (static_cast<double>(x) - mean_) / deviation_; }

 private:
  void standardise(const std::array<double, kNumMoments>& raw);

  std::string name_;
  double mean_ = 0;
  double deviation_ = 1;
  std::array<double, kNumMoments> moments_{};
  std::vector<Atom> atoms_;
  std::function<double(double)> cdf_;
};

Law uniform_law(double low, double high);
Law normal_law(double mean, double deviation);
/// Density exp(-x / mean) / mean, x > 0.
Law exponential_law(double mean);
Law beta_law(double a, double b);
/// `high` with probability p, else `low`.
Law two_valued_law(double low, double high, double p);
/// Uniform in (-range, range).
Law symmetric_law(float range);
/// What a mask 1[uniform(word) > p] leaves of `kept`.
Law mask_law(float p, float kept = 1);
/// 0 .. n - 1, all as likely.
Law integers_law(int64_t n);

/// The probability that uniform(word) > p, exactly: uniforms are (k + 1/2) 2^-23.
double keep_probability(float p);

/// The line of a law's values, cut into cells of equal probability; an atom is never cut.
class Cells {
 public:
  /// `most`: how many cells there are; fewer, one an atom, where the law has fewer atoms.
  Cells(const Law& law, int64_t most);
  size_t size() const { return probabilities_.size(); }
  const std::vector<double>& probabilities() const { return probabilities_; }
  /// The upper bounds of all cells but the last, each belonging to the cell below it.
  const std::vector<float>& bounds() const { return bounds_; }
  size_t of(float x) const {
    size_t cell = 0;
    for (const float bound : bounds_) cell += x > bound ? 1 : 0;
    return cell;
  }

 private:
  std::vector<float> bounds_;
  std::vector<double> probabilities_;
};

}  // namespace murmur::bench
