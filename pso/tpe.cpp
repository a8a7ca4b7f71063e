#include "murmur/pso/tpe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/parzen_estimator.hpp"
#include "murmur/pso/random.hpp"
#include "murmur/pso/searchers.hpp"

namespace murmur {
namespace {

constexpr double kGood = 0.1;            // the fraction that counts as good
constexpr int64_t kMostGood = 25;        // and the most
constexpr int64_t kYoung = 25;           // of the others, those that weigh 1
constexpr int64_t kPatientTrials = 110;  // trials without a better best until a search without --trials ends

/// From 1 / n of the oldest to 1, which the youngest have.
std::vector<double> weights_by_age(size_t count) {
  std::vector<double> weights(count, 1);
  const auto n = static_cast<double>(count);
  const double num_old = n - static_cast<double>(kYoung);
  for (size_t i = 0; static_cast<double>(i) < num_old; ++i) {
    weights[i] = num_old > 1 ? 1 / n + static_cast<double>(i) / (num_old - 1) * (1 - 1 / n) : 1 / n;
  }
  return weights;
}

std::unique_ptr<Searcher> make_tpe(const SearcherRequest& request) {
  TpeOptions options;
  options.num_startup = std::max(request.options.at("startup_trials").get<int64_t>(), std::ssize(request.starts));
  options.num_candidates = request.options.at("candidates");
  options.patience = kPatientTrials;
  options.seed = request.seed;
  return std::make_unique<Tpe>(
      request.domain, options,
      initial_positions(request.domain, request.options.at("initialization").get<std::string>(), options.num_startup,
                        request.seed, request.starts));
}

}  // namespace

SearcherInfo tpe_info() {
  const TpeOptions options;
  return {.name = "tpe",
          .help = "Parzen estimators of what is good and of the rest",
          .min_trials = 0,
          .max_trials = kMaxParticles,
          .options = {{.name = "startup-trials",
                       .otherwise = options.num_startup,
                       .help = "first trials, at random positions",
                       .low = 1,
                       .high = kMaxParticles},
                      {.name = "candidates",
                       .otherwise = options.num_candidates,
                       .help = "positions that are drawn for a trial, of which the most promising is trained",
                       .low = 1,
                       .high = 4096},
                      {.name = "initialization",
                       .otherwise = "sparse",
                       .help = "of the first trials: uniform, or sparse",
                       .choices = kPositionInitializations}},
          .make = make_tpe};
}

Tpe::Tpe(SearchDomain domain, const TpeOptions& options, std::vector<std::vector<double>> first_positions)
    : BasicSearcher("tpe", options.patience),
      domain_(std::move(domain)),
      options_(options),
      first_positions_(std::move(first_positions)) {
  check_bounds(domain_.low, domain_.high);
  if (options.num_startup < 1 || options.num_startup != std::ssize(first_positions_)) {
    throw InvalidArgument("tpe: expected {} first positions, 1 or more, got {}", options.num_startup,
                          first_positions_.size());
  }
  if (options.num_candidates < 1 || options.num_candidates > 4096) {
    throw InvalidArgument("tpe: expected 1 to 4096 candidates, got {}", options.num_candidates);
  }
  if (options.num_at_once < 1) throw InvalidArgument("tpe: expected num_at_once >= 1, got {}", options.num_at_once);
}

std::optional<BasicSearcher::Proposal> Tpe::propose(int64_t id) {
  if (id < std::ssize(first_positions_)) return Proposal{id, first_positions_[static_cast<size_t>(id)]};
  const auto num_good = std::min(static_cast<int64_t>(std::ceil(kGood * static_cast<double>(told_.size()))), kMostGood);
  std::vector<std::vector<double>> good;
  std::map<int64_t, const std::vector<double>*> by_age;
  for (int64_t i = 0; i < std::ssize(told_); ++i) {
    const Told& told = told_[static_cast<size_t>(i)];
    if (i < num_good && std::isfinite(told.fitness)) {
      good.push_back(told.position);
    } else {
      by_age.emplace(told.id, &told.position);
    }
  }
  for (const auto& [running_id, candidate] : running()) by_age.emplace(running_id, &candidate.position);
  std::vector<std::vector<double>> others;
  for (const auto& [age, position] : by_age) others.push_back(*position);
  const size_t num_good_kept = good.size(), num_others = others.size();
  const ParzenEstimator above(domain_, std::move(good), std::vector<double>(num_good_kept, 1));
  const ParzenEstimator below(domain_, std::move(others), weights_by_age(num_others));

  std::vector<double> chosen;
  double most = 0;
  for (int64_t drawn = 0; drawn < options_.num_candidates; ++drawn) {
    std::vector<double> position =
        above.sample([&](int64_t d) { return swarm_uniforms(options_.seed, SwarmStream::kParzen, drawn, id, d); });
    const double gain = above.log_density(position) - below.log_density(position);
    if (chosen.empty() || gain > most) {
      most = gain;
      chosen = std::move(position);
    }
  }
  return Proposal{id, std::move(chosen)};
}

void Tpe::learn(const Candidate& candidate, double fitness) {
  const auto is_before = [](const Told& a, const Told& b) {
    return a.fitness != b.fitness ? a.fitness > b.fitness : a.id < b.id;
  };
  Told told{fitness, candidate.id, candidate.position};
  const auto place = std::ranges::lower_bound(told_, told, is_before);
  told_.insert(place, std::move(told));
}

std::string Tpe::describe() const {
  return fmt::format("TPE, {} at once", options_.num_at_once);
}

}  // namespace murmur
