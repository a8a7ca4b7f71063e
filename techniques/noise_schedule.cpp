#include "murmur/techniques/noise_schedule.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

/// How many parameters a shape has, and their range.
struct ShapeInfo {
  size_t num_parameters;
  float low, high;
  bool may_be_low;
};

ShapeInfo info_of(ScheduleShape shape) {
  switch (shape) {
    case ScheduleShape::kConstant:
      return {0, 0, 0, true};
    case ScheduleShape::kLinear:
    case ScheduleShape::kCosine:
      return {2, 0, 1, true};
    case ScheduleShape::kDecay:
      return {1, 0, 10, true};
    case ScheduleShape::kEarly:
    case ScheduleShape::kLate:
    case ScheduleShape::kWarmup:
    case ScheduleShape::kWarmupCosine:
      return {1, 0, 1, false};
  }
  return {};
}

constexpr const char* kForms = "early:F, late:F, linear:A:B, cosine:A:B, decay:K, warmup:F or warmupcosine:F";

[[noreturn]] void refuse(std::string_view text) {
  throw InvalidArgument(
      "schedule: expected {} (F a share of the training, A and B factors in [0, 1], K in [0, 10]), "
      "got '{}'",
      kForms, text);
}

float parse_parameter(std::string_view word, const ShapeInfo& info, std::string_view text) {
  float value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool is_number = error == std::errc() && end == word.data() + word.size() && std::isfinite(value);
  if (!is_number || value < info.low || value > info.high || (value == info.low && !info.may_be_low)) refuse(text);
  return value;
}

}  // namespace

NoiseSchedule parse_noise_schedule(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::string_view rest = text;;) {
    const size_t colon = rest.find(':');
    words.push_back(rest.substr(0, colon));
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  const auto* const found = std::ranges::find(kScheduleShapes, words.front());
  if (found == kScheduleShapes.end()) refuse(text);
  const auto shape = static_cast<ScheduleShape>(found - kScheduleShapes.begin());
  const ShapeInfo info = info_of(shape);
  if (words.size() != info.num_parameters + 1) refuse(text);
  NoiseSchedule schedule{shape};
  if (info.num_parameters > 0) schedule.a = parse_parameter(words[1], info, text);
  if (info.num_parameters > 1) schedule.b = parse_parameter(words[2], info, text);
  return schedule;
}

std::string format_noise_schedule(const NoiseSchedule& schedule) {
  std::string text(kScheduleShapes[static_cast<size_t>(schedule.shape)]);
  const size_t count = info_of(schedule.shape).num_parameters;
  if (count > 0) text += fmt::format(":{}", schedule.a);
  if (count > 1) text += fmt::format(":{}", schedule.b);
  return text;
}

}  // namespace murmur
