#include "murmur/pso/differential_evolution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/random.hpp"
#include "murmur/pso/searchers.hpp"
#include "murmur/pso/swarm_options.hpp"

namespace murmur {
namespace {

constexpr int64_t kLeast = 4;           // x, one of the best, a and b
constexpr int64_t kPatientSweeps = 14;  // sweeps without a better best until a search without --trials ends

void check(const DifferentialEvolutionOptions& options) {
  if (options.population < kLeast || options.population > kMaxParticles) {
    throw InvalidArgument("shade: expected a population of {} to {}, got {}", kLeast, kMaxParticles,
                          options.population);
  }
  if (options.horizon < 0) throw InvalidArgument("shade: expected horizon >= 0 tells, got {}", options.horizon);
  if (options.memory < 1 || options.memory > 1000) {
    throw InvalidArgument("shade: expected a memory of 1 to 1000, got {}", options.memory);
  }
  if (!(options.greediness > 0 && options.greediness <= 1)) {
    throw InvalidArgument("shade: expected greediness in (0, 1], got {}", options.greediness);
  }
  if (!(options.archive >= 0 && options.archive <= 10)) {
    throw InvalidArgument("shade: expected archive in [0, 10], got {}", options.archive);
  }
}

std::unique_ptr<Searcher> make_differential_evolution(const SearcherRequest& request) {
  DifferentialEvolutionOptions options;
  options.population = request.options.at("population");
  options.horizon = request.options.at("horizon");
  options.greediness = request.options.at("greediness");
  options.patience = kPatientSweeps * options.population;
  options.seed = request.seed;
  return std::make_unique<DifferentialEvolution>(
      request.domain, options,
      initial_positions(request.domain, request.options.at("initialization").get<std::string>(), options.population,
                        request.seed, request.starts));
}

nlohmann::json evolution_by_budget(int64_t num_trials) {
  const auto population = static_cast<int64_t>(std::lround(0.75 * std::sqrt(static_cast<double>(num_trials))));
  if (num_trials == 0) return {{"horizon", 0}};
  return {{"population", std::clamp(population, int64_t{8}, int64_t{400})}, {"horizon", num_trials}};
}

}  // namespace

SearcherInfo differential_evolution_info() {
  const DifferentialEvolutionOptions options;
  return {.name = "shade",
          .help = "differential evolution that adapts to its successes",
          .min_trials = 0,
          .max_trials = kMaxTrials,
          .options = {{.name = "population",
                       .otherwise = options.population,
                       .help = "individuals; without --paper 0.75 times the root of --trials",
                       .low = kLeast,
                       .high = kMaxParticles},
                      horizon_option(),
                      {.name = "greediness",
                       .otherwise = options.greediness,
                       .help = "the fraction of the individuals, of the best, that draw the others"},
                      {.name = "initialization",
                       .otherwise = "sparse",
                       .help = "of the individuals: uniform, or sparse",
                       .choices = kPositionInitializations}},
          .make = make_differential_evolution,
          .by_budget = evolution_by_budget};
}

DifferentialEvolution::DifferentialEvolution(SearchDomain domain, const DifferentialEvolutionOptions& options,
                                             std::vector<std::vector<double>> positions)
    : BasicSearcher("shade", options.patience),
      domain_(std::move(domain)),
      options_(options),
      memory_(std::max(options.memory, int64_t{1})) {
  check_bounds(domain_.low, domain_.high);
  check(options_);
  if (std::ssize(positions) != options_.population) {
    throw InvalidArgument("shade: expected {} initial positions, got {}", options_.population, positions.size());
  }
  for (int64_t i = 0; i < options_.population; ++i) {
    individuals_.emplace(i, Individual{std::move(positions[static_cast<size_t>(i)]), kNoFitness});
  }
}

int64_t DifferentialEvolution::num_at_once() const {
  return options_.population;
}

/// The individuals that are known, the best first, of equals the one with the smaller number.
std::vector<int64_t> DifferentialEvolution::ranked() const {
  std::vector<std::pair<double, int64_t>> order;
  for (const auto& [number, individual] : individuals_) {
    if (individual.is_known) order.emplace_back(-individual.fitness, number);
  }
  std::ranges::sort(order);
  std::vector<int64_t> numbers;
  for (const auto& [fitness, number] : order) numbers.push_back(number);
  return numbers;
}

std::optional<BasicSearcher::Proposal> DifferentialEvolution::propose(int64_t /*id*/) {
  int64_t next = -1;
  for (const auto& [number, individual] : individuals_) {
    const bool is_free = !individual.is_out;
    if (is_free && (next < 0 || individual.num_asks < individuals_.at(next).num_asks)) next = number;
  }
  if (next < 0) return std::nullopt;
  Individual& individual = individuals_.at(next);
  std::vector<double> position = individual.position;
  if (individual.is_known) {
    const std::vector<int64_t> known = ranked();
    if (std::ssize(known) < kLeast) return std::nullopt;
    position = trial(next, individual, known);
  }
  individual.is_out = true;
  ++individual.num_asks;
  return Proposal{next, std::move(position)};
}

std::vector<double> DifferentialEvolution::trial(int64_t number, Individual& individual,
                                                 const std::vector<int64_t>& known) const {
  // Four pairs a trial: parents; parameters, as often as they must be drawn; crossover.
  const auto draw = [&](int64_t pair, int64_t d) {
    return swarm_uniforms(options_.seed, SwarmStream::kEvolution, number, 4 * individual.num_asks + pair, d);
  };
  const auto pick = [](double uniform, size_t count) {
    return static_cast<size_t>(uniform * static_cast<double>(count));
  };
  const auto num_best =
      static_cast<size_t>(std::max(2.0, std::round(options_.greediness * static_cast<double>(known.size()))));
  const std::vector<double>& best = individuals_.at(known[pick(draw(0, 0).first, num_best)]).position;
  std::vector<int64_t> others = known;
  std::erase(others, number);
  const size_t first = pick(draw(0, 0).second, others.size());
  const std::vector<double>& a = individuals_.at(others[first]).position;
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(first));
  const size_t second = pick(draw(0, 1).first, others.size() + archive_.size());
  const std::vector<double>& b =
      second < others.size() ? individuals_.at(others[second]).position : archive_[second - others.size()];

