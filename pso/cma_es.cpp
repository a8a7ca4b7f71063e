#include "murmur/pso/cma_es.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/cma_margin.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/random.hpp"
#include "murmur/pso/searchers.hpp"

namespace murmur {
namespace {

constexpr int64_t kMaxSamples = int64_t{1} << 20;
// A run ends where no step is longer than this fraction of the range, or a history of fitnesses differs by less than
// this fraction of their size, or the matrix has become too long and thin for double.
constexpr double kLeastStep = 1e-11, kLeastDifference = 1e-12, kLargestCondition = 1e14;
constexpr double kPatientGenerations = 12;  // generations without a better best until a search without --trials ends

int64_t default_samples(size_t num_dimensions) {
  return 4 + static_cast<int64_t>(3 * std::log(static_cast<double>(num_dimensions)));
}

CmaEsOptions checked(const SearchDomain& domain, CmaEsOptions options) {
  check_bounds(domain.low, domain.high);
  if (options.num_samples == 0) options.num_samples = default_samples(domain.low.size());
  if (options.num_samples < 2 || options.num_samples > kMaxSamples) {
    throw InvalidArgument("cmaes: expected 2 to {} samples of a generation, or 0, got {}", kMaxSamples,
                          options.num_samples);
  }
  if (!(options.initial_step > 0 && options.initial_step <= 1)) {
    throw InvalidArgument("cmaes: expected initial_step in (0, 1], got {}", options.initial_step);
  }
  if (!(options.growth >= 1 && options.growth <= 16)) {
    throw InvalidArgument("cmaes: expected growth in [1, 16], got {}", options.growth);
  }
  return options;
}

std::unique_ptr<Searcher> make_cma_es(const SearcherRequest& request) {
  CmaEsOptions options;
  options.num_samples = request.options.at("generation");
  options.initial_step = request.options.at("initial_step");
  options.growth = request.options.at("restart_growth");
  options.seed = request.seed;
  const int64_t num_samples = checked(request.domain, options).num_samples;
  options.patience = static_cast<int64_t>(kPatientGenerations) * num_samples;
  return std::make_unique<CmaEs>(request.domain, options, request.starts);
}

}  // namespace

SearcherInfo cma_es_info() {
  const CmaEsOptions options;
  return {.name = "cmaes",
          .help = "an evolution strategy with covariance matrix adaptation",
          .min_trials = 0,
          .max_trials = kMaxTrials,
          .options = {{.name = "generation",
                       .otherwise = options.num_samples,
                       .help = "candidates of a generation (0: 4 + 3 ln of the dimensions)",
                       .low = 0,
                       .high = kMaxSamples},
                      {.name = "initial-step",
                       .otherwise = options.initial_step,
                       .help = "standard deviation at the start, as a fraction of a dimension's range"},
                      {.name = "restart-growth",
                       .otherwise = options.growth,
                       .help = "of the generation when a run has converged and the next one starts elsewhere"}},
          .make = make_cma_es};
}

CmaEs::CmaEs(SearchDomain domain, const CmaEsOptions& options, std::vector<std::vector<double>> starts)
    : BasicSearcher("cmaes", options.patience),
      domain_(std::move(domain)),
      options_(checked(domain_, options)),
      starts_(std::move(starts)),
      distribution_(first_mean(), options_.initial_step, options_.num_samples) {
  for (size_t d = 0; d < domain_.low.size(); ++d) {
    std::vector<double>& thresholds = thresholds_.emplace_back();
    const double range = domain_.high[d] - domain_.low[d];
    for (const double at : domain_.thresholds[d]) thresholds.push_back((at - domain_.low[d]) / range);
  }
  correct();
}

Eigen::VectorXd CmaEs::first_mean() const {
  if (!starts_.empty()) return unit(starts_.front());
  std::vector<double> middle;
  for (size_t d = 0; d < domain_.low.size(); ++d) {
    middle.push_back(domain_.sparse[d] ? domain_.off[d] : 0.5 * (domain_.low[d] + domain_.high[d]));
  }
  return unit(middle);
}

Eigen::VectorXd CmaEs::unit(const std::vector<double>& position) const {
  Eigen::VectorXd x(static_cast<Eigen::Index>(position.size()));
  for (size_t d = 0; d < position.size(); ++d) {
    const double range = domain_.high[d] - domain_.low[d];
    x[static_cast<Eigen::Index>(d)] = range > 0 ? (position[d] - domain_.low[d]) / range : 0;
  }
  return x;
}

std::vector<double> CmaEs::position_of(const Eigen::VectorXd& x) const {
  std::vector<double> position;
  for (size_t d = 0; d < domain_.low.size(); ++d) {
    const double low = domain_.low[d], high = domain_.high[d];
    position.push_back(std::clamp(low + x[static_cast<Eigen::Index>(d)] * (high - low), low, high));
  }
  return position;
}

std::optional<BasicSearcher::Proposal> CmaEs::propose(int64_t id) {
  if (id < std::ssize(starts_)) {
    const std::vector<double>& start = starts_[static_cast<size_t>(id)];
    samples_.emplace(id, Sample{unit(start), -1, 0});
    return Proposal{id, start};
  }
  Eigen::VectorXd standard(distribution_.mean().size());
  for (Eigen::Index d = 0; d < standard.size(); ++d) {
    const UniformPair u = swarm_uniforms(options_.seed, SwarmStream::kGaussian, 0, id, d);
    standard[d] = std::sqrt(-2 * std::log(u.first)) * std::cos(2 * std::numbers::pi * u.second);
  }
  Sample sample{distribution_.sample(standard), distribution_.num_generations(), num_restarts_};
  Proposal proposal{id, position_of(sample.x)};
  samples_.emplace(id, std::move(sample));
  return proposal;
}

void CmaEs::learn(const Candidate& candidate, double fitness) {
  auto sample = samples_.extract(candidate.id);
  if (sample.mapped().run != num_restarts_) return;
  generation_.push_back({fitness, candidate.id, std::move(sample.mapped())});
  if (std::ssize(generation_) < distribution_.num_samples()) return;
  std::vector<Told> told = std::exchange(generation_, {});
  std::ranges::sort(
      told, [](const Told& a, const Told& b) { return a.fitness != b.fitness ? a.fitness > b.fitness : a.id < b.id; });
  if (told.front().fitness == kNoFitness) return;  // all failed: nothing to rank
  std::vector<CmaDistribution::Ranked> ranked;
  for (const Told& one : told) {
    ranked.push_back({one.sample.x, one.sample.generation == distribution_.num_generations()});
  }
  distribution_.update(ranked);
  if (told.front().fitness == told[told.size() * 7 / 10].fitness)
    distribution_.widen(std::exp(0.2));  // flat: look further
  history_.push_back(told.front().fitness);
  correct();
  if (has_ended()) restart();
}

void CmaEs::correct() {
  const auto num_dimensions = static_cast<double>(domain_.low.size());
  const double least = 1 / (num_dimensions * static_cast<double>(distribution_.num_samples()));
  for (size_t d = 0; d < domain_.low.size(); ++d) {
    const auto at = static_cast<Eigen::Index>(d);
    const double mean = std::clamp(distribution_.mean(at), 0.0, 1.0);
    if (mean != distribution_.mean(at)) distribution_.set_marginal(at, mean, distribution_.deviation(at));
    if (!thresholds_[d].empty()) keep_margin(distribution_, at, thresholds_[d], std::min(least, 0.3));
  }
}

bool CmaEs::has_ended() const {
  if (distribution_.largest_deviation() < kLeastStep || distribution_.condition() > kLargestCondition) return true;
  const auto length = static_cast<int64_t>(10 + std::ceil(30.0 * static_cast<double>(domain_.low.size()) /
                                                          static_cast<double>(distribution_.num_samples())));
  if (std::ssize(history_) < length) return false;
  const auto [least, most] = std::minmax_element(history_.end() - length, history_.end());
  return *most - *least <= kLeastDifference * std::max(std::abs(*most), std::numeric_limits<double>::min());
}

void CmaEs::restart() {
  ++num_restarts_;
  history_.clear();
  const auto next = static_cast<int64_t>(std::ceil(static_cast<double>(distribution_.num_samples()) * options_.growth));
  const std::vector<double> start = uniform_position(domain_.low, domain_.high, num_restarts_, options_.seed);
  distribution_ = CmaDistribution(unit(start), options_.initial_step, std::min(next, kMaxSamples));
  correct();
}

std::string CmaEs::describe() const {
  return fmt::format("CMA-ES, generations of {}", options_.num_samples);
}

}  // namespace murmur
