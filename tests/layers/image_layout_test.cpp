// The layout of images is a matter of speed only: blocks of channels give what channels last give.
#include "murmur/layers/image_layout.hpp"

#include <gtest/gtest.h>

#include "murmur/layers/image_activation.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/step.hpp"

namespace murmur {
namespace {

constexpr int64_t kNetworks = 2;
constexpr int64_t kImageRows = 36;

struct Case {
  const char* name;
  ImageSize size;
  ImageActivationOptions options;
  bool norm;
  bool residual;
};

class ImageLayoutTest : public test::DeviceTest {
 protected:
  void SetUp() override {
    test::DeviceTest::SetUp();
    if (!IsSkipped() && !has_channel_blocks(device())) GTEST_SKIP() << "GPUs keep channels last";
  }

  struct Results {
    std::vector<double> output, statistics, grad_input, grad_residual, grad_bias, grad_gamma, grad_beta;
  };

  /// Moves values with channels last into a layout.
  static std::vector<double> arranged(const std::vector<double>& last, const ImageSize& size, ImageLayout to) {
    if (to == ImageLayout::kChannelsLast) return last;
    std::vector<double> blocks(last.size());
    const auto channels = static_cast<size_t>(size.channels), pixels = last.size() / channels;
    const auto pixels_of_sample = static_cast<size_t>(size.height * size.width);
    for (size_t pixel = 0; pixel < pixels; ++pixel) {
      for (size_t c = 0; c < channels; ++c) {
        const size_t sample = pixel / pixels_of_sample, place = pixel % pixels_of_sample;
        blocks[((sample * (channels / 16) + c / 16) * pixels_of_sample + place) * 16 + c % 16] =
            last[pixel * channels + c];
      }
    }
    return blocks;
  }

  Variable images(const ImageSize& size, uint64_t seed, ImageLayout layout) const {
    const Shape shape{kNetworks, kImageRows, size.elements()};
    const auto values =
        test::random_values<double>(static_cast<size_t>(kNetworks * kImageRows * size.elements()), seed);
    return Variable::parameter(Tensor::from<double>(arranged(values, size, layout), shape, device()),
                               Tensor::zeros(shape, DType::kF64, device()));
  }
  Variable vector(int64_t channels, uint64_t seed) const {
    const auto values = test::random_values<double>(static_cast<size_t>(kNetworks * channels), seed);
    return Variable::parameter(Tensor::from<double>(values, {kNetworks, channels}, device()),
                               Tensor::zeros({kNetworks, channels}, DType::kF64, device()));
  }

