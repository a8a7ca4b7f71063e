// What a convolution network's layers compute, against the plain formulas in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/devices.hpp"
#include "tests/support/step.hpp"
#include "tests/support/training.hpp"

namespace murmur {
namespace {

class ConvolutionNetworkTest : public test::DeviceTest {
 protected:
  static constexpr int64_t kNetworks = 2, kRows = 36;

  Tensor random(const Shape& shape, uint64_t seed, DType dtype = DType::kF64) const {
    int64_t size = 1;
    for (const int64_t n : shape) size *= n;
    const auto values = test::random_values<double>(static_cast<size_t>(size), seed);
    if (dtype == DType::kF64) return Tensor::from<double>(values, shape, device());
    return Tensor::from<float>(std::vector<float>(values.begin(), values.end()), shape, device());
  }
  Variable parameter(const Shape& shape, uint64_t seed, DType dtype = DType::kF64) const {
    return Variable::parameter(random(shape, seed, dtype), Tensor::zeros(shape, dtype, device()));
  }
};
MURMUR_ON_EVERY_DEVICE(ConvolutionNetworkTest);

// Batch norm in training: each channel of each network has mean beta and variance gamma^2 v / (v + 1e-3) over the
// samples that exist, and the running statistics move by 1 %; in evaluation it is the map by the running statistics.
TEST_P(ConvolutionNetworkTest, BatchNormNormalisesTheSamplesThatExist) {
  const ImageSize size{3, 5, 6};
  const int64_t features = 90, padded_features = 92;
  test::StepFixture fixture(stream(), kNetworks, kRows);  // 30 of the 36 rows hold a sample
  const Tensor x = random({kNetworks, kRows, padded_features}, 1);
  const Variable bias = parameter({kNetworks, 8}, 2);
  BatchNorm norm{parameter({kNetworks, 8}, 3), parameter({kNetworks, 8}, 4),
                 Tensor::zeros({kNetworks, 2, 8}, DType::kF64, device())};
  std::vector<double> statistics = test::random_values<double>(kNetworks * 16, 5, 0.5, 1);
  norm.statistics.copy_from_host(statistics.data(), kNetworks * 16 * 8);
  ImageActivationOptions options;
  options.norm = NormOrder::kAfterRelu;
  const auto run = [&](bool training) {
    Step step = fixture.begin();
    step.training = training;
    const Activations input{Variable::constant(x.to(device())), Layout::kSampleMajor, features, size};
    const Activations y = image_activation(step, input, bias, &norm, nullptr, options);
    stream().synchronize();
    return y.x.value().to_vector<double>();
  };
  const std::vector<double> in = x.to_vector<double>(), b = bias.value().to_vector<double>(),
                            gamma = norm.gamma.value().to_vector<double>(),
                            beta = norm.beta.value().to_vector<double>();
  const std::vector<double> evaluated = run(false);
  EXPECT_TRUE(test::same_bits(norm.statistics.to_vector<double>(), statistics));
  const std::vector<double> trained = run(true);
  const std::vector<double> moved = norm.statistics.to_vector<double>();
  for (size_t p = 0; p < kNetworks; ++p) {
    for (size_t c = 0; c < 6; ++c) {
      std::vector<double> values;
      const auto at = [&](size_t row, size_t pixel) { return (p * kRows + row) * padded_features + pixel * 6 + c; };
      const auto relu = [&](size_t i) { return std::max(in[i] + b[p * 8 + c], 0.0); };
      for (size_t row = 0; row < 30; ++row) {
        for (size_t pixel = 0; pixel < 15; ++pixel) values.push_back(relu(at(row, pixel)));
      }
      const auto n = static_cast<double>(values.size());
      double mean = 0, variance = 0;
      for (const double v : values) mean += v / n;
      for (const double v : values) variance += (v - mean) * (v - mean) / n;
      const double old_mean = statistics[p * 16 + c], old_variance = statistics[p * 16 + 8 + c];
      EXPECT_NEAR(moved[p * 16 + c], 0.99 * old_mean + 0.01 * mean, 1e-14);
      EXPECT_NEAR(moved[p * 16 + 8 + c], 0.99 * old_variance + 0.01 * variance * n / (n - 1), 1e-14);
      for (size_t row = 0; row < 30; ++row) {
        for (size_t pixel = 0; pixel < 15; ++pixel) {
          const size_t i = at(row, pixel);
          const double scale = gamma[p * 8 + c], shift = beta[p * 8 + c];
          EXPECT_NEAR(trained[i], scale * (relu(i) - mean) / std::sqrt(variance + 1e-3) + shift, 1e-12);
          EXPECT_NEAR(evaluated[i], scale * (relu(i) - old_mean) / std::sqrt(old_variance + 1e-3) + shift, 1e-12);
        }
      }
      for (size_t row = 30; row < kRows; ++row) EXPECT_EQ(trained[at(row, 0)], 0);  // no sample
    }
  }
}

// Masks and noise of an image come from the addresses of DESIGN.md, pooling takes the first of equal maxima.
TEST_P(ConvolutionNetworkTest, PoolingAndMasksHaveTheirAddresses) {
  const ImageSize size{5, 7, 3};  // a window's rest at both edges is not read
  test::StepFixture fixture(stream(), kNetworks, kRows);
  for (int64_t p = 0; p < kNetworks; ++p) {
    fixture.population.set(Technique::kDropout, p, 0.4);
    fixture.population.set(Technique::kDropconnect, p, 0.3);
    fixture.population.set(Technique::kActivationNoise, p, 0.1 * static_cast<double>(p));
  }
  const Tensor x = random({kNetworks, kRows, 108}, 1);
  const Variable bias = parameter({kNetworks, 4}, 2);
  ImageActivationOptions options;
  options.window = {Pooling::kMax, 2, 2};
  options.masks = {5, true, true};
  const Step step = fixture.begin();
  const Activations input{Variable::constant(x.to(device())), Layout::kSampleMajor, 105, size};
  const Activations y = image_activation(step, input, bias, nullptr, nullptr, options);
  stream().synchronize();
  ASSERT_EQ(y.num_features, 2 * 3 * 3);
  const std::vector<double> in = x.to_vector<double>(), b = bias.value().to_vector<double>(),
                            out = y.x.value().to_vector<double>();
  for (size_t p = 0; p < kNetworks; ++p) {
    const NetworkState& state = fixture.population.states[p];
    const auto address = [&](Technique id) { return test::Address{state.seed, id, 5}; };
    for (size_t row = 0; row < 30; ++row) {
      const auto item = static_cast<uint64_t>(state.item) + row;
      for (size_t e = 0; e < 18; ++e) {
        const size_t channel = e % 3, oy = e / 9, ox = e / 3 % 3;
        double largest = -1;
        for (size_t window = 0; window < 4; ++window) {
          const size_t i = ((2 * oy + window / 2) * 7 + 2 * ox + window % 2) * 3 + channel;
          const double sigma =
              static_cast<double>(fixture.population.get(Technique::kActivationNoise, static_cast<int64_t>(p)));
          const double n = address(Technique::kActivationNoise).normal_of(item, 27, i);
          largest = std::max(largest, std::max(in[(p * kRows + row) * 108 + i] + b[p * 4 + channel] + sigma * n, 0.0));
        }
        const bool kept = address(Technique::kDropout).keeps(item, 5, e, 0.4f) &&
                          address(Technique::kDropconnect).keeps(item, 5, e, 0.3f);
        EXPECT_NEAR(out[(p * kRows + row) * 20 + e], kept ? largest / (1 - static_cast<double>(0.4f)) : 0, 1e-6);
      }
    }
  }
}

TEST_P(ConvolutionNetworkTest, ModelsHaveTheirParameters) {
  const auto count = [&](const char* model, const ImageSize& size, int64_t classes = 10) {
    return Model(parse_model(model), size, classes, device(), DType::kF32, 1).parameters().num_parameters();
  };
  EXPECT_EQ(count("lenet5", {28, 28, 1}), 61706);
  // The study's counts contain the running statistics, which are no parameters: 2 x 448.
  EXPECT_EQ(count("vgg3", {32, 32, 3}), 552362 - 896);
  EXPECT_EQ(count("vgg3", {28, 28, 1}), 437098 - 896);
  EXPECT_EQ(count("vgg3", {32, 32, 3}, 100), 563972 - 896);
}

TEST_P(ConvolutionNetworkTest, AModelThatDoesNotFitSaysWhichLayer) {
  const auto refuse = [&](const char* model, const ImageSize& size, const std::string& message) {
    try {
      Model(parse_model(model), size, 10, device(), DType::kF32, 1);
      FAIL() << model;
    } catch (const InvalidArgument& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  };
  refuse("conv8k5p0 conv8k5p0 flatten linear", {8, 8, 1},
         "layer 2 'conv8k5p0': expected an image of at least 5 x 5, got 4 x 4 x 8");
  refuse("pool pool pool flatten linear", {6, 6, 1},
         "layer 3 'pool': expected an image of at least 2 x 2, got 1 x 1 x 1");
  refuse("conv259 flatten linear", {6, 6, 1}, "layer 1 'conv259': expected at most 256 filters");
  refuse("conv1028 flatten linear", {6, 6, 1}, "1024 if a multiple of 4");
  refuse("flatten linear", {1500, 1500, 3}, "expected images of at most 4194304 elements, got 1500 x 1500 x 3");
  refuse("conv8 flatten linear", {1024, 1024, 3}, "layer 1 'conv8': expected 4194304 elements or fewer");
}

// Every technique that acts on activations has a place in every named model.
TEST_P(ConvolutionNetworkTest, DropoutActsInEveryNamedModel) {
  for (const std::string& name : model_names()) {
    const ModelSpecification model = parse_model(name);
    EXPECT_GT(std::ranges::count(model.words, "dropout"), 0) << name;
  }
}

// The study masks what enters a layer with weights; a pooling before the first one is none, and passes the mask on.
TEST_P(ConvolutionNetworkTest, ThePaperMasksTheInputOrWhatThePoolingMakesOfIt) {
  test::StepFixture fixture(stream(), kNetworks, kRows);
  Step step = fixture.begin();
  const auto masks = [&](const char* model) {
    return Model(parse_model(model), {6, 6, 1}, 10, device(), DType::kF32, 1).masks_input(step);
  };
  EXPECT_FALSE(masks("conv8 flatten linear"));
  step.args.definitions = Definitions::paper();
  EXPECT_TRUE(masks("conv8 flatten linear"));
  EXPECT_FALSE(masks("pool conv8 flatten linear"));
  EXPECT_FALSE(masks("flatten linear"));
}

}  // namespace
}  // namespace murmur
