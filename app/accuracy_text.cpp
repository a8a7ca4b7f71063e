#include "app/accuracy_text.hpp"

#include <fmt/format.h>

#include <cmath>

#include "murmur/pso/analysis/statistics.hpp"

namespace murmur::app {
namespace {

std::string text_of(std::vector<double> accuracies, double scale, int decimals, const char* unit) {
  const size_t num_all = accuracies.size();
  const size_t num_diverged = std::erase_if(accuracies, [](double accuracy) { return !std::isfinite(accuracy); });
  if (accuracies.empty()) return num_all == 0 ? "-" : fmt::format("all of {} diverged", num_all);
  std::string text = fmt::format("{:.{}f}", scale * mean(accuracies), decimals);
  if (accuracies.size() > 1) text += fmt::format(" ± {:.{}f}", scale * standard_error(accuracies), decimals);
  text += unit;
  if (num_diverged > 0) text += fmt::format(", {} of {} diverged", num_diverged, num_all);
  return text;
}

}  // namespace

std::string accuracy_text(std::vector<double> accuracies) {
  return text_of(std::move(accuracies), 1, 4, "");
}

std::string accuracy_percent_text(std::vector<double> accuracies) {
  return text_of(std::move(accuracies), 100, 2, " %");
}

}  // namespace murmur::app
