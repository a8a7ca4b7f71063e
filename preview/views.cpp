#include "murmur/preview/views.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "murmur/layers/schedule.hpp"
#include "murmur/techniques/schedule_table.hpp"

namespace murmur {
namespace {

/// A row of the micro-batch is what it is whatever stands beside it, so the smallest there is will do.
TrainerOptions with_few_rows(TrainerOptions options) {
  check_micro_batch(options.micro_batch);
  options.micro_batch = 4;
  return options;
}

std::vector<Technique> set_techniques_of_samples(const Setting& setting) {
  std::vector<Technique> result;
  for (const TechniqueInfo& info : techniques()) {
    if (shows_in_samples(info) && setting[info.id] != info.off) result.push_back(info.id);
  }
  return result;
}

/// Everything off but how many samples an update has: contrast may be one of all of them.
Setting plain(const Setting& setting) {
  return alone(setting, Technique::kBatchSize);
}

void copy_technique(Setting& to, const Setting& from, Technique id) {
  to.set(id, from[id]);
  to.set_schedule(id, from.schedule(id));
}

Column column_of(const Setting& setting, Technique id, int64_t epoch) {
  const TechniqueInfo& info = technique(id);
  Setting own = plain(setting);
  copy_technique(own, setting, id);
  return {std::string(info.key), format_setting(setting, id), own, epoch, {}};
}

}  // namespace

bool shows_in_samples(const TechniqueInfo& info) {
  return info.place == Place::kInput || info.id == Technique::kLabelNoise || info.id == Technique::kDisturbLabel;
}

Viewer::Viewer(const TrainingData& data, const TrainerOptions& options, uint64_t seed, int64_t num_epochs)
    : subject_(data, with_few_rows(options)), micro_batch_(options.micro_batch), seed_(seed), num_epochs_(num_epochs) {}

Setting Viewer::scheduled(const Setting& setting, int64_t item, int64_t update) const {
  const float per_item = 1.0F / static_cast<float>(num_epochs_ * num_samples());
  Setting result = setting;
  for (const TechniqueInfo& info : techniques()) {
    const NoiseSchedule& schedule = setting.schedule(info.id);
    if (schedule.is_constant()) continue;
    const auto value = static_cast<float>(setting[info.id]);
    const ScheduledTechnique technique{static_cast<int32_t>(info.id), value, per_item, schedule};
    result.set(info.id, static_cast<double>(technique.at(item, update)));
  }
  return result;
}

View Viewer::view(const Setting& setting, int64_t position, int64_t epoch) {
  if (position < 0 || position >= num_samples() || epoch < 0) {
    throw InvalidArgument("view: expected a sample from 0 to {} and an epoch from 0 on, got {} and {}",
                          num_samples() - 1, position, epoch);
  }
  const auto batch_size = static_cast<int64_t>(rounded_batch_size(setting[Technique::kBatchSize], micro_batch_));
  NetworkState state;
  state.seed = seed_;
  state.status = NetworkStatus::kRunning;
  state.epoch = epoch;
  state.position = position;
  state.item = epoch * num_samples() + position;
  state.update = epoch * ((num_samples() + batch_size - 1) / batch_size) + position / batch_size;
  subject_.set(scheduled(setting, state.item - position % batch_size, state.update));
  subject_.set(state);
  // Dropconnect on inputs, too, masks what goes into a layer, but it acts on weights' behalf.
  const Batch batch = input_batch(subject_.step(), subject_.source(), false);
  subject_.synchronize();
  View result;
  result.pixels = batch.input.x.value().to_vector<float>();
  result.pixels.resize(static_cast<size_t>(size().elements()));
  result.label = batch.targets.labels.to_vector<int32_t>().front();
  if (setting[Technique::kMixup] > 0 || setting[Technique::kCutmix] > 0) {
    result.second_label = batch.targets.second_labels.to_vector<int32_t>().front();
    result.share = static_cast<double>(batch.targets.shares.to_vector<float>().front());
  }
  return result;
}

std::vector<Column> columns_of(const Setting& setting, int64_t num_draws, int64_t num_epochs) {
  const auto epoch_of = [&](int64_t draw) { return draw * num_epochs / num_draws; };
  const std::vector<Technique> set = set_techniques_of_samples(setting);
  std::vector<Column> columns{{"original", "", plain(setting), 0, {}}};
  if (set.empty()) return columns;
  if (set.size() == 1) {
    for (int64_t draw = 0; draw < num_draws; ++draw) columns.push_back(column_of(setting, set.front(), epoch_of(draw)));
    return columns;
  }
  Setting all = plain(setting);
  for (const Technique id : set) {
    columns.push_back(column_of(setting, id, 0));
    // It changes which sample stands where, not the sample: its draws would not be of the original at their left.
    if (id != Technique::kShuffle) copy_technique(all, setting, id);
  }
  for (int64_t draw = 0; draw < num_draws; ++draw) {
    columns.push_back({"all of them", fmt::format("epoch {}", epoch_of(draw) + 1), all, epoch_of(draw), {}});
  }
  return columns;
}

void look(Viewer& viewer, std::vector<Column>& columns, int64_t num_samples) {
  if (num_samples < 1 || num_samples > viewer.num_samples()) {
    throw InvalidArgument("samples: expected from 1 to {}, the number of training images, got {}", viewer.num_samples(),
                          num_samples);
  }
  for (Column& column : columns) {
    column.views.clear();
    for (int64_t row = 0; row < num_samples; ++row) {
      column.views.push_back(viewer.view(column.setting, row * viewer.num_samples() / num_samples, column.epoch));
    }
  }
}

std::vector<uint8_t> to_bytes(const std::vector<float>& pixels) {
  std::vector<uint8_t> result;
  result.reserve(pixels.size());
  // A NaN, which no technique makes, is black.
  for (const float pixel : pixels) {
    result.push_back(static_cast<uint8_t>(std::lround(255.0f * (pixel > 0 ? std::min(pixel, 1.0f) : 0.0f))));
  }
  return result;
}

}  // namespace murmur
