#include "murmur/distributed/messages.hpp"

#include <array>
#include <new>
#include <string_view>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/definitions_json.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/setting_json.hpp"

namespace murmur {
namespace {

using Json = nlohmann::json;

Json range_json(const SampleRange& range) {
  return Json::array({range.first, range.count});
}

SampleRange parse_range(const Json& pair) {
  return {pair.at(0).get<int64_t>(), pair.at(1).get<int64_t>()};
}

Json options_json(const TrainerOptions& options) {
  return {{"device", options.device.name()},
          {"micro_batch", options.micro_batch},
          {"double", options.dtype == DType::kF64},
          {"init", initialization_name(options.initialization)},
          {"definitions", definitions_json(options.definitions)},
          {"use_graph", options.use_graph},
          {"allow_tf32", options.allow_tf32},
          {"threads", options.num_threads},
          {"wave", options.wave},
          {"deterministic", options.deterministic}};
}

/// "cuda:1" without a look whether this machine has it.
Device device_of(const std::string& name) {
  if (name == kCpu.name()) return kCpu;
  return {DeviceType::kCuda, std::stoi(name.substr(name.find(':') + 1))};
}

TrainerOptions parse_options(const Json& object) {
  TrainerOptions options;
  options.device = device_of(object.at("device").get<std::string>());
  options.micro_batch = object.at("micro_batch").get<int64_t>();
  options.dtype = object.at("double").get<bool>() ? DType::kF64 : DType::kF32;
  options.initialization = parse_initialization(object.at("init").get<std::string>());
  options.definitions = parse_definitions(object.at("definitions"));
  options.use_graph = object.at("use_graph").get<bool>();
  options.allow_tf32 = object.at("allow_tf32").get<bool>();
  options.num_threads = object.at("threads").get<int>();
  options.wave = object.at("wave").get<int64_t>();
  options.deterministic = object.at("deterministic").get<bool>();
  return options;
}

enum class ErrorKind : uint8_t { kOther, kUsage, kData, kStudy, kNoDevice, kGpu, kMemory };

ErrorKind kind_of(const std::exception& error) {
  if (dynamic_cast<const InvalidArgument*>(&error) != nullptr) return ErrorKind::kUsage;
  if (dynamic_cast<const DataError*>(&error) != nullptr) return ErrorKind::kData;
  if (dynamic_cast<const StudyError*>(&error) != nullptr) return ErrorKind::kStudy;
  if (dynamic_cast<const DeviceUnavailable*>(&error) != nullptr) return ErrorKind::kNoDevice;
  if (dynamic_cast<const GpuError*>(&error) != nullptr) return ErrorKind::kGpu;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return ErrorKind::kMemory;
  return ErrorKind::kOther;
}

}  // namespace

Json trainer_json(const ModelSpecification& model, const TrainingData& data, const TrainerOptions& options,
                  int64_t num_networks) {
  return {{"model", model.text},
          {"networks", num_networks},
          {"training", range_json(data.training)},
          {"validation", range_json(data.validation)},
          {"options", options_json(options)}};
}

TrainerRequest parse_trainer(const Json& message) {
  TrainerRequest request{parse_model(message.at("model").get<std::string>()), parse_range(message.at("training")),
                         parse_range(message.at("validation")), parse_options(message.at("options"))};
  request.options.num_networks = message.at("networks").get<int64_t>();
  return request;
}

Json start_json(int64_t slot, const Trial& trial) {
  return {{"slot", slot},
          {"seed", trial.seed},
          {"setting", setting_json(trial.setting, SettingPart::kNotOff)},
          {"epochs", trial.num_epochs}};
}

Json stop_json(int64_t slot) {
  return {{"slot", slot}};
}

void obey(Trainer& trainer, const Json& commands) {
  for (const Json& command : commands) {
    const auto slot = command.at("slot").get<int64_t>();
    if (command.contains("setting")) {
      trainer.start(slot, {command.at("seed").get<uint64_t>(), parse_setting_json(command.at("setting")),
                           command.at("epochs").get<int64_t>()});
    } else {
      trainer.stop(slot);
    }
  }
}

Json results_json(const Trainer& trainer, std::span<const EpochResult> results) {
  Json rows = Json::array();
  for (size_t slot = 0; slot < results.size(); ++slot) {
    if (!trainer.is_running(static_cast<int64_t>(slot))) continue;
    const EpochResult& result = results[slot];
    rows.push_back({slot, result.epoch, result.train_loss, result.train_accuracy, result.validation_loss,
                    result.validation_accuracy, result.diverged});
  }
  return {{"results", rows}};
}

void parse_results(const Json& message, std::span<EpochResult> results) {
  for (const Json& row : message.at("results")) {
    results[row.at(0).get<size_t>()] = {row.at(1).get<int64_t>(), row.at(2).get<double>(), row.at(3).get<double>(),
                                        row.at(4).get<double>(),  row.at(5).get<double>(), row.at(6).get<bool>()};
  }
}

Json tests_json(const Trainer& trainer, std::span<const Evaluation> tests) {
  Json rows = Json::array();
  for (size_t slot = 0; slot < tests.size(); ++slot) {
    if (trainer.is_running(static_cast<int64_t>(slot))) rows.push_back({slot, tests[slot].loss, tests[slot].accuracy});
  }
  return {{"tests", rows}};
}

void parse_tests(const Json& message, std::span<Evaluation> tests) {
  for (const Json& row : message.at("tests")) {
    tests[row.at(0).get<size_t>()] = {row.at(1).get<double>(), row.at(2).get<double>()};
  }
}

Json error_json(const std::exception& error) {
  return {{"error", kind_of(error)}, {"text", error.what()}};
}

void throw_if_error(const Json& answer, const std::string& who) {
  const auto error = answer.find("error");
  if (error == answer.end()) return;
  const std::string text = who + ": " + answer.at("text").get<std::string>();
  switch (error->get<ErrorKind>()) {
    case ErrorKind::kUsage:
      throw InvalidArgument(text);
    case ErrorKind::kData:
      throw DataError(text);
    case ErrorKind::kStudy:
      throw StudyError(text);
    case ErrorKind::kNoDevice:
      throw DeviceUnavailable(text);
    case ErrorKind::kGpu:
      throw GpuError(text);
    case ErrorKind::kMemory:
      throw Error(who + ": expected more memory than that machine has left; try fewer networks or slots");
    case ErrorKind::kOther:
      break;
  }
  throw Error(text);
}

}  // namespace murmur
