#include <cmath>
#include <sstream>

#include "app/options.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/layers/schedule.hpp"
#include "murmur/pso/dimension_json.hpp"
#include "murmur/pso/dimension_text.hpp"
#include "tests/fuzz/support.hpp"

namespace murmur::fuzz {
namespace {

constexpr std::string_view kSearch = "search ";

/// What a setting is written as is the same setting; its schedules give values in every epoch, and move to others.
void check(const Setting& setting) {
  std::vector<std::string> words;
  for (const TechniqueInfo& info : techniques()) words.push_back(format_assignment(setting, info.id));
  require(app::parse_settings(words, Definitions{}) == setting, "a setting to be read as it was written");
  constexpr int64_t kNumEpochs = 7, kOtherEpochs = 20;
  for (int64_t epoch = 0; epoch < kNumEpochs; ++epoch) {
    for (const LossReduction reduction : {LossReduction::kMean, LossReduction::kSum}) {
      const EpochValues values = scheduled_values(setting, epoch, kNumEpochs, reduction);
      require(values.learning_rate > 0 && std::isfinite(values.learning_rate), "a learning rate");
      require(values.batch_size >= 1 && rounded_batch_size(values.batch_size, 128) >= 128, "a batch size");
    }
  }
  for (const ScheduleTransfer transfer : {ScheduleTransfer::kNumber, ScheduleTransfer::kInterval}) {
    transfer_schedules(setting, kNumEpochs, kOtherEpochs, transfer);
    transfer_schedules(setting, kOtherEpochs, 1, transfer);
  }
}

/// A dimension is stored and read again; every place in it stands for a value that a setting takes.
void check(const Dimension& dimension) {
  require(parse_dimension_json(dimension_json(dimension)) == dimension, "a dimension to be read as it was written");
  const double width = dimension.raw_high - dimension.raw_low;
  for (int i = 0; i <= 8; ++i) {
    const double value = decode(dimension, dimension.raw_low + width * i / 8);
    if (!is_schedule(dimension)) Setting().set(dimension.id, value);
    const double raw = encode(dimension, value);
    require(raw >= dimension.raw_low && raw <= dimension.raw_high, "a value's place within the dimension");
    require(dimension.choices.empty() || decode(dimension, raw) == value, "a choice at its place");
  }
}

}  // namespace

void setting(Input input) {
  std::istringstream lines(text_of(input));
  std::vector<std::string> assignments;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(kSearch)) {
      assignments.push_back(line);
      continue;
    }
    const std::string_view word = std::string_view(line).substr(kSearch.size());
    Dimension dimension;
    if (accepts<InvalidArgument>([&] { dimension = parse_dimension(word, {}); })) check(dimension);
  }
  Setting setting;
  if (accepts<InvalidArgument>([&] { setting = app::parse_settings(assignments, Definitions{}); })) check(setting);
}

}  // namespace murmur::fuzz
