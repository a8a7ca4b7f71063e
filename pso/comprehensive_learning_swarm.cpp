#include "murmur/pso/comprehensive_learning_swarm.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/random.hpp"
#include "murmur/pso/searchers.hpp"

namespace murmur {
namespace {

constexpr double kInertia = 0.9, kCoefficient = 1.49445;

std::unique_ptr<Searcher> make_comprehensive_learning_swarm(const SearcherRequest& request) {
  SwarmOptions options = swarm_options(request);
  options.inertia_weight = request.options.at("first_inertia_weight");
  options.cognitive_coefficient = kCoefficient;
  const ComprehensiveLearningOptions learning{.final_inertia_weight = request.options.at("final_inertia_weight"),
                                              .horizon = request.options.at("horizon"),
                                              .refreshing_gap = request.options.at("refreshing_gap")};
  return std::make_unique<ComprehensiveLearningSwarm>(request.domain.low, request.domain.high, options, learning,
                                                      swarm_positions(request, options));
}

nlohmann::json learning_by_budget(int64_t num_trials) {
  nlohmann::json options = swarm_budget(num_trials);
  options["horizon"] = num_trials;
  return options;
}

}  // namespace

SearcherInfo comprehensive_learning_swarm_info() {
  const ComprehensiveLearningOptions learning;
  std::vector<SearcherOption> rows = common_swarm_options(SwarmOptions().num_particles);
  rows.push_back({.name = "first-inertia-weight", .otherwise = kInertia, .help = "of a particle's first velocities"});
  rows.push_back({.name = "final-inertia-weight",
                  .otherwise = learning.final_inertia_weight,
                  .help = "after --horizon trials, evenly falling until then"});
  rows.push_back(horizon_option());
  rows.push_back({.name = "refreshing-gap",
                  .otherwise = learning.refreshing_gap,
                  .help = "moves without a better own best until a particle learns from others",
                  .low = 0,
                  .high = kMaxParticles});
  return {.name = "clpso",
          .help = "a comprehensive learning swarm",
          .min_trials = 0,
          .max_trials = kMaxTrials,
          .options = std::move(rows),
          .make = make_comprehensive_learning_swarm,
          .by_budget = learning_by_budget};
}

ComprehensiveLearningSwarm::ComprehensiveLearningSwarm(std::vector<double> low, std::vector<double> high,
                                                       const SwarmOptions& options,
                                                       const ComprehensiveLearningOptions& learning,
                                                       std::vector<std::vector<double>> initial_positions)
    : Swarm(std::move(low), std::move(high), options, std::move(initial_positions)),
      learning_(learning),
      lessons_(static_cast<size_t>(options.num_particles)) {
  if (!(learning.final_inertia_weight >= 0 && learning.final_inertia_weight <= options.inertia_weight)) {
    throw InvalidArgument("swarm: expected final_inertia_weight in [0, {} (the first)], got {}", options.inertia_weight,
                          learning.final_inertia_weight);
  }
  if (learning.horizon < 0) throw InvalidArgument("swarm: expected horizon >= 0 tells, got {}", learning.horizon);
  if (learning.refreshing_gap < 0) {
    throw InvalidArgument("swarm: expected refreshing_gap >= 0 moves, got {}", learning.refreshing_gap);
  }
}

double ComprehensiveLearningSwarm::inertia_weight() const {
  if (learning_.horizon == 0) return options().inertia_weight;
  const double passed = std::min(1.0, static_cast<double>(num_told()) / static_cast<double>(learning_.horizon));
  return options().inertia_weight + passed * (learning_.final_inertia_weight - options().inertia_weight);
}

int64_t ComprehensiveLearningSwarm::better_of_two(int64_t p, double first, double second) const {
  // Of the other particles that have a best; the particle itself where there is none.
  std::vector<int64_t> others;
  for (int64_t other = 0; other < num_particles(); ++other) {
    if (other != p && personal_best(other)) others.push_back(other);
  }
  if (others.empty()) return p;
  const auto pick = [&others](double uniform) {
    return others[static_cast<size_t>(uniform * static_cast<double>(others.size()))];
  };
  const int64_t a = pick(first), b = pick(second);
  return personal_best(a)->fitness >= personal_best(b)->fitness ? a : b;
}

std::vector<int64_t> ComprehensiveLearningSwarm::choose_exemplars(int64_t p) const {
  const auto last = static_cast<double>(std::max(options().num_particles - 1, int64_t{1}));
  const double probability = 0.05 + 0.45 * std::expm1(10 * static_cast<double>(p) / last) / std::expm1(10.0);
  const auto draw = [&](int64_t pair, int64_t d) {
    return swarm_uniforms(options().seed, SwarmStream::kComprehensive, p, 2 * num_asks(p) + pair, d);
  };
  std::vector<int64_t> chosen;
  for (int64_t d = 0; d < num_dimensions(); ++d) {
    const UniformPair two = draw(1, d);
    chosen.push_back(draw(0, d).first < probability ? better_of_two(p, two.first, two.second) : p);
  }
  if (std::ranges::all_of(chosen, [p](int64_t other) { return other == p; })) {
    const auto d = static_cast<int64_t>(draw(0, 0).second * static_cast<double>(num_dimensions()));
    const UniformPair two = draw(1, d);
    chosen[static_cast<size_t>(d)] = better_of_two(p, two.first, two.second);
  }
  return chosen;
}

std::vector<double> ComprehensiveLearningSwarm::steer(int64_t p) {
  Lesson& lesson = lessons_[static_cast<size_t>(p)];
  const std::optional<Best>& own = personal_best(p);
  const int64_t best_id = own ? own->id : -1;
  lesson.num_failures = best_id == lesson.best_id ? lesson.num_failures + 1 : 0;
  lesson.best_id = best_id;
  if (lesson.exemplars.empty() || lesson.num_failures > learning_.refreshing_gap) {
    lesson.exemplars = choose_exemplars(p);
    lesson.num_failures = 0;
  }
  std::vector<double> next = velocity(p);
  for (size_t d = 0; d < next.size(); ++d) {
    const std::optional<Best>& best = personal_best(lesson.exemplars[d]);
    const double r = swarm_uniforms(options().seed, SwarmStream::kMove, p, num_asks(p), static_cast<int64_t>(d)).first;
    next[d] *= inertia_weight();
    if (best) next[d] += options().cognitive_coefficient * r * (best->position[d] - position(p)[d]);
  }
  return next;
}

}  // namespace murmur
