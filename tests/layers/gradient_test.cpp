// Gradients of every operation, and of a whole network with all noise on, against central differences in float64.
#include <gtest/gtest.h>

#include "murmur/layers/modules/table.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/step.hpp"
#include "tests/support/training.hpp"

namespace murmur {
namespace {

/// After a wait: `bound` on |analytic - numeric|, and at least one gradient that is far from 0.
void expect_gradient(const Tensor& analytic, const std::vector<std::vector<double>>& numeric, double bound) {
  const std::vector<double> actual = analytic.to_vector<double>();
  std::vector<double> expected;
  for (const auto& network : numeric) expected.insert(expected.end(), network.begin(), network.end());
  EXPECT_TRUE(test::all_near(actual, expected, bound));
  for (const auto& network : numeric) {
    double largest = 0;
    for (const double x : network) largest = std::max(largest, std::abs(x));
    EXPECT_GT(largest, 1000 * bound);
  }
}

class GradientTest : public test::DeviceTest {
 protected:
  /// Random values [P, ...] in (-1, 1).
  Tensor random(const Shape& shape, uint64_t seed) const {
    int64_t size = 1;
    for (const int64_t n : shape) size *= n;
    return Tensor::from<double>(test::random_values<double>(static_cast<size_t>(size), seed), shape, device());
  }
  Variable parameter(const Shape& shape, uint64_t seed) const {
    return Variable::parameter(random(shape, seed), Tensor::zeros(shape, DType::kF64, device()));
  }

