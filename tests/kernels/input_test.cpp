#include <gtest/gtest.h>

#include <algorithm>

#include "murmur/engine/random/permutation.hpp"
#include "murmur/kernels/input.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/population.hpp"

namespace murmur {
namespace {

class InputTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(InputTest);

constexpr int64_t kNumImages = 301;
constexpr int64_t kSplitFirst = 13;  // the split's first sample
constexpr int64_t kSplitSize = 270;

struct Case {
  int64_t networks, rows, size;  // P, m, D
  bool mask_input = true;
  int64_t window = 0;
};

/// The sample at a place of a shuffled epoch: a permutation of the whole epoch, or of the window that the place is in.
int64_t shuffled(const NetworkState& state, int64_t window, int64_t place) {
  const int64_t length = window > 0 ? window : kSplitSize;
  const int64_t block = place / length;
  const int64_t size = std::min(length, kSplitSize - block * length);
  const Permutation order(static_cast<uint64_t>(size), state.seed, make_site(Technique::kShuffle, 0),
                          static_cast<uint64_t>(state.epoch) * 0x100000000u + static_cast<uint64_t>(block));
  return block * length + static_cast<int64_t>(order(static_cast<uint64_t>(place % length)));
}

/// A value of the reference, with a bound on how far rounding may have taken the kernel's from it.
struct NearPixel {
  double value = 0;
  double error = 0;
};

/// The noise on one element, one kind after the other as the header of the kernel has them.
template <class T>
class ElementNoise {
 public:
  ElementNoise(const test::Population& population, const Case& c) : population_(population), c_(c) {}

  NearPixel operator()(int64_t p, int64_t row, int64_t element, double pixel) const {
    const NetworkState& state = population_.states[static_cast<size_t>(p)];
    const auto item = static_cast<uint64_t>(state.item + row), quads = static_cast<uint64_t>((c_.size + 3) / 4);
    const auto e = static_cast<uint64_t>(element);
    const auto address = [&](Technique id) { return test::Address{state.seed, id, 0}; };
    const auto probability = [&](Technique id) { return population_.get(id, p); };
    const auto magnitude = [&](Technique id) { return static_cast<double>(population_.get(id, p)); };
    NearPixel x{pixel, 2 * kU * pixel};  // 1/255 and its product with the byte are rounded
    if (const double sigma = magnitude(Technique::kMultiplicativeInputNoise); sigma > 0) {
      const double noise = sigma * address(Technique::kMultiplicativeInputNoise).normal_of(item, quads, e);
      // sigma n, its sum with 1 and the product are rounded
      const double factor_error = kU * (std::abs(noise) + std::abs(1 + noise));
      x = {x.value * (1 + noise), x.error * std::abs(1 + noise) + std::abs(x.value) * factor_error};
      x.error += kU * std::abs(x.value);
    }
    if (const float p_impulse = probability(Technique::kSaltAndPepper); p_impulse > 0) {
      const auto impulse = address(Technique::kSaltAndPepper);
      if (!impulse.keeps(item, quads, e, p_impulse)) x = {impulse.keeps(item, quads, e, p_impulse / 2) ? 1.0 : 0.0, 0};
    }
    if (const double width = magnitude(Technique::kUniformInputNoise); width > 0) {
      const Quad<uint32_t> words = address(Technique::kUniformInputNoise).words(item, quads, e / 4);
      add(x, width * (2 * static_cast<double>(uniform(words.v[e % 4])) - 1));
    }
    if (const double sigma = magnitude(Technique::kInputNoise); sigma > 0) {
      add(x, sigma * address(Technique::kInputNoise).normal_of(item, quads, e));
    }
    const float cut = c_.mask_input ? probability(Technique::kDropconnect) : 0.0f;
    if (cut > 0 && !address(Technique::kDropconnect).keeps(item, quads, e, cut)) x = {};
    return {x.value, 1.01 * x.error};  // for the products of errors
  }

