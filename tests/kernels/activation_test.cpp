#include <gtest/gtest.h>

#include <limits>

#include "murmur/kernels/activation.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/population.hpp"

namespace murmur {
namespace {

class ActivationTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(ActivationTest);

constexpr uint32_t kLayer = 3;

struct Case {
  int64_t networks, rows, features;  // P, m, F
  bool dropout, mask_next_input;
  int64_t padded() const { return (features + 3) / 4 * 4; }
  int64_t stride() const { return padded() * rows + 4; }
  int64_t bias_stride() const { return padded() + 8; }
};

/// What the reference says about one element.
struct Element {
  double before = 0;     // x + bias + noise
  double magnitude = 0;  // what rounding errors of `before` are relative to
  double slope = 1;      // of the activation: of a negative one less than 1
  double scale = 0;      // of masks and dropout: 0 where cut off, and negative where Gaussian dropout says so
  double scale_error = 0;
};

template <class T>
Element reference(const Case& c, const test::Population& population, int64_t p, int64_t feature, int64_t row, T x,
                  T bias) {
  const NetworkState& state = population.states[static_cast<size_t>(p)];
  const auto item = static_cast<uint64_t>(state.item + row);
  const auto quads = static_cast<uint64_t>(c.padded() / 4);
  const auto element = static_cast<uint64_t>(feature);
  const float sigma = population.get(Technique::kActivationNoise, p);
  const float drop = c.dropout ? population.get(Technique::kDropout, p) : 0.0f;
  const double rate = c.dropout ? static_cast<double>(population.get(Technique::kGaussianDropout, p)) : 0.0;
  const float cut = c.mask_next_input ? population.get(Technique::kDropconnect, p) : 0.0f;
  const auto address = [&](Technique id) { return test::Address{state.seed, id, kLayer}; };
  Element result;
  result.before = static_cast<double>(x) + static_cast<double>(bias);
  result.magnitude = std::abs(static_cast<double>(x)) + std::abs(static_cast<double>(bias));
  if (sigma > 0) {
    const double noise =
        static_cast<double>(sigma) * address(Technique::kActivationNoise).normal_of(item, quads, element);
    result.before += noise;
    result.magnitude += std::abs(noise);
  }
  if (result.before < 0) {
    const auto largest = static_cast<double>(population.get(Technique::kRrelu, p));
    const Quad<uint32_t> words = address(Technique::kRrelu).words(item, quads, element / 4);
    result.slope = largest * (0.375 + 0.625 * static_cast<double>(uniform(words.v[element % 4])));
  }
  result.scale = 1;
  if (drop > 0) {
    result.scale =
        address(Technique::kDropout).keeps(item, quads, element, drop) ? 1 / (1 - static_cast<double>(drop)) : 0;
  }
  if (rate > 0) {
    const double noise =
        std::sqrt(rate / (1 - rate)) * address(Technique::kGaussianDropout).normal_of(item, quads, element);
    // 1 - p and its quotient are rounded (halved by the root), then the root, its product with n and the sum.
    result.scale_error =
        1.01 * test::kBothRoundings<T> * std::abs(result.scale) * (3 * std::abs(noise) + std::abs(1 + noise));
    result.scale *= 1 + noise;
  }
  if (cut > 0 && !address(Technique::kDropconnect).keeps(item, quads, element, cut)) {
    result.scale = result.scale_error = 0;
  }
  return result;
}

template <class T>
struct Buffers {
  Buffers(const Case& c, Device device)
      : x_values(test::random_values<T>(static_cast<size_t>(c.networks * c.stride()), 1)),
        bias_values(test::random_values<T>(static_cast<size_t>(c.networks * c.bias_stride()), 2, -0.5, 0.5)),
        x(x_values, device),
        bias(bias_values, device) {}
  std::vector<T> x_values, bias_values;
  test::GuardedArray<T> x, bias;
};

template <class T>
ActivationArgs<T> make_args(const Case& c, test::Population& population, const Buffers<T>& buffers) {
  ActivationArgs<T> args;
  args.step = population.upload(c.rows, 1000000);
  args.num_features = c.features;
  args.masks = {kLayer, c.dropout, c.mask_next_input};
  args.x = {buffers.x.data(), c.stride()};
  args.bias = {buffers.bias.data(), c.bias_stride()};
  return args;
}

/// Calls f(p, feature, row, index in x, index in bias) for every element that matters.
template <class F>
void for_each_element(const Case& c, const F& f) {
  for (int64_t p = 0; p < c.networks; ++p) {
    for (int64_t feature = 0; feature < c.features; ++feature) {
      for (int64_t row = 0; row < c.rows; ++row) {
        f(p, feature, row, static_cast<size_t>(p * c.stride() + feature * c.rows + row),
          static_cast<size_t>(p * c.bias_stride() + feature));
      }
    }
  }
}

// Forward: the sum of bias and noise takes at most 3 roundings, each relative to at most `magnitude`; ReLU makes no
// error larger; a random slope has 3 and its product one, of less than `magnitude`; dropout multiplies by a rounded
// quotient of a rounded difference: 3 more, and Gaussian dropout by a factor with an error of its own.
template <class T>
void check_forward(Stream& stream, const Case& c, test::Population& population) {
  Buffers<T> buffers(c, stream.device());
  const ActivationArgs<T> args = make_args(c, population, buffers);
  activation_forward(stream, args);
  stream.synchronize();
  const std::vector<T> actual = buffers.x.values();
  std::vector<double> expected(actual.begin(), actual.end());
  std::vector<double> tolerance(expected.size(), 0.0);
  for_each_element(c, [&](int64_t p, int64_t feature, int64_t row, size_t at, size_t bias) {
    const Element e = reference(c, population, p, feature, row, buffers.x_values[at], buffers.bias_values[bias]);
    expected[at] = e.slope * e.before * e.scale;
    tolerance[at] = e.magnitude * (11.1 * test::kBothRoundings<T> * std::abs(e.scale) + e.scale_error);
  });
  EXPECT_TRUE(test::all_near(actual, expected, tolerance));
  EXPECT_TRUE(buffers.x.guards_intact());
  for (int64_t p = 0; p < c.networks; ++p) {
    for (int64_t gap = c.features * c.rows; gap < c.stride(); ++gap) {  // padding too: it would grow tick by tick
      const auto at = static_cast<size_t>(p * c.stride() + gap);
      EXPECT_EQ(actual[at], buffers.x_values[at]);
    }
  }
}

// Backward: a gradient is multiplied by the same masks, so 4 roundings, and by the slope, 4 more; an element that the
// reference sees within rounding of the ReLU's kink may be cut off or not. The bias's gradient is a sum of m of them
// (any order) onto 1.
template <class T>
void check_backward(Stream& stream, const Case& c, test::Population& population) {
  Buffers<T> buffers(c, stream.device());
  const auto grad_values = test::random_values<T>(buffers.x_values.size(), 3);
  const test::GuardedArray<T> grad(grad_values, stream.device());
  const test::GuardedArray<T> grad_bias(buffers.bias_values.size(), T{1}, stream.device());
  ActivationBackwardArgs<T> args;
  args.forward = make_args(c, population, buffers);
  args.grad = grad.data();
  args.grad_bias = grad_bias.data();
  activation_forward(stream, args.forward);
  activation_backward(stream, args);
  stream.synchronize();
  const std::vector<T> actual = grad.values();
  // padding: untouched
  std::vector<double> expected(grad_values.begin(), grad_values.end()), tolerance(actual.size(), 0.0);
  std::vector<double> expected_bias(grad_bias.size(), 1.0), bias_tolerance(grad_bias.size(), 0.0);
  const double u = test::kBothRoundings<T>;
  for_each_element(c, [&](int64_t p, int64_t feature, int64_t row, size_t at, size_t bias) {
    const Element e = reference(c, population, p, feature, row, buffers.x_values[at], buffers.bias_values[bias]);
    const double full = static_cast<double>(grad_values[at]) * e.scale;
    const bool at_kink = std::abs(e.before) <= 3 * u * e.magnitude;
    expected[at] = e.slope * full;
    const double scale_error = std::abs(static_cast<double>(grad_values[at])) * e.scale_error;
    tolerance[at] = at_kink ? std::abs(full) * 1.01 : 8.2 * u * std::abs(full) + scale_error;
    expected_bias[bias] += expected[at];
    bias_tolerance[bias] += tolerance[at] + static_cast<double>(c.rows + 1) * u * std::abs(full);
  });
  for (double& bound : bias_tolerance) bound += bound > 0 ? u : 0;
  EXPECT_TRUE(test::all_near(actual, expected, tolerance));
  EXPECT_TRUE(test::all_near(grad_bias.values(), expected_bias, bias_tolerance));  // padding too: untouched
  EXPECT_TRUE(grad.guards_intact());
  EXPECT_TRUE(grad_bias.guards_intact());
}

template <class Configure>
void check_activations(Stream& stream, bool dropout, bool mask, Configure configure) {
  for (const int64_t networks : {1, 5}) {
    for (const int64_t rows : {4, 36, 128, 260}) {
      for (const int64_t features : {1, 3, 50, 1025}) {
        if (features == 1025 && rows != 36) continue;  // keeps the test short; no size is left out
        const Case c{networks, rows, features, dropout, mask};
        SCOPED_TRACE(::testing::Message() << "P=" << networks << " m=" << rows << " F=" << features);
        test::Population population(networks, stream.device());
        for (int64_t p = 0; p < networks; ++p) configure(population, p);
        check_forward<float>(stream, c, population);
        check_forward<double>(stream, c, population);
        check_backward<float>(stream, c, population);
        check_backward<double>(stream, c, population);
      }
    }
  }
}

TEST_P(ActivationTest, AllOffIsBiasAndRelu) {
  check_activations(stream(), true, true, [](test::Population&, int64_t) {});
}

TEST_P(ActivationTest, Noise) {
  check_activations(stream(), true, true, [](test::Population& population, int64_t p) {
    population.set(Technique::kActivationNoise, p, 0.05 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(ActivationTest, Dropout) {
  check_activations(stream(), true, true, [](test::Population& population, int64_t p) {
    population.set(Technique::kDropout, p, 0.25 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(ActivationTest, GaussianDropout) {
  check_activations(stream(), true, true, [](test::Population& population, int64_t p) {
    population.set(Technique::kGaussianDropout, p, 0.4 * static_cast<double>((p + 1) % 3));  // 0.4, 0.8, 0
  });
}

TEST_P(ActivationTest, MaskOfTheNextInput) {
  check_activations(stream(), true, true, [](test::Population& population, int64_t p) {
    population.set(Technique::kDropconnect, p, 0.2 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(ActivationTest, EverythingAtOnce) {
  check_activations(stream(), true, true, [](test::Population& population, int64_t p) {
    population.set(Technique::kActivationNoise, p, 0.1);
    population.set(Technique::kDropout, p, 0.3);
    population.set(Technique::kGaussianDropout, p, 0.5);
    population.set(Technique::kDropconnect, p, 0.4);
  });
}

TEST_P(ActivationTest, RandomSlopes) {
  check_activations(stream(), true, true, [](test::Population& population, int64_t p) {
    population.set(Technique::kRrelu, p, 0.3 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(ActivationTest, RandomSlopesUnderEverything) {
  check_activations(stream(), true, true, [](test::Population& population, int64_t p) {
    population.set(Technique::kRrelu, p, 0.5);
    population.set(Technique::kActivationNoise, p, 0.1);
    population.set(Technique::kDropout, p, 0.3);
    population.set(Technique::kGaussianDropout, p, 0.5);
    population.set(Technique::kDropconnect, p, 0.4);
  });
}

// 11/16 of the largest, of each network its own; the mean of U(3/8, 1). The product, the sum and the slope are rounded.
TEST_P(ActivationTest, SlopesAreTheirMeanInEvaluation) {
  const Case c{3, 36, 5, true, true};
  test::Population population(c.networks, device());
  for (int64_t p = 0; p < c.networks; ++p) population.set(Technique::kRrelu, p, 0.3 * static_cast<double>(p));
  Buffers<float> buffers(c, device());
  ActivationArgs<float> args = make_args(c, population, buffers);
  args.step.rrelu = args.step.techniques.row(Technique::kRrelu);
  args.step.techniques = {};
  activation_forward(stream(), args);
  stream().synchronize();
  const std::vector<float> actual = buffers.x.values();
  for_each_element(c, [&](int64_t p, int64_t, int64_t, size_t at, size_t bias) {
    const double x = static_cast<double>(buffers.x_values[at]) + static_cast<double>(buffers.bias_values[bias]);
    const double slope = x > 0 ? 1 : 11.0 / 16 * static_cast<double>(population.get(Technique::kRrelu, p));
    EXPECT_NEAR(static_cast<double>(actual[at]), slope * x, 3.1 * test::kBothRoundings<float> * 1.5);
  });
}

TEST_P(ActivationTest, NoDropoutAndNoMaskWhereTheLayerHasNone) {
  check_activations(stream(), false, false, [](test::Population& population, int64_t p) {
    population.set(Technique::kDropout, p, 0.3);
    population.set(Technique::kGaussianDropout, p, 0.5);
    population.set(Technique::kDropconnect, p, 0.4);
  });
}

TEST_P(ActivationTest, ANullTableIsAllOff) {
  const Case c{2, 36, 5, true, true};
  test::Population noisy(2, device()), off(2, device());
  noisy.set(Technique::kDropout, 0, 0.5);
  noisy.set(Technique::kActivationNoise, 1, 0.1);
  Buffers<float> a(c, device()), b(c, device());
  ActivationArgs<float> args = make_args(c, noisy, a);
  args.step.techniques = {};
  activation_forward(stream(), args);
  activation_forward(stream(), make_args(c, off, b));
  stream().synchronize();
  EXPECT_TRUE(test::same_bits(a.x.values(), b.x.values()));
}

TEST_P(ActivationTest, NaNStaysNaN) {
  const Case c{1, 4, 4, true, true};
  test::Population population(1, device());
  Buffers<float> buffers(c, device());
  buffers.x_values[5] = std::numeric_limits<float>::quiet_NaN();
  buffers.x.set(buffers.x_values);
  activation_forward(stream(), make_args(c, population, buffers));
  stream().synchronize();
  const std::vector<float> actual = buffers.x.values();
  for (size_t i = 0; i < 16; ++i) EXPECT_EQ(std::isnan(actual[i]), i == 5) << i;
}

}  // namespace
}  // namespace murmur
