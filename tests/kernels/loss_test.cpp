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
        targets(0, 0, device),
        second_targets(0, 0, device),
        shares(0, 0, device) {
    // Every 7th row holds no sample: what is said of its second label must not matter. Of the others some have the same
    // label twice, and some a whole one.
    share_values = test::random_values<float>(static_cast<size_t>(c.networks * c.rows), 3, 0, 1);
    for (int64_t i = 0; i < c.networks * c.rows; ++i) {
      const bool exists = i % 7 != 3;
      target_values.push_back(exists ? static_cast<int32_t>(i * 31 % c.classes) : -1);
      second_values.push_back(exists ? static_cast<int32_t>(i * 17 % c.classes) : -1);
      float& share = share_values[static_cast<size_t>(i)];
      share = exists ? (i % 11 == 0 ? 1.0f : share) : std::numeric_limits<float>::quiet_NaN();
    }
    targets = test::GuardedArray<int32_t>(target_values, device);
    second_targets = test::GuardedArray<int32_t>(second_values, device);
    shares = test::GuardedArray<float>(share_values, device);
  }
  std::vector<T> logit_values, bias_values;
  std::vector<int32_t> target_values, second_values;
  std::vector<float> share_values;
  test::GuardedArray<T> logits, bias, grad, grad_bias;
  test::GuardedArray<int32_t> targets, second_targets;
  test::GuardedArray<float> shares;
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
    args.second_targets = buffers.second_targets.data();
    args.target_shares = buffers.shares.data();
    args.grad = buffers.grad.data();
    args.grad_bias = buffers.grad_bias.data();
  }
  return args;
}

/// The reference of one sample: loss, d loss / d logits, and whether the largest logit is the first label's.
struct Sample {
  double loss = 0;
  double unit_loss = 0;  // without the factor
  bool hit = false;
  double factor = 1;
  double factor_error = 0;
  std::vector<double> logits;  // with their noise, without the bias
  std::vector<double> noise;
  std::vector<double> grad;
};

/// Multiplies a sample's factor by another one. Each is a float in every precision; their product is not.
template <class T>
void multiply(Sample& sample, double factor, double error) {
  sample.factor_error = 1.01 * (sample.factor_error * std::abs(factor) + error * std::abs(sample.factor) +
                                test::kBothRoundings<T> * std::abs(sample.factor * factor));
  sample.factor *= factor;
}

template <class T>
void set_factor(const test::Population& population, int64_t p, int64_t row, Sample& sample) {
  const double u = test::kRounding<float>;
  const auto item = static_cast<uint64_t>(population.states[static_cast<size_t>(p)].item + row);
  const auto address = [&](Technique id) {
    return test::Address{population.states[static_cast<size_t>(p)].seed, id, 0};
  };
  const auto value = [&](Technique id) { return static_cast<double>(population.get(id, p)); };
  if (const double sigma = value(Technique::kLossNoise); sigma > 0) {
    const double noise = sigma * address(Technique::kLossNoise).normal_of(item, 1, 0);
    multiply<T>(sample, 1 + noise, u * (std::abs(noise) + std::abs(1 + noise)));  // a product and a sum
  }
  if (const double share = value(Technique::kExponentialLoss); share > 0) {
    const double log =
        std::log(static_cast<double>(uniform(address(Technique::kExponentialLoss).words(item, 1, 0).v[0])));
    const double factor = 1 - share - share * log;
    // The logarithm of a float has a relative error of 1e-7; both differences and the product are rounded.
    multiply<T>(sample, factor, u * (1 - share + std::abs(factor)) + (1e-7 + u) * share * std::abs(log));
  }
  if (const float p_drop = population.get(Technique::kLossDropout, p); p_drop > 0) {
    const bool kept = address(Technique::kLossDropout).keeps(item, 1, 0, p_drop);
    const double factor = kept ? 1 / (1 - static_cast<double>(p_drop)) : 0;
    multiply<T>(sample, factor, 2 * u * factor);
  }
}

