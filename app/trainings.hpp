#pragma once

#include <optional>
#include <string>

#include "app/progress.hpp"
#include "app/signals.hpp"
#include "murmur/pso/trainings.hpp"

namespace murmur::app {

/// The progress of trainings. Call it after each epoch: false where a signal wants them to stop.
class TrainingsLine {
 public:
  TrainingsLine(std::string name, bool quiet);
  bool operator()(const TrainingsProgress& now);

 private:
  Line line(double share) const;

  std::string name_;
  TrainingsProgress last_;
  Progress progress_;
};

/// What `f` returns, an optional; none where a second signal stopped it within an epoch.
template <class F>
auto unless_stopped(const F& f) -> decltype(f()) {
  try {
    return f();
  } catch (const Stopped&) {
    return std::nullopt;
  }
}

}  // namespace murmur::app
