#pragma once

#include <string>
#include <string_view>

#include "murmur/pso/dimensions.hpp"
#include "murmur/techniques/definitions.hpp"

namespace murmur {

/// What a search covers of each technique where its user says nothing else.
struct DimensionDefaults {
  LossReduction loss_reduction = LossReduction::kMean;  // of which the learning rate's range depends
  double off_probability = 0;  // of noises and schedules to be exactly off, in [0, 0.9]; 0: no interval of off
};

Dimension default_dimension(Technique id, const DimensionDefaults& defaults);

/// A dimension from a user's words:
///   KEY                          the default range
///   KEY:LOW:HIGH[:log|:linear]   a range of its own; the scale is that of the default where it is not said
///   KEY=VALUE|VALUE...           some values only
///   KEY.schedule[=SCHEDULE|...]  the technique's schedule, where it is on
/// each with `:on` behind it where the technique is never to be off, and `@PARENT=VALUE|VALUE...` where the dimension
/// exists only while another technique has one of these values. Throws: InvalidArgument.
Dimension parse_dimension(std::string_view text, const DimensionDefaults& defaults);

/// A dimension for people: "learning_rate from 1e-05 to 0.1, log"; "optimizer sgd adam".
std::string dimension_text(const Dimension& dimension);

}  // namespace murmur
