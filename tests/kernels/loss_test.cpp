#include <gtest/gtest.h>

#include <limits>

#include "murmur/kernels/loss.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/population.hpp"

namespace murmur {
namespace {

class LossTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(LossTest);

struct Case {
  int64_t networks, rows, classes;  // P, m, K
  int64_t padded() const { return (classes + 3) / 4 * 4; }
  int64_t stride() const { return padded() * rows + 4; }
  int64_t bias_stride() const { return padded() + 4; }
};

template <class T>
struct Buffers {
  Buffers(const Case& c, Device device)
      : logit_values(test::random_values<T>(static_cast<size_t>(c.networks * c.stride()), 1, -5, 5)),
        bias_values(test::random_values<T>(static_cast<size_t>(c.networks * c.bias_stride()), 2)),
        logits(logit_values, device),
        bias(bias_values, device),
        grad(logit_values.size(), T{55}, device),
        grad_bias(bias_values.size(), T{1}, device),
        targets(0, 0, device) {
    // Every 7th row holds no sample.
    for (int64_t i = 0; i < c.networks * c.rows; ++i) {
      target_values.push_back(i % 7 == 3 ? -1 : static_cast<int32_t>(i * 31 % c.classes));
    }
    targets = test::GuardedArray<int32_t>(target_values, device);
  }
  std::vector<T> logit_values, bias_values;
  std::vector<int32_t> target_values;
  test::GuardedArray<T> logits, bias, grad, grad_bias;
  test::GuardedArray<int32_t> targets;
};

template <class T>
LossArgs<T> make_args(const Case& c, test::Population& population, const Buffers<T>& buffers, bool training = true) {
  LossArgs<T> args;
  args.step = population.upload(c.rows, 1000000);
  args.num_classes = c.classes;
  args.logits = {buffers.logits.data(), c.stride()};
  args.bias = {buffers.bias.data(), c.bias_stride()};
  args.targets = buffers.targets.data();
  if (training) {
    args.grad = buffers.grad.data();
    args.grad_bias = buffers.grad_bias.data();
  }
  return args;
}

/// The reference of one sample: loss, d loss / d logits, and whether the largest logit is the target's.
struct Sample {
  double loss = 0;
  double unit_loss = 0;  // without the factor
  bool hit = false;
  double factor = 1;
  double factor_error = 0;  // the factor is a float in every precision: a product and a sum are rounded
  std::vector<double> grad;
};

template <class T>
Sample reference(const Case& c, const test::Population& population, const Buffers<T>& buffers, int64_t p, int64_t row) {
  const auto logit = [&](int64_t k) {
    return static_cast<double>(buffers.logit_values[static_cast<size_t>(p * c.stride() + k * c.rows + row)]) +
           static_cast<double>(buffers.bias_values[static_cast<size_t>(p * c.bias_stride() + k)]);
  };
  const NetworkState& state = population.states[static_cast<size_t>(p)];
  const int32_t label = buffers.target_values[static_cast<size_t>(p * c.rows + row)];
  Sample sample;
  sample.grad.assign(static_cast<size_t>(c.classes), 0.0);
  if (label < 0) return sample;
  int64_t best = 0;
  double total = 0;
  for (int64_t k = 0; k < c.classes; ++k) best = logit(k) > logit(best) ? k : best;
  for (int64_t k = 0; k < c.classes; ++k) total += std::exp(logit(k) - logit(best));
  const double sigma = static_cast<double>(population.get(Technique::kLossNoise, p));
  const test::Address address{state.seed, Technique::kLossNoise, 0};
  if (sigma > 0) {
    sample.factor = 1 + sigma * address.normal_of(static_cast<uint64_t>(state.item + row), 1, 0);
    sample.factor_error = test::kRounding<float> * (std::abs(sample.factor - 1) + std::abs(sample.factor)) * 1.01;
  }
  const double alpha = static_cast<double>(population.get(Technique::kLabelSmoothing, p));
  for (int64_t k = 0; k < c.classes; ++k) {
    const double target = (k == label ? 1 - alpha : 0) + alpha / static_cast<double>(c.classes);
    const double log_probability = logit(k) - logit(best) - std::log(total);
    sample.unit_loss -= target * log_probability;
    sample.loss -= sample.factor * target * log_probability;
    sample.grad[static_cast<size_t>(k)] = sample.factor * (std::exp(log_probability) - target);
  }
  sample.hit = best == label;
  return sample;
}

// Logit + bias - largest is at most 12 in size and rounded three times: 36 u. exp and log of float are documented with
// 2e-7 and 1e-7 (double: libm, 2 u at most); total sums K of them. So a probability (<= 1) is off by at most
// e = 2 (36 u + x + K u), x the exponential's error; the loss, whose targets sum to 1, by 36 u for the logits, e for
// the total, and the logarithm's own error times ln K, plus K roundings of at most 12. Targets and factors round 4
// times.
template <class T>
double sample_bound(int64_t classes) {
  const double u = test::kBothRoundings<T>;
  const double elementary = std::is_same_v<T, float> ? 2e-7 : 2 * u;
  const auto k = static_cast<double>(classes);
  return 2 * (36 * u + elementary + k * u) + elementary * std::log(k) + 12 * k * u + 36 * u + 4 * u;
}

template <class T>
void check(Stream& stream, const Case& c, test::Population& population) {
  SCOPED_TRACE(::testing::Message() << "P=" << c.networks << " m=" << c.rows << " K=" << c.classes);
  Buffers<T> buffers(c, stream.device());
  for (NetworkState& state : population.states) state.loss_sum = 3, state.num_hits = 7;
  loss_forward(stream, make_args(c, population, buffers));
  stream.synchronize();
  population.download();
  const std::vector<T> grad = buffers.grad.values();
  std::vector<double> expected(grad.begin(), grad.end()), tolerance(grad.size(), 0.0);
  std::vector<double> expected_bias(buffers.grad_bias.size(), 1.0), bias_tolerance(buffers.grad_bias.size(), 0.0);
  const double bound = sample_bound<T>(c.classes);
  const double u = test::kBothRoundings<T>;
  for (int64_t p = 0; p < c.networks; ++p) {
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
  EXPECT_TRUE(test::same_bits(buffers.logits.values(), buffers.logit_values));
}

template <class Configure>
void check_all(Stream& stream, Configure configure) {
  for (const int64_t networks : {1, 5}) {
    for (const int64_t rows : {4, 36, 128, 260}) {
      for (const int64_t classes : {2, 3, 10, 101}) {
        test::Population population(networks, stream.device());
        for (int64_t p = 0; p < networks; ++p) configure(population, p);
        check<float>(stream, {networks, rows, classes}, population);
        check<double>(stream, {networks, rows, classes}, population);
      }
    }
  }
}

TEST_P(LossTest, AllOffIsCrossEntropy) {
  check_all(stream(), [](test::Population&, int64_t) {});
}

TEST_P(LossTest, LabelSmoothing) {
  check_all(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kLabelSmoothing, p, 0.3 * static_cast<double>((p + 1) % 4));
  });
}

TEST_P(LossTest, LossNoise) {
  check_all(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kLossNoise, p, 0.5 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(LossTest, EverythingAtOnce) {
  check_all(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kLabelSmoothing, p, 1);
    population.set(Technique::kLossNoise, p, 1);
  });
}

TEST_P(LossTest, EvaluationHasNoNoiseAndWritesNoGradient) {
  const Case c{2, 36, 10};
  test::Population noisy(2, device()), off(2, device());
  noisy.set(Technique::kLossNoise, 0, 1);
  noisy.set(Technique::kLabelSmoothing, 1, 0.5);
  Buffers<float> buffers(c, device());
  LossArgs<float> args = make_args(c, noisy, buffers, false);
  args.step.techniques = {};
  loss_forward(stream(), args);
  stream().synchronize();
  noisy.download();
  EXPECT_TRUE(test::same_bits(buffers.grad.values(), std::vector<float>(buffers.grad.size(), 55.0f)));
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
}  // namespace murmur
