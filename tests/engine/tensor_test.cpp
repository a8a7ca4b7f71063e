#include "murmur/engine/tensor.hpp"

#include <gmock/gmock.h>

#include <limits>
#include <string>
#include <vector>

#include "murmur/engine/arena.hpp"
#include "tests/support/devices.hpp"

namespace murmur {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class TensorTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(TensorTest);

TEST_P(TensorTest, StartsAtZero) {
  for (const int64_t size : {1, 3, 1025}) {
    EXPECT_THAT(Tensor::zeros({5, size}, DType::kF32, device()).to_vector<float>(), Each(0.0f));
    EXPECT_THAT(Tensor::zeros({5, size}, size + 3, DType::kI64, device()).to_vector<int64_t>(), Each(0));
  }
}

TEST_P(TensorTest, RoundTripsThroughTheDevice) {
  const std::vector<int32_t> values{1, 2, 3, 4, 5, 6};
  const Tensor tensor = Tensor::from<int32_t>(values, {2, 3}, device());
  EXPECT_EQ(tensor.to_vector<int32_t>(), values);
  EXPECT_EQ(tensor.to(kCpu).to_vector<int32_t>(), values);
  EXPECT_EQ(tensor.to(kCpu).device(), kCpu);
  EXPECT_EQ(tensor.device(), device());
  EXPECT_EQ(tensor.num_elements(), 6);
  EXPECT_EQ(tensor.network_size(), 3);
}

TEST_P(TensorTest, KeepsWhatLiesBetweenItsNetworks) {
  const Tensor whole = Tensor::from<float>(std::vector<float>(10, 7.0f), {2, 5}, device());
  const Tensor view = whole.view(1, {2, 3});
  view.copy_from_host(std::vector<float>{1, 2, 3, 4, 5, 6}.data(), 6 * 4);
  EXPECT_THAT(whole.to_vector<float>(), ElementsAre(7, 1, 2, 3, 7, 7, 4, 5, 6, 7));
  EXPECT_THAT(view.to_vector<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(view.network_stride(), 5);
}

TEST_P(TensorTest, ViewsShareStorageAndReshape) {
  const Tensor whole = Tensor::zeros({2, 12}, DType::kF64, device());
  const Tensor image = whole.view(4, {2, 2, 3}).view(2, {2, 4});
  image.copy_from_host(std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8}.data(), 8 * 8);
  EXPECT_THAT(whole.to_vector<double>(),
              ElementsAre(0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 5, 6, 7, 8, 0, 0));
}

TEST_P(TensorTest, ViewOutlivesTheTensor) {
  Tensor view;
  EXPECT_FALSE(view.defined());
  {
    const Tensor whole = Tensor::from<float>(std::vector<float>{1, 2, 3, 4}, {1, 4}, device());
    view = whole.view(1, {1, 2});
  }
  EXPECT_THAT(view.to_vector<float>(), ElementsAre(2, 3));
}

TEST_P(TensorTest, WrongShapesAndTypesThrow) {
  const Tensor tensor = Tensor::zeros({2, 6}, DType::kF32, device());
  EXPECT_THAT(
      [&] {
        tensor.view(4, {2, 3});
      },
      ThrowsMessage<ShapeError>(HasSubstr("expected [P=2, ...] within 6 elements of a network, got [2, 3] at")));
  EXPECT_THROW(tensor.view(-1, {2, 3}), ShapeError);
  EXPECT_THROW(tensor.view(0, {3, 2}), ShapeError);
  EXPECT_THROW(tensor.view(0, {}), ShapeError);
  EXPECT_NO_THROW(tensor.view(3, {2, 3}));
  EXPECT_THAT([&] { tensor.data<double>(); }, ThrowsMessage<InvalidArgument>(HasSubstr("expected dtype f64, got f32")));
  EXPECT_THROW(tensor.to_vector<uint8_t>(), InvalidArgument);
  const std::vector<float> values(11);
  EXPECT_THAT([&] { tensor.copy_from_host(values.data(), 44); },
              ThrowsMessage<ShapeError>(HasSubstr("expected 48 bytes for f32 [2, 6], got 44")));
  EXPECT_THAT(
      [&] {
        Tensor::zeros({2, -1}, DType::kF32, device());
      },
      ThrowsMessage<ShapeError>(HasSubstr("got [2, -1]")));
  EXPECT_THAT(
      [&] {
        Tensor::zeros({2, 6}, 5, DType::kF32, device());
      },
      ThrowsMessage<ShapeError>(HasSubstr("network stride of at least 6, got 5")));
}

TEST_P(TensorTest, ArenaTensorsAreZeroAlignedAndApart) {
  Arena arena(device(), 4096);
  std::vector<Tensor> tensors;
  for (int i = 0; i < 20; ++i)
    tensors.push_back(arena.zeros({3, 1 + 37 * i}, DType::kF32));  // some span more than a chunk
  for (const Tensor& tensor : tensors) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.raw()) % 256, 0u);
    EXPECT_THAT(tensor.to_vector<float>(), Each(0.0f));
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::vector<float> values(static_cast<size_t>(tensors[i].num_elements()), static_cast<float>(i + 1));
    tensors[i].copy_from_host(values.data(), static_cast<int64_t>(values.size() * sizeof(float)));
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_THAT(tensors[i].to_vector<float>(), Each(static_cast<float>(i + 1)));
  }
}

