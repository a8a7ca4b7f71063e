#pragma once

#include <nlohmann/json.hpp>

#include "murmur/techniques/techniques.hpp"

// How settings are written to JSON, wherever they are: a choice by its name ("adam"), a number so that reading it back
// gives the same bits.
namespace murmur {

nlohmann::json value_json(const TechniqueInfo& info, double value);

/// The inverse of `value_json`. Throws: InvalidArgument.
double parse_value_json(const TechniqueInfo& info, const nlohmann::json& value);

/// A technique's value in a setting; with its schedule, where it follows one, in a string ("0.3@early:0.5").
nlohmann::json value_json(const Setting& setting, Technique id);

/// The inverse. Throws: InvalidArgument.
void parse_value_json(Setting& setting, const TechniqueInfo& info, const nlohmann::json& value);

enum class SettingPart { kAll, kNotOff };

/// An object of the techniques' values by their keys: of all, or of those that are not off.
nlohmann::json setting_json(const Setting& setting, SettingPart part = SettingPart::kAll);

/// The inverse of `setting_json`: a technique that is not there is off. Throws: InvalidArgument.
Setting parse_setting_json(const nlohmann::json& object);

}  // namespace murmur