  const double place = draw(0, 1).second;
  const UniformPair gauss = draw(1, 0);
  const double normal = std::sqrt(-2 * std::log(gauss.first)) * std::cos(2 * std::numbers::pi * gauss.second);
  individual.parameters.scale = 0;
  for (int64_t attempt = 1; individual.parameters.scale <= 0; ++attempt) {
    // Half of a Cauchy distribution lies above its place, which is above 0: this ends.
    const double cauchy = std::tan(std::numbers::pi * (draw(1, attempt % 4096).first - 0.5));
    individual.parameters = memory_.spread(place, cauchy, normal);
    if (attempt >= 4095) individual.parameters.scale = 1;
  }
  const auto [scale, crossover] = individual.parameters;
  const std::vector<double>& x = individual.position;
  const size_t at_least = pick(draw(0, 2).first, x.size());
  std::vector<double> result = x;
  for (size_t d = 0; d < x.size(); ++d) {
    if (d != at_least && draw(2, static_cast<int64_t>(d)).first >= crossover) continue;
    const double donor = x[d] + scale * (best[d] - x[d]) + scale * (a[d] - b[d]);
    result[d] = std::clamp(donor, domain_.low[d], domain_.high[d]);
  }
  return result;
}

void DifferentialEvolution::learn(const Candidate& candidate, double fitness) {
  const auto found = individuals_.find(candidate.particle);
  if (found != individuals_.end()) {
    Individual& individual = found->second;
    individual.is_out = false;
    if (!individual.is_known) {
      individual.is_known = true;
      individual.fitness = fitness;
    } else {
      ++num_trials_told_;
      if (fitness > individual.fitness) {
        memory_.succeed(individual.parameters, fitness - individual.fitness);
        const auto limit = static_cast<int64_t>(options_.archive * static_cast<double>(population()));
        if (std::ssize(archive_) < limit) {
          archive_.push_back(individual.position);
        } else if (limit > 0) {
          const double u = swarm_uniforms(options_.seed, SwarmStream::kEvolution, 0, num_archived_, 4095).second;
          archive_[static_cast<size_t>(u * static_cast<double>(archive_.size()))] = individual.position;
        }
        ++num_archived_;
      }
      if (fitness >= individual.fitness) {
        individual.position = candidate.position;
        individual.fitness = fitness;
      }
    }
  }
  if (num_trials_told_ >= population()) {
    memory_.learn();
    num_trials_told_ = 0;
    shrink();
  }
}

void DifferentialEvolution::shrink() {
  if (options_.horizon == 0) return;
  const double passed = std::min(1.0, static_cast<double>(num_told()) / static_cast<double>(options_.horizon));
  const auto size = static_cast<size_t>(std::lround(static_cast<double>(options_.population) +
                                                    passed * static_cast<double>(kLeast - options_.population)));
  std::vector<int64_t> order = ranked();
  while (order.size() > size) {
    individuals_.erase(order.back());
    order.pop_back();
  }
  const auto limit = static_cast<size_t>(options_.archive * static_cast<double>(population()));
  if (archive_.size() > limit) archive_.resize(limit);
}

std::string DifferentialEvolution::describe() const {
  return fmt::format("differential evolution of {}", options_.population);
}

}  // namespace murmur
