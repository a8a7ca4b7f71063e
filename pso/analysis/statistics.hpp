#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace murmur {

double mean(std::span<const double> values);
/// Of a sample (n - 1). NaN for fewer than two values.
double standard_deviation(std::span<const double> values);
/// Of the mean. NaN for fewer than two values.
double standard_error(std::span<const double> values);

struct Interval {
  double low, high;
};

/// Student's interval of the mean of normal values: NaN for fewer than two.
/// Throws: InvalidArgument for a confidence outside of (0, 1).
Interval student_interval(std::span<const double> values, double confidence = 0.95);

/// The difference first - second of pairs that share their seed.
struct PairedDifference {
  int64_t num_pairs = 0;          // that both ended with a finite value: what the rest is of
  int64_t num_first_failed = 0;   // pairs in which the first did not (diverged: NaN or infinite)
  int64_t num_second_failed = 0;  // and the second; of pairs in which both failed, each counts
  double difference = 0;          // the mean; this and what follows is NaN for fewer than two pairs
  double standard_error = 0;
  Interval interval{};
  double p = 1;  // Student's t test of a mean of 0, two-sided
};

/// A network that diverged has no accuracy: its pair is left out of the difference, and counted. Whoever reads the
/// result looks at the counts first: a setting that diverges now and then is not better, whatever its other runs reach.
/// Throws: InvalidArgument for vectors of different lengths or a confidence outside of (0, 1).
PairedDifference paired_difference(std::span<const double> first, std::span<const double> second,
                                   double confidence = 0.95);

/// What a paired difference of accuracies in [0, 1], with its 95 % interval, says of the first in percentage points:
/// "better than all off by 1.4 ± 0.2 points (95 % interval 1.0 to 1.9)", "worse than ...", "not distinguishable from
/// all off: 0.1 ± 0.2 points (95 % interval -0.4 to 0.6)", or "unstable: 2 of 10 trainings diverged". It is
/// distinguishable where the interval leaves out 0.
std::string verdict(const PairedDifference& difference, std::string_view other);

/// Holm's correction: p values of a family of tests, adjusted so that rejecting those below 5 % rejects a true
/// hypothesis in at most 5 % of all families, whatever the tests' dependence. A NaN is a test that was not made: it
/// stays NaN and the family is smaller by one. Source: Holm 1979.
std::vector<double> holm(std::span<const double> p);

/// The confidence of each test's interval with which it leaves out 0 exactly where Holm's correction rejects at
/// `level`: 1 - level / (tests that were left when it was its turn), and for those that are not rejected that of the
/// first such. NaN for a test that was not made.
std::vector<double> holm_confidences(std::span<const double> p, double level = 0.05);

struct BootstrapOptions {
  int64_t num_resamples = 1000;
  double confidence = 0.95;
  uint64_t seed = 0;
};

/// The observations of one resample of n, with replacement: numbers below n. Random: addressed by (seed, resample).
std::vector<int64_t> bootstrap_resample(int64_t n, uint64_t seed, int64_t resample);

/// The interval that a share `confidence` of the values lies in, with as many below as above. NaN (a resample that does
/// not have the statistic) is left out; without any other value the interval is NaN.
/// Throws: InvalidArgument for a confidence outside of (0, 1).
Interval percentile_interval(std::vector<double> values, double confidence = 0.95);

/// The percentile interval of a statistic of n observations, which is given the numbers of those in a resample.
/// Throws: InvalidArgument for n < 1, no resamples, or a confidence outside of (0, 1). Source: Efron 1979.
Interval bootstrap_interval(int64_t n, const std::function<double(std::span<const int64_t>)>& statistic,
                            const BootstrapOptions& options = {});

}  // namespace murmur
