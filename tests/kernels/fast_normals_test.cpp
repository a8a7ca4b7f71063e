// The kernels with the fast normals of a GPU, where the device has them: the same noise to within the bound of
// FastNormals, the same masks, and nothing else on a CPU or in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <type_traits>
#include <vector>

#include "murmur/kernels/activation.hpp"
#include "murmur/kernels/bias_relu.hpp"
#include "murmur/kernels/input.hpp"
#include "murmur/kernels/norm_pool.hpp"
#include "murmur/kernels/update.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/population.hpp"

namespace murmur {
namespace {

constexpr int64_t kNetworks = 2;
constexpr int64_t kRows = 7;
constexpr double kSigma = 1;

class FastNormalsTest : public test::DeviceTest {
 protected:
  /// Writes a kernel's result to `x`.
  template <class T>
  using Run = std::function<void(const StepArgs& step, T* x)>;

  test::Population population() const {
    test::Population result(kNetworks, device());
    for (int64_t p = 0; p < kNetworks; ++p) {
      for (const Technique id : {Technique::kInputNoise, Technique::kActivationNoise, Technique::kWeightNoise,
                                 Technique::kTransientWeightNoise}) {
        result.set(id, p, kSigma);
      }
      result.set(Technique::kBatchSize, p, kRows);
    }
    return result;
  }

  template <class T>
  std::vector<T> outcome(size_t size, bool fast, const Run<T>& run) const {
    test::Population networks = population();
    StepArgs step = networks.upload(kRows, 1000);
    step.fast_normals = fast;
    test::GuardedArray<T> x(size, T{0}, device());
    run(step, x.data());
    stream().synchronize();
    EXPECT_TRUE(x.guards_intact());
    return x.values();
  }

  /// `factor`: what one normal is multiplied with, at most.
  template <class T>
  void check(size_t size, double factor, const Run<T>& run) const {
    const std::vector<T> exact = outcome<T>(size, false, run), fast = outcome<T>(size, true, run);
    double largest = 0;
    double total = 0;
    for (size_t i = 0; i < size; ++i) {
      EXPECT_EQ(exact[i] == T{0}, fast[i] == T{0}) << i;
      const double difference = std::abs(static_cast<double>(exact[i]) - static_cast<double>(fast[i]));
      largest = std::max(largest, difference);
      total += difference;
    }
    if (std::is_same_v<T, float> && (device().is_cuda() || emulates_gpu())) {
      EXPECT_GT(largest, 0);
      EXPECT_LE(largest, factor * 6e-4);
      EXPECT_LE(total / static_cast<double>(size), factor * 1e-5);
    } else {
      EXPECT_EQ(largest, 0);
    }
  }

  template <class T>
  void check_all() const {
    constexpr ImageSize kSize{4, 5, 3};
    constexpr int64_t kElements = 60;
    const test::GuardedArray<uint8_t> images(test::random_bytes(1000 * kElements, 1), device());
    const test::GuardedArray<uint8_t> labels(test::random_bytes(1000, 2, 10), device());
    const test::GuardedArray<int32_t> targets(static_cast<size_t>(kNetworks * kRows), 0, device());
    const test::GuardedArray<T> zeros(static_cast<size_t>(kNetworks * kRows * kElements), T{0}, device());
    check<T>(kNetworks * kRows * kElements, kSigma, [&](const StepArgs& step, T* x) {
      InputArgs<T> args;
      args.step = step;
      args.images = images.data();
      args.labels = labels.data();
      args.size = kSize;
      args.output = {x, kRows * kElements};
      args.targets = targets.data();
      input_forward(stream(), args);
    });
    check<T>(kNetworks * kRows * 24, kSigma, [&](const StepArgs& step, T* x) {
      ActivationArgs<T> args;
      args.step = step;
      args.num_features = 24;
      args.relu = true;
      args.x = {x, kRows * 24};
      activation_forward(stream(), args);
    });
    check<T>(kNetworks * kRows * kElements, kSigma, [&](const StepArgs& step, T* x) {
      BiasReluArgs<T> args;
      args.step = step;
      args.images = {kSize};
      args.x = {x, kRows * kElements};
      args.bias = {zeros.data(), kElements};
      bias_relu_forward(stream(), args);
    });
    check<T>(kNetworks * kRows * kElements, kSigma, [&](const StepArgs& step, T* x) {
      NormPoolArgs<T> args;
      args.step = step;
      args.images = {kSize};
      args.relu = true;
      args.x = {zeros.data(), kRows * kElements};
      args.output = {x, kRows * kElements};
      norm_pool_forward(stream(), args);
    });
    const test::GuardedArray<uint8_t> kinds(64, static_cast<uint8_t>(WeightKind::kNoisy), device());
    // The weight, then its copy: two normals.
    check<T>(2 * kNetworks * 256, 2 * kSigma, [&](const StepArgs& step, T* x) {
      const test::GuardedArray<T> gradient(kNetworks * 256, T{0}, device()), moments(kNetworks * 256, T{0}, device());
      UpdateArgs<T> args;
      args.step = step;
      args.stride = 256;
      args.weight = x;
      args.grad = gradient.data();
      args.moment1 = args.moment2 = moments.data();
      args.copy = x + kNetworks * 256;
      args.kinds = reinterpret_cast<const WeightKind*>(kinds.data());
      update(stream(), args);
      stream().synchronize();
    });
  }
};
MURMUR_ON_EVERY_DEVICE(FastNormalsTest);

TEST_P(FastNormalsTest, AreWithinTheirBoundInFloat) {
  check_all<float>();
}

TEST_P(FastNormalsTest, DoNotExistInDouble) {
  check_all<double>();
}

}  // namespace
}  // namespace murmur
