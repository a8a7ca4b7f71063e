#include "app/weights_file.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

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

template <class T>
Tensor on_host(const std::vector<T>& values) {
  return Tensor::from<T>(values, {static_cast<int64_t>(values.size())}, kCpu);
}

}  // namespace

Json finite_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

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
  if (!record.tests.empty()) result.emplace("test_accuracy", test.dump());
  return result;
}

void add_results(SafeTensors& checkpoint, const std::vector<EpochResult>& results) {
  for (const ResultName& name : kResultNames) {
    std::vector<double> values;
    for (const EpochResult& result : results) values.push_back(result.*name.member);
    checkpoint.tensors[name.name] = on_host(values);
  }
  std::vector<int64_t> epochs;
  std::vector<uint8_t> diverged;
  for (const EpochResult& result : results) {
    epochs.push_back(result.epoch);
    diverged.push_back(result.diverged ? 1 : 0);
  }
  checkpoint.tensors[kEpoch] = on_host(epochs);
  checkpoint.tensors[kDiverged] = on_host(diverged);
}

std::vector<EpochResult> read_results(const SafeTensors& checkpoint, int64_t num_networks) {
  const Shape shape{num_networks};
  std::vector<EpochResult> results(static_cast<size_t>(num_networks));
  const auto epochs = checkpoint.get(kEpoch, DType::kI64, shape).to_vector<int64_t>();
  const auto diverged = checkpoint.get(kDiverged, DType::kU8, shape).to_vector<uint8_t>();
  for (size_t i = 0; i < results.size(); ++i) {
    results[i].epoch = epochs[i];
    results[i].diverged = diverged[i] != 0;
  }
  for (const ResultName& name : kResultNames) {
    const auto values = checkpoint.get(name.name, DType::kF64, shape).to_vector<double>();
    for (size_t i = 0; i < results.size(); ++i) results[i].*name.member = values[i];
  }
  return results;
}

}  // namespace murmur::app
