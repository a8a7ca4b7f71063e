#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/statistics/case.hpp"
#include "bench/statistics/outcome.hpp"

// All tests together, as one family: a p value counts by what Holm's correction makes of it.
namespace murmur::bench {

/// The largest adjusted p at which the family is said to fail: it does by chance in at most 1 % of all families.
inline constexpr double kLevel = 0.01;

enum class Group : uint8_t { kWords, kDistributions, kTechniques, kTechniquePairs, kPermutations };

/// What was tested, and how.
struct Subject {
  Group group;
  std::string name;
  std::string source;  // of a technique: where its formula stands
  std::string law;
  std::vector<Outcome> outcomes;
  std::vector<double> adjusted{};  // Holm's p values, one an outcome
};

struct BatteryOptions {
  int64_t num_elements = 10'000'000;  // of every test; at least 100,000
  uint64_t seed = 1;
  /// Only subjects whose name contains this.
  std::string only{};
  /// Called before each subject.
  std::function<void(const std::string& name)> on_subject{};
};

struct Report {
  BatteryOptions options;
  std::vector<Subject> subjects;

  int64_t num_tests() const;
  /// The least adjusted p.
  double least_adjusted() const;
  bool passes() const { return least_adjusted() >= kLevel; }
  /// The |z| from which on a single test fails the family: that of kLevel / num_tests.
  double z_bound() const;
};

/// Every test of one case's own numbers: sample_tests, order_tests and neighbour_tests.
Subject test_case(Group group, const Case& tested, const BatteryOptions& options);

/// Throws: InvalidArgument when num_elements is below 100,000, or nothing has such a name.
Report run_battery(const BatteryOptions& options);

}  // namespace murmur::bench