TEST_P(TensorTest, ArenaHandsOutTheSameMemoryAfterReset) {
  Arena arena(device(), 1024);
  const auto ask = [&arena] {
    std::vector<void*> addresses;
    for (const int64_t size : {10, 300, 1, 700, 5}) addresses.push_back(arena.zeros({size}, DType::kF64).raw());
    return addresses;
  };
  const std::vector<void*> first = ask();
  const int64_t used = arena.used_bytes();
  EXPECT_EQ(used % 256, 0);
  EXPECT_GE(used, 1016 * 8);
  arena.reset();
  EXPECT_EQ(arena.used_bytes(), 0);
  EXPECT_EQ(ask(), first);
  EXPECT_EQ(arena.used_bytes(), used);
}

// Of a step that asks for more than the next one, which asks for less before a third asks for much again.
TEST_P(TensorTest, ArenaClearsAllThatItHasEverHandedOut) {
  const std::unique_ptr<Stream> stream = make_stream(device());
  Arena arena(device(), 16384);
  const auto fill = [&arena](int64_t size) {
    Tensor tensor = arena.zeros({size}, DType::kF32);
    const std::vector<float> ones(static_cast<size_t>(size), 1.0f);
    tensor.copy_from_host(ones.data(), size * static_cast<int64_t>(sizeof(float)));
  };
  fill(700);
  fill(900);
  for (const int64_t size : {5, 1600}) {
    arena.reset();
    arena.clear(*stream);
    stream->synchronize();
    EXPECT_THAT(arena.zeros({size}, DType::kF32).to_vector<float>(), Each(0.0f)) << size;
    fill(3);
  }
  arena.reset();
  arena.clear(*stream);
  stream->synchronize();
  EXPECT_THAT(arena.zeros({2000}, DType::kF32).to_vector<float>(), Each(0.0f));
}

// One network may be at an operation that the next one has yet to reach: their working memory is never the same.
TEST_P(TensorTest, ArenaScratchOfANetworkIsItsOwnWhateverTheShape) {
  Arena arena(device());
  const Tensor large = arena.scratch({3, 100}, DType::kF64);
  const Tensor small = arena.scratch({3, 7, 5}, DType::kF32);
  const auto address = [](const Tensor& tensor, int64_t network) {
    return static_cast<const std::byte*>(tensor.raw()) + network * tensor.network_stride() * size_bytes(tensor.dtype());
  };
  for (int64_t p = 0; p < 3; ++p) EXPECT_EQ(address(large, p), address(small, p)) << p;
  const Tensor larger = arena.scratch({3, 300}, DType::kF64);
  EXPECT_GE(larger.network_stride(), 300);
  EXPECT_NE(address(larger, 0), address(large, 0));  // a captured step may still use the others
}

TEST_P(TensorTest, ArenaTensorsOutliveTheArena) {
  Tensor tensor;
  {
    Arena arena(device());
    tensor = arena.zeros({2, 2}, 4, DType::kF32);
  }
  EXPECT_EQ(tensor.network_stride(), 4);
  tensor.copy_from_host(std::vector<float>{1, 2, 3, 4}.data(), 16);
  EXPECT_THAT(tensor.to_vector<float>(), ElementsAre(1, 2, 3, 4));
}

TEST(DeviceName, ParsesAndRefuses) {
  EXPECT_EQ(parse_device("cpu"), kCpu);
  EXPECT_EQ(kCpu.name(), "cpu");
  EXPECT_EQ((Device{DeviceType::kCuda, 3}).name(), "cuda:3");
  for (const char* text : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda1", "CPU"}) {
    EXPECT_THAT([&] { parse_device(text); },
                ThrowsMessage<InvalidArgument>(HasSubstr("expected auto, cpu, cuda or cuda:N")))
        << text;
  }
  EXPECT_EQ(parse_device("auto").is_cuda(), num_cuda_devices() > 0);
  EXPECT_THROW(parse_device("cuda:999"), DeviceUnavailable);
  EXPECT_FALSE(describe(kCpu).empty());
}

// Never a silent fall-back: without a GPU, asking for one is an error.
TEST(DeviceName, AGpuThatIsNotThereIsAnError) {
  if (num_cuda_devices() > 0) GTEST_SKIP() << "this machine has a GPU";
  EXPECT_THROW(parse_device("cuda"), DeviceUnavailable);
  EXPECT_THROW(make_stream(test::kGpu), DeviceUnavailable);
  EXPECT_THROW(Tensor::zeros({1}, DType::kF32, test::kGpu), DeviceUnavailable);
}

}  // namespace
}  // namespace murmur
