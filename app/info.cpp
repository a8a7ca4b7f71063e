#include <fmt/format.h>
#include <unistd.h>

#include "app/commands.hpp"
#include "app/json_report.hpp"
#include "app/memory_info.hpp"
#include "app/options.hpp"
#include "app/terminal.hpp"
#include "murmur/data/sources.hpp"
#include "murmur/engine/convolution.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/version.hpp"
#include "murmur/pso/setting_json.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

std::vector<Device> devices() {
  std::vector<Device> result{kCpu};
  for (int i = 0; i < num_cuda_devices(); ++i) result.push_back({DeviceType::kCuda, i});
  return result;
}

/// A data set where it is in the usual places.
std::optional<Dataset> loaded_where_found(const std::string& name) {
  try {
    return load_dataset(name, "");
  } catch (const DataError&) {
    return std::nullopt;
  }
}

void print_datasets() {
  fmt::print("data sets:\n");
  for (const std::string& name : dataset_names()) {
    const std::optional<Dataset> dataset = loaded_where_found(name);
    if (dataset) {
      fmt::print("  {:<15} {} + {} images of {} x {} x {}, in {}\n", name, dataset->train.num_samples,
                 dataset->test.num_samples, dataset->train.height, dataset->train.width, dataset->train.channels,
                 printable(dataset->directory.string()));
    } else {
      fmt::print("  {:<15} not found in the usual places{}\n", name,
                 find_source(name) == nullptr ? "" : fmt::format("; murmur data get {}", name));
    }
  }
}

void print_info() {
  fmt::print("murmur {}, {}\n", version(), kCudaBuild ? "CPU and CUDA" : "CPU only (built without CUDA)");
  fmt::print("devices:\n");
  for (const Device& device : devices()) {
    fmt::print("  {:<8} {}\n", device.name(), describe(device));
    if (device.is_cuda()) {
      fmt::print("  {:<8} {}: {}\n", "", convolution_library(device), convolution_library_status(device));
    }
  }
  fmt::print("libraries: {}\n", fmt::join(libraries(), ", "));
  fmt::print("models: {}\n", fmt::join(model_names(), ", "));
  print_datasets();
  fmt::print("{}", fitted(technique_help(), STDOUT_FILENO));
}

Json datasets_json() {
  Json result = Json::array();
  for (const std::string& name : dataset_names()) {
    const std::optional<Dataset> dataset = loaded_where_found(name);
    Json entry{{"name", name}, {"found", dataset.has_value()}};
    if (dataset) {
      entry.update({{"directory", dataset->directory.string()},
                    {"train_images", dataset->train.num_samples},
                    {"test_images", dataset->test.num_samples},
                    {"height", dataset->train.height},
                    {"width", dataset->train.width},
                    {"channels", dataset->train.channels},
                    {"classes", dataset->num_classes}});
    }
    result.push_back(entry);
  }
  return result;
}

Json techniques_json() {
  Json result = Json::array();
  for (const TechniqueInfo& info : techniques()) {
    Json entry{{"key", info.key},
               {"help", info.help},
               {"place", kPlaces[static_cast<size_t>(info.place)]},
               {"off", value_json(info, info.off)}};
    if (info.choices.empty()) {
      entry.update({{"low", info.low}, {"high", info.high}});
    } else {
      entry["choices"] = info.choices;
    }
    result.push_back(entry);
  }
  return result;
}

Json info_json() {
  Json report = report_head("info");
  Json list = Json::array();
  for (const Device& device : devices()) {
    list.push_back({{"name", device.name()},
                    {"description", describe(device)},
                    {"convolution_library", convolution_library(device)},
                    {"convolution_library_status", convolution_library_status(device)}});
  }
  report.update({{"cuda_build", kCudaBuild},
                 {"compiler", compiler()},
                 {"libraries", libraries()},
                 {"devices", list},
                 {"models", model_names()},
                 {"data_sets", datasets_json()},
                 {"techniques", techniques_json()}});
  return report;
}

}  // namespace

Run add_info(CLI::App& app) {
  CLI::App* sub =
      app.add_subcommand("info", "what this build and this machine can do; with --model: the memory of a population");
  auto json = std::make_shared<std::string>();
  auto question = std::make_shared<MemoryQuestion>();
  sub->add_option("--json", *json, "write the same to this file; - is standard output");
  CLI::Option* model = sub->add_option("--model", question->model, "say what networks of this model take");
  const auto needs_model = [&](CLI::Option* option) { option->needs(model)->capture_default_str(); };
  needs_model(sub->add_option("--networks", question->num_networks, "so many")->transform(whole_number(1)));
  needs_model(sub->add_option("--images", question->images, "HEIGHTxWIDTHxCHANNELS"));
  needs_model(
      sub->add_option("--classes", question->num_classes, "of the data set")->transform(whole_number(1, 65536)));
  needs_model(sub->add_option("--micro-batch", question->micro_batch, "rows of a tick")->transform(whole_number(4)));
  needs_model(sub->add_option("--wave", question->wave, "networks that train at once; 0: as many as fit")
                  ->transform(whole_number(0)));
  needs_model(sub->add_option("--device", question->device, "auto, cpu, or cuda, which need not be here"));
  needs_model(sub->add_option("--memory", question->gibibytes, "GiB of the device (default: what is free there)")
                  ->check(number(0, 1e6)));
  return [json, question] {
    reserve_report(*json);
    if (question->model.empty()) {
      print_info();
      if (!json->empty()) write_report(*json, info_json());
      return 0;
    }
    const MemoryAnswer answer = ask(*question);
    print(*question, answer);
    if (!json->empty()) {
      Json report = report_head("info");
      report["memory"] = memory_json(*question, answer);
      write_report(*json, report);
    }
    return 0;
  };
}

}  // namespace murmur::app
