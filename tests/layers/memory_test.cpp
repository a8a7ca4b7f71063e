// What a population takes, computed before it is there, and in how many waves it trains.
#include <gmock/gmock.h>

#include "murmur/engine/memory.hpp"
#include "murmur/layers/memory_need.hpp"
#include "tests/support/training.hpp"

namespace murmur {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr int64_t kMiB = int64_t{1} << 20;
const ImageSize kGreyImage{28, 28, 1}, kColour{32, 32, 3};

TrainingData black_images(const ImageSize& size) {
  constexpr int64_t kRows = 128;
  TrainingData data;
  data.train_images = Tensor::zeros({2 * kRows, size.elements()}, DType::kU8, kCpu);
  data.train_labels = Tensor::zeros({2 * kRows}, DType::kU8, kCpu);
  data.test_images = data.train_images;
  data.test_labels = data.train_labels;
  data.training = {0, kRows};
  data.validation = {kRows, kRows};
  data.size = size;
  data.num_classes = 10;
  return data;
}

/// Bytes that a trainer of so many networks has allocated once it has trained and validated.
int64_t measured_bytes(const std::string& model, const ImageSize& size, TrainerOptions options, int64_t num_networks) {
  options.num_networks = num_networks;
  const TrainingData data = black_images(size);
  const int64_t before = allocated_bytes();
  PopulationTrainer trainer(parse_model(model), data, options);
  for (int64_t slot = 0; slot < num_networks; ++slot) trainer.start(slot, Trial());
  trainer.run_epoch();
  return allocated_bytes() - before;
}

class NetworkBytesOf : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, NetworkBytesOf, ::testing::Values("fc", "lenet5", "vgg3", "resnet8"),
                         [](const auto& test_info) { return std::string(test_info.param); });

TEST_P(NetworkBytesOf, AreThoseThatAreAllocated) {
  if (emulates_gpu()) GTEST_SKIP() << "the same computation, and slow";
  if (Arena::kChunkBytes == 0) GTEST_SKIP() << "under the address sanitizer every pass has memory of its own";
  const std::string model = GetParam();
  const bool is_large = model == "vgg3" || model == "resnet8";
  const ImageSize& size = is_large ? kColour : kGreyImage;
  TrainerOptions options;
  if (is_large) options.micro_batch = 32;
  const ModelSpecification specification = parse_model(model);
  const NetworkBytes bytes = network_bytes({specification, size, 10, options});
  // An arena grows by whole chunks, which many networks fill.
  const int64_t more = model == "fc" ? 512 : 8;
  const int64_t slope =
      (measured_bytes(model, size, options, 2 + more) - measured_bytes(model, size, options, 2)) / more;
  const auto computed = static_cast<double>(bytes.all() - bytes.weight_copy);
  EXPECT_NEAR(static_cast<double>(slope), computed, 0.05 * computed);
}

class WavesTest : public ::testing::Test {
 protected:
  WavePlan plan(int64_t num_networks, int64_t available_bytes, int64_t wave = 0) {
    options_.num_networks = num_networks;
    options_.wave = wave;
    return plan_waves({model_, kGreyImage, 10, options_}, available_bytes);
  }

  ModelSpecification model_ = parse_model("lenet5");
  TrainerOptions options_;
};

TEST_F(WavesTest, AreAsFewAsTheMemoryAllows) {
  EXPECT_EQ(plan(64, 100000 * kMiB).num_waves, 1);
  const NetworkBytes each = network_bytes({model_, kGreyImage, 10, options_});
  const int64_t for_half = static_cast<int64_t>(1.06 * static_cast<double>(64 * each.lasting() + 33 * each.of_wave()));
  EXPECT_EQ(plan(64, for_half + 90 * kMiB).num_waves, 2);
  EXPECT_EQ(plan(64, for_half + 90 * kMiB).size(64), 32);
  EXPECT_EQ(plan(64, 64 * each.lasting() + 200 * kMiB).size(64) < 32, true);
}

