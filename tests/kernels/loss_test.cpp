#include <gtest/gtest.h>

#include <limits>

#include "murmur/kernels/loss.hpp"
#include "tests/kernels/loss_reference.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/population.hpp"

namespace murmur::test::loss {
namespace {

class LossTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(LossTest);

template <class T>
void check_loss(Stream& stream, const Case& c, test::Population& population) {
  SCOPED_TRACE(::testing::Message() << "P=" << c.networks << " m=" << c.rows << " K=" << c.classes);
  Buffers<T> buffers(c, stream.device());
  for (NetworkState& state : population.states) state.loss_sum = 3, state.num_hits = 7;
  loss_forward(stream, make_args(c, population, buffers));
  stream.synchronize();
  population.download();
  const std::vector<T> grad = buffers.grad.values();
  std::vector<double> expected(grad.begin(), grad.end()), tolerance(grad.size(), 0.0);
  std::vector<double> expected_bias(buffers.grad_bias.size(), 1.0), bias_tolerance(buffers.grad_bias.size(), 0.0);
  std::vector<double> logits(buffers.logit_values.begin(), buffers.logit_values.end());
  std::vector<double> logit_tolerance(logits.size(), 0.0);
  const double u = test::kBothRoundings<T>;
  for (int64_t p = 0; p < c.networks; ++p) {
    const double sigma = static_cast<double>(population.get(Technique::kLogitNoise, p));
    // Normals are below 5.8 in size.
    const double bound = sample_bound<T>(c.classes, 12 + 2 * 5.8 * sigma, sigma > 0 ? 5 : 3);
    double loss = 3, loss_tolerance = 0;
    int64_t hits = 7;
    for (int64_t row = 0; row < c.rows; ++row) {
      const Sample sample = reference(c, population, buffers, p, row);
      const bool exists = buffers.target_values[static_cast<size_t>(p * c.rows + row)] >= 0;
      const double factor = exists ? std::abs(sample.factor) : 0;
      loss += sample.loss;
      loss_tolerance += bound * factor + static_cast<double>(c.rows + 1) * u * std::abs(sample.loss) +
                        sample.factor_error * sample.unit_loss;
      hits += sample.hit ? 1 : 0;
      for (int64_t k = 0; k < c.classes; ++k) {
        const auto at = static_cast<size_t>(p * c.stride() + k * c.rows + row);
        const auto bias = static_cast<size_t>(p * c.bias_stride() + k);
        expected[at] = sample.grad[static_cast<size_t>(k)];
        logits[at] = sample.logits[static_cast<size_t>(k)];
        const double noise = sample.noise[static_cast<size_t>(k)];
        logit_tolerance[at] = sigma > 0 ? 1.01 * u * (std::abs(noise) + std::abs(logits[at])) : 0;
        tolerance[at] = bound * factor + sample.factor_error;  // |softmax - target| <= 1
        expected_bias[bias] += expected[at];
        bias_tolerance[bias] += tolerance[at] + static_cast<double>(c.rows + 1) * u * (1 + std::abs(expected[at]));
      }
    }
    const NetworkState& state = population.states[static_cast<size_t>(p)];
    EXPECT_NEAR(state.loss_sum, loss, loss_tolerance);
    EXPECT_EQ(state.num_hits, hits);
    EXPECT_EQ(state.status, NetworkStatus::kRunning);
  }
  // Padding of grad and grad_bias expects what it was: not written.
  EXPECT_TRUE(test::all_near(grad, expected, tolerance));
  EXPECT_TRUE(test::all_near(buffers.grad_bias.values(), expected_bias, bias_tolerance));
  EXPECT_TRUE(buffers.grad.guards_intact());
  EXPECT_TRUE(buffers.grad_bias.guards_intact());
  // Noise is in place, also in rows without a sample; without it logits stay as they are.
  EXPECT_TRUE(test::all_near(buffers.logits.values(), logits, logit_tolerance));
  EXPECT_TRUE(buffers.logits.guards_intact());
}

template <class Configure>
void check_losses(Stream& stream, Configure configure) {
  for (const int64_t networks : {1, 5}) {
    for (const int64_t rows : {4, 36, 128, 260}) {
      for (const int64_t classes : {2, 3, 10, 101}) {
        test::Population population(networks, stream.device());
        for (int64_t p = 0; p < networks; ++p) configure(population, p);
        check_loss<float>(stream, {networks, rows, classes}, population);
        check_loss<double>(stream, {networks, rows, classes}, population);
      }
    }
  }
}

TEST_P(LossTest, AllOffIsCrossEntropy) {
  check_losses(stream(), [](test::Population&, int64_t) {});
}

TEST_P(LossTest, LabelSmoothing) {
  check_losses(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kLabelSmoothing, p, 0.3 * static_cast<double>((p + 1) % 4));
  });
}