  Results run(const Case& c, ImageLayout layout) const {
    test::StepFixture fixture(stream(), kNetworks, kImageRows);
    fixture.all_noise();
    const Step step = fixture.begin();
    const int64_t channels = c.size.channels;
    // What works in place needs an operation before it, whose gradient it is.
    const Variable leaf = images(c.size, 1, layout);
    Tensor grad_input;
    const Variable source = Variable::result("source", leaf.value(), {leaf},
                                             [&grad_input](const Variable& self) { grad_input = self.grad(); });
    const Activations input{source, Layout::kSampleMajor, c.size.elements(), c.size, layout};
    const Activations residual{images(c.size, 2, layout), Layout::kSampleMajor, c.size.elements(), c.size, layout};
    const Variable bias = vector(channels, 3);
    const BatchNorm norm{vector(channels, 4), vector(channels, 5),
                         Tensor::zeros({kNetworks, 2, channels}, DType::kF64, device())};
    const Activations y = channels_last(step, image_activation(step, input, bias, c.norm ? &norm : nullptr,
                                                               c.residual ? &residual : nullptr, c.options));
    stream().synchronize();
    const std::vector<double> output = y.x.value().to_vector<double>();  // backward may change it
    const auto gradient = test::random_values<double>(static_cast<size_t>(y.x.value().num_elements()), 6);
    y.x.take_grad(Tensor::from<double>(gradient, y.x.value().shape(), device()));
    backward(y.x);
    stream().synchronize();
    const Activations grad{Variable::constant(grad_input), Layout::kSampleMajor, c.size.elements(), c.size, layout};
    const Activations residual_grad{Variable::constant(residual.x.grad()), Layout::kSampleMajor, c.size.elements(),
                                    c.size, layout};
    Results results{output,
                    norm.statistics.to_vector<double>(),
                    channels_last(step, grad).x.value().to_vector<double>(),
                    channels_last(step, residual_grad).x.value().to_vector<double>(),
                    bias.grad().to_vector<double>(),
                    norm.gamma.grad().to_vector<double>(),
                    norm.beta.grad().to_vector<double>()};
    stream().synchronize();
    return results;
  }
};
MURMUR_ON_EVERY_DEVICE(ImageLayoutTest);

// Only the order of sums over samples and pixels differs. They have up to 30 x 35 terms below 4 (16 where squared), so
// that they round by at most 1050^2 x 16 u, and what follows from them is less than ten times as large.
TEST_P(ImageLayoutTest, MakesNoDifference) {
  const auto options = [](NormOrder norm, Pooling pooling, int64_t height, int64_t width) {
    ImageActivationOptions result;
    result.norm = norm;
    result.window = {pooling, height, width};
    result.masks = {3, true, true};
    return result;
  };
  using enum NormOrder;
  const std::vector<Case> cases{
      {"plain", {5, 7, 48}, options(kNone, Pooling::kNone, 1, 1), false, false},
      {"one pixel", {1, 1, 32}, options(kNone, Pooling::kNone, 1, 1), false, false},
      {"norm and max pooling with a rest", {5, 7, 48}, options(kAfterRelu, Pooling::kMax, 2, 3), true, false},
      {"average pooling", {4, 6, 16}, options(kNone, Pooling::kAverage, 2, 2), false, false},
      {"global pooling", {5, 7, 32}, options(kAfterRelu, Pooling::kAverage, 5, 7), true, false},
      {"norm and residual", {5, 7, 32}, options(kBeforeRelu, Pooling::kNone, 1, 1), true, true},
      {"residual", {3, 3, 16}, options(kNone, Pooling::kNone, 1, 1), false, true},
  };
  constexpr double kTolerance = 10 * 1050.0 * 1050.0 * 16 * test::kRounding<double>;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Results last = run(c, ImageLayout::kChannelsLast), blocks = run(c, ImageLayout::kChannelBlocks);
    if (!c.norm) {
      EXPECT_TRUE(test::same_bits(last.output, blocks.output));
    }
    EXPECT_TRUE(test::all_near(last.output, blocks.output, kTolerance));
    EXPECT_TRUE(test::all_near(last.statistics, blocks.statistics, kTolerance));
    EXPECT_TRUE(test::all_near(last.grad_input, blocks.grad_input, kTolerance));
    EXPECT_TRUE(test::all_near(last.grad_residual, blocks.grad_residual, kTolerance));
    EXPECT_TRUE(test::all_near(last.grad_bias, blocks.grad_bias, kTolerance));
    EXPECT_TRUE(test::all_near(last.grad_gamma, blocks.grad_gamma, kTolerance));
    EXPECT_TRUE(test::all_near(last.grad_beta, blocks.grad_beta, kTolerance));
  }
}

// A residual may come in another layout than what it is added to.
TEST_P(ImageLayoutTest, OfAResidualMayDiffer) {
  const ImageSize size{4, 3, 32};
  test::StepFixture fixture(stream(), kNetworks, kImageRows);
  const Step step = fixture.begin();
  const Variable bias = vector(32, 3);
  const auto output = [&](ImageLayout layout, ImageLayout residual_layout) {
    const Activations input{images(size, 1, layout), Layout::kSampleMajor, size.elements(), size, layout};
    const Activations residual{images(size, 2, residual_layout), Layout::kSampleMajor, size.elements(), size,
                               residual_layout};
    const Activations y = image_activation(step, input, bias, nullptr, &residual, {});
    const Activations last = channels_last(step, y);
    stream().synchronize();
    return last.x.value().to_vector<double>();
  };
  using enum ImageLayout;
  const std::vector<double> expected = output(kChannelsLast, kChannelsLast);
  EXPECT_TRUE(test::same_bits(output(kChannelsLast, kChannelBlocks), expected));
  EXPECT_TRUE(test::same_bits(output(kChannelBlocks, kChannelsLast), expected));
}

}  // namespace
}  // namespace murmur
