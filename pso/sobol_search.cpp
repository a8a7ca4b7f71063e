#include "murmur/pso/sobol_search.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "murmur/engine/error.hpp"
#include "murmur/pso/analysis/designed_sample.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/random_search.hpp"
#include "murmur/pso/searchers.hpp"

namespace murmur {
namespace {

constexpr int64_t kAtOnce = 22;  // as many as the study's swarm

std::unique_ptr<Searcher> make_sobol_search(const SearcherRequest& request) {
  if (std::ssize(request.starts) > request.num_trials) {
    throw InvalidArgument("--start: expected at most {} starts, as many as --trials, got {}", request.num_trials,
                          request.starts.size());
  }
  check_bounds(request.domain.low, request.domain.high);
  const DesignedSample sample(Design::kSobol, kMaxParticles, std::ssize(request.domain.low), request.seed);
  const auto position = [sample, domain = request.domain,
                         starts = request.starts](int64_t candidate) -> std::vector<double> {
    if (candidate < std::ssize(starts)) return starts[static_cast<size_t>(candidate)];
    return sample.point(candidate, domain.low, domain.high);
  };
  return std::make_unique<RandomSearch>(position, std::min(kAtOnce, request.num_trials));
}

}  // namespace

SearcherInfo sobol_search_info() {
  return {.name = "sobol",
          .help = "evenly spread settings (a scrambled Sobol' sequence), as many as --trials says",
          .min_trials = 1,
          .max_trials = kMaxParticles,
          .options = {},
          .make = make_sobol_search};
}

}  // namespace murmur