template <class T>
Sample reference(const Case& c, const test::Population& population, const Buffers<T>& buffers, int64_t p, int64_t row) {
  const NetworkState& state = population.states[static_cast<size_t>(p)];
  const auto value = [&](Technique id) { return static_cast<double>(population.get(id, p)); };
  const int32_t label = buffers.target_values[static_cast<size_t>(p * c.rows + row)];
  Sample sample;
  sample.grad.assign(static_cast<size_t>(c.classes), 0.0);
  for (int64_t k = 0; k < c.classes; ++k) {
    const double sigma = value(Technique::kLogitNoise);
    const test::Address address{state.seed, Technique::kLogitNoise, 0};
    const auto item = static_cast<uint64_t>(state.item + row), quads = static_cast<uint64_t>(c.padded() / 4);
    sample.noise.push_back(sigma > 0 ? sigma * address.normal_of(item, quads, static_cast<uint64_t>(k)) : 0);
    sample.logits.push_back(
        static_cast<double>(buffers.logit_values[static_cast<size_t>(p * c.stride() + k * c.rows + row)]) +
        sample.noise.back());
  }
  if (label < 0) return sample;
  const auto logit = [&](int64_t k) {
    return sample.logits[static_cast<size_t>(k)] +
           static_cast<double>(buffers.bias_values[static_cast<size_t>(p * c.bias_stride() + k)]);
  };
  int64_t best = 0;
  double total = 0;
  for (int64_t k = 0; k < c.classes; ++k) best = logit(k) > logit(best) ? k : best;
  for (int64_t k = 0; k < c.classes; ++k) total += std::exp(logit(k) - logit(best));
  set_factor<T>(population, p, row, sample);
  const double alpha = value(Technique::kLabelSmoothing);
  const bool mixed = value(Technique::kMixup) > 0 || value(Technique::kCutmix) > 0;
  const auto place = static_cast<size_t>(p * c.rows + row);
  const double own = mixed ? static_cast<double>(buffers.share_values[place]) : 1;
  for (int64_t k = 0; k < c.classes; ++k) {
    const double whole = (k == label ? own : 0) + (k == buffers.second_values[place] ? 1 - own : 0);
    const double target = whole * (1 - alpha) + alpha / static_cast<double>(c.classes);
    const double log_probability = logit(k) - logit(best) - std::log(total);
    sample.unit_loss -= target * log_probability;
    sample.grad[static_cast<size_t>(k)] = sample.factor * (std::exp(log_probability) - target);
  }
  sample.loss = sample.factor * sample.unit_loss;
  sample.hit = best == label;
  return sample;
}

// Logit + bias - largest is at most `size` in size (12 without noise on the logits) and rounded three times, five with
// noise: r u. exp and log of float are documented with 2e-7 and 1e-7 (double: libm, 2 u at most); total sums K of them.
// So a probability (<= 1) is off by at most e = 2 (r u + x + K u), x the exponential's error; the loss, whose targets
// sum to 1, by r u for the logits, e for the total, and the logarithm's own error times ln K, plus K roundings of at
// most `size`. Targets and factors round 8 times.
template <class T>
double sample_bound(int64_t classes, double size, int num_roundings) {
  const double u = test::kBothRoundings<T>;
  const double elementary = std::is_same_v<T, float> ? 2e-7 : 2 * u;
  const double r = num_roundings * size;
  const auto k = static_cast<double>(classes);
  return 2 * (r * u + elementary + k * u) + elementary * std::log(k) + size * k * u + r * u + 8 * u;
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

TEST_P(LossTest, ExponentialWeights) {
  check_all(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kExponentialLoss, p, 0.5 * static_cast<double>((p + 1) % 3));  // 0.5, 1, 0
  });
}

TEST_P(LossTest, LossDropout) {
  check_all(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kLossDropout, p, 0.4 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(LossTest, LogitNoise) {
  check_all(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kLogitNoise, p, 1.5 * static_cast<double>((p + 1) % 3));
  });
}

// Networks without mixing must not look at the second labels.
TEST_P(LossTest, MixedTargets) {
  check_all(stream(), [](test::Population& population, int64_t p) {
    population.set(p % 2 == 0 ? Technique::kMixup : Technique::kCutmix, p, p == 2 ? 0 : 0.5);
    population.set(Technique::kLabelSmoothing, p, 0.3 * static_cast<double>(p % 3));
  });
}

TEST_P(LossTest, EverythingAtOnce) {
  check_all(stream(), [](test::Population& population, int64_t p) {
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
}  // namespace murmur
