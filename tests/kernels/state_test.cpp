#include <gtest/gtest.h>

#include "murmur/kernels/advance.hpp"
#include "murmur/kernels/initialize.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/population.hpp"

namespace murmur {
namespace {

class StateTest : public test::DeviceTest {
 protected:
  void advance_once(test::Population& population, int64_t micro_batch, int64_t epoch_size) {
    advance(stream(), population.upload(micro_batch, epoch_size));
    stream().synchronize();
    population.download();
  }
};
MURMUR_ON_EVERY_DEVICE(StateTest);

// An epoch of 300 samples in ticks of 128 (128, 128, 44), with batches of 128, 256 and 1024.
TEST_P(StateTest, AdvanceCountsSamplesAndUpdates) {
  test::Population population(3, device());
  const double batch_sizes[] = {128, 256, 1024};
  for (int64_t p = 0; p < 3; ++p) {
    population.set(Technique::kBatchSize, p, batch_sizes[p]);
    NetworkState& state = population.states[static_cast<size_t>(p)];
    state.update = 10;
    state.item = 1000;
  }
  const std::vector<std::vector<int64_t>> updates{{11, 10, 10}, {12, 11, 10}, {13, 12, 11}, {13, 12, 11}};
  const std::vector<std::vector<int64_t>> counts{{0, 128, 128}, {0, 0, 256}, {0, 0, 0}, {0, 0, 0}};
  const std::vector<int64_t> samples{128, 256, 300, 300};  // a tick after the end counts nothing
  for (size_t tick = 0; tick < 4; ++tick) {
    advance_once(population, 128, 300);
    for (size_t p = 0; p < 3; ++p) {
      SCOPED_TRACE(::testing::Message() << "tick " << tick << " network " << p);
      const NetworkState& state = population.states[p];
      EXPECT_EQ(state.update, updates[tick][p]);
      EXPECT_EQ(state.batch_count, counts[tick][p]);
      EXPECT_EQ(state.position, samples[tick]);
      EXPECT_EQ(state.item, 1000 + samples[tick]);
      EXPECT_EQ(state.num_samples, samples[tick]);
      EXPECT_EQ(state.epoch, 3 + static_cast<int64_t>(p));  // epochs are counted by the trainer
    }
  }
}

TEST_P(StateTest, OnlyRunningNetworksCountUpdates) {
  test::Population population(3, device());
  population.states[1].status = NetworkStatus::kDiverged;
  population.states[2].status = NetworkStatus::kIdle;
  for (NetworkState& state : population.states) state.update = 10;
  advance_once(population, 128, 1000);
  EXPECT_EQ(population.states[0].update, 11);
  EXPECT_EQ(population.states[1].update, 10);
  EXPECT_EQ(population.states[2].update, 10);
}

// Weights are scale x n(seed, site, 0, element): one rounding of the product (and of the scale).
template <class T>
void check_initialize(Stream& stream, int64_t networks, int64_t elements, double scale) {
  SCOPED_TRACE(::testing::Message() << "P=" << networks << " N=" << elements << " scale=" << scale);
  constexpr uint32_t kLayer = 2;
  const int64_t stride = (elements + 3) / 4 * 4 + 8;
  test::Population population(networks, stream.device());
  std::vector<uint8_t> chosen(static_cast<size_t>(networks));
  for (int64_t p = 0; p < networks; ++p) {
    population.set(Technique::kInitScale, p, 0.02 * static_cast<double>(p));
    chosen[static_cast<size_t>(p)] = p % 3 != 1 ? 1 : 0;
  }
  const test::GuardedArray<uint8_t> selected(chosen, stream.device());
  const test::GuardedArray<T> weight(static_cast<size_t>(networks * stride), T{55}, stream.device());
  InitializeArgs<T> args;
  args.step = population.upload(128, 1000);
  args.layer = kLayer;
  args.scale = scale;
  args.num_elements = elements;
  args.weight = {weight.data(), stride};
  args.selected = selected.data();
  initialize(stream, args);
  stream.synchronize();
  std::vector<double> expected(static_cast<size_t>(networks * stride), 55), tolerance(expected.size(), 0);
  for (int64_t p = 0; p < networks; ++p) {
    if (chosen[static_cast<size_t>(p)] == 0) continue;
    const double deviation = scale > 0 ? scale : static_cast<double>(population.get(Technique::kInitScale, p));
    const test::Address address{population.states[static_cast<size_t>(p)].seed, Technique::kInitScale, kLayer};
    for (int64_t i = 0; i < elements; ++i) {
      const auto at = static_cast<size_t>(p * stride + i);
      expected[at] = deviation * address.normal_of(0, 1, static_cast<uint64_t>(i));
      tolerance[at] = 2 * test::kBothRoundings<T> * std::abs(expected[at]);
    }
  }
  EXPECT_TRUE(test::all_near(weight.values(), expected, tolerance));  // elements behind the last stay 55
  EXPECT_TRUE(weight.guards_intact());
}

TEST_P(StateTest, InitializeIsTheNormalOfItsAddress) {
  for (const int64_t networks : {1, 5}) {
    for (const int64_t elements : {1, 3, 50, 512, 513, 1025, 39200}) {
      for (const double scale : {0.0, 0.3}) {
        check_initialize<float>(stream(), networks, elements, scale);
        check_initialize<double>(stream(), networks, elements, scale);
      }
    }
  }
}

template <class T>
void check_clear(Stream& stream, int64_t networks, int64_t stride) {
  SCOPED_TRACE(::testing::Message() << "P=" << networks << " stride=" << stride);
  std::vector<uint8_t> chosen(static_cast<size_t>(networks));
  for (size_t p = 0; p < chosen.size(); ++p) chosen[p] = p % 2 == 0 ? 1 : 0;
  const test::GuardedArray<uint8_t> selected(chosen, stream.device());
  const test::GuardedArray<T> values(static_cast<size_t>(networks * stride), T{55}, stream.device());
  fill(stream, FillArgs<T>{networks, {values.data(), stride}, stride, T{0}, selected.data()});
  stream.synchronize();
  std::vector<T> expected;
  for (const uint8_t is_chosen : chosen)
    expected.insert(expected.end(), static_cast<size_t>(stride), is_chosen ? T{0} : T{55});
  EXPECT_TRUE(test::same_bits(values.values(), expected));
  EXPECT_TRUE(values.guards_intact());
}

TEST_P(StateTest, ClearZeroesTheSelected) {
  for (const int64_t networks : {1, 5}) {
    for (const int64_t stride : {4, 52, 512, 516, 42324}) {
      check_clear<float>(stream(), networks, stride);
      check_clear<double>(stream(), networks, stride);
    }
  }
}

}  // namespace
}  // namespace murmur
