#include "murmur/engine/timing.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace murmur {

double replay_seconds(Stream& stream, const std::function<void()>& operation) {
  constexpr double kRoundSeconds = 2e-3;  // the host's clock and one launch are far below
  constexpr int kRounds = 3;
  Capture capture(stream);
  operation();
  const std::unique_ptr<Graph> graph = capture.finish();
  const auto seconds = [&](int64_t count) {
    const auto begin = std::chrono::steady_clock::now();
    graph->launch(count);
    stream.synchronize();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  stream.synchronize();
  seconds(1);  // warms up
  const auto count = static_cast<int64_t>(std::clamp(std::ceil(kRoundSeconds / seconds(1)), 1.0, 1000.0));
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    best = std::min(best, seconds(count) / static_cast<double>(count));
  }
  return best;
}

}  // namespace murmur
