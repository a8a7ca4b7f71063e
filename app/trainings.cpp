#include "app/trainings.hpp"

#include <fmt/format.h>

#include <utility>

namespace murmur::app {

TrainingsLine::TrainingsLine(std::string name, bool quiet)
    : name_(std::move(name)), progress_(quiet, [this](double share) { return line(share); }) {}

bool TrainingsLine::operator()(const TrainingsProgress& now) {
  last_ = now;
  const bool is_stopped = SignalWatch::seen() != 0;
  progress_.update(now.num_done == now.num_all || is_stopped);
  return !is_stopped;
}

Line TrainingsLine::line(double share) const {
  Line line{{name_}};
  const bool is_known = last_.num_all > 0;  // not before the first epoch has ended
  if (is_known) line.push_back({fmt::format("{}/{} trainings", last_.num_done, last_.num_all)});
  if (is_known && last_.num_done == last_.num_all) return line;
  line.push_back({fmt::format("epoch {:2.0f} %", 100 * share), 2, Colour::kFaint});
  if (!is_known) return line;
  const double done = static_cast<double>(last_.num_epochs_done) + share * static_cast<double>(last_.num_running);
  line.push_back(
      {eta(progress_.elapsed_seconds(), done, static_cast<double>(last_.num_epochs_done + last_.num_epochs_left)), 1});
  return line;
}

}  // namespace murmur::app
