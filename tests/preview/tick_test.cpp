// The tensors of a first tick, against what the trainer's operations leave behind and against formulas in double.
#include "murmur/preview/tick.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "murmur/techniques/noise/loss.hpp"
#include "tests/support/training.hpp"

namespace murmur {
namespace {

constexpr uint64_t kTickSeed = 3;
constexpr double kRounding = test::kRounding<float>;

/// By Hoeffding a share is farther off by chance with a probability below 2 exp(-72 p (1 - p)), 2e-6 at p = 0.2.
constexpr double kSigmas = 6;

TrainingData data_of(const char* model) {
  const bool is_flat = std::string_view(model).starts_with("flatten");
  return is_flat ? test::small_data(kCpu) : test::small_data(kCpu, test::kSmallImage);
}

Tick observed(const char* model, const Setting& setting, TrainerOptions options = test::small_options(kCpu, 1)) {
  TickObserver observer(parse_model(model), data_of(model), options, kTickSeed);
  return observer.observe(setting);
}

Setting with(Technique id, double value) {
  Setting setting;
  setting.set(id, value);
  return setting;
}

const std::vector<float>& values_of(const std::vector<NamedValues>& tensors, const std::string& name) {
  for (const NamedValues& tensor : tensors) {
    if (tensor.name == name) return tensor.values;
  }
  throw std::runtime_error("expected a tensor called " + name);
}

/// The mean of n normals has the deviation 1 / sqrt(n) times theirs, their mean square sqrt(2 / n) times its own.
void expect_normal(const std::vector<double>& values, double deviation) {
  const auto n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / n, 0, kSigmas * deviation / std::sqrt(n));
  EXPECT_NEAR(squares / n, deviation * deviation, kSigmas * deviation * deviation * std::sqrt(2 / n));
}

/// What fell of those that were not 0 before: binomial with probability p. The others are `scale` times what they were.
void expect_dropped(const std::vector<float>& before, const std::vector<float>& after, double p, double scale) {
  ASSERT_EQ(before.size(), after.size());
  int64_t count = 0, dropped = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i] == 0) continue;
    ++count;
    if (after[i] == 0) {
      ++dropped;
    } else {
      const double expected = scale * static_cast<double>(before[i]);
      EXPECT_NEAR(static_cast<double>(after[i]), expected, 4 * kRounding * std::abs(expected));
    }
  }
  ASSERT_GT(count, 30);
  const auto n = static_cast<double>(count);
  EXPECT_NEAR(static_cast<double>(dropped), n * p, kSigmas * std::sqrt(n * p * (1 - p)));
}

class TickTest : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, TickTest,
                         ::testing::Values(test::kSmallModel, test::kSmallConvolution, test::kSmallResidual));

/// What the update divides by the batch's samples and clears.
TEST_P(TickTest, GradientsAreThoseOfTheUpdate) {
  const TrainingData data = data_of(GetParam());
  const TrainerOptions options = test::small_options(kCpu, 1);
  Subject subject(data, options);
  const Model model(parse_model(GetParam()), data.size, data.num_classes, kCpu, DType::kF32, 1);
  NetworkState state;
  state.seed = kTickSeed;
  state.status = NetworkStatus::kRunning;
  subject.set(state);
  subject.set(Setting());
  const Step step = subject.step();
  const Tensor everyone = Tensor::from<uint8_t>(std::vector<uint8_t>{1}, {1}, kCpu);
  model.parameters().initialize(step, Initialization::kScale, everyone);
  const std::vector<float> weights = model.parameters().weight().to_vector<float>();
  backward(model.loss(step, input_batch(step, subject.source(), false)));
  const std::vector<float> grads = model.parameters().grad().to_vector<float>();

  const Tick tick = observed(GetParam(), Setting());
  const float per_sample = 1.0f / static_cast<float>(options.micro_batch);
  size_t tensor = 0;
  for (const NamedTensor& named : model.named_tensors()) {
    if (named.is_statistics) continue;
    const auto offset = named.values.data<float>() - model.parameters().weight().data<float>();
    const NamedValues &gradient = tick.gradients.at(tensor), &weight = tick.weights.at(tensor);
    ++tensor;
    EXPECT_EQ(gradient.name, "gradient of " + named.name);
    EXPECT_EQ(weight.name, named.name);
    ASSERT_EQ(gradient.values.size(), named.places.size());
    for (size_t i = 0; i < named.places.size(); ++i) {
      const auto place = static_cast<size_t>(offset + named.places[i]);
      ASSERT_EQ(gradient.values[i], grads[place] * per_sample) << named.name << " " << i;
      ASSERT_EQ(weight.values[i], weights[place]) << named.name << " " << i;
    }
  }
  EXPECT_EQ(tensor, tick.gradients.size());
}

