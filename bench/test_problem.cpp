#include "bench/test_problem.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/random.hpp"

namespace murmur::bench {
namespace {

constexpr double kBound = 5;
constexpr double kInner = 0.8;        // of the range, where optima lie
constexpr double kNoise = 0.02;       // of the median
constexpr double kSparseNoise = 0.1;  // of what all off lacks
constexpr int64_t kSample = 1001;     // positions of which the median is taken
// From [-5, 5] to the usual range of each function.
constexpr std::array<double, kFunctions.size()> kScales{1, 1, 1.024, 6.4, 120};
constexpr uint64_t kProblems = 0x9e3779b97f4a7c15ULL;  // the seeds of problems are none of a searcher's

template <size_t kCount>
size_t place_of(const std::array<std::string_view, kCount>& names, std::string_view name) {
  const auto* const found = std::ranges::find(names, name);
  if (found == names.end()) {
    throw InvalidArgument("problem: expected one of {}, got '{}'", fmt::join(names, ", "), name);
  }
  return static_cast<size_t>(found - names.begin());
}

UniformPair draw(uint64_t seed, int64_t what, int64_t number, int64_t d) {
  return swarm_uniforms(seed ^ kProblems, SwarmStream::kMove, what, number, d);
}

double normal(const UniformPair& u) {
  return std::sqrt(-2 * std::log(u.first)) * std::cos(2 * std::numbers::pi * u.second);
}

/// Rows that are orthogonal and of length 1, random: Gram and Schmidt's of normal ones.
std::vector<std::vector<double>> random_rotation(int64_t num_dimensions, uint64_t seed) {
  std::vector<std::vector<double>> rows;
  for (int64_t i = 0; i < num_dimensions; ++i) {
    std::vector<double> row;
    for (int64_t d = 0; d < num_dimensions; ++d) row.push_back(normal(draw(seed, 1, i, d)));
    const auto dot = [&row](const std::vector<double>& other) {
      double sum = 0;
      for (size_t d = 0; d < row.size(); ++d) sum += row[d] * other[d];
      return sum;
    };
    for (const std::vector<double>& other : rows) {
      const double along = dot(other);
      for (size_t d = 0; d < row.size(); ++d) row[d] -= along * other[d];
    }
    const double length = std::sqrt(dot(row));
    for (double& x : row) x /= length;
    rows.push_back(std::move(row));
  }
  return rows;
}

double rosenbrock(const std::vector<double>& z) {
  double sum = 0;
  for (size_t d = 0; d + 1 < z.size(); ++d) {
    const double x = z[d] + 1, next = z[d + 1] + 1;  // whose least value lies at (1, 1, ...)
    sum += 100 * (next - x * x) * (next - x * x) + (1 - x) * (1 - x);
  }
  return sum;
}

double rastrigin(const std::vector<double>& z) {
  double sum = 0;
  for (const double x : z) sum += x * x + 10 * (1 - std::cos(2 * std::numbers::pi * x));
  return sum;
}

double ackley(const std::vector<double>& z) {
  double squares = 0, waves = 0;
  for (const double x : z) {
    squares += x * x;
    waves += std::cos(2 * std::numbers::pi * x);
  }
  const auto n = static_cast<double>(z.size());
  return std::max(0.0, 20 - 20 * std::exp(-0.2 * std::sqrt(squares / n)) + std::numbers::e - std::exp(waves / n));
}

double griewank(const std::vector<double>& z) {
  double sum = 0, product = 1;
  for (size_t d = 0; d < z.size(); ++d) {
    sum += z[d] * z[d];
    product *= std::cos(z[d] / std::sqrt(static_cast<double>(d + 1)));
  }
  return 1 + sum / 4000 - product;
}

double sphere(const std::vector<double>& z) {
  double sum = 0;
  for (const double x : z) sum += x * x;
  return sum;
}

constexpr std::array<double (*)(const std::vector<double>&), kFunctions.size()> kFormulas{sphere, rosenbrock, rastrigin,
                                                                                          ackley, griewank};

/// Of a dimension with values, that of the interval in which a position lies: its middle.
double settled(double x, const std::vector<double>& thresholds) {
  if (thresholds.empty()) return x;
  const auto above = std::ranges::lower_bound(thresholds, x);
  const double low = above == thresholds.begin() ? -kBound : *(above - 1);
  const double high = above == thresholds.end() ? kBound : *above;
  return 0.5 * (low + high);
}

}  // namespace

TestProblem::TestProblem(std::string_view function, std::string_view variant, int64_t num_dimensions, uint64_t seed)
    : function_(place_of(kFunctions, function)), seed_(seed) {
  place_of(kVariants, variant);
  const auto count = static_cast<size_t>(num_dimensions);
  domain_ = continuous_domain(std::vector<double>(count, -kBound), std::vector<double>(count, kBound));
  for (size_t d = 0; d < count; ++d) {
    shift_.push_back((2 * draw(seed, 0, 0, static_cast<int64_t>(d)).first - 1) * kInner * kBound);
  }
  const bool is_sparse = variant.starts_with("sparse");
  if (variant.starts_with("mixed")) {
    place_mixed();
  } else if (is_sparse) {
    place_sparse();
  } else {
    rotation_ = random_rotation(num_dimensions, seed);
  }
  if (variant.ends_with("noisy")) noise_ = is_sparse ? kSparseNoise * value(domain_.off) : kNoise * median();
}

void TestProblem::place_mixed() {
  for (size_t d = 0; d < shift_.size(); ++d) {
    const UniformPair u = draw(seed_, 0, 0, static_cast<int64_t>(d));
    if (d % 3 == 1) {
      domain_.thresholds[d] = {-kBound / 3, kBound / 3};
      shift_[d] = settled((2 * u.first - 1) * kBound, domain_.thresholds[d]);
    }
    if (d % 3 == 2 && u.second < 0.5) shift_[d] = -kBound;
  }
}

void TestProblem::place_sparse() {
  std::vector<std::pair<double, size_t>> order;
  for (size_t d = 0; d < shift_.size(); ++d) order.emplace_back(draw(seed_, 0, 0, static_cast<int64_t>(d)).second, d);
  std::ranges::sort(order);
  const size_t num_helpful = (shift_.size() + 3) / 4;
  for (size_t i = 0; i < order.size(); ++i) {
    const size_t d = order[i].second;
    domain_.sparse[d] = true;
    const double u = draw(seed_, 0, 0, static_cast<int64_t>(d)).first;
    shift_[d] = i < num_helpful ? (2 * (0.05 + 0.45 * u) - 1) * kBound : -kBound;
  }
  starts_.push_back(domain_.off);
}

double TestProblem::median() const {
  std::vector<double> values;
  for (int64_t i = 0; i < kSample; ++i) values.push_back(value(random_position(i)));
  std::ranges::nth_element(values, values.begin() + kSample / 2);
  return values[kSample / 2];
}

std::vector<double> TestProblem::random_position(int64_t i) const {
  std::vector<double> position;
  for (size_t d = 0; d < shift_.size(); ++d) {
    position.push_back((2 * draw(seed_, 2, i, static_cast<int64_t>(d)).first - 1) * kBound);
  }
  return position;
}

double TestProblem::value(const std::vector<double>& position) const {
  const double scale = kScales[function_];
  std::vector<double> z;
  for (size_t d = 0; d < shift_.size(); ++d) {
    z.push_back(scale * (settled(position[d], domain_.thresholds[d]) - shift_[d]));
  }
  if (rotation_.empty()) return kFormulas[function_](z);
  std::vector<double> rotated;
  for (const std::vector<double>& row : rotation_) {
    double sum = 0;
    for (size_t d = 0; d < z.size(); ++d) sum += row[d] * z[d];
    rotated.push_back(sum);
  }
  return kFormulas[function_](rotated);
}

double TestProblem::observed(const std::vector<double>& position, int64_t evaluation) const {
  return value(position) + (noise_ > 0 ? noise_ * normal(draw(seed_, 3, evaluation, 0)) : 0);
}

}  // namespace murmur::bench
