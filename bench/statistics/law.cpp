#include "bench/statistics/law.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <cmath>
#include <numbers>
#include <utility>

namespace murmur::bench {
namespace {

constexpr size_t kNumMoments = Law::kNumMoments;

double power(double x, size_t k) {
  double result = 1;
  for (size_t i = 0; i < k; ++i) result *= x;
  return result;
}

double binomial(size_t n, size_t k) {
  double result = 1;
  for (size_t i = 1; i <= k; ++i) result *= static_cast<double>(n - k + i) / static_cast<double>(i);
  return result;
}

/// Moments about the mean.
std::array<double, kNumMoments> central(const std::array<double, kNumMoments>& raw) {
  std::array<double, kNumMoments> result{};
  for (size_t k = 0; k < kNumMoments; ++k) {
    for (size_t j = 0; j <= k; ++j) result[k] += binomial(k, j) * power(-raw[1], k - j) * raw[j];
  }
  return result;
}

std::array<double, kNumMoments> moments_of(const std::vector<Atom>& atoms) {
  std::array<double, kNumMoments> raw{};
  for (const Atom& atom : atoms) {
    for (size_t k = 0; k < kNumMoments; ++k) raw[k] += atom.probability * power(atom.value, k);
  }
  return raw;
}

}  // namespace

Law::Law(std::string name, const std::array<double, kNumMoments>& raw, double location, double scale,
         std::function<double(double)> cdf)
    : name_(std::move(name)), cdf_(std::move(cdf)) {
  standardise(raw);
  mean_ = location + scale * mean_;
  deviation_ *= scale;
}

Law::Law(std::string name, std::vector<Atom> atoms) : name_(std::move(name)), atoms_(std::move(atoms)) {
  // About the middle of the atoms: powers of large numbers would cancel.
  const double middle = (atoms_.front().value + atoms_.back().value) / 2;
  std::vector<Atom> centred = atoms_;
  for (Atom& atom : centred) atom.value -= middle;
  standardise(moments_of(centred));
  mean_ += middle;
  cdf_ = [atoms = atoms_](double x) {
    double sum = 0;
    for (const Atom& atom : atoms) sum += atom.value <= x ? atom.probability : 0;
    return sum;
  };
}

void Law::standardise(const std::array<double, kNumMoments>& raw) {
  mean_ = raw[1];
  const std::array<double, kNumMoments> about_mean = central(raw);
  deviation_ = std::sqrt(about_mean[2]);
  for (size_t k = 0; k < kNumMoments; ++k) moments_[k] = about_mean[k] / power(deviation_, k);
}

double Law::beyond(double deviations) const {
  if (!is_discrete()) return cdf(mean_ - deviations * deviation_) + (1 - cdf(mean_ + deviations * deviation_));
  double sum = 0;
  for (const Atom& atom : atoms_) sum += std::abs(atom.value - mean_) > deviations * deviation_ ? atom.probability : 0;
  return sum;
}

double Law::quantile(double q) const {
  double low = mean_ - 64 * deviation_;
  double high = mean_ + 64 * deviation_;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (cdf(middle) < q ? low : high) = middle;
  }
  return (low + high) / 2;
}

Law uniform_law(double low, double high) {
  std::array<double, kNumMoments> raw{};
  for (size_t k = 0; k < kNumMoments; ++k) raw[k] = 1 / static_cast<double>(k + 1);
  return Law(fmt::format("uniform in ({:.4g}, {:.4g})", low, high), raw, low, high - low,
             [=](double x) { return std::clamp((x - low) / (high - low), 0.0, 1.0); });
}

Law normal_law(double mean, double deviation) {
  const std::array<double, kNumMoments> standard{1, 0, 1, 0, 3, 0, 15, 0, 105};
  return Law(fmt::format("normal, {:.4g} ± {:.4g}", mean, deviation), standard, mean, deviation,
             [=](double x) { return std::erfc((mean - x) / (deviation * std::numbers::sqrt2)) / 2; });
}

Law exponential_law(double mean) {
  std::array<double, kNumMoments> raw{};
  raw[0] = 1;
  for (size_t k = 1; k < kNumMoments; ++k) raw[k] = raw[k - 1] * static_cast<double>(k);
  return Law(fmt::format("exponential, mean {:.4g}", mean), raw, 0, mean,
             [=](double x) { return x <= 0 ? 0 : -std::expm1(-x / mean); });
}

Law beta_law(double a, double b) {
  std::array<double, kNumMoments> raw{};
  raw[0] = 1;
  for (size_t k = 1; k < kNumMoments; ++k) {
    const double j = static_cast<double>(k - 1);
    raw[k] = raw[k - 1] * (a + j) / (a + b + j);
  }
  return Law(fmt::format("Beta({:.4g}, {:.4g})", a, b), raw, 0, 1,
             [law = boost::math::beta_distribution<>(a, b)](double x) {
               return x <= 0 ? 0 : (x >= 1 ? 1 : boost::math::cdf(law, x));
             });
}

Law two_valued_law(double low, double high, double p) {
  return Law(fmt::format("{:.4g} with probability {:.4g}, else {:.4g}", high, p, low), {{low, 1 - p}, {high, p}});
}

Law symmetric_law(float range) {
  const auto exact = static_cast<double>(range);
  return uniform_law(-exact, exact);
}

Law mask_law(float p, float kept) {
  return two_valued_law(0, static_cast<double>(kept), keep_probability(p));
}

Law integers_law(int64_t n) {
  std::vector<Atom> atoms;
  for (int64_t i = 0; i < n; ++i) atoms.push_back({static_cast<double>(i), 1 / static_cast<double>(n)});
  return Law(fmt::format("integers below {}", n), std::move(atoms));
}

double keep_probability(float p) {
  // (k + 1/2) 2^-23 > p for all k but the first p 2^23 + 1/2.
  return 1 - std::floor(static_cast<double>(p) * 0x1p23 + 0.5) * 0x1p-23;
}

Cells::Cells(const Law& law, int64_t most) {
  const auto count = static_cast<size_t>(most);
  if (!law.is_discrete()) {
    double below = 0;
    for (size_t i = 1; i < count; ++i) {
      bounds_.push_back(static_cast<float>(law.quantile(static_cast<double>(i) / static_cast<double>(count))));
      const double up_to = law.cdf(static_cast<double>(bounds_.back()));
      probabilities_.push_back(up_to - below);
      below = up_to;
    }
    probabilities_.push_back(1 - below);
    return;
  }
  const std::vector<Atom>& atoms = law.atoms();
  const double share = atoms.size() <= count ? 0 : 1 / static_cast<double>(count);
  double probability = 0;
  for (size_t i = 0; i < atoms.size(); ++i) {
    probability += atoms[i].probability;
    if (i + 1 < atoms.size() && probability < share * (1 - 1e-9)) continue;
    probabilities_.push_back(probability);
    probability = 0;
    if (i + 1 < atoms.size()) bounds_.push_back(static_cast<float>((atoms[i].value + atoms[i + 1].value) / 2));
  }
}

}  // namespace murmur::bench
