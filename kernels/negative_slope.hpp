#pragma once

#include "murmur/kernels/step_args.hpp"
#include "murmur/techniques/noise/activation.hpp"

namespace murmur {

/// What negative activations of a network are multiplied by: 0 if both are; a slope drawn for each in training; their
/// mean in evaluation.
template <class T>
struct NegativeSlope {
  T largest;
  T mean;

  MURMUR_HD NegativeSlope(const StepArgs& step, int64_t network)
      : largest(static_cast<T>(step.techniques.get(Technique::kRrelu, network))),
        mean(step.rrelu == nullptr ? T{0} : noise::mean_slope(static_cast<T>(step.rrelu[network]))) {}
};

}  // namespace murmur