TEST_F(WavesTest, ThreadsThatHaveWorkTakeTheirPartOnce) {
  if (emulates_gpu()) GTEST_SKIP() << "convolutions are products there";
  model_ = parse_model("vgg3");
  options_.num_threads = 8;
  options_.num_networks = 4;
  const NetworkBytes each = network_bytes({model_, kGreyImage, 10, options_});
  // The scratchpad of Winograd's algorithm, or what a processor without it works in.
  ASSERT_GT(each.per_thread, 64 << 10);
  EXPECT_EQ(each.together(options_, 2), 4 * each.lasting() + 2 * each.of_wave() + 4 * each.per_thread);
  options_.num_threads = 3;
  EXPECT_EQ(each.together(options_, 2), 4 * each.lasting() + 2 * each.of_wave() + 3 * each.per_thread);
  model_ = parse_model("fc");
  const NetworkBytes without = network_bytes({model_, kGreyImage, 10, options_});
  EXPECT_EQ(without.per_thread, 0);
  EXPECT_LT(without.program, each.program) << "convolutions bring code of their own";
  EXPECT_GT(without.program, 20 * kMiB);
  model_ = parse_model("vgg3");
  options_.device = {DeviceType::kCuda, 0};
  const NetworkBytes on_gpu = network_bytes({model_, kGreyImage, 10, options_});
  EXPECT_EQ(on_gpu.per_thread, 0) << "a GPU has no such threads";
  EXPECT_EQ(on_gpu.program, 0) << "nor the host's memory";
}

// Where the networks alone would fit at once, the buffers of eight threads beside them do not.
TEST_F(WavesTest, LeaveRoomForTheBuffersOfThreads) {
  if (emulates_gpu()) GTEST_SKIP() << "convolutions are products there";
  model_ = parse_model("vgg3");
  options_.num_networks = 8;
  options_.num_threads = 8;
  const NetworkBytes each = network_bytes({model_, kGreyImage, 10, options_});
  // What plan_waves leaves to libraries is 5 % and 80 MiB; half of what the threads take is too little.
  const double networks = static_cast<double>(8 * each.all()), threads = static_cast<double>(8 * each.per_thread);
  const auto available = [](double bytes) { return static_cast<int64_t>(bytes / 0.95) + 81 * kMiB; };
  ASSERT_GT(threads / 2, 2 * kMiB);
  EXPECT_EQ(plan(8, available(networks + threads) + 5 * kMiB).num_waves, 1);
  EXPECT_GT(plan(8, available(networks + threads / 2)).num_waves, 1);
}

// 5 % and 80 MiB in any case; for convolutions 2.5 GiB, or a quarter of a small GPU.
TEST_F(WavesTest, LeaveRoomForTheConvolutionsOfAGpu) {
  if (emulates_gpu()) GTEST_SKIP() << "convolutions are products there";
  options_.device = {DeviceType::kCuda, 0};
  const auto expect_room_for = [&](const char* model, int64_t available_mib, int64_t of_convolutions) {
    model_ = parse_model(model);
    const auto available = static_cast<double>(available_mib * kMiB);
    const auto left = static_cast<double>((80 + of_convolutions) * kMiB);
    const auto fit = static_cast<int64_t>((0.95 * available - left) /
                                          static_cast<double>(network_bytes({model_, kGreyImage, 10, options_}).all()));
    EXPECT_EQ(plan(fit, available_mib * kMiB).num_waves, 1) << model;
    EXPECT_EQ(plan(fit + 1, available_mib * kMiB).num_waves, 2) << model;
  };
  expect_room_for("fc", 80 << 10, 0);
  expect_room_for("vgg3", 80 << 10, 2560);
  expect_room_for("lenet5", 4 << 10, 1 << 10);
}

TEST_F(WavesTest, AreNoLargerThanAsked) {
  EXPECT_EQ(plan(64, 100000 * kMiB, 10).num_waves, 7);
  EXPECT_EQ(plan(64, 100000 * kMiB, 64).num_waves, 1);
  EXPECT_EQ(plan(64, 100000 * kMiB, 1000).num_waves, 1);
  EXPECT_EQ(plan(1, 100000 * kMiB, 1).num_waves, 1);
}

TEST_F(WavesTest, APopulationThatCannotFitIsRefusedWithTheLargestThatDoes) {
  std::string message;
  try {
    plan(30000, 4096 * kMiB);
  } catch (const InvalidArgument& error) {
    message = error.what();
  }
  EXPECT_THAT(message, HasSubstr("30000 networks of"));
  const size_t about = message.find("about ");
  ASSERT_NE(about, std::string::npos) << message;
  const int64_t fit = std::stoll(message.substr(about + 6));
  EXPECT_NO_THROW(plan(fit, 4096 * kMiB)) << message;
  EXPECT_THROW(plan(fit + fit / 10, 4096 * kMiB), InvalidArgument);
  options_.device = {DeviceType::kCuda, 0};
  EXPECT_THROW(plan(30000, 4096 * kMiB), OutOfGpuMemory);
}

}  // namespace
}  // namespace murmur