TEST_P(LossTest, LossNoise) {
  check_losses(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kLossNoise, p, 0.5 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(LossTest, ExponentialWeights) {
  check_losses(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kExponentialLoss, p, 0.5 * static_cast<double>((p + 1) % 3));  // 0.5, 1, 0
  });
}

TEST_P(LossTest, LossDropout) {
  check_losses(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kLossDropout, p, 0.4 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(LossTest, LogitNoise) {
  check_losses(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kLogitNoise, p, 1.5 * static_cast<double>((p + 1) % 3));
  });
}

// Networks without mixing must not look at the second labels.
TEST_P(LossTest, MixedTargets) {
  check_losses(stream(), [](test::Population& population, int64_t p) {
    population.set(p % 2 == 0 ? Technique::kMixup : Technique::kCutmix, p, p == 2 ? 0 : 0.5);
    population.set(Technique::kLabelSmoothing, p, 0.3 * static_cast<double>(p % 3));
  });
}

TEST_P(LossTest, EverythingAtOnce) {
  check_losses(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kLabelSmoothing, p, p == 1 ? 1 : 0.4);
    population.set(Technique::kLossNoise, p, 1);
    population.set(Technique::kExponentialLoss, p, 0.8);
    population.set(Technique::kLossDropout, p, 0.3);
    population.set(Technique::kLogitNoise, p, 0.7);
    population.set(Technique::kMixup, p, 1);
    population.set(Technique::kCutmix, p, 1);
  });
}

TEST_P(LossTest, EvaluationHasNoNoiseAndWritesNoGradient) {
  const Case c{2, 36, 10};
  test::Population noisy(2, device()), off(2, device());
  noisy.set(Technique::kLossNoise, 0, 1);
  noisy.set(Technique::kLabelSmoothing, 1, 0.5);
  for (const Technique id :
       {Technique::kExponentialLoss, Technique::kLossDropout, Technique::kLogitNoise, Technique::kMixup}) {
    noisy.set(id, 0, 0.5);
  }
  Buffers<float> buffers(c, device());
  LossArgs<float> args = make_args(c, noisy, buffers, false);
  args.step.techniques = {};
  loss_forward(stream(), args);
  stream().synchronize();
  noisy.download();
  EXPECT_TRUE(test::same_bits(buffers.grad.values(), std::vector<float>(buffers.grad.size(), 55.0f)));
  EXPECT_TRUE(test::same_bits(buffers.logits.values(), buffers.logit_values));
  loss_forward(stream(), make_args(c, off, buffers));
  stream().synchronize();
  off.download();
  for (size_t p = 0; p < 2; ++p) {
    EXPECT_EQ(noisy.states[p].loss_sum, off.states[p].loss_sum);
    EXPECT_EQ(noisy.states[p].num_hits, off.states[p].num_hits);
  }
}

