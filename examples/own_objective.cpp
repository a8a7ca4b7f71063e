// Searches the maximum of a function of one's own with the swarm: nothing is trained, no study is written.
#include <cmath>
#include <cstdio>
#include <murmur/murmur.hpp>

namespace {

/// Rastrigin's function, turned upside down: its largest value is 0, at the origin; every whole number is a trap.
double objective(const std::vector<double>& position) {
  constexpr double kTurn = 6.283185307179586;
  double value = 0;
  for (const double x : position) value -= x * x + 10 * (1 - std::cos(kTurn * x));
  return value;
}

}  // namespace

int main() {
  murmur::SwarmOptions options;
  options.num_particles = 40;
  options.seed = 1;
  murmur::Swarm swarm({-5.12, -5.12, -5.12}, {5.12, 5.12, 5.12}, options);
  while (swarm.num_told() < 20000) {
    for (const murmur::Candidate& candidate : swarm.ask(8)) swarm.tell(candidate.id, objective(candidate.position));
  }
  const auto& best = swarm.best();
  std::printf("%.6f after %d evaluations, at", best->fitness, static_cast<int>(swarm.num_told()));
  for (const double x : best->position) std::printf(" %.4f", x);
  std::printf("\n");
  return best->fitness > -1 ? 0 : 1;  // not in a trap
}