TEST_P(TickTest, LossesAddUpToTheTicks) {
  Setting setting = with(Technique::kLossNoise, 0.5);
  setting.set(Technique::kLogitNoise, 1);  // which is put on the logits in their place
  const Tick tick = observed(GetParam(), setting);
  const TrainingData data = data_of(GetParam());
  Subject subject(data, test::small_options(kCpu, 1));
  const Model model(parse_model(GetParam()), data.size, data.num_classes, kCpu, DType::kF32, 1);
  NetworkState state;
  state.seed = kTickSeed;
  state.status = NetworkStatus::kRunning;
  subject.set(state);
  subject.set(setting);
  const Step step = subject.step();
  model.parameters().initialize(step, Initialization::kScale,
                                Tensor::from<uint8_t>(std::vector<uint8_t>{1}, {1}, kCpu));
  model.loss(step, input_batch(step, subject.source(), false));
  const double sum = std::accumulate(tick.losses.begin(), tick.losses.end(), 0.0);
  ASSERT_EQ(tick.losses.size(), 64u);
  // 64 sums in float, of losses below 8
  EXPECT_NEAR(sum, subject.state().loss_sum, 64 * kRounding * 64 * 8);
}

TEST_P(TickTest, TheSameTwiceAndAfterAnother) {
  TickObserver observer(parse_model(GetParam()), data_of(GetParam()), test::small_options(kCpu, 1), kTickSeed);
  const Tick first = observer.observe(Setting());
  observer.observe(with(Technique::kWeightNoise, 0.1));
  observer.observe(with(Technique::kDropout, 0.5));
  const Tick again = observer.observe(Setting());
  const auto same = [](const std::vector<NamedValues>& a, const std::vector<NamedValues>& b) {
    return std::ranges::equal(
        a, b, [](const NamedValues& x, const NamedValues& y) { return x.name == y.name && x.values == y.values; });
  };
  EXPECT_TRUE(same(first.activations, again.activations));
  EXPECT_TRUE(same(first.gradients, again.gradients));
  EXPECT_TRUE(same(first.weights, again.weights));
  EXPECT_EQ(first.losses, again.losses);
}

TEST(Tick, NamesWhatALayerStandsFor) {
  const Tick tick = observed("conv4n pool dropout conv6 norm pool dropout flatten linear5 dropout linear", {});
  std::vector<std::string> names;
  for (const NamedValues& x : tick.activations) names.push_back(x.name);
  EXPECT_THAT(names, ::testing::ElementsAre("the input", "output of conv4n", "output of pool dropout",
                                            "output of conv6 norm pool dropout", "output of linear5 dropout",
                                            "output of linear"));
}

TEST(Tick, FirstLayerIsItsFormula) {
  const Tick tick = observed(test::kSmallModel, {});
  const std::vector<float>&input = tick.activations[0].values, &output = tick.activations[1].values;
  const std::vector<float>& weight = values_of(tick.weights, "linear1.weight");
  ASSERT_EQ(input.size(), 64u * 25);
  ASSERT_EQ(output.size(), 64u * 10);
  for (size_t row = 0; row < 64; ++row) {
    for (size_t feature = 0; feature < 10; ++feature) {
      double sum = 0, largest = 0;
      for (size_t i = 0; i < 25; ++i) {
        const double term = static_cast<double>(weight[feature * 25 + i]) * static_cast<double>(input[row * 25 + i]);
        sum += term;
        largest += std::abs(term);
      }
      EXPECT_NEAR(static_cast<double>(output[row * 10 + feature]), std::max(sum, 0.0), 25 * kRounding * largest);
    }
  }
}

TEST(Tick, LeavesOutRowsWithoutASample) {
  TrainerOptions options = test::small_options(kCpu, 1);
  options.micro_batch = 512;  // of which 300 have a sample
  const Tick tick = observed(test::kSmallModel, {}, options);
  EXPECT_EQ(tick.activations[0].values.size(), 300u * 25);
  EXPECT_EQ(tick.activations[1].values.size(), 300u * 10);
  EXPECT_EQ(tick.losses.size(), 300u);
}

