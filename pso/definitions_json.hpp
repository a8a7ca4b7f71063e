#pragma once

#include <nlohmann/json.hpp>

#include "murmur/techniques/definitions.hpp"

namespace murmur {

/// {"dropconnect_on": "weights", "contrast_per": "image", "shuffle_window": 0, "loss_reduction": "mean"}
nlohmann::json definitions_json(const Definitions& definitions);

/// Its inverse. Throws: InvalidArgument, naming the key, what was expected and got.
Definitions parse_definitions(const nlohmann::json& object);

}  // namespace murmur
