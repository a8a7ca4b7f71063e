#include "bench/statistics/permutation_tests.hpp"

#include <algorithm>
#include <cmath>

namespace murmur::bench {
namespace {

constexpr size_t kNumCounted = 6;  // 0 .. 4, and more
constexpr int64_t kLeastDraws = 200;

std::vector<int64_t> images(const Permutations& permutations, int64_t draw) {
  std::vector<int64_t> result(static_cast<size_t>(permutations.size));
  for (size_t i = 0; i < result.size(); ++i) result[i] = permutations.image(draw, static_cast<int64_t>(i));
  return result;
}

int64_t num_violations(const std::vector<int64_t>& image) {
  std::vector<bool> hit(image.size());
  int64_t count = 0;
  for (const int64_t place : image) {
    if (place < 0 || place >= std::ssize(image) || hit[static_cast<size_t>(place)]) {
      ++count;
    } else {
      hit[static_cast<size_t>(place)] = true;
    }
  }
  return count;
}

/// Numbers 0 .. size - 1 as scores of mean 0 and variance 1.
class Scores {
 public:
  explicit Scores(int64_t size) : size_(static_cast<double>(size)), deviation_(std::sqrt((size_ * size_ - 1) / 12)) {}
  double operator()(int64_t x) const { return (static_cast<double>(x) - (size_ - 1) / 2) / deviation_; }
  /// z score of the sum of a(i) b(pi(i)) of a random permutation pi: mean 0, variance n^2 / (n - 1).
  double match_z(double sum) const { return sum * std::sqrt(size_ - 1) / size_; }
  /// z score of the sum of a(pi(i)) a(pi(i + 1)), circular.
  double serial_z(double sum) const {
    const double n = size_;
    const double fourth = n * (3 - 1.2 * (n * n + 1) / (n * n - 1));  // the sum of a^4
    const double mean = -n / (n - 1);
    const double variance = (n * n - fourth) / (n - 1) + (n * n - 2 * fourth) / ((n - 1) * (n - 2)) - mean * mean;
    return (sum - mean) / std::sqrt(variance);
  }

 private:
  double size_;
  double deviation_;
};

/// Counts of numbers that are Poisson's with mean 1.
class PoissonCounts {
 public:
  void add(int64_t number) { ++counts_[std::min(static_cast<size_t>(number), kNumCounted - 1)]; }
  Outcome outcome(std::string test) const {
    std::vector<double> probabilities;
    double left = 1;
    double one = std::exp(-1.0);
    for (size_t k = 0; k + 1 < kNumCounted; ++k) {
      probabilities.push_back(one);
      left -= one;
      one /= static_cast<double>(k + 1);
    }
    probabilities.push_back(left);
    return from_counts(std::move(test), counts_, probabilities);
  }

 private:
  std::vector<int64_t> counts_ = std::vector<int64_t>(kNumCounted);
};

/// The sums over all draws.
struct Tally {
  int64_t violations = 0;
  double serial = 0, order = 0, neighbours = 0;
  PoissonCounts fixed_points, successions;

  void add(const std::vector<int64_t>& image, const Scores& score) {
    violations += num_violations(image);
    double serial_sum = 0;
    double order_sum = 0;
    int64_t num_fixed = 0;
    int64_t num_successions = 0;
    for (size_t i = 0; i < image.size(); ++i) {
      const bool is_last = i + 1 == image.size();
      const int64_t next = image[is_last ? 0 : i + 1];
      serial_sum += score(image[i]) * score(next);
      order_sum += score(static_cast<int64_t>(i)) * score(image[i]);
      num_fixed += image[i] == static_cast<int64_t>(i) ? 1 : 0;
      num_successions += !is_last && next == image[i] + 1 ? 1 : 0;
    }
    serial += score.serial_z(serial_sum);
    order += score.match_z(order_sum);
    fixed_points.add(num_fixed);
    successions.add(num_successions);
  }
};

}  // namespace

std::vector<Outcome> permutation_tests(const Permutations& permutations, int64_t n) {
  const Scores score(permutations.size);
  const int64_t num_pairs = std::max<int64_t>(n / permutations.size / 2, 1);
  Tally tally;
  for (int64_t pair = 0; pair < num_pairs; ++pair) {
    const std::vector<int64_t> first = images(permutations, 2 * pair);
    const std::vector<int64_t> second = images(permutations, 2 * pair + 1);
    tally.add(first, score);
    tally.add(second, score);
    double sum = 0;
    for (size_t i = 0; i < first.size(); ++i) sum += score(first[i]) * score(second[i]);
    tally.neighbours += score.match_z(sum);
  }
  const double draws = 2 * static_cast<double>(num_pairs);
  std::vector<Outcome> outcomes{
      from_violations("bijection", tally.violations), from_z("serial", tally.serial / std::sqrt(draws)),
      from_z("order", tally.order / std::sqrt(draws)), from_z("neighbours", tally.neighbours / std::sqrt(draws / 2))};
  if (2 * num_pairs >= kLeastDraws) {
    outcomes.push_back(tally.fixed_points.outcome("fixed points"));
    outcomes.push_back(tally.successions.outcome("successions"));
  }
  return outcomes;
}

Outcome test_two_images(const Permutations& permutations, int64_t n) {
  const auto size = static_cast<size_t>(permutations.size);
  std::vector<int64_t> counts(size * (size - 1));
  for (int64_t draw = 0; draw < n; ++draw) {
    const auto first = static_cast<size_t>(permutations.image(draw, 0));
    const auto second = static_cast<size_t>(permutations.image(draw, 1));
    ++counts[first * (size - 1) + second - (second > first ? 1 : 0)];
  }
  return from_counts("two images", counts, std::vector<double>(counts.size(), 1 / static_cast<double>(counts.size())));
}

Outcome test_all_orders(const Permutations& permutations, int64_t n) {
  size_t num_orders = 1;
  for (int64_t k = 2; k <= permutations.size; ++k) num_orders *= static_cast<size_t>(k);
  std::vector<int64_t> counts(num_orders);
  for (int64_t draw = 0; draw < n; ++draw) {
    const std::vector<int64_t> image = images(permutations, draw);
    // The number of an order: how many of those to its right are smaller, in mixed radix.
    size_t number = 0;
    for (size_t i = 0; i < image.size(); ++i) {
      const auto smaller = std::count_if(image.begin() + static_cast<std::ptrdiff_t>(i), image.end(),
                                         [&](int64_t other) { return other < image[i]; });
      number = number * (image.size() - i) + static_cast<size_t>(smaller);
    }
    ++counts[number];
  }
  return from_counts("all orders", counts, std::vector<double>(num_orders, 1 / static_cast<double>(num_orders)));
}

}  // namespace murmur::bench
