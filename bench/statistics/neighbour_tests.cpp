#include "bench/statistics/neighbour_tests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace murmur::bench {
namespace {

constexpr int64_t kCells = 16;
constexpr int64_t kSummed = 64;

void append(std::vector<Outcome>& outcomes, std::vector<Outcome> more) {
  std::ranges::move(more, std::back_inserter(outcomes));
}

std::vector<Outcome> lane_tests(const Case& tested, uint64_t seed, int64_t n) {
  std::vector<Outcome> outcomes;
  for (int first = 0; first < tested.num_values; ++first) {
    for (int second = first + 1; second < tested.num_values; ++second) {
      PairTest pairs(tested.law, tested.law);
      for (int64_t i = 0; i < n / 4; ++i) {
        const Quad<float> x = tested.draw(place_at(tested.layout, seed, i));
        pairs.add(x.v[first], x.v[second]);
      }
      append(outcomes, pairs.outcomes(fmt::format("lanes {} and {}", first, second)));
    }
  }
  return outcomes;
}

/// Neighbours are 0 and 1, 2 and 3, ...: no value is in two pairs.
std::vector<Outcome> pair_tests(const Case& tested, Coordinate coordinate, uint64_t seed, int64_t n) {
  PairTest pairs(tested.law, tested.law);
  for (int64_t i = 0; i < n / tested.num_values; ++i) {
    const Place place = place_at(tested.layout, seed, i, coordinate, 2);
    const Quad<float> x = tested.draw(place);
    const Quad<float> y = tested.draw(moved(place, coordinate, 1));
    for (int lane = 0; lane < tested.num_values; ++lane) pairs.add(x.v[lane], y.v[lane]);
  }
  return pairs.outcomes(std::string(tested.layout.word(coordinate)));
}

/// s = sum z / sqrt m of m independent values has E s^2 = 1 and E s^4 = 3 + (E z^4 - 3) / m, so that s^2 has variance
/// 2 + (E z^4 - 3) / m.
Outcome sum_test(const Case& tested, Coordinate coordinate, uint64_t seed, int64_t n) {
  const int64_t quads = tested.layout.quads_per_item;
  const int64_t summed = coordinate == Coordinate::kElement && quads > 0 ? std::min(kSummed, quads) : kSummed;
  const auto m = static_cast<double>(summed);
  const int64_t num_places = std::max<int64_t>(n / summed / tested.num_values, 1);
  double squares = 0;
  for (int64_t i = 0; i < num_places; ++i) {
    const Place place = place_at(tested.layout, seed, i, coordinate, summed);
    double sums[4] = {};
    for (int64_t k = 0; k < summed; ++k) {
      const Quad<float> x = tested.draw(moved(place, coordinate, k));
      for (int lane = 0; lane < tested.num_values; ++lane) sums[lane] += tested.law.standardised(x.v[lane]);
    }
    for (int lane = 0; lane < tested.num_values; ++lane) squares += sums[lane] * sums[lane] / m;
  }
  const auto num_sums = static_cast<double>(num_places * tested.num_values);
  const double variance = 2 + (tested.law.moment(4) - 3) / m;
  return from_z(fmt::format("{}: sums", tested.layout.word(coordinate)),
                (squares / num_sums - 1) * std::sqrt(num_sums / variance));
}

}  // namespace

PairTest::PairTest(const Law& x, const Law& y)
    : x_(x), y_(y), x_cells_(x, kCells), y_cells_(y, kCells), counts_(x_cells_.size() * y_cells_.size()) {}

std::vector<Outcome> PairTest::outcomes(const std::string& prefix) const {
  const auto n = static_cast<double>(num_pairs_);
  std::vector<Outcome> outcomes{from_z(prefix + ": correlation", products_ / std::sqrt(n))};
  // Of two values z^2 is a function of z, or constant.
  if (std::min(x_cells_.size(), y_cells_.size()) > 2) {
    const double variance = (x_.moment(4) - 1) * (y_.moment(4) - 1);
    outcomes.push_back(from_z(prefix + ": squares", squares_ / std::sqrt(n * variance)));
  }
  std::vector<double> probabilities;
  for (const double a : x_cells_.probabilities()) {
    for (const double b : y_cells_.probabilities()) probabilities.push_back(a * b);
  }
  outcomes.push_back(from_counts(prefix + ": grid", counts_, probabilities));
  return outcomes;
}

std::vector<Outcome> neighbour_tests(const Case& tested, uint64_t seed, int64_t n) {
  std::vector<Outcome> outcomes = lane_tests(tested, seed, n);
  for (const Coordinate coordinate : kCoordinates) {
    if (!tested.layout.has(coordinate)) continue;
    append(outcomes, pair_tests(tested, coordinate, seed, n));
    outcomes.push_back(sum_test(tested, coordinate, seed, n));
  }
  return outcomes;
}

std::vector<Outcome> technique_tests(const Case& first, const Case& second, uint64_t seed, int64_t n) {
  PairTest pairs(first.law, second.law);
  const int num_values = std::min(first.num_values, second.num_values);
  for (int64_t i = 0; i < n / num_values; ++i) {
    const Place place = place_at(first.layout, seed, i);
    const Quad<float> x = first.draw(place);
    const Quad<float> y = second.draw(place);
    for (int lane = 0; lane < num_values; ++lane) pairs.add(x.v[lane], y.v[lane]);
  }
  return pairs.outcomes("technique");
}

}  // namespace murmur::bench
