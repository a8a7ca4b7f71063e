#include "murmur/pso/definitions_json.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

using nlohmann::json;

template <class Enum, size_t kCount>
json word(Enum value, const std::array<std::string_view, kCount>& words) {
  return std::string(words.at(static_cast<size_t>(value)));
}

template <class Enum, size_t kCount>
Enum parse_word(const json& object, const char* key, const std::array<std::string_view, kCount>& words) {
  const json value = object.value(key, json());
  const auto found = std::ranges::find_if(words, [&](std::string_view text) { return value == std::string(text); });
  if (found == words.end()) {
    throw InvalidArgument("definitions: expected {} to be one of {}, got {}", key, fmt::join(words, ", "),
                          value.dump());
  }
  return static_cast<Enum>(found - words.begin());
}

}  // namespace

json definitions_json(const Definitions& definitions) {
  return {{"dropconnect_on", word(definitions.dropconnect_on, kDropconnectOnNames)},
          {"contrast_per", word(definitions.contrast_per, kContrastPerNames)},
          {"shuffle_window", definitions.shuffle_window},
          {"loss_reduction", word(definitions.loss_reduction, kLossReductionNames)},
          {"schedule_transfer", word(definitions.schedule_transfer, kScheduleTransferNames)}};
}

Definitions parse_definitions(const json& object) {
  if (!object.is_object()) throw InvalidArgument("definitions: expected an object, got {}", object.dump());
  const json window = object.value("shuffle_window", json());
  // -1 and what wraps to a negative number are out of range alike.
  if (!window.is_number_integer() || window.get<int64_t>() < 0) {
    throw InvalidArgument("definitions: expected shuffle_window to be a whole number, got {}", window.dump());
  }
  return {parse_word<DropconnectOn>(object, "dropconnect_on", kDropconnectOnNames),
          parse_word<ContrastPer>(object, "contrast_per", kContrastPerNames), window.get<int64_t>(),
          parse_word<LossReduction>(object, "loss_reduction", kLossReductionNames),
          parse_word<ScheduleTransfer>(object, "schedule_transfer", kScheduleTransferNames)};
}

}  // namespace murmur
