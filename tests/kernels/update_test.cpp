#include <gtest/gtest.h>

#include "murmur/kernels/advance.hpp"
#include "murmur/kernels/update.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/population.hpp"

namespace murmur {
namespace {

class UpdateTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(UpdateTest);

constexpr int64_t kRows = 128;
constexpr int64_t kEpochSize = 600;  // ticks of 128, 128, 128, 128, 88
constexpr int64_t kTicks = 5;

/// The parameters of one network as the reference keeps them, with a bound on how far rounding may have taken the
/// kernel's from them.
struct Parameters {
  std::vector<double> weight, grad, moment1, moment2, bound;
};

/// One update in double, from the definitions in the headers of techniques/noise: mean, gradient dropout, frozen mask,
/// gradient noise, weight noise, optimizer.
template <class T>
class Reference {
 public:
  Reference(const test::Population& population, int64_t stride) : population_(population), stride_(stride) {}

  void update(int64_t p, Parameters& x, int64_t update, double scale) const {
    for (int64_t i = 0; i < stride_; ++i) {
      const auto at = static_cast<size_t>(i);
      double noise_error = 0;
      const double g = noisy_gradient(p, i, update, x.grad[at] * scale, noise_error);
      x.grad[at] = 0;
      const double eta = value(p, Technique::kWeightNoise);
      if (eta > 0) {
        const double noise = deviation(eta, update) * fresh(p, Technique::kWeightNoise, update).normal(i);
        x.weight[at] += noise;
        x.bound[at] += kDeviationError * std::abs(noise);
      }
      optimize(p, at, update, g, noise_error, x);
    }
  }

 private:
  // The deviation is computed in float: powf is within 4 units in the last place on a GPU (8 roundings of 6e-8; glibc
  // is better), sqrtf and the product within one rounding each.
  static constexpr double kDeviationError = 10 * 6e-8;

  struct Draw {
    test::Address address;
    uint64_t item, quads;
    double normal(int64_t i) const { return address.normal_of(item, quads, static_cast<uint64_t>(i)); }
    bool keeps(int64_t i, float p) const { return address.keeps(item, quads, static_cast<uint64_t>(i), p); }
  };
  Draw fresh(int64_t p, Technique id, int64_t update) const {
    return {{population_.states[static_cast<size_t>(p)].seed, id, 0},
            static_cast<uint64_t>(update),
            static_cast<uint64_t>(stride_ / 4)};
  }
  double value(int64_t p, Technique id) const { return static_cast<double>(population_.get(id, p)); }
  static double deviation(double eta, int64_t t) { return std::sqrt(eta / std::pow(1 + static_cast<double>(t), 0.55)); }

  double noisy_gradient(int64_t p, int64_t i, int64_t update, double g, double& error) const {
    const float drop = population_.get(Technique::kGradientDropout, p);
    const float frozen = population_.get(Technique::kFrozenFraction, p);
    const double eta = value(p, Technique::kGradientNoise);
    if (drop > 0 && !fresh(p, Technique::kGradientDropout, update).keeps(i, drop)) g = 0;
    if (frozen > 0 && !fresh(p, Technique::kFrozenFraction, 0).keeps(i, frozen)) g = 0;
    error = 4 * test::kBothRoundings<T> * std::abs(g);
    if (eta > 0) {
      const double noise = deviation(eta, update) * fresh(p, Technique::kGradientNoise, update).normal(i);
      g += noise;
      error += (kDeviationError + 4 * test::kBothRoundings<T>)*std::abs(noise);
    }
    return g;
  }

