// What the p values of the analysis are worth: on functions of 22 dimensions, of which 6 matter and half of the
// variance is noise, how often each test calls a dimension significant that does not matter (false positives), and how
// many of those that do it finds (power). Designed samples have what the tests assume; the positions that a swarm has
// tried, which the same tests are made on for comparison, have not.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bench/common.hpp"
#include "murmur/engine/random/distributions.hpp"
#include "murmur/engine/random/philox.hpp"
#include "murmur/pso/analysis/designed_sample.hpp"
#include "murmur/pso/analysis/importance.hpp"
#include "murmur/pso/random.hpp"
#include "murmur/pso/swarm.hpp"

namespace murmur::bench {
namespace {

constexpr int64_t kNumDimensions = 22;
constexpr double kLevel = 0.05;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr uint32_t kNoiseSite = 0xBE000000u;
// Of category, of three values; and one that is off in half of all settings. Both matter where the function says so.
constexpr size_t kCategory = 4;
constexpr size_t kOftenOff = 5;
constexpr size_t kIdleCategory = 20;
constexpr size_t kIdleOftenOff = 21;

struct Options {
  std::vector<int64_t> trials{110, 440, 1000};
  int64_t repetitions = 200;
  int64_t resamples = 400;
  std::string json;
  std::string commit;
};

using Point = std::vector<double>;

double slope(double x) {
  return (x - 0.5) * std::sqrt(12.0);
}
double peak(double x) {
  return (1.0 / 12 - (x - 0.5) * (x - 0.5)) * std::sqrt(180.0);
}
double product(double x, double y) {
  return slope(x) * slope(y);
}

/// A function of the unit cube: each of its terms has variance 1.
struct Function {
  std::string name;
  double (*value)(const Point& x);
  double variance;
  std::set<int64_t> dimensions;                   // that matter
  std::set<std::pair<int64_t, int64_t>> pairs{};  // that matter
};

double slopes(const Point& x) {
  double sum = 0;
  for (size_t d = 0; d < 6; ++d) sum += slope(x[d]);
  return sum;
}

/// Two slopes, two peaks, a category, and a slope that begins where the technique is on.
double mixed(const Point& x) {
  const double category = x[kCategory] < 1.0 / 3 ? 1 : x[kCategory] < 2.0 / 3 ? -1 : 0;
  const double on = std::max(x[kOftenOff] - 0.5, 0.0);
  return slope(x[0]) + slope(x[1]) + peak(x[2]) + peak(x[3]) + std::sqrt(1.5) * category +
         std::sqrt(38.4) * (on - 0.125);
}

double mixed_failing(const Point& x) {
  return x[0] > 0.85 ? kNan : mixed(x);
}

double pairs(const Point& x) {
  return slope(x[0]) + slope(x[1]) + peak(x[2]) + slope(x[3]) + product(x[0], x[1]) + product(x[3], x[6]);
}

double nothing(const Point& /*x*/) {
  return 0;
}

const std::vector<Function>& functions() {
  static const std::vector<Function> all{
      {"slopes", slopes, 6, {0, 1, 2, 3, 4, 5}},
      {"mixed", mixed, 6, {0, 1, 2, 3, 4, 5}},
      // Where it fails nothing else counts: its first dimension interacts with the others.
      {"failing", mixed_failing, 6, {0, 1, 2, 3, 4, 5}, {{0, 1}, {0, 2}, {0, 3}, {0, 4}, {0, 5}}},
      {"pairs", pairs, 6, {0, 1, 2, 3, 6}, {{0, 1}, {3, 6}}},
      {"nothing", nothing, 1, {}},
  };
  return all;
}

/// The value of a trial: the function, and noise of the same variance.
double measure(const Function& function, const Point& x, uint64_t seed, int64_t trial) {
  const double noise = normal(philox(static_cast<uint64_t>(trial), kNoiseSite, 0, seed)).v[0];
  return function.value(x) + std::sqrt(function.variance) * noise;
}

const std::vector<std::string>& designs() {
  static const std::vector<std::string> all{"random", "sobol", "latin hypercube", "swarm of 8", "swarm of 22"};
  return all;
}

/// The points that a design tries, and their values.
std::pair<std::vector<Point>, std::vector<double>> try_points(const Function& function, const std::string& design,
                                                              int64_t trials, uint64_t seed) {
  std::vector<Point> points;
  std::vector<double> values;
  const auto add = [&](Point point) {
    values.push_back(measure(function, point, seed, static_cast<int64_t>(points.size())));
    points.push_back(std::move(point));
  };
  if (design.starts_with("swarm")) {
    SwarmOptions options;
    options.num_particles = design == "swarm of 8" ? 8 : 22;
    options.seed = seed;
    Swarm swarm(Point(kNumDimensions, 0), Point(kNumDimensions, 1), options);
    for (int64_t i = 0; i < trials; ++i) {
      const Candidate candidate = swarm.ask(1).at(0);
      add(candidate.position);
      swarm.tell(candidate.id, values.back());
    }
  } else if (design == "random") {
    for (int64_t i = 0; i < trials; ++i) {
      Point point;
      for (int64_t d = 0; d < kNumDimensions; ++d) {
        point.push_back(swarm_uniforms(seed, SwarmStream::kMove, i, 0, d).first);
      }
      add(std::move(point));
    }
  } else {
    const DesignedSample sample(design == "sobol" ? Design::kSobol : Design::kLatinHypercube, trials, kNumDimensions,
                                seed);
    for (int64_t i = 0; i < trials; ++i) add(sample.point(i));
  }
  return {std::move(points), std::move(values)};
}

Sample make_sample(const Function& function, const std::string& design, int64_t trials, uint64_t seed) {
  auto [points, values] = try_points(function, design, trials, seed);
  Sample sample;
  sample.values = std::move(values);
  for (size_t d = 0; d < static_cast<size_t>(kNumDimensions); ++d) {
    const bool is_category = d == kCategory || d == kIdleCategory;
    const bool is_often_off = d == kOftenOff || d == kIdleOftenOff;
    std::vector<double> column;
    for (const Point& point : points) {
      column.push_back(is_category ? std::floor(3 * point[d]) : is_often_off ? std::max(point[d], 0.5) : point[d]);
    }
    sample.columns.push_back(std::move(column));
    sample.is_ordered.push_back(!is_category);
  }
  return sample;
}

/// What a test found in all repetitions.
struct Tally {
  int64_t num_idle = 0, num_idle_found = 0;
  int64_t num_real = 0, num_real_found = 0, num_real_corrected = 0;
  int64_t num_families = 0, num_wrong_families = 0;
};

/// A test's answers for one sample: (does it matter, p, adjusted p).
struct Answer {
  bool matters;
  double p, adjusted_p;
};

void count(Tally& tally, const std::vector<Answer>& answers) {
  bool is_wrong = false;
  for (const Answer& answer : answers) {
    if (std::isnan(answer.p)) continue;
    (answer.matters ? tally.num_real : tally.num_idle) += 1;
    if (answer.p < kLevel) (answer.matters ? tally.num_real_found : tally.num_idle_found) += 1;
    if (answer.matters && answer.adjusted_p < kLevel) ++tally.num_real_corrected;
    is_wrong = is_wrong || (!answer.matters && answer.adjusted_p < kLevel);
  }
  if (std::none_of(answers.begin(), answers.end(), [](const Answer& a) { return !std::isnan(a.adjusted_p); })) return;
  ++tally.num_families;
  if (is_wrong) ++tally.num_wrong_families;
}

const std::vector<std::string>& tests() {
  static const std::vector<std::string> all{"spearman",          "spearman's interval", "variance share",
                                            "best contribution", "interaction",         "spearman, ordered"};
  return all;
}

std::vector<std::vector<Answer>> answers_of(const Function& function, const Sample& sample, const Options& options,
                                            uint64_t seed) {
  std::vector<std::vector<Answer>> result(tests().size());
  const auto matters = [&](size_t d) { return function.dimensions.contains(static_cast<int64_t>(d)); };
  const std::vector<Correlation> correlation = correlations(sample, {options.resamples, 0.95, seed});
  const std::vector<Effect> shares = variance_shares(sample);
  const std::vector<Effect> best = best_contributions(sample);
  for (size_t d = 0; d < shares.size(); ++d) {
    result[0].push_back({matters(d), correlation[d].effect.p, correlation[d].effect.adjusted_p});
    // The interval is that of one dimension; it has no corrected one.
    const Interval interval = correlation[d].interval;
    const double p = interval.low > 0 || interval.high < 0 ? 0 : 1;
    if (!std::isnan(interval.low)) result[1].push_back({matters(d), p, kNan});
    result[2].push_back({matters(d), shares[d].p, shares[d].adjusted_p});
    result[3].push_back({matters(d), best[d].p, best[d].adjusted_p});
  }
  const std::vector<Effect> controlled = controlled_correlations(sample);
  for (size_t d = 0; d < controlled.size(); ++d) {
    result[5].push_back({matters(d), controlled[d].p, controlled[d].adjusted_p});
  }
  for (const Interaction& pair : interactions(sample)) {
    result[4].push_back({function.pairs.contains({pair.first, pair.second}), pair.effect.p, pair.effect.adjusted_p});
  }
  return result;
}

/// Null where there is nothing to count: a function without real effects has no power.
nlohmann::json ratio(int64_t part, int64_t all) {
  return all == 0 ? nlohmann::json() : nlohmann::json(static_cast<double>(part) / static_cast<double>(all));
}

std::string percent(const nlohmann::json& ratio) {
  return ratio.is_null() ? "-" : fmt::format("{:.1f}", 100 * ratio.get<double>());
}

nlohmann::json row_of(const Tally& tally) {
  const int64_t corrected = tally.num_families == 0 ? 0 : tally.num_real;
  return {{"false_positives", ratio(tally.num_idle_found, tally.num_idle)},
          {"family_wise", ratio(tally.num_wrong_families, tally.num_families)},
          {"power", ratio(tally.num_real_found, tally.num_real)},
          {"power_corrected", ratio(tally.num_real_corrected, corrected)}};
}

void print_row(const nlohmann::json& row) {
  fmt::print("{:10} {:16} {:5} {:19} {:>6} {:>6} {:>6} {:>6}\n", row["function"].get<std::string>(),
             row["design"].get<std::string>(), row["trials"].get<int64_t>(), row["test"].get<std::string>(),
             percent(row["false_positives"]), percent(row["family_wise"]), percent(row["power"]),
             percent(row["power_corrected"]));
  std::fflush(stdout);
}

nlohmann::json run(const Options& options) {
  fmt::print("{:10} {:16} {:>5} {:19} {:>6} {:>6} {:>6} {:>6}\n", "function", "design", "n", "test, in %", "false",
             "family", "power", "Holm");
  nlohmann::json rows = nlohmann::json::array();
  for (const Function& function : functions()) {
    for (const std::string& design : designs()) {
      for (const int64_t trials : options.trials) {
        std::vector<Tally> tallies(tests().size());
        for (int64_t i = 0; i < options.repetitions; ++i) {
          const auto seed = static_cast<uint64_t>(i + 1);
          const Sample sample = make_sample(function, design, trials, seed);
          const std::vector<std::vector<Answer>> answers = answers_of(function, sample, options, seed);
          for (size_t t = 0; t < tallies.size(); ++t) count(tallies[t], answers[t]);
        }
        for (size_t t = 0; t < tallies.size(); ++t) {
          nlohmann::json row = row_of(tallies[t]);
          row.update({{"function", function.name}, {"design", design}, {"trials", trials}, {"test", tests()[t]}});
          print_row(row);
          rows.push_back(std::move(row));
        }
      }
    }
  }
  return rows;
}

int run_program(int argc, char** argv) {
  Options options;
  CLI::App app("False positives and power of the analysis on synthetic functions", "bench_analysis");
  app.add_option("--trials", options.trials, "settings in a sample")->delimiter(',')->check(CLI::Range(20, 100000));
  app.add_option("--repetitions", options.repetitions, "samples of each kind")->check(CLI::Range(1, 100000));
  app.add_option("--resamples", options.resamples, "of a bootstrap")->check(CLI::Range(1, 100000));
  app.add_option("--json", options.json, "write the results to this file");
  app.add_option("--commit", options.commit, "commit to name in the results");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  nlohmann::json result = provenance(Device{}, options.commit, {argv, static_cast<size_t>(argc)});
  result["repetitions"] = options.repetitions;
  result["results"] = run(options);
  if (!options.json.empty()) write_json(options.json, result);
  return 0;
}

}  // namespace
}  // namespace murmur::bench

int main(int argc, char** argv) {
  return murmur::bench::guarded_main("bench_analysis", [&] { return murmur::bench::run_program(argc, argv); });
}
