#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "murmur/kernels/advance.hpp"
#include "murmur/kernels/update.hpp"
#include "tests/kernels/update_reference.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/population.hpp"

namespace murmur {
namespace {

using test::Near;

class UpdateTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(UpdateTest);

constexpr int64_t kUpdateRows = 128;
constexpr int64_t kUpdateEpoch = test::kUpdateEpochSize;  // ticks of 128, 128, 128, 128, 88
constexpr int64_t kTicks = 5;
constexpr double kNoNorm = 1e6;  // of a network that clips nothing: neither written nor read

/// Numbers of all networks.
struct Values {
  std::vector<double> value, error;

  void append(const std::vector<Near>& numbers) {
    for (const Near& x : numbers) {
      value.push_back(x.value);
      error.push_back(x.error);
    }
  }
  template <class T>
  ::testing::AssertionResult are_near(const std::vector<T>& actual) const {
    return test::all_near(actual, value, error);
  }
};

/// An epoch of ticks: gradients add up, the kernel updates whose batch is full, `advance` counts.
template <class T>
void check_update(Stream& stream, test::Population& population, int64_t stride, bool sum_loss) {
  SCOPED_TRACE(::testing::Message() << "P=" << population.num_networks() << " N=" << stride << " sum=" << sum_loss);
  const auto networks = static_cast<size_t>(population.num_networks());
  const auto size = networks * static_cast<size_t>(stride);
  const auto start = test::random_values<T>(size, 1, -0.1, 0.1);
  test::GuardedArray<T> weight(start, stream.device()), grad(size, T{0}, stream.device());
  const test::GuardedArray<T> moment1(size, T{0}, stream.device()), moment2(size, T{0}, stream.device());
  const test::GuardedArray<double> norms(networks, kNoNorm, stream.device());
  std::vector<test::Parameters> expected(networks);
  for (size_t p = 0; p < networks; ++p) {
    const auto first = start.begin() + static_cast<int64_t>(p) * stride;
    const std::vector<Near> zero(static_cast<size_t>(stride));
    expected[p] = {{}, zero, zero, {}};
    for (int64_t i = 0; i < stride; ++i) expected[p].weight.push_back({static_cast<double>(first[i]), 0});
    population.states[p].update = static_cast<int64_t>(p);
    population.states[p].position = population.states[p].batch_count = 0;
  }
  const test::Reference<T> reference(population, stride);
  for (int64_t tick = 0; tick < kTicks; ++tick) {
    SCOPED_TRACE(::testing::Message() << "tick " << tick);
    const auto more = test::random_values<T>(size, 100 + static_cast<uint64_t>(tick), -20, 20);
    std::vector<T> sum = grad.values();
    for (size_t i = 0; i < size; ++i) sum[i] += more[i];
    grad.set(sum);
    UpdateArgs<T> args;
    args.step = population.upload(kUpdateRows, kUpdateEpoch);
    args.step.definitions.loss_reduction = sum_loss ? LossReduction::kSum : LossReduction::kMean;
    args.weight = weight.data();
    args.grad = grad.data();
    args.moment1 = moment1.data();
    args.moment2 = moment2.data();
    args.stride = stride;
    args.norms = norms.data();
    gradient_norm(stream, args);
    update(stream, args);
    stream.synchronize();
    std::vector<double> all_grads;
    Values weights, firsts, seconds;
    for (size_t p = 0; p < networks; ++p) {
      const NetworkState& state = population.states[p];
      const auto first = sum.begin() + static_cast<int64_t>(p) * stride;
      expected[p].grad.assign(first, first + stride);
      const bool clips = population.get(Technique::kGradientClip, static_cast<int64_t>(p)) > 0;
      const Near norm = clips ? test::Reference<T>::norm(expected[p].grad) : Near{kNoNorm, 0};
      EXPECT_NEAR(norms.values()[p], norm.value, norm.error);
      const auto batch_size = static_cast<int64_t>(population.get(Technique::kBatchSize, static_cast<int64_t>(p)));
      const int64_t rows = std::min(kUpdateRows, kUpdateEpoch - state.position);
      const int64_t count = state.batch_count + rows;
      const bool full = count >= batch_size || state.position + rows == kUpdateEpoch;
      if (full && state.status == NetworkStatus::kRunning) {
        reference.update(static_cast<int64_t>(p), expected[p], state.update,
                         sum_loss ? 1.0 : 1.0 / static_cast<double>(count));
      }
      weights.append(expected[p].weight);
      firsts.append(expected[p].moment1);
      seconds.append(expected[p].moment2);
      all_grads.insert(all_grads.end(), expected[p].grad.begin(), expected[p].grad.end());
    }
    EXPECT_TRUE(weights.are_near(weight.values()));
    EXPECT_TRUE(firsts.are_near(moment1.values()));
    EXPECT_TRUE(seconds.are_near(moment2.values()));
    EXPECT_TRUE(test::all_near(grad.values(), all_grads, std::vector<double>(size, 0.0)));
    advance(stream, args.step);
    stream.synchronize();
    population.download();
  }
  EXPECT_TRUE(weight.guards_intact() && grad.guards_intact() && moment1.guards_intact() && moment2.guards_intact());
  EXPECT_TRUE(norms.guards_intact());
}

template <class Configure>
void check_updates(Stream& stream, Configure configure) {
  for (const int64_t networks : {1, 5}) {
    for (const int64_t stride : {4, 52, 1024, 1028, 4100}) {
      for (const bool sum_loss : {false, true}) {
        test::Population population(networks, stream.device());
        for (int64_t p = 0; p < networks; ++p) {
          population.set(Technique::kBatchSize, p,
                         std::vector<double>{128, 256, 384, 1024, 128}[static_cast<size_t>(p)]);
          population.set(Technique::kLearningRate, p, 0.01 / static_cast<double>(1 + p));
          configure(population, p);
        }
        test::Population again = population;
        check_update<float>(stream, population, stride, sum_loss);
        check_update<double>(stream, again, stride, sum_loss);
      }
    }
  }
}

/// Every network of a population has another optimizer.
void every_optimizer(test::Population& population, int64_t p) {
  population.set(Technique::kOptimizer, p, static_cast<double>((p + 2) % 6));
}

TEST_P(UpdateTest, Sgd) {
  check_updates(stream(), [](test::Population&, int64_t) {});
}

TEST_P(UpdateTest, Momentum) {
  check_updates(stream(), [](test::Population& population, int64_t p) { population.set(Technique::kOptimizer, p, 1); });
}

TEST_P(UpdateTest, Adam) {
  check_updates(stream(), [](test::Population& population, int64_t p) { population.set(Technique::kOptimizer, p, 2); });
}

TEST_P(UpdateTest, Nesterov) {
  check_updates(stream(), [](test::Population& population, int64_t p) { population.set(Technique::kOptimizer, p, 3); });
}

TEST_P(UpdateTest, AdamWIsAdamWithoutDecay) {
  check_updates(stream(), [](test::Population& population, int64_t p) { population.set(Technique::kOptimizer, p, 4); });
}

TEST_P(UpdateTest, LangevinDynamics) {
  check_updates(stream(), [](test::Population& population, int64_t p) { population.set(Technique::kOptimizer, p, 5); });
}

TEST_P(UpdateTest, WeightDecayOfEveryOptimizer) {
  for (int first = 0; first < 6; first += 3) {
    check_updates(stream(), [&](test::Population& population, int64_t p) {
      population.set(Technique::kOptimizer, p, static_cast<double>((p + first) % 6));
      population.set(Technique::kWeightDecay, p, 0.1 * static_cast<double>(p + 1));
      population.set(Technique::kFrozenFraction, p, p < 2 ? 0 : 0.4);
    });
  }
}

TEST_P(UpdateTest, GradientMaskIsFreshAndRescaled) {
  check_updates(stream(), [](test::Population& population, int64_t p) {
    every_optimizer(population, p);
    population.set(Technique::kGradientMask, p, 0.18 * static_cast<double>(p + 1));
  });
}

TEST_P(UpdateTest, MultiplicativeGradientNoise) {
  check_updates(stream(), [](test::Population& population, int64_t p) {
    every_optimizer(population, p);
    population.set(Technique::kMultiplicativeGradientNoise, p, 0.4 * static_cast<double>(p + 1));
  });
}

// Norms are between 0.1 (the mean of four elements) and 3000 (the sum of 4100).
TEST_P(UpdateTest, GradientClippingBelowAndAboveTheNorm) {
  check_updates(stream(), [](test::Population& population, int64_t p) {
    every_optimizer(population, p);
    population.set(Technique::kGradientClip, p, std::vector<double>{0.05, 1e4, 0, 1, 30}[static_cast<size_t>(p)]);
  });
}

TEST_P(UpdateTest, UpdateDropoutMovesTheMomentsAllTheSame) {
  for (int first = 0; first < 6; first += 3) {
    check_updates(stream(), [&](test::Population& population, int64_t p) {
      population.set(Technique::kOptimizer, p, static_cast<double>((p + first) % 6));
      population.set(Technique::kUpdateDropout, p, 0.18 * static_cast<double>(p + 1));
      population.set(Technique::kWeightDecay, p, 0.1);
    });
  }
}

TEST_P(UpdateTest, GradientDropoutIsFreshEveryUpdate) {
  check_updates(stream(), [](test::Population& population, int64_t p) {
    every_optimizer(population, p);
    population.set(Technique::kGradientDropout, p, 0.1 * static_cast<double>(p + 1));
  });
}

TEST_P(UpdateTest, FrozenMaskStays) {
  check_updates(stream(), [](test::Population& population, int64_t p) {
    every_optimizer(population, p);
    population.set(Technique::kFrozenFraction, p, 0.2 * static_cast<double>(p + 1));
  });
}

TEST_P(UpdateTest, GradientNoise) {
  check_updates(stream(), [](test::Population& population, int64_t p) {
    every_optimizer(population, p);
    population.set(Technique::kGradientNoise, p, 0.2 * static_cast<double>(p + 1));
  });
}

TEST_P(UpdateTest, WeightNoise) {
  check_updates(stream(), [](test::Population& population, int64_t p) {
    every_optimizer(population, p);
    population.set(Technique::kWeightNoise, p, 0.01 * static_cast<double>(p + 1));
  });
}

TEST_P(UpdateTest, EverythingAtOnceInOrder) {
  for (int first = 0; first < 6; first += 3) {
    check_updates(stream(), [&](test::Population& population, int64_t p) {
      population.set(Technique::kOptimizer, p, static_cast<double>((p + first) % 6));
      population.set(Technique::kGradientClip, p, 0.5);
      population.set(Technique::kWeightDecay, p, 0.2);
      population.set(Technique::kGradientDropout, p, 0.3);
      population.set(Technique::kGradientMask, p, 0.2);
      population.set(Technique::kFrozenFraction, p, 0.4);
      population.set(Technique::kMultiplicativeGradientNoise, p, 0.5);
      population.set(Technique::kGradientNoise, p, 0.5);
      population.set(Technique::kWeightNoise, p, 0.05);
      population.set(Technique::kUpdateDropout, p, 0.3);
    });
  }
}

// A norm that is infinite or no number does not hide what is not finite: that element's weight shows it.
TEST_P(UpdateTest, ClippingLeavesWhatIsNotFiniteToShow) {
  for (const double bad : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    test::Population population(1, device());
    population.set(Technique::kGradientClip, 0, 1);
    std::vector<double> gradient(52, 0.5);
    gradient[17] = bad;
    const test::GuardedArray<double> weight(52, 1.0, device()), grad(gradient, device()), norm(1, 0.0, device());
    UpdateArgs<double> args;
    args.step = population.upload(kUpdateRows, kUpdateRows);
    args.weight = weight.data();
    args.grad = grad.data();
    args.stride = 52;
    args.norms = norm.data();
    gradient_norm(stream(), args);
    update(stream(), args);
    stream().synchronize();
    const std::vector<double> actual = weight.values();
    for (size_t i = 0; i < actual.size(); ++i) EXPECT_EQ(std::isfinite(actual[i]), i != 17) << i;
  }
}

TEST_P(UpdateTest, OnlyRunningNetworksChange) {
  test::Population population(5, device());
  population.states[1].status = NetworkStatus::kDiverged;
  population.states[3].status = NetworkStatus::kIdle;
  for (int64_t p = 0; p < 5; ++p) population.set(Technique::kWeightNoise, p, 0.1);
  check_update<float>(stream(), population, 52, false);
}

// The copy is ((w + sigma_a n_a) (1 + sigma_m n_m)) m / (1 - p), each factor where the element's kind has it: at most
// five roundings, and an error of 1e-6 in a normal.
TEST_P(UpdateTest, TheCopyOfTheWeightsHasItsNoise) {
  constexpr int64_t kNetworks = 3, kQuads = 300, kStride = 4 * kQuads;
  constexpr float kDrop = 0.4f;
  test::Population population(kNetworks, device());
  for (int64_t p = 1; p < kNetworks; ++p) {  // none for the first
    population.set(Technique::kDropconnect, p, static_cast<double>(kDrop));
    population.set(Technique::kTransientWeightNoise, p, 0.1);
    population.set(Technique::kMultiplicativeWeightNoise, p, 0.5);
  }
  std::vector<uint8_t> kinds(kQuads);
  for (size_t i = 0; i < kinds.size(); ++i) kinds[i] = static_cast<uint8_t>(i / 7 % 3);
  const auto weights = test::random_values<double>(kNetworks * kStride, 1);
  test::GuardedArray<double> weight(weights, device()), copy(weights.size(), 5.0, device());
  test::GuardedArray<uint8_t> kind(kinds, device()), selected(std::vector<uint8_t>{1, 1, 0}, device());
  UpdateArgs<double> args;
  args.step = population.upload(kUpdateRows, kUpdateEpoch);
  args.weight = weight.data();
  args.stride = kStride;
  args.copy = copy.data();
  args.kinds = reinterpret_cast<const WeightKind*>(kind.data());
  copy_weights(stream(), CopyWeightsArgs<double>{args, selected.data()});
  stream().synchronize();
  const std::vector<double> actual = copy.values();
  for (int64_t p = 0; p < kNetworks; ++p) {
    const NetworkState& state = population.states[static_cast<size_t>(p)];
    const auto address = [&](Technique id) { return test::Address{state.seed, id, 0}; };
    const auto update = static_cast<uint64_t>(state.update);
    for (int64_t i = 0; i < kStride; ++i) {
      const auto at = static_cast<size_t>(p * kStride + i);
      const auto element = static_cast<uint64_t>(i);
      double expected = weights[at];
      const auto what = static_cast<WeightKind>(kinds[static_cast<size_t>(i / 4)]);
      if (p == 1 && what != WeightKind::kExact) {
        expected +=
            static_cast<double>(0.1f) * address(Technique::kTransientWeightNoise).normal_of(update, kQuads, element);
        expected *= 1 + 0.5 * address(Technique::kMultiplicativeWeightNoise).normal_of(update, kQuads, element);
      }
      if (p == 1 && what == WeightKind::kNoisyAndDropped) {
        expected *= address(Technique::kDropconnect).keeps(update, kQuads, element, kDrop)
                        ? 1 / (1 - static_cast<double>(kDrop))
                        : 0;
      }
      if (p == 2) expected = 5;  // not selected
      EXPECT_NEAR(actual[at], expected, 1e-5) << p << " " << i;
    }
  }
  EXPECT_TRUE(copy.guards_intact());
}

}  // namespace
}  // namespace murmur