template <class T>
class Divergence {
 public:
  /// Statuses of 5 networks, after one logit of networks 1 and 3 has become `value`; 3's is in a row without a sample.
  static std::vector<NetworkStatus> run(Stream& stream, T value) {
    const Case c{5, 36, 10};
    test::Population population(5, stream.device());
    population.states[4].status = NetworkStatus::kIdle;
    Buffers<T> buffers(c, stream.device());
    const auto put = [&](int64_t p, int64_t row) {
      buffers.logit_values[static_cast<size_t>(p * c.stride() + 3 * c.rows + row)] = value;
    };
    put(1, 1);  // (36 + 1) % 7 = 2: a sample
    put(3, 0);  // 108 % 7 = 3: none
    put(4, 0);
    buffers.logits.set(buffers.logit_values);
    loss_forward(stream, make_args(c, population, buffers));
    stream.synchronize();
    population.download();
    std::vector<NetworkStatus> result;
    for (const NetworkState& state : population.states) result.push_back(state.status);
    return result;
  }
};

TEST_P(LossTest, ANetworkWithoutAFiniteLossHasDiverged) {
  using enum NetworkStatus;
  const std::vector<NetworkStatus> expected{kRunning, kDiverged, kRunning, kRunning, kIdle};
  EXPECT_EQ(Divergence<float>::run(stream(), std::numeric_limits<float>::quiet_NaN()), expected);
  EXPECT_EQ(Divergence<float>::run(stream(), std::numeric_limits<float>::infinity()), expected);
  EXPECT_EQ(Divergence<double>::run(stream(), std::numeric_limits<double>::quiet_NaN()), expected);
  EXPECT_EQ(Divergence<double>::run(stream(), std::numeric_limits<double>::infinity()), expected);
}

template <class T>
class HitsOfNan {
 public:
  /// Hits of a network whose targets all are `target`, after the logits of `classes` have become NaN in every row.
  static int64_t count(Stream& stream, int32_t target, const std::vector<int64_t>& classes) {
    const Case c{1, 36, 3};
    test::Population population(1, stream.device());
    Buffers<T> buffers(c, stream.device());
    buffers.targets.set(std::vector<int32_t>(static_cast<size_t>(c.rows), target));
    for (const int64_t k : classes) {
      for (int64_t row = 0; row < c.rows; ++row) {
        buffers.logit_values[static_cast<size_t>(k * c.rows + row)] = std::numeric_limits<T>::quiet_NaN();
      }
    }
    buffers.logits.set(buffers.logit_values);
    loss_forward(stream, make_args(c, population, buffers));
    stream.synchronize();
    population.download();
    return population.states[0].num_hits;
  }
};

TEST_P(LossTest, ARowWithNanHitsNoLabel) {
  for (int32_t target = 0; target < 3; ++target) {
    for (const std::vector<int64_t>& classes : {std::vector<int64_t>{0, 1, 2}, {0}, {1}, {2}}) {
      SCOPED_TRACE(::testing::Message() << "target " << target << ", NaN in " << ::testing::PrintToString(classes));
      EXPECT_EQ(HitsOfNan<float>::count(stream(), target, classes), 0);
      EXPECT_EQ(HitsOfNan<double>::count(stream(), target, classes), 0);
    }
    EXPECT_GT(HitsOfNan<float>::count(stream(), target, {}), 0);
  }
}

TEST_P(LossTest, HugeLogitsThatAreFiniteAreFine) {
  const Case c{1, 4, 3};
  test::Population population(1, device());
  Buffers<float> buffers(c, device());
  for (float& value : buffers.logit_values) value *= 1e30f;
  buffers.logits.set(buffers.logit_values);
  loss_forward(stream(), make_args(c, population, buffers));
  stream().synchronize();
  population.download();
  EXPECT_EQ(population.states[0].status, NetworkStatus::kRunning);
  EXPECT_TRUE(std::isfinite(population.states[0].loss_sum));
}

}  // namespace
}  // namespace murmur::test::loss
