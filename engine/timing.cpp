#include "murmur/engine/timing.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

/// Ends what begin_capture() began, also where the operation in between throws.
std::unique_ptr<Graph> capture(Stream& stream, const std::function<void()>& operation) {
  stream.begin_capture();
  try {
    operation();
  } catch (...) {
    try {
      stream.end_capture();
    } catch (const Error&) {
      // The first failure says more.
    }
    throw;
  }
  return stream.end_capture();
}

}  // namespace

double replay_seconds(Stream& stream, const std::function<void()>& operation) {
  constexpr double kRoundSeconds = 2e-3;  // the host's clock and one launch are far below
  constexpr int kRounds = 3;
  const std::unique_ptr<Graph> graph = capture(stream, operation);
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
