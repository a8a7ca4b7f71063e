#include "bench/nvbench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace murmur::bench {
namespace {

using Json = nlohmann::ordered_json;

/// nvbench writes numbers as text, so that no 64-bit integer is rounded.
Json named_value(const char* name, const char* type, std::string value) {
  return {{"name", name}, {"type", type}, {"value", std::move(value)}};
}

Json summary(const char* tag, const char* name, const char* hint, Json value) {
  return {{"tag", tag}, {"name", name}, {"hint", hint}, {"data", Json::array({std::move(value)})}};
}

Json summaries_of(const std::vector<double>& seconds) {
  const auto n = static_cast<double>(seconds.size());
  const double mean = std::accumulate(seconds.begin(), seconds.end(), 0.0) / n;
  double squares = 0;
  for (const double s : seconds) squares += (s - mean) * (s - mean);
  Json noise = named_value("value", "float64", fmt::format("{}", std::sqrt(squares / std::max(1.0, n - 1)) / mean));
  if (seconds.size() < 2) noise["value"] = nullptr;  // what nvbench reads as infinite
  return Json::array({summary("nv/cold/sample_size", "Samples", "sample_size",
                              named_value("value", "int64", fmt::format("{}", seconds.size()))),
                      summary("nv/cold/time/gpu/mean", "GPU Time", "duration",
                              named_value("value", "float64", fmt::format("{}", mean))),
                      summary("nv/cold/time/gpu/stdev/relative", "Noise", "percentage", std::move(noise))});
}

Json state_json(const NvbenchState& state, int device_id) {
  std::string name = fmt::format("Device={}", device_id);
  Json axis_values = Json::array();
  for (const auto& [axis, value] : state.axes) {
    name += fmt::format(" {}={}", axis, value);
    axis_values.push_back(named_value(axis.c_str(), "string", value));
  }
  return {{"name", name},
          {"device", device_id},
          {"type_config_index", 0},
          {"axis_values", axis_values},
          {"summaries", summaries_of(state.seconds)},
          {"is_skipped", false}};
}

Json& entry_with_name(Json& list, const std::string& name) {
  const auto found = std::ranges::find_if(list, [&](const Json& entry) { return entry["name"] == name; });
  if (found != list.end()) return *found;
  list.push_back({{"name", name}});
  return list.back();
}

void add_axes(Json& axes, const NvbenchState& state) {
  for (const auto& [name, value] : state.axes) {
    Json& axis = entry_with_name(axes, name);
    axis["type"] = "string";
    axis["flags"] = "";
    Json& values = axis["values"];
    const Json entry = {{"input_string", value}, {"description", ""}, {"value", value}};
    if (std::ranges::find(values, entry) == values.end()) values.push_back(entry);
  }
}

}  // namespace

Json nvbench_json(Device device, std::span<const NvbenchState> states, std::span<char* const> arguments) {
  const int device_id = device.is_cuda() ? device.index : 0;
  Json benchmarks = Json::array();
  for (const NvbenchState& state : states) {
    Json& benchmark = entry_with_name(benchmarks, state.benchmark);
    benchmark["devices"] = Json::array({device_id});
    if (!benchmark.contains("axes")) benchmark["axes"] = Json::array();
    add_axes(benchmark["axes"], state);
    benchmark["states"].push_back(state_json(state, device_id));
  }
  for (size_t i = 0; i < benchmarks.size(); ++i) benchmarks[i]["index"] = i;
  const Json version = {{"major", 1}, {"minor", 0}, {"patch", 0}, {"string", "1.0.0"}};
  Json argv = Json::array();
  for (const char* argument : arguments) argv.push_back(argument);
  return {{"meta", {{"argv", argv}, {"version", {{"json", version}}}}},
          {"devices", Json::array({Json{{"id", device_id}, {"name", describe(device)}}})},
          {"benchmarks", benchmarks}};
}

}  // namespace murmur::bench