  /// `error` bounds the gradient's; momentum and Adam carry it on, so their bounds add up over updates.
  void optimize(int64_t p, size_t at, int64_t update, double g, double error, Parameters& x) const {
    const double u = test::kBothRoundings<T>;
    const double rate = value(p, Technique::kLearningRate);
    const auto optimizer = static_cast<int>(value(p, Technique::kOptimizer));
    constexpr double kKeep = static_cast<double>(0.9f), kKeep2 = static_cast<double>(0.999f);
    constexpr double kEpsilon = static_cast<double>(1e-7f);  // all three as the kernel has them
    double step = rate * g;
    double step_error = rate * error;
    if (optimizer == 1) {
      x.moment1[at] = kKeep * x.moment1[at] - rate * g;
      step = -x.moment1[at];
      // |v| sums at most kTicks steps, each with its own error.
      step_error = kTicks * rate * error + 8 * u * std::abs(step);
    } else if (optimizer == 2) {
      x.moment1[at] = kKeep * x.moment1[at] + (1 - kKeep) * g;
      x.moment2[at] = kKeep2 * x.moment2[at] + (1 - kKeep2) * g * g;
      const double t = static_cast<double>(update + 1);
      const double corrected = rate * std::sqrt(1 - std::pow(kKeep2, t)) / (1 - std::pow(kKeep, t));
      const double root = std::sqrt(x.moment2[at]) + kEpsilon;
      step = corrected * x.moment1[at] / root;
      // m and v have relative errors of a few roundings of terms that may cancel in m: |m| <= max |g|, and
      // root >= sqrt(1 - beta2) |g| = 0.0316 |g| of any g that is in it; 1 - 0.999f is known to 6e-8 / 1e-3 in float.
      const double largest = std::max(std::abs(g), root / 0.0316);
      step_error = corrected * (kTicks * error + 20 * u * largest) / root * (1 + std::abs(step) / corrected) +
                   std::abs(step) * (10 * u + 1e-12);
    }
    x.weight[at] -= step;
    x.bound[at] += step_error + 4 * u * (std::abs(x.weight[at]) + std::abs(step));
  }

  const test::Population& population_;
  int64_t stride_;
};

/// An epoch of ticks: gradients add up, the kernel updates whose batch is full, `advance` counts.
template <class T>
void check(Stream& stream, test::Population& population, int64_t stride, bool sum_loss) {
  SCOPED_TRACE(::testing::Message() << "P=" << population.num_networks() << " N=" << stride << " sum=" << sum_loss);
  const auto networks = static_cast<size_t>(population.num_networks());
  const auto size = networks * static_cast<size_t>(stride);
  const auto start = test::random_values<T>(size, 1, -0.1, 0.1);
  test::GuardedArray<T> weight(start, stream.device()), grad(size, T{0}, stream.device());
  const test::GuardedArray<T> moment1(size, T{0}, stream.device()), moment2(size, T{0}, stream.device());
  std::vector<Parameters> expected(networks);
  for (size_t p = 0; p < networks; ++p) {
    const auto first = start.begin() + static_cast<int64_t>(p) * stride;
    const std::vector<double> zero(static_cast<size_t>(stride), 0.0);
    expected[p] = {{first, first + stride}, zero, zero, zero, zero};
    population.states[p].update = static_cast<int64_t>(p);
    population.states[p].position = population.states[p].batch_count = 0;
  }
  const Reference<T> reference(population, stride);
  for (int64_t tick = 0; tick < kTicks; ++tick) {
    SCOPED_TRACE(::testing::Message() << "tick " << tick);
    const auto more = test::random_values<T>(size, 100 + static_cast<uint64_t>(tick), -20, 20);
    std::vector<T> sum = grad.values();
    for (size_t i = 0; i < size; ++i) sum[i] += more[i];
    grad.set(sum);
    UpdateArgs<T> args;
    args.step = population.upload(kRows, kEpochSize);
    args.step.definitions.loss_reduction = sum_loss ? LossReduction::kSum : LossReduction::kMean;
    args.weight = weight.data();
    args.grad = grad.data();
    args.moment1 = moment1.data();
    args.moment2 = moment2.data();
    args.stride = stride;
    update(stream, args);
    stream.synchronize();
    std::vector<double> all_weights, all_bounds, all_grads;
    for (size_t p = 0; p < networks; ++p) {
      const NetworkState& state = population.states[p];
      const auto first = sum.begin() + static_cast<int64_t>(p) * stride;
      expected[p].grad.assign(first, first + stride);
      const auto batch_size = static_cast<int64_t>(population.get(Technique::kBatchSize, static_cast<int64_t>(p)));
      const int64_t rows = std::min(kRows, kEpochSize - state.position);
      const int64_t count = state.batch_count + rows;
      const bool full = count >= batch_size || state.position + rows == kEpochSize;
      if (full && state.status == NetworkStatus::kRunning) {
        reference.update(static_cast<int64_t>(p), expected[p], state.update,
                         sum_loss ? 1.0 : 1.0 / static_cast<double>(count));
      }
      all_weights.insert(all_weights.end(), expected[p].weight.begin(), expected[p].weight.end());
      all_bounds.insert(all_bounds.end(), expected[p].bound.begin(), expected[p].bound.end());
      all_grads.insert(all_grads.end(), expected[p].grad.begin(), expected[p].grad.end());
    }
    EXPECT_TRUE(test::all_near(weight.values(), all_weights, all_bounds));
    EXPECT_TRUE(test::all_near(grad.values(), all_grads, std::vector<double>(size, 0.0)));
    advance(stream, args.step);
    stream.synchronize();
    population.download();
  }
  EXPECT_TRUE(weight.guards_intact() && grad.guards_intact() && moment1.guards_intact() && moment2.guards_intact());
}

template <class Configure>
void check_all(Stream& stream, Configure configure) {
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
        check<float>(stream, population, stride, sum_loss);
        check<double>(stream, again, stride, sum_loss);
      }
    }
  }
}