TEST_P(TickTest, DropoutDropsAndScales) {
  const Tick off = observed(GetParam(), {}), on = observed(GetParam(), with(Technique::kDropout, 0.5));
  size_t which = 1;
  while (off.activations[which].values == on.activations[which].values) ++which;
  EXPECT_THAT(off.activations[which].name, ::testing::HasSubstr("dropout"));
  expect_dropped(off.activations[which].values, on.activations[which].values, 0.5, 2);
}

TEST_P(TickTest, MasksOfTheGradient) {
  const Tick off = observed(GetParam(), {});
  for (const Technique id : {Technique::kGradientDropout, Technique::kFrozenFraction}) {
    const Tick on = observed(GetParam(), with(id, 0.3));
    expect_dropped(off.gradients[0].values, on.gradients[0].values, 0.3, 1);
    EXPECT_EQ(off.weights[0].values, on.weights[0].values);
  }
}

std::vector<double> differences(const std::vector<float>& after, const std::vector<float>& before) {
  std::vector<double> result;
  for (size_t i = 0; i < after.size(); ++i) {
    result.push_back(static_cast<double>(after[i]) - static_cast<double>(before[i]));
  }
  return result;
}

TEST_P(TickTest, NoiseHasItsDeviation) {
  const Tick off = observed(GetParam(), {});
  // gradient_noise and weight_noise are variances of the first update
  expect_normal(differences(observed(GetParam(), with(Technique::kGradientNoise, 0.04)).gradients[0].values,
                            off.gradients[0].values),
                0.2);
  expect_normal(
      differences(observed(GetParam(), with(Technique::kWeightNoise, 0.04)).weights[0].values, off.weights[0].values),
      0.2);
  expect_normal(differences(observed(GetParam(), with(Technique::kTransientWeightNoise, 0.2)).weights[0].values,
                            off.weights[0].values),
                0.2);
  const Tick wide = observed(GetParam(), with(Technique::kInitScale, 0.2));
  expect_normal({wide.weights[0].values.begin(), wide.weights[0].values.end()}, 0.2);
}

TEST(Tick, DropconnectMasksWeightsOrInputs) {
  const Setting setting = with(Technique::kDropconnect, 0.4);
  const Tick off = observed(test::kSmallModel, {}), on = observed(test::kSmallModel, setting);
  expect_dropped(off.weights[0].values, on.weights[0].values, 0.4, 1 / 0.6);
  EXPECT_EQ(off.activations[0].values, on.activations[0].values);
  TrainerOptions options = test::small_options(kCpu, 1);
  options.definitions = Definitions::paper();
  const Tick inputs = observed(test::kSmallModel, setting, options);
  EXPECT_EQ(off.weights[0].values, inputs.weights[0].values);
  expect_dropped(off.activations[0].values, inputs.activations[0].values, 0.4, 1);
}

TEST(Tick, LossFactorsAreThoseOfTheFormula) {
  const Tick off = observed(test::kSmallModel, {}), on = observed(test::kSmallModel, with(Technique::kLossNoise, 0.7));
  for (size_t i = 0; i < off.losses.size(); ++i) {
    const auto factor = static_cast<double>(noise::loss_factor(0.7f, kTickSeed, static_cast<int64_t>(i)));
    const double expected = factor * static_cast<double>(off.losses[i]);
    EXPECT_NEAR(static_cast<double>(on.losses[i]), expected, 4 * kRounding * std::abs(expected));
  }
}

TEST(Tick, SmoothedLossesAreThoseOfTheFormula) {
  const double alpha = 0.4;
  const Tick on = observed(test::kSmallModel, with(Technique::kLabelSmoothing, alpha));
  const std::vector<uint8_t> labels = data_of(test::kSmallModel).train_labels.to_vector<uint8_t>();
  const std::vector<float>& logits = on.activations.back().values;  // a fresh bias is 0
  for (size_t row = 0; row < on.losses.size(); ++row) {
    double total = 0, mean = 0;
    for (size_t k = 0; k < 5; ++k) {
      const auto z = static_cast<double>(logits[row * 5 + k]);
      total += std::exp(z);
      mean += z / 5;
    }
    const auto own = static_cast<double>(logits[row * 5 + labels[row]]);
    const double expected = std::log(total) - (1 - alpha) * own - alpha * mean;
    // A dozen roundings of numbers below 4, among them those of exponential and logarithm (4 ULP each).
    EXPECT_NEAR(static_cast<double>(on.losses[row]), expected, 4 * 20 * kRounding);
  }
}

}  // namespace
}  // namespace murmur
