#pragma once

#include <functional>

#include "murmur/engine/stream.hpp"

namespace murmur {

/// Seconds that one run of what `operation` puts on the stream takes, replayed many times as a captured step is; the
/// least of several rounds, for what disturbs only ever adds. On the stream itself, which must not be capturing; all
/// that the operation needs must be in place (allocated, planned) by then.
/// Throws: Error, and what the operation throws.
double replay_seconds(Stream& stream, const std::function<void()>& operation);

}  // namespace murmur
