#include "bench/common.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <random>

#include "murmur/engine/error.hpp"
#include "murmur/engine/file.hpp"

namespace murmur::bench {
namespace {

constexpr uint64_t kDataSeed = 1;
constexpr size_t kDistinct = 1000003;  // drawing takes longer than what is to be measured

std::string output_of(const std::string& command) {
  const auto close = [](FILE* file) { pclose(file); };
  const std::unique_ptr<FILE, decltype(close)> pipe(popen(command.c_str(), "r"), close);
  if (pipe == nullptr) return "";
  std::string output;
  std::array<char, 256> buffer;
  while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe.get()) != nullptr) output += buffer.data();
  while (!output.empty() && output.back() == '\n') output.pop_back();
  return output;
}

std::string source_commit() {
  const std::string commit = output_of(
      fmt::format("git -C '{}' describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null", MURMUR_SOURCE_DIR));
  return commit.empty() ? "unknown" : commit;
}

std::string compiler() {
#if defined(__clang__)
  return __VERSION__;
#else
  return fmt::format("GCC {}", __VERSION__);
#endif
}

template <class T, class Draw>
Tensor filled(Shape shape, Device device, const Draw& draw) {
  int64_t count = 1;
  for (const int64_t n : shape) count *= n;
  std::vector<T> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = i < kDistinct ? draw() : values[i - kDistinct];
  return Tensor::from<T>(values, std::move(shape), device);
}

}  // namespace

Summary summarize(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t n = values.size();
  return {(values[(n - 1) / 2] + values[n / 2]) / 2, values.front(), values.back()};
}

double median(std::vector<double> values) {
  return summarize(std::move(values)).median;
}

double time_seconds(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Tensor random_tensor(Shape shape, DType dtype, Device device, uint64_t seed, double scale) {
  std::mt19937_64 random(seed);
  if (dtype == DType::kF32) {
    std::normal_distribution<float> normal(0, static_cast<float>(scale));
    return filled<float>(std::move(shape), device, [&] { return normal(random); });
  }
  if (dtype == DType::kU8) {
    return filled<uint8_t>(std::move(shape), device, [&] { return static_cast<uint8_t>(random() % 255 + 1); });
  }
  throw InvalidArgument("random_tensor: expected f32 or u8, got {}", name(dtype));
}

TrainingData random_data(int64_t num_training, int64_t num_validation, const ImageSize& size, int64_t num_classes,
                         Device device) {
  const int64_t num_train = num_training + num_validation;
  const int64_t num_test = std::max(num_validation, int64_t{1});
  const int64_t sample_size = size.height * size.width * size.channels;
  std::mt19937_64 random(kDataSeed);
  const auto labels = [&](int64_t count) {
    return filled<uint8_t>({count}, device,
                           [&] { return static_cast<uint8_t>(random() % static_cast<uint64_t>(num_classes)); });
  };
  TrainingData data;
  data.train_images = random_tensor({num_train, sample_size}, DType::kU8, device, kDataSeed);
  data.train_labels = labels(num_train);
  data.test_images = random_tensor({num_test, sample_size}, DType::kU8, device, kDataSeed + 1);
  data.test_labels = labels(num_test);
  data.training = {0, num_training};
  data.validation = {num_training, num_validation};
  data.size = size;
  data.num_classes = num_classes;
  return data;
}

nlohmann::json provenance(Device device, const std::string& commit, std::span<char* const> arguments) {
  return {{"device", device.name()},
          {"description", describe(device)},
          {"commit", commit.empty() ? source_commit() : commit},
          {"compiler", compiler()},
          {"command", fmt::format("{}", fmt::join(arguments, " "))},
          {"date", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                               fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())))}};
}

void write_json(const std::string& path, const nlohmann::json& json) {
  write_file(path, json.dump(2) + "\n");
}

int guarded_main(const char* name, const std::function<int()>& body) {
  const auto fail = [name](int code, const char* message) {
    fmt::print(stderr, "{}: {}\n", name, message);
    return code;
  };
  try {
    return body();
  } catch (const InvalidArgument& error) {
    return fail(2, error.what());
  } catch (const StudyError& error) {
    return fail(3, error.what());
  } catch (const DeviceUnavailable& error) {
    return fail(4, error.what());
  } catch (const GpuError& error) {
    return fail(4, error.what());
  } catch (const std::exception& error) {
    return fail(1, error.what());
  }
}

}  // namespace murmur::bench
