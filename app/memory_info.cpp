#include "app/memory_info.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "app/terminal.hpp"
#include "murmur/engine/counted.hpp"
#include "murmur/engine/memory.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

struct Row {
  const char* name;
  const char* key;
  int64_t NetworkBytes::*bytes;
  bool of_wave;
};
constexpr std::array<Row, 6> kRows{{{"parameters", "parameters", &NetworkBytes::parameters, false},
                                    {"gradients", "gradients", &NetworkBytes::gradients, false},
                                    {"optimizer", "optimizer", &NetworkBytes::optimizer, false},
                                    {"weight copy", "weight_copy", &NetworkBytes::weight_copy, false},
                                    {"activations", "activations", &NetworkBytes::activations, true},
                                    {"workspace", "workspace", &NetworkBytes::workspace, true}}};

/// "HxWxC"
ImageSize parse_size(const std::string& text) {
  std::array<int64_t, 3> sizes{};
  const char* begin = text.data();
  const char* const end = text.data() + text.size();
  for (size_t i = 0; i < sizes.size(); ++i) {
    const auto [next, error] = std::from_chars(begin, end, sizes[i]);
    const bool is_last = i + 1 == sizes.size();
    const bool fits = error == std::errc() && sizes[i] >= 1 && sizes[i] <= 4096 &&
                      (is_last ? next == end : next != end && *next == 'x');
    if (!fits) throw InvalidArgument("--images: expected HEIGHTxWIDTHxCHANNELS, as 32x32x3, got '{}'", text);
    begin = next + 1;
  }
  return {sizes[0], sizes[1], sizes[2]};
}

/// As parse_device, but for a GPU that need not be there.
Device device_of(const std::string& text) {
  if (text != "cuda") return parse_device(text);
  return {DeviceType::kCuda, 0};
}

/// 1234567 as "1.18"
std::string mebibytes(int64_t bytes) {
  constexpr double kMiB = 1 << 20;
  return fmt::format("{:.2f}", static_cast<double>(bytes) / kMiB);
}

double gibibytes(int64_t bytes) {
  constexpr double kGiB = 1 << 30;
  return static_cast<double>(bytes) / kGiB;
}

int64_t wave_size(const MemoryQuestion& question, const MemoryAnswer& answer) {
  return WavePlan{std::max<int64_t>(1, answer.num_waves)}.size(question.num_networks);
}

}  // namespace

MemoryAnswer ask(const MemoryQuestion& question) {
  MemoryAnswer answer;
  answer.device = device_of(question.device);
  const ModelSpecification model = parse_model(question.model);
  const ImageSize size = parse_size(question.images);
  TrainerOptions options;
  options.device = answer.device;
  options.num_networks = question.num_networks;
  options.micro_batch = question.micro_batch;
  options.wave = question.wave;
  const PopulationShape population{model, size, question.num_classes, options};
  answer.each = network_bytes(population);
  const bool is_there = !answer.device.is_cuda() || num_cuda_devices() > answer.device.index;
  if (question.gibibytes > 0) {
    answer.available_bytes = static_cast<int64_t>(question.gibibytes * (int64_t{1} << 30));
  } else if (is_there) {
    answer.available_bytes = free_bytes(answer.device);
  } else {
    return answer;
  }
  try {
    answer.num_waves = plan_waves(population, answer.available_bytes).num_waves;
  } catch (const OutOfGpuMemory& error) {
    answer.refusal = error.what();
  } catch (const InvalidArgument& error) {
    answer.refusal = error.what();
  }
  return answer;
}

void print(const MemoryQuestion& question, const MemoryAnswer& answer) {
  fmt::print("{} x {} for images of {} in {} classes, {} rows a tick, on {}\n", question.num_networks,
             printable(question.model), question.images, question.num_classes, question.micro_batch,
             answer.device.is_cuda() ? "a GPU" : "the CPU");
  fmt::print("  {:<12} {:>14} {:>16}\n", "MiB", "a network", "all that live");
  const int64_t wave = wave_size(question, answer);
  int64_t all = 0;
  for (const Row& row : kRows) {
    const int64_t bytes = answer.each.*row.bytes;
    const int64_t together = bytes * (row.of_wave ? wave : question.num_networks);
    all += together;
    const char* note = "";
    if (row.bytes == &NetworkBytes::weight_copy) note = "  with transient noise on weights only";
    fmt::print("  {:<12} {:>14} {:>16}{}\n", row.name, mebibytes(bytes), mebibytes(together), note);
  }
  fmt::print("  {:<12} {:>14} {:>16}\n", "all", mebibytes(answer.each.all()), mebibytes(all));
  if (answer.each.per_thread > 0) {
    fmt::print("  {} more for each thread: the buffers of its convolutions\n", mebibytes(answer.each.per_thread));
  }
  if (answer.each.program > 0) {
    fmt::print("  {} more for the program itself, once\n", mebibytes(answer.each.program));
  }
  if (!answer.refusal.empty()) {
    fmt::print("does not fit: {}\n", printable(answer.refusal));
  } else if (answer.num_waves > 0) {
    fmt::print("{} of at most {}, in {:.1f} GiB\n",
               answer.num_waves == 1 ? "one wave" : fmt::format("{} waves", answer.num_waves), counted(wave, "network"),
               gibibytes(answer.available_bytes));
  } else {
    fmt::print("no GPU is here; --memory GIB says how many waves it takes\n");
  }
}

Json memory_json(const MemoryQuestion& question, const MemoryAnswer& answer) {
  Json bytes;
  for (const Row& row : kRows) bytes[row.key] = answer.each.*row.bytes;
  Json result{{"model", question.model},
              {"images", question.images},
              {"classes", question.num_classes},
              {"networks", question.num_networks},
              {"micro_batch", question.micro_batch},
              {"device", answer.device.is_cuda() ? "cuda" : "cpu"},
              {"bytes_per_network", bytes},
              {"bytes_per_thread", answer.each.per_thread},
              {"bytes_of_program", answer.each.program},
              {"bytes_available", answer.available_bytes > 0 ? Json(answer.available_bytes) : Json()},
              {"waves", answer.num_waves > 0 ? Json(answer.num_waves) : Json()}};
  if (answer.num_waves > 0) result["networks_at_once"] = wave_size(question, answer);
  if (!answer.refusal.empty()) result["refusal"] = answer.refusal;
  return result;
}

}  // namespace murmur::app
