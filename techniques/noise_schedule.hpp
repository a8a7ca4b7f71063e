#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "murmur/engine/random/distributions.hpp"

// A technique's magnitude as a function of training: its value times a factor of how far the training is. The same
// function runs on the device, at the end of each update, and on the host, before the first.
namespace murmur {

/// The factor at progress x, the share of the training's samples that the network has seen before this update, in
/// [0, 1), or at its update t, counted from 0.
enum class ScheduleShape : uint8_t {
  kConstant,      // 1
  kEarly,         // early:F          1 for x < F, then 0
  kLate,          // late:F           0 for x < F, then 1
  kLinear,        // linear:A:B       A + (B - A) x
  kCosine,        // cosine:A:B       B + (A - B) (1 + cos(pi x)) / 2
  kDecay,         // decay:K          (1 + t)^-K
  kWarmup,        // warmup:F         min(1, x / F)
  kWarmupCosine,  // warmupcosine:F   x / F for x < F, then half a cosine from 1 to 0
};
inline constexpr std::array<std::string_view, 8> kScheduleShapes{"constant", "early", "late",   "linear",
                                                                 "cosine",   "decay", "warmup", "warmupcosine"};
static_assert(!kScheduleShapes.back().empty());

struct NoiseSchedule {
  ScheduleShape shape = ScheduleShape::kConstant;
  float a = 0;  // the first parameter
  float b = 0;  // the second

  constexpr bool operator==(const NoiseSchedule&) const = default;
  constexpr bool is_constant() const { return shape == ScheduleShape::kConstant; }
};

namespace detail {

/// (1 + cos(pi x)) / 2 for x in [0, 1].
MURMUR_HD float half_cosine(float x) {
  float sine = 0;
  float cosine = 0;
  sincos_turn(static_cast<uint32_t>(x * 0x1p31f), sine, cosine);
  return 0.5f * (1.0f + cosine);
}

}  // namespace detail

/// The factor of one update. Source: early and late dropout, Liu et al. 2023; cosine, Loshchilov & Hutter 2017;
/// warm-up, Goyal et al. 2017; decay, Neelakantan et al. 2015 (of a variance: K = 0.275 for its deviation).
MURMUR_HD float schedule_factor(const NoiseSchedule& schedule, float progress, int64_t update) {
  const float a = schedule.a;
  const float b = schedule.b;
  switch (schedule.shape) {
    case ScheduleShape::kConstant:
      return 1.0f;
    case ScheduleShape::kEarly:
      return progress < a ? 1.0f : 0.0f;
    case ScheduleShape::kLate:
      return progress < a ? 0.0f : 1.0f;
    case ScheduleShape::kLinear:
      return a + (b - a) * progress;
    case ScheduleShape::kCosine:
      return b + (a - b) * detail::half_cosine(progress);
    case ScheduleShape::kDecay:
      return ::powf(1.0f + static_cast<float>(update), -a);
    case ScheduleShape::kWarmup:
      return progress < a ? progress / a : 1.0f;
    case ScheduleShape::kWarmupCosine:
      return progress < a ? progress / a : detail::half_cosine((progress - a) / (1.0f - a));
  }
  return 1.0f;
}

/// "early:0.5", "linear:0:1". Throws: InvalidArgument, expected and got.
NoiseSchedule parse_noise_schedule(std::string_view text);
std::string format_noise_schedule(const NoiseSchedule& schedule);

}  // namespace murmur
