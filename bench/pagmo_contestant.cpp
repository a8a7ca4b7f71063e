#include "bench/contestant.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "murmur/engine/error.hpp"

#ifdef MURMUR_HAS_PAGMO
#include <pagmo/algorithm.hpp>
#include <pagmo/algorithms/cmaes.hpp>
#include <pagmo/algorithms/de1220.hpp>
#include <pagmo/algorithms/pso.hpp>
#include <pagmo/algorithms/pso_gen.hpp>
#include <pagmo/algorithms/sade.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>
#endif

namespace murmur::bench {

#ifdef MURMUR_HAS_PAGMO

namespace {

/// pagmo copies problems: what they share stays outside.
struct PagmoProblem {
  const TestProblem* problem = nullptr;
  Score* score = nullptr;
  pagmo::vector_double fitness(const pagmo::vector_double& x) const { return {score->evaluate(x)}; }
  std::pair<pagmo::vector_double, pagmo::vector_double> get_bounds() const {
    if (problem == nullptr) return {{0}, {1}};
    return {problem->domain().low, problem->domain().high};
  }
};

pagmo::algorithm algorithm(const std::string& name, unsigned generations, unsigned seed) {
  if (name == "pagmo:pso") {
    return pagmo::algorithm(pagmo::pso(generations, 0.7298, 2.05, 2.05, 0.5, 5, 2, 4, false, seed));
  }
  if (name == "pagmo:pso_gen") {
    return pagmo::algorithm(pagmo::pso_gen(generations, 0.7298, 2.05, 2.05, 0.5, 5, 2, 4, false, seed));
  }
  if (name == "pagmo:sade") return pagmo::algorithm(pagmo::sade(generations, 2, 1, 0, 0, false, seed));
  if (name == "pagmo:de1220") {
    return pagmo::algorithm(
        pagmo::de1220(generations, pagmo::de1220_statics<void>::allowed_variants, 1, 0, 0, false, seed));
  }
  return pagmo::algorithm(pagmo::cmaes(generations, -1, -1, -1, -1, 0.5, 0, 0, false, true, seed));
}

}  // namespace

std::vector<std::string> pagmo_names() {
  return {"pagmo:pso", "pagmo:pso_gen", "pagmo:sade", "pagmo:de1220", "pagmo:cmaes"};
}

Contestant pagmo_contestant(const std::string& text) {
  const std::vector<std::string> names = pagmo_names();
  if (std::ranges::find(names, text) == names.end()) {
    throw InvalidArgument("contestant: expected one of {}, got '{}'", fmt::join(names, ", "), text);
  }
  const auto run = [text](const TestProblem& problem, int64_t budget, uint64_t seed, Score& score) {
    // As many individuals as our swarm has particles; of CMA-ES its own rule.
    const auto dimensions = static_cast<double>(problem.domain().low.size());
    const int64_t size = text == "pagmo:cmaes" ? 4 + static_cast<int64_t>(3 * std::log(dimensions))
                         : budget <= 440       ? 8
                                               : 22;
    const auto number = static_cast<unsigned>(seed);
    const pagmo::problem wrapped{PagmoProblem{&problem, &score}};
    const auto random = static_cast<pagmo::population::size_type>(size - std::ssize(problem.starts()));
    pagmo::population population(wrapped, random, number);
    for (const std::vector<double>& start : problem.starts()) population.push_back(start);
    const auto generations = static_cast<unsigned>(budget / size);  // one more than it takes: what is beyond counts not
    algorithm(text, generations, number).evolve(population);
  };
  return {text, run};
}

#else

std::vector<std::string> pagmo_names() {
  return {};
}

Contestant pagmo_contestant(const std::string& text) {
  throw InvalidArgument("contestant: expected none of pagmo2 (it was not found: libpagmo-dev), got '{}'", text);
}

#endif

}  // namespace murmur::bench
