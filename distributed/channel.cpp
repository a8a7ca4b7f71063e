#include "murmur/distributed/channel.hpp"

#include <chrono>
#include <deque>
#include <mutex>
#include <thread>

namespace murmur {
namespace {

class Mailbox {
 public:
  void put(const nlohmann::json& message) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(message);
  }
  std::optional<nlohmann::json> take() {
    const std::lock_guard lock(mutex_);
    if (messages_.empty()) return std::nullopt;
    std::optional<nlohmann::json> first = std::move(messages_.front());
    messages_.pop_front();
    return first;
  }

 private:
  std::mutex mutex_;
  std::deque<nlohmann::json> messages_;
};

class LocalChannel final : public Channel {
 public:
  LocalChannel(std::shared_ptr<Mailbox> out, std::shared_ptr<Mailbox> in) : out_(std::move(out)), in_(std::move(in)) {}
  void send(const nlohmann::json& message) override { out_->put(message); }
  std::optional<nlohmann::json> try_receive() override { return in_->take(); }

 private:
  std::shared_ptr<Mailbox> out_, in_;
};

constexpr int kLooksWithoutPause = 200;
constexpr std::chrono::microseconds kPause{200};

}  // namespace

std::pair<std::unique_ptr<Channel>, std::unique_ptr<Channel>> make_local_channel() {
  const auto there = std::make_shared<Mailbox>(), back = std::make_shared<Mailbox>();
  return {std::make_unique<LocalChannel>(there, back), std::make_unique<LocalChannel>(back, there)};
}

void wait_until(const std::function<bool()>& look, const std::function<void()>& idle) {
  for (int i = 0; !look(); ++i) {
    if (i < kLooksWithoutPause) continue;
    std::this_thread::sleep_for(kPause);
    if (idle) idle();
  }
}

}  // namespace murmur
