#include "bench/statistics/battery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "bench/statistics/cases.hpp"
#include "bench/statistics/neighbour_tests.hpp"
#include "bench/statistics/permutation_tests.hpp"
#include "bench/statistics/sample_tests.hpp"
#include "bench/statistics/walk.hpp"
#include "bench/statistics/word_tests.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/analysis/statistics.hpp"
#include "murmur/techniques/noise/input.hpp"

namespace murmur::bench {
namespace {

constexpr int64_t kLeastElements = 100'000;

void append(std::vector<Outcome>& outcomes, std::vector<Outcome> more) {
  std::ranges::move(more, std::back_inserter(outcomes));
}

/// The first n values in the order of training.
std::vector<float> values_of(const Case& tested, uint64_t seed, int64_t n) {
  std::vector<float> values;
  values.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n / tested.num_values; ++i) {
    const Quad<float> x = tested.draw(place_at(tested.layout, seed, i));
    values.insert(values.end(), x.v, x.v + tested.num_values);
  }
  return values;
}

/// The battery while it runs.
class Battery {
 public:
  explicit Battery(const BatteryOptions& options) : options_(options) {}

  void words() {
    for (const Walk& walk : walks()) {
      add(Group::kWords, fmt::format("words by {}", walk.name), "", "uniform", [&] {
        std::vector<uint32_t> words(static_cast<size_t>(options_.num_elements));
        read_words(walk, options_.seed, 0, words);
        return word_tests(words);
      });
    }
    add(Group::kWords, "avalanche", "", "binomial",
        [&] { return avalanche_tests(options_.seed, options_.num_elements); });
  }

  void cases(Group group, const std::vector<Case>& cases) {
    for (const Case& one : cases) {
      add(group, one.name, one.source, one.law.name(), [&] { return test_case(group, one, options_).outcomes; });
    }
  }

  /// All pairs of those that draw at the same positions.
  void pairs(const std::vector<Case>& cases) {
    for (size_t i = 0; i < cases.size(); ++i) {
      for (size_t j = i + 1; j < cases.size(); ++j) {
        if (!may_be_paired(cases[i], cases[j])) continue;
        add(Group::kTechniquePairs, fmt::format("{} and {}", cases[i].name, cases[j].name), "", "independent",
            [&] { return technique_tests(cases[i], cases[j], options_.seed, options_.num_elements); });
      }
    }
  }

  void permutations() {
    const uint64_t seed = options_.seed;
    const auto by_epoch = [seed](int64_t size) {
      return Permutations{
          size, [=](int64_t draw, int64_t index) { return noise::sample_index(seed, draw, true, 0, size, index); }};
    };
    const auto by_seed = [seed](int64_t size) {
      return Permutations{size, [=](int64_t draw, int64_t index) {
                            return noise::sample_index(seed + static_cast<uint64_t>(draw), 0, true, 0, size, index);
                          }};
    };
    const auto by_window = [seed](int64_t size) {
      return Permutations{size, [=](int64_t draw, int64_t index) {
                            constexpr int64_t kMany = int64_t{1} << 31;
                            return noise::sample_index(seed, 0, true, size, kMany, draw * size + index) - draw * size;
                          }};
    };
    test_permutations("permutations of 1,000 by epoch", by_epoch(1000));
    test_permutations("permutations of 1,000 by seed", by_seed(1000));
    test_permutations("permutations of 1,024 by window", by_window(1024));
    test_permutations("permutations of 48,000 by epoch", by_epoch(48000));
    for (const int64_t size : {3, 4, 5, 6}) {
      add(Group::kPermutations, fmt::format("permutations of {} by epoch", size), "", "uniform",
          [&] { return std::vector<Outcome>{test_all_orders(by_epoch(size), options_.num_elements / size)}; });
    }
  }

  std::vector<Subject> subjects() { return std::move(subjects_); }

 private:
  /// Techniques of one place that draw at the same positions; one technique's numbers are the same in both of its
  /// cases.
  static bool may_be_paired(const Case& a, const Case& b) {
    const bool is_one_technique = a.name.starts_with("shuffle") && b.name.starts_with("shuffle");
    return a.layout.name == b.layout.name && !is_one_technique;
  }

  void test_permutations(const std::string& name, const Permutations& permutations) {
    add(Group::kPermutations, name, "", "uniform",
        [&] { return permutation_tests(permutations, options_.num_elements); });
  }

  template <class Run>
  void add(Group group, const std::string& name, const std::string& source, const std::string& law, const Run& run) {
    if (name.find(options_.only) == std::string::npos) return;
    if (options_.on_subject) options_.on_subject(name);
    subjects_.push_back({group, name, source, law, run()});
  }

  const BatteryOptions& options_;
  std::vector<Subject> subjects_;
};

void adjust(std::vector<Subject>& subjects) {
  std::vector<double> p;
  for (const Subject& subject : subjects) {
    for (const Outcome& outcome : subject.outcomes) p.push_back(outcome.p);
  }
  const std::vector<double> adjusted = holm(p);
  auto next = adjusted.begin();
  for (Subject& subject : subjects) {
    subject.adjusted.assign(next, next + std::ssize(subject.outcomes));
    next += std::ssize(subject.outcomes);
  }
}

}  // namespace

int64_t Report::num_tests() const {
  int64_t count = 0;
  for (const Subject& subject : subjects) count += std::ssize(subject.outcomes);
  return count;
}

double Report::least_adjusted() const {
  double least = 1;
  for (const Subject& subject : subjects) {
    for (const double p : subject.adjusted) least = std::min(least, p);
  }
  return least;
}

double Report::z_bound() const {
  return z_of_p(kLevel / static_cast<double>(num_tests()));
}

Subject test_case(Group group, const Case& tested, const BatteryOptions& options) {
  Subject subject{group, tested.name, tested.source, tested.law.name(), {}};
  std::vector<float> values = values_of(tested, options.seed, options.num_elements);
  subject.outcomes = order_tests(values, tested.law);
  append(subject.outcomes, sample_tests(values, tested.law));
  append(subject.outcomes, neighbour_tests(tested, options.seed, options.num_elements));
  return subject;
}

Report run_battery(const BatteryOptions& options) {
  if (options.num_elements < kLeastElements) {
    throw InvalidArgument("elements: expected at least {}, got {}", kLeastElements, options.num_elements);
  }
  Report report{options, {}};
  Battery battery(report.options);
  battery.words();
  battery.cases(Group::kDistributions, distribution_cases());
  battery.cases(Group::kTechniques, technique_cases());
  battery.pairs(technique_cases());
  battery.permutations();
  report.subjects = battery.subjects();
  if (report.subjects.empty()) throw InvalidArgument("only: no test has '{}' in its name", options.only);
  adjust(report.subjects);
  return report;
}

}  // namespace murmur::bench
