#include "app/weights_file.hpp"

#include <fmt/format.h>

#include <array>

#include "app/json_report.hpp"
#include "murmur/engine/version.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

struct ResultName {
  const char* name;
  double EpochResult::*member;
};
constexpr std::array<ResultName, 4> kResultNames{{{"result.train_loss", &EpochResult::train_loss},
                                                  {"result.train_accuracy", &EpochResult::train_accuracy},
                                                  {"result.validation_loss", &EpochResult::validation_loss},
                                                  {"result.validation_accuracy", &EpochResult::validation_accuracy}}};
constexpr const char* kEpoch = "result.epoch";
constexpr const char* kDiverged = "result.diverged";

/// One value of each epoch and network. Result [epochs, networks].
template <class T, class F>
Tensor column(const std::vector<std::vector<EpochResult>>& history, const F& value) {
  std::vector<T> values;
  for (const std::vector<EpochResult>& epoch : history) {
    for (const EpochResult& result : epoch) values.push_back(value(result));
  }
  const auto num_epochs = static_cast<int64_t>(history.size());
  return Tensor::from<T>(values, {num_epochs, static_cast<int64_t>(values.size()) / num_epochs}, kCpu);
}

}  // namespace

std::map<std::string, std::string> metadata_of(const TrainingRecord& record, std::optional<int64_t> network) {
  Json seeds = Json::array(), validation = Json::array(), test = Json::array();
  int64_t epochs = 0;
  for (size_t i = 0; i < record.results.size(); ++i) {
    if (network && static_cast<int64_t>(i) != *network) continue;
    epochs = record.results[i].epoch;
    seeds.push_back(record.first_seed + i);
    validation.push_back(finite_or_null(record.results[i].validation_accuracy));
    if (!record.tests.empty()) test.push_back(finite_or_null(record.tests[i].accuracy));
  }
  std::map<std::string, std::string> result{
      {"format", "pt"},
      {"program", fmt::format("murmur {}", version())},
      {"model", record.options.at("model").get<std::string>()},
      {"dataset", record.options.at("dataset").get<std::string>()},
      {"dataset_contents", record.data},
      {"image_size", fmt::format("{}x{}x{}", record.size.height, record.size.width, record.size.channels)},
      {"num_classes", std::to_string(record.num_classes)},
      {"setting", record.setting.dump()},
      {"definitions", record.definitions.dump()},
      {"options", record.options.dump()},
      {"seeds", seeds.dump()},
      {"epochs", std::to_string(epochs)},
      {"validation_accuracy", validation.dump()}};
  if (record.rrelu > 0) result.emplace("rrelu", fmt::format("{}", record.rrelu));
  if (!record.tests.empty()) result.emplace("test_accuracy", test.dump());
  return result;
}

void add_history(SafeTensors& checkpoint, const std::vector<std::vector<EpochResult>>& history) {
  for (const ResultName& name : kResultNames) {
    checkpoint.tensors[name.name] =
        column<double>(history, [&](const EpochResult& result) { return result.*name.member; });
  }
  checkpoint.tensors[kEpoch] = column<int64_t>(history, [](const EpochResult& result) { return result.epoch; });
  checkpoint.tensors[kDiverged] =
      column<uint8_t>(history, [](const EpochResult& result) { return result.diverged ? uint8_t{1} : uint8_t{0}; });
}

std::vector<std::vector<EpochResult>> read_history(const SafeTensors& checkpoint, int64_t num_networks) {
  const auto found = checkpoint.tensors.find(kEpoch);
  const bool has_epochs =
      found != checkpoint.tensors.end() && found->second.num_axes() == 2 && found->second.size(0) > 0;
  const Shape shape{has_epochs ? found->second.size(0) : 1, num_networks};
  const auto epochs = checkpoint.get(kEpoch, DType::kI64, shape).to_vector<int64_t>();
  std::vector<EpochResult> results(epochs.size());
  const auto diverged = checkpoint.get(kDiverged, DType::kU8, shape).to_vector<uint8_t>();
  for (size_t i = 0; i < results.size(); ++i) {
    results[i].epoch = epochs[i];
    results[i].diverged = diverged[i] != 0;
  }
  for (const ResultName& name : kResultNames) {
    const auto values = checkpoint.get(name.name, DType::kF64, shape).to_vector<double>();
    for (size_t i = 0; i < results.size(); ++i) results[i].*name.member = values[i];
  }
  std::vector<std::vector<EpochResult>> history;
  for (auto begin = results.begin(); begin != results.end(); begin += num_networks) {
    history.emplace_back(begin, begin + num_networks);
  }
  return history;
}

}  // namespace murmur::app
