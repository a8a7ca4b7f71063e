#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace murmur {

/// One end of a connection between rank 0 and a process, or thread, that trains for it. Messages arrive whole and in
/// their order; no call waits for the other end.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual void send(const nlohmann::json& message) = 0;
  /// The next message; none where none has come yet.
  virtual std::optional<nlohmann::json> try_receive() = 0;
};

/// Both ends of a connection between two threads.
std::pair<std::unique_ptr<Channel>, std::unique_ptr<Channel>> make_local_channel();

/// Looks until `look` says that it has seen something: without a pause at first, then every 0.2 ms. That takes 1 or 2 %
/// of a core, where MPI's own waiting would take all of it from who trains there. `idle` is called between two looks
/// after a pause; what it throws ends the waiting.
void wait_until(const std::function<bool()>& look, const std::function<void()>& idle = {});

}  // namespace murmur