  /// sum over cotangent * x, per network, and the start of the tape that sends the cotangent back.
  std::vector<double> dot(const Tensor& cotangent, const Tensor& x) {
    stream().synchronize();
    const std::vector<double> a = cotangent.to_vector<double>(), b = x.to_vector<double>();
    std::vector<double> result(static_cast<size_t>(x.size(0)));
    const auto size = static_cast<size_t>(x.network_size());
    for (size_t i = 0; i < a.size(); ++i) result[i / size] += a[i] * b[i];
    return result;
  }
  Variable dot_root(const Tensor& cotangent, const Variable& x) {
    // An operation in place may overwrite its output's gradient: it gets a copy.
    const Tensor copy = cotangent.to(device());
    return Variable::result("dot", Tensor(), {x}, [x, copy](const Variable&) { x.take_grad(copy); });
  }
};
MURMUR_ON_EVERY_DEVICE(GradientTest);

// A central difference with step h is off by h^2 f'''/6 and by the rounding of f over h. A linear layer is linear in
// each argument, so only the second counts: f is a sum of at most 6 x 12 x 25 products below 1, rounded in as many
// additions: 1800^2 u / 2h = 2e-5 at the very worst, with h = 1e-3: 2e-7.
TEST_P(GradientTest, Linear) {
  constexpr int64_t kNetworks = 3, kRows = 12, kIn = 25, kOut = 6;
  test::StepFixture fixture(stream(), kNetworks, kRows);
  const Variable weight = parameter({kNetworks, kOut, kIn}, 1);
  const Tensor cotangent = random({kNetworks, 8, kRows}, 3);
  for (const Layout layout : {Layout::kSampleMajor, Layout::kFeatureMajor}) {
    SCOPED_TRACE(layout == Layout::kSampleMajor ? "sample-major" : "feature-major");
    const Shape shape = layout == Layout::kSampleMajor ? Shape{kNetworks, kRows, 28} : Shape{kNetworks, 28, kRows};
    const Variable x = parameter(shape, 2);
    const auto value = [&] {
      const Activations y = linear(fixture.begin(), {x, layout, kIn}, weight);
      return dot(cotangent, y.x.value());
    };
    const auto weight_numeric = test::central_differences(weight.value(), 1e-3, value);
    const auto x_numeric = test::central_differences(x.value(), 1e-3, value);
    const std::vector<double> before = weight.grad().to_vector<double>();
    const Step step = fixture.begin();
    backward(dot_root(cotangent, linear(step, {x, layout, kIn}, weight).x));
    stream().synchronize();
    std::vector<double> grad = weight.grad().to_vector<double>();
    for (size_t i = 0; i < grad.size(); ++i) grad[i] -= before[i];  // gradients of parameters add up
    expect_gradient(Tensor::from<double>(grad, weight.value().shape(), device()), weight_numeric, 2e-7);
    expect_gradient(x.grad(), x_numeric, 2e-7);
  }
}

TEST_P(GradientTest, TwoConsumersOfOneInputAddUp) {
  constexpr int64_t kNetworks = 3, kRows = 12, kIn = 8, kOut = 4;
  test::StepFixture fixture(stream(), kNetworks, kRows);
  const Variable a = parameter({kNetworks, kOut, kIn}, 1), b = parameter({kNetworks, kOut, kIn}, 2);
  const Variable x = parameter({kNetworks, kIn, kRows}, 3);
  const Tensor cotangent = random({kNetworks, kOut, kRows}, 4);
  const Activations input{x, Layout::kFeatureMajor, kIn};
  const auto value = [&] {
    const Step step = fixture.begin();
    std::vector<double> first = dot(cotangent, linear(step, input, a).x.value());
    const std::vector<double> second = dot(cotangent, linear(step, input, b).x.value());
    for (size_t p = 0; p < first.size(); ++p) first[p] += second[p];
    return first;
  };
  const auto numeric = test::central_differences(x.value(), 1e-3, value);
  const Step step = fixture.begin();
  backward(dot_root(cotangent, linear(step, input, a).x));
  backward(dot_root(cotangent, linear(step, input, b).x));
  stream().synchronize();
  expect_gradient(x.grad(), numeric, 2e-7);
}

// Activation and its masks are piecewise linear: as above, f sums 3 x 10 x 36 terms below 2 (dropout of 1/2): with
// h = 1e-5, 720^2 u / h = 6e-6 at worst; a unit within h of its kink would show as an error of order 1.
TEST_P(GradientTest, ActivationWithAllNoise) {
  constexpr int64_t kNetworks = 3, kRows = 36, kFeatures = 10;
  test::StepFixture fixture(stream(), kNetworks, kRows);
  fixture.all_noise();
  const Variable x = parameter({kNetworks, 12, kRows}, 1), bias = parameter({kNetworks, 12}, 2);
  std::vector<double> cotangents = test::random_values<double>(kNetworks * 12 * kRows, 3);
  for (size_t i = 0; i < cotangents.size(); ++i) {
    if (i / kRows % 12 >= kFeatures) cotangents[i] = 0;  // padding
  }
  const Tensor cotangent = Tensor::from<double>(cotangents, {kNetworks, 12, kRows}, device());
  // In place: the operation works on a copy of x, made anew each time.
  const auto forward = [&](const Step& step) {
    const Variable copy = Variable::result("copy", x.value().to(device()), {x}, [](const Variable&) {});
    const Activations y = activation(step, {copy, Layout::kFeatureMajor, kFeatures}, bias, {2, true, true});
    return std::pair{copy, y.x};
  };
  const auto value = [&] { return dot(cotangent, forward(fixture.begin()).second.value()); };
  const auto x_numeric = test::central_differences(x.value(), 1e-5, value);
  const auto bias_numeric = test::central_differences(bias.value(), 1e-5, value);
  const Step step = fixture.begin();
  const auto [copy, y] = forward(step);
  backward(dot_root(cotangent, y));
  stream().synchronize();
  expect_gradient(copy.grad(), x_numeric, 6e-6);
  expect_gradient(bias.grad(), bias_numeric, 6e-6);
}

// Cross-entropy: |f'''| <= 3 per sample, so h^2 / 2 = 5e-11 with h = 1e-5, and the rounding of a sum of 30 losses below
// 10, of 5 terms each: 300 x 150 u / h = 5e-7.
TEST_P(GradientTest, CrossEntropyWithAllNoise) {
  constexpr int64_t kNetworks = 3, kRows = 36, kClasses = 5;
  test::StepFixture fixture(stream(), kNetworks, kRows);
  fixture.all_noise();
  const Variable x = parameter({kNetworks, 8, kRows}, 1), bias = parameter({kNetworks, 8}, 2);
  std::vector<int32_t> labels(kNetworks * kRows);
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = i % kRows < 30 ? static_cast<int32_t>(i * 7 % kClasses) : -1;
  Targets targets{Tensor::from<int32_t>(labels, {kNetworks, kRows}, device())};
  for (int32_t& label : labels) label = label < 0 ? 0 : static_cast<int32_t>((label + 2) % kClasses);
  targets.second_labels = Tensor::from<int32_t>(labels, {kNetworks, kRows}, device());
  targets.shares =
      Tensor::from<float>(test::random_values<float>(labels.size(), 4, 0, 1), {kNetworks, kRows}, device());
  // Noise on logits is added in place: the operation works on a copy of x, made anew each time.
  const auto forward = [&](const Step& step) {
    const Variable logits = Variable::result("logits", x.value().to(device()), {x}, [](const Variable&) {});
    return std::pair{logits, cross_entropy(step, {logits, Layout::kFeatureMajor, kClasses}, bias, targets)};
  };
  const auto value = [&] {
    forward(fixture.begin());
    stream().synchronize();
    fixture.population.download();
    std::vector<double> losses;
    for (const NetworkState& state : fixture.population.states) losses.push_back(state.loss_sum);
    return losses;
  };
  const auto x_numeric = test::central_differences(x.value(), 1e-5, value);
  const auto bias_numeric = test::central_differences(bias.value(), 1e-5, value);
  bias.grad().copy_from_host(std::vector<double>(kNetworks * 8).data(), kNetworks * 8 * 8);
  const auto [logits, loss] = forward(fixture.begin());
  backward(loss);
  stream().synchronize();
  expect_gradient(logits.grad(), x_numeric, 1e-6);
  expect_gradient(bias.grad(), bias_numeric, 1e-6);
}

// The whole network, all noise on, other settings for each of three networks. Loss: 30 samples of about 2, summed with
// noise; 60 x 200 roundings u / h = 1e-6 with h = 1e-6; third derivatives give h^2 x 1e3 at most, nothing. Kinks within
// h of a unit would break this; the fixed data has none. A batch norm divides by a deviation of 0.1 or more, and three
// of them follow each other: ten times the error each at most, and far less in practice.
struct NetworkCase {
  std::string name;
  std::string model;
  ImageSize size;
  double bound;
};

/// The example of every module, and what none of them has.
std::vector<NetworkCase> network_cases() {
  std::vector<NetworkCase> cases{
      {"small_linear", test::kSmallModel, {5, 5, 1}, 1e-6},
      {"small_convolution", test::kSmallConvolution, test::kSmallImage, 1e-6},
      {"strides", "conv3k3s2p0 dropout conv5k3s2p2 flatten linear", {7, 5, 3}, 1e-6},
      {"norm_before_relu", "conv3n dropout pool conv4k1n flatten linear5 linear", {5, 6, 2}, 1e-5},
  };
  for (const ModuleInfo* info : modules()) {
    cases.push_back({std::string(info->word), std::string(info->example), info->example_size, 1e-5});
  }
  return cases;
}

class NetworkGradientTest : public ::testing::TestWithParam<std::tuple<Device, NetworkCase>> {};
INSTANTIATE_TEST_SUITE_P(Devices, NetworkGradientTest,
                         ::testing::Combine(::testing::Values(kCpu, test::kGpu), ::testing::ValuesIn(network_cases())),
                         [](const auto& test_info) {
                           return test::test_name(std::get<0>(test_info.param)) + "_" +
                                  std::get<1>(test_info.param).name;
                         });

TEST_P(NetworkGradientTest, WithAllNoise) {
  constexpr int64_t kNetworks = 3, kRows = 36;
  const auto& [device, network] = GetParam();
  MURMUR_NEED_DEVICE(device);
  const std::unique_ptr<Stream> stream = make_stream(device, 2);
  test::StepFixture fixture(*stream, kNetworks, kRows);
  fixture.all_noise();
  const TrainingData data = test::small_data(device, network.size);
  const SampleSource source{data.train_images, data.train_labels, 7, data.size, 5};
  const Model model(parse_model(network.model), network.size, 5, device, DType::kF64, kNetworks);
  const Tensor& weight = model.parameters().weight();
  const auto start = test::random_values<double>(static_cast<size_t>(weight.num_elements()), 5, -0.5, 0.5);
  weight.copy_from_host(start.data(), weight.num_elements() * 8);
  const auto begin = [&] {
    Step step = fixture.begin();
    step.args.definitions = Definitions::paper();  // with masks on the inputs; the standard's masks are below
    return step;
  };
  const auto loss = [&](const Step& step) {
    return model.loss(step, input_batch(step, source, model.masks_input(step)));
  };
  const auto value = [&] {
    loss(begin());
    stream->synchronize();
    fixture.population.download();
    std::vector<double> losses;
    for (const NetworkState& state : fixture.population.states) losses.push_back(state.loss_sum);
    return losses;
  };
  const auto numeric = test::central_differences(weight, 1e-6, value);
  const std::vector<double> zero(start.size());
  model.parameters().grad().copy_from_host(zero.data(), weight.num_elements() * 8);
  backward(loss(begin()));
  stream->synchronize();
  expect_gradient(model.parameters().grad(), numeric, network.bound);
}

// DropConnect on the weights and transient weight noise: one step of SGD at the rate 1 is the gradient of the loss as a
// function of the weights, through the noise on their copy.
TEST_P(NetworkGradientTest, ThroughTransientWeightNoise) {
  constexpr int64_t kNetworks = 3, kRows = 36;
  const auto& [device, network] = GetParam();
  MURMUR_NEED_DEVICE(device);
  const std::unique_ptr<Stream> stream = make_stream(device, 2);
  test::StepFixture fixture(*stream, kNetworks, kRows);
  for (int64_t p = 0; p < kNetworks; ++p) {
    const double strength = 0.3 * static_cast<double>(p);  // none for the first
    fixture.population.set(Technique::kDropconnect, p, strength);
    fixture.population.set(Technique::kTransientWeightNoise, p, strength);
    fixture.population.set(Technique::kMultiplicativeWeightNoise, p, strength);
    fixture.population.set(Technique::kLearningRate, p, 1);
    fixture.population.set(Technique::kOptimizer, p, 0);
  }
  const TrainingData data = test::small_data(device, network.size);
  const SampleSource source{data.train_images, data.train_labels, 7, data.size, 5};
  Model model(parse_model(network.model), network.size, 5, device, DType::kF64, kNetworks);
  model.parameters().enable_copy();
  const Tensor& weight = model.parameters().weight();
  const auto start = test::random_values<double>(static_cast<size_t>(weight.num_elements()), 5, -0.5, 0.5);
  weight.copy_from_host(start.data(), weight.num_elements() * 8);
  const Tensor selected = Tensor::from<uint8_t>(std::vector<uint8_t>(kNetworks, 1), {kNetworks}, device);
  const auto loss = [&](const Step& step) {
    model.parameters().refresh_copy(step, selected);
    return model.loss(step, input_batch(step, source, model.masks_input(step)));
  };
  const auto value = [&] {
    loss(fixture.begin());
    stream->synchronize();
    fixture.population.download();
    std::vector<double> losses;
    for (const NetworkState& state : fixture.population.states) losses.push_back(state.loss_sum);
    return losses;
  };
  const auto numeric = test::central_differences(weight, 1e-6, value);
  const std::vector<double> zero(start.size());
  model.parameters().grad().copy_from_host(zero.data(), weight.num_elements() * 8);
  Step step = fixture.begin();
  step.args.definitions.loss_reduction = LossReduction::kSum;
  backward(loss(step));
  model.parameters().update(step);
  stream->synchronize();
  std::vector<double> steps = weight.to_vector<double>();
  for (size_t i = 0; i < steps.size(); ++i) steps[i] = start[i] - steps[i];
  expect_gradient(Tensor::from<double>(steps, weight.shape(), device), numeric, network.bound);
}

}  // namespace
}  // namespace murmur