 private:
  static constexpr double kU = test::kBothRoundings<T>;
  /// A product and a sum. (2 U - 1 is exact: an odd multiple of 2^-23 below 1.)
  static void add(NearPixel& x, double noise) {
    x.value += noise;
    x.error += kU * (std::abs(noise) + std::abs(x.value));
  }
  const test::Population& population_;
  const Case& c_;
};

/// Runs the kernel, and an independent reference in double, and compares.
template <class T>
void check_input(Stream& stream, const Case& c, test::Population& population) {
  SCOPED_TRACE(::testing::Message() << "P=" << c.networks << " m=" << c.rows << " D=" << c.size);
  const int64_t padded = (c.size + 3) / 4 * 4;
  const int64_t stride = c.rows * padded + 8;
  const auto images = test::random_bytes(static_cast<size_t>(kNumImages * c.size), 1);
  const auto labels = test::random_bytes(kNumImages, 2, 10);
  const test::GuardedArray<uint8_t> device_images(images, stream.device());
  const test::GuardedArray<uint8_t> device_labels(labels, stream.device());
  const test::GuardedArray<T> output(static_cast<size_t>(c.networks * stride), T{55}, stream.device());
  const test::GuardedArray<int32_t> targets(static_cast<size_t>(c.networks * c.rows), -7, stream.device());
  InputArgs<T> args;
  args.step = population.upload(c.rows, kSplitSize);
  args.images = device_images.data();
  args.labels = device_labels.data();
  args.first = kSplitFirst;
  args.size = {1, c.size, 1};
  args.step.definitions.shuffle_window = c.window;
  args.mask_input = c.mask_input;
  args.output = {output.data(), stride};
  args.targets = targets.data();
  input_forward(stream, args);
  stream.synchronize();

  const std::vector<T> actual = output.values();
  std::vector<double> expected(actual.size(), 55.0);  // what is between samples and networks: untouched
  std::vector<double> tolerance(expected.size(), 0.0);
  std::vector<int32_t> expected_targets;
  const ElementNoise<T> noise(population, c);
  for (int64_t p = 0; p < c.networks; ++p) {
    const NetworkState& state = population.states[static_cast<size_t>(p)];
    const bool shuffle = population.get(Technique::kShuffle, p) > 0;
    for (int64_t row = 0; row < c.rows; ++row) {
      const int64_t place = state.position + row;
      const bool exists = place < kSplitSize;
      const int64_t sample = kSplitFirst + (shuffle && exists ? shuffled(state, c.window, place) : place);
      expected_targets.push_back(exists ? labels[static_cast<size_t>(sample)] : -1);
      for (int64_t e = 0; e < c.size; ++e) {
        const auto at = static_cast<size_t>(p * stride + row * padded + e);
        const NearPixel x =
            exists ? noise(p, row, e, images[static_cast<size_t>(sample * c.size + e)] / 255.0) : NearPixel{};
        expected[at] = x.value;
        tolerance[at] = x.error;
      }
    }
  }
  EXPECT_TRUE(test::all_near(actual, expected, tolerance));
  EXPECT_TRUE(test::same_bits(targets.values(), expected_targets));
  EXPECT_TRUE(output.guards_intact());
  EXPECT_TRUE(targets.guards_intact());
  EXPECT_TRUE(test::same_bits(device_images.values(), images));
}

template <class Configure>
void check_inputs(Stream& stream, Configure configure) {
  for (const int64_t networks : {1, 5}) {
    for (const int64_t rows : {4, 36, 128, 260}) {
      for (const int64_t size : {1, 3, 5, 784, 1025}) {
        if (size > 5 && rows != 36) continue;  // keeps the test short; no size is left out
        test::Population population(networks, stream.device());
        for (int64_t p = 0; p < networks; ++p) {
          population.states[static_cast<size_t>(p)].position = 40 * p;  // some ticks end the epoch
          configure(population, p);
        }
        check_input<float>(stream, {networks, rows, size}, population);
        check_input<double>(stream, {networks, rows, size}, population);
      }
    }
  }
}

TEST_P(InputTest, AllOffIsThePixelsInOrder) {
  check_inputs(stream(), [](test::Population&, int64_t) {});
}

TEST_P(InputTest, ShuffleIsTheKeyedPermutation) {
  check_inputs(stream(),
               [](test::Population& population, int64_t p) { population.set(Technique::kShuffle, p, p % 2 == 0); });
}

TEST_P(InputTest, WindowedShuffleStaysWithinItsWindow) {
  for (const int64_t window : {1, 64, 100, 270, 1024}) {
    test::Population population(2, device());
    population.set(Technique::kShuffle, 0, 1);
    population.states[0].position = 90;
    check_input<float>(stream(), {2, 128, 5, true, window}, population);
  }
}

TEST_P(InputTest, NoiseIsThatOfItsAddress) {
  check_inputs(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kInputNoise, p, 0.3 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(InputTest, MultiplicativeNoise) {
  check_inputs(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kMultiplicativeInputNoise, p, 0.4 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(InputTest, SaltAndPepper) {
  check_inputs(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kSaltAndPepper, p, 0.5 * static_cast<double>((p + 1) % 3));  // 0.5, 1, 0
  });
}

TEST_P(InputTest, UniformNoise) {
  check_inputs(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kUniformInputNoise, p, 0.3 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(InputTest, MaskOfTheInputIsThatOfItsAddress) {
  check_inputs(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kDropconnect, p, 0.2 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(InputTest, EverythingAtOnce) {
  check_inputs(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kShuffle, p, 1);
    population.set(Technique::kMultiplicativeInputNoise, p, 0.4);
    population.set(Technique::kSaltAndPepper, p, 0.3);
    population.set(Technique::kUniformInputNoise, p, 0.2);
    population.set(Technique::kInputNoise, p, 0.5);
    population.set(Technique::kDropconnect, p, 0.3);
  });
}

TEST_P(InputTest, NoMaskBeforeALastLayer) {
  test::Population population(2, device());
  population.set(Technique::kDropconnect, 0, 0.5);
  population.set(Technique::kDropconnect, 1, 0.5);
  check_input<float>(stream(), {2, 36, 5, false}, population);
}

TEST_P(InputTest, PixelsAreExactAtTheirEnds) {
  test::Population population(1, device());
  const test::GuardedArray<uint8_t> images(std::vector<uint8_t>{0, 255, 0, 255}, device());
  const test::GuardedArray<uint8_t> labels(std::vector<uint8_t>{3}, device());
  const test::GuardedArray<float> output(16, 9.0f, device());
  const test::GuardedArray<int32_t> targets(4, 0, device());
  InputArgs<float> args;
  args.step = population.upload(4, 1);
  args.images = images.data();
  args.labels = labels.data();
  args.size = {2, 2, 1};
  args.output = {output.data(), 16};
  args.targets = targets.data();
  input_forward(stream(), args);
  stream().synchronize();
  std::vector<float> expected(16, 0.0f);  // rows without a sample are 0
  expected[1] = expected[3] = 1.0f;
  EXPECT_EQ(output.values(), expected);
  EXPECT_EQ(targets.values(), (std::vector<int32_t>{3, -1, -1, -1}));
}

// Every sample of an epoch comes exactly once, in every epoch in another order.
TEST_P(InputTest, AShuffledEpochIsEverySampleOnce) {
  constexpr int64_t kRows = 64;
  std::vector<uint8_t> pixels(kSplitSize);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i % 256);
  std::vector<uint8_t> high(kSplitSize);
  for (size_t i = 0; i < high.size(); ++i) high[i] = static_cast<uint8_t>(i / 256);
  const test::GuardedArray<uint8_t> images(pixels, device());
  const test::GuardedArray<uint8_t> labels(high, device());
  const test::GuardedArray<float> output(kRows * 4, 0.0f, device());
  const test::GuardedArray<int32_t> targets(kRows, 0, device());
  std::vector<std::vector<int>> orders;
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    std::vector<int> order;
    for (int64_t position = 0; position < kSplitSize; position += kRows) {
      test::Population population(1, device());
      population.set(Technique::kShuffle, 0, 1);
      population.states[0].position = position;
      population.states[0].epoch = epoch;
      InputArgs<float> args;
      args.step = population.upload(kRows, kSplitSize);
      args.images = images.data();
      args.labels = labels.data();
      args.size = {1, 1, 1};
      args.output = {output.data(), kRows * 4};
      args.targets = targets.data();
      input_forward(stream(), args);
      stream().synchronize();
      const std::vector<float> x = output.values();
      const std::vector<int32_t> target = targets.values();
      for (size_t row = 0; row < kRows; ++row) {
        if (target[row] >= 0) order.push_back(256 * target[row] + static_cast<int>(std::lround(x[4 * row] * 255)));
      }
    }
    orders.push_back(order);
    std::ranges::sort(order);
    ASSERT_EQ(order.size(), static_cast<size_t>(kSplitSize));
    for (int i = 0; i < kSplitSize; ++i) ASSERT_EQ(order[static_cast<size_t>(i)], i);
  }
  EXPECT_NE(orders[0], orders[1]);
}

}  // namespace
}  // namespace murmur