/// Every network of a population has another optimizer.
void every_optimizer(test::Population& population, int64_t p) {
  population.set(Technique::kOptimizer, p, static_cast<double>((p + 2) % 3));
}

TEST_P(UpdateTest, Sgd) {
  check_all(stream(), [](test::Population&, int64_t) {});
}

TEST_P(UpdateTest, Momentum) {
  check_all(stream(), [](test::Population& population, int64_t p) { population.set(Technique::kOptimizer, p, 1); });
}

TEST_P(UpdateTest, Adam) {
  check_all(stream(), [](test::Population& population, int64_t p) { population.set(Technique::kOptimizer, p, 2); });
}

TEST_P(UpdateTest, GradientDropoutIsFreshEveryUpdate) {
  check_all(stream(), [](test::Population& population, int64_t p) {
    every_optimizer(population, p);
    population.set(Technique::kGradientDropout, p, 0.1 * static_cast<double>(p + 1));
  });
}

TEST_P(UpdateTest, FrozenMaskStays) {
  check_all(stream(), [](test::Population& population, int64_t p) {
    every_optimizer(population, p);
    population.set(Technique::kFrozenFraction, p, 0.2 * static_cast<double>(p + 1));
  });
}

TEST_P(UpdateTest, GradientNoise) {
  check_all(stream(), [](test::Population& population, int64_t p) {
    every_optimizer(population, p);
    population.set(Technique::kGradientNoise, p, 0.2 * static_cast<double>(p + 1));
  });
}

TEST_P(UpdateTest, WeightNoise) {
  check_all(stream(), [](test::Population& population, int64_t p) {
    every_optimizer(population, p);
    population.set(Technique::kWeightNoise, p, 0.01 * static_cast<double>(p + 1));
  });
}

TEST_P(UpdateTest, EverythingAtOnceInOrder) {
  check_all(stream(), [](test::Population& population, int64_t p) {
    every_optimizer(population, p);
    population.set(Technique::kGradientDropout, p, 0.3);
    population.set(Technique::kFrozenFraction, p, 0.4);
    population.set(Technique::kGradientNoise, p, 0.5);
    population.set(Technique::kWeightNoise, p, 0.05);
  });
}

TEST_P(UpdateTest, OnlyRunningNetworksChange) {
  test::Population population(5, device());
  population.states[1].status = NetworkStatus::kDiverged;
  population.states[3].status = NetworkStatus::kIdle;
  for (int64_t p = 0; p < 5; ++p) population.set(Technique::kWeightNoise, p, 0.1);
  check<float>(stream(), population, 52, false);
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
  args.step = population.upload(kRows, kEpochSize);
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
