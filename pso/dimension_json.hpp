#pragma once

#include <nlohmann/json.hpp>

#include "murmur/pso/dimensions.hpp"

namespace murmur {

/// All that decides which value a position stands for: key, kind (`float`, `integer` or `categorical`), off, the
/// bounds of what is searched in a user's units (`low`, `high`, `scale`) or the `choices` (by name, or numbers), the
/// raw bounds, and where there are such the interval of off and the condition (`only`).
/// What a study stores of each dimension, and compares when it is opened again.
nlohmann::json dimension_json(const Dimension& dimension);

/// A value of a dimension: a number, or the name of a choice, or a schedule.
nlohmann::json value_json(const Dimension& dimension, double value);

/// The inverse. Throws InvalidArgument for what is no dimension of this program: a technique or a choice that it does
/// not know, another off value, a field too many.
Dimension parse_dimension_json(const nlohmann::json& object);

}  // namespace murmur
