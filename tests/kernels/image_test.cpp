// The kernels over images one by one, with guards around every buffer: sizes that are no whole quads, channels that do
// not divide a walk, rows without a sample, an overlap of samples and tiles. What they compute together is tested in
// tests/layers.
#include <gtest/gtest.h>

#include <cmath>

#include "murmur/kernels/add.hpp"
#include "murmur/kernels/bias_relu.hpp"
#include "murmur/kernels/im2col.hpp"
#include "murmur/kernels/norm_pool.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/population.hpp"

namespace murmur {
namespace {

class ImageTest : public test::DeviceTest {
 protected:
  static constexpr int64_t kNetworks = 3, kRows = 12, kSamples = 9, kRowsPerTile = 5;
  static constexpr ImageSize kSize{5, 3, 7};                            // 105 elements in 108
  static constexpr int64_t kStride = kRows * 108, kBiasStride = 8 + 4;  // a parameter within an arena
  static constexpr int64_t kTiles = 3;

  StepArgs upload(test::Population& population) const { return population.upload(kRows, kSamples); }
  static size_t at(size_t p, size_t row, size_t element) { return (p * kRows + row) * 108 + element; }
};
MURMUR_ON_EVERY_DEVICE(ImageTest);

TEST_P(ImageTest, BiasReluAndItsSums) {
  test::Population population(kNetworks, device());
  const auto in = test::random_values<double>(kNetworks * kStride, 1);
  const auto bias = test::random_values<double>(kNetworks * kBiasStride, 2);
  test::GuardedArray<double> x(in, device()), b(bias, device());
  BiasReluArgs<double> args;
  args.step = upload(population);
  args.images = {kSize, ImageLayout::kChannelsLast, kRowsPerTile};
  test::GuardedArray<double> sums(static_cast<size_t>(kNetworks * kTiles * 2 * args.images.num_sums()), 5.0, device());
  args.x = {x.data(), kStride};
  args.bias = {b.data(), kBiasStride};
  args.sums = sums.data();
  bias_relu_forward(stream(), args);
  stream().synchronize();
  const std::vector<double> out = x.values(), parts = sums.values();
  for (size_t p = 0; p < kNetworks; ++p) {
    std::vector<double> sum(7), squares(7);
    for (size_t row = 0; row < kRows; ++row) {
      for (size_t e = 0; e < 105; ++e) {
        const double expected = row < kSamples ? std::max(in[at(p, row, e)] + bias[p * kBiasStride + e % 7], 0.0) : 0;
        EXPECT_EQ(out[at(p, row, e)], expected);
        sum[e % 7] += expected;
        squares[e % 7] += expected * expected;
      }
      for (size_t e = 105; e < 108; ++e) EXPECT_EQ(out[at(p, row, e)], in[at(p, row, e)]) << "padding";
    }
    // 1024 / 7 whole pixels of four quads: the elements of a walk, each of channel k mod 7
    const int64_t walk = 4 * quads_per_walk(7);
    EXPECT_EQ(walk, 4 * 252);
    EXPECT_EQ(args.images.num_sums(), walk);
    std::vector<double> total(14);
    for (int64_t tile = 0; tile < kTiles; ++tile) {
      for (int64_t k = 0; k < walk; ++k) {
        for (int64_t which = 0; which < 2; ++which) {
          const int64_t i = ((static_cast<int64_t>(p) * kTiles + tile) * 2 + which) * walk + k;
          total[static_cast<size_t>(which * 7 + k % 7)] += parts[static_cast<size_t>(i)];
        }
      }
    }
    for (size_t c = 0; c < 7; ++c) {  // 135 terms below 2 (4): 135^2 roundings at worst
      EXPECT_NEAR(total[c], sum[c], 1e-11);
      EXPECT_NEAR(total[7 + c], squares[c], 1e-11);
    }
  }
  EXPECT_TRUE(x.guards_intact() && b.guards_intact() && sums.guards_intact());
}

// Channels of which many, few or less than one are for each 32 lanes; the last tile has two rows less.
TEST_P(ImageTest, FoldedSumsAreThoseOfTheirChannels) {
  for (const ImageSize& size : {ImageSize{9, 10, 1}, ImageSize{5, 3, 7}, ImageSize{4, 4, 16}, ImageSize{3, 2, 100},
                                ImageSize{2, 1, 300}, ImageSize{2, 2, 1024}}) {
    SCOPED_TRACE(testing::Message() << size.channels << " channels");
    test::Population population(kNetworks, device());
    const int64_t elements = size.elements(), row_stride = 4 * num_quads(elements);
    const int64_t stride = kRows * row_stride, width = 4 * num_quads(size.channels);
    const auto in = test::random_values<double>(static_cast<size_t>(kNetworks * stride), 1);
    const auto bias = test::random_values<double>(static_cast<size_t>(kNetworks * width), 2);
    test::GuardedArray<double> x(in, device()), b(bias, device());
    BiasReluArgs<double> args;
    args.step = upload(population);
    args.images = {size, ImageLayout::kChannelsLast, kRowsPerTile, true};
    test::GuardedArray<double> sums(static_cast<size_t>(kNetworks * kTiles * 2 * width), 5.0, device());
    args.x = {x.data(), stride};
    args.bias = {b.data(), width};
    args.sums = sums.data();
    EXPECT_EQ(args.images.num_sums(), width);
    bias_relu_forward(stream(), args);
    stream().synchronize();
    const std::vector<double> out = x.values(), parts = sums.values();
    for (int64_t p = 0; p < kNetworks; ++p) {
      for (int64_t tile = 0; tile < kTiles; ++tile) {
        std::vector<double> expected(static_cast<size_t>(2 * width), 0.0);
        for (int64_t row = tile * kRowsPerTile; row < std::min((tile + 1) * kRowsPerTile, kSamples); ++row) {
          for (int64_t e = 0; e < elements; ++e) {
            const double value = out[static_cast<size_t>(p * stride + row * row_stride + e)];
            expected[static_cast<size_t>(e % size.channels)] += value;
            expected[static_cast<size_t>(width + e % size.channels)] += value * value;
          }
        }
        for (int64_t which = 0; which < 2; ++which) {
          for (int64_t c = 0; c < size.channels; ++c) {  // 450 terms below 2 (4): 450^2 roundings at worst
            const int64_t i = which * width + c;
            EXPECT_NEAR(parts[static_cast<size_t>((p * kTiles + tile) * 2 * width + i)],
                        expected[static_cast<size_t>(i)], 1e-10);
          }
        }
      }
    }
    EXPECT_TRUE(x.guards_intact() && b.guards_intact() && sums.guards_intact());
  }
}

TEST_P(ImageTest, MaxPoolingSendsTheGradientToTheFirstMaximum) {
  test::Population population(kNetworks, device());
  auto in = test::random_values<double>(kNetworks * kStride, 1);
  for (double& value : in) value = std::round(2 * value);  // many equal ones
  const auto gradient = test::random_values<double>(kNetworks * kRows * 16, 2);
  test::GuardedArray<double> x(in, device()), y(kNetworks * kRows * 16, 5.0, device());
  test::GuardedArray<double> grad(gradient, device()), grad_input(kNetworks * kStride, 5.0, device());
  NormPoolArgs<double> args;
  args.step = upload(population);
  args.images = {kSize, ImageLayout::kChannelsLast, kRowsPerTile};
  args.window = {Pooling::kMax, 2, 2};  // 2 x 1 x 7 = 14 outputs in 16; a row and a column are left
  args.x = {x.data(), kStride};
  args.output = {y.data(), kRows * 16};
  norm_pool_forward(stream(), args);
  NormPoolBackwardArgs<double> backward;
  backward.forward = args;
  backward.grad_output = grad.data();
  backward.grad_input = grad_input.data();
  norm_pool_backward(stream(), backward);
  stream().synchronize();
  const std::vector<double> out = y.values(), sent = grad_input.values();
  for (size_t p = 0; p < kNetworks; ++p) {
    for (size_t row = 0; row < kRows; ++row) {
      std::vector<double> expected(105);
      for (size_t e = 0; e < 14; ++e) {
        const size_t first = e / 7 * 2 * 21 + e % 7;
        size_t best = first;
        for (const size_t i : {first, first + 7, first + 21, first + 28}) {
          if (in[at(p, row, i)] > in[at(p, row, best)]) best = i;
        }
        const size_t o = (p * kRows + row) * 16 + e;
        EXPECT_EQ(out[o], row < kSamples ? in[at(p, row, best)] : 0);
        if (row < kSamples) expected[best] = gradient[o];
      }
      for (size_t e = 0; e < 105; ++e) EXPECT_EQ(sent[at(p, row, e)], expected[e]) << row << " " << e;
    }
  }
  EXPECT_TRUE(x.guards_intact() && y.guards_intact() && grad.guards_intact() && grad_input.guards_intact());
}

// Channels whose windows are read by elements, pairs, quads and vectors; the last quad of 3 x 2 channels is half of
// one.
TEST_P(ImageTest, PoolingAndItsSums) {
  for (const ImageSize& size :
       {ImageSize{5, 4, 1}, ImageSize{2, 3, 6}, ImageSize{4, 6, 2}, ImageSize{4, 5, 8}, ImageSize{3, 4, 16}}) {
    for (const Pooling pooling : {Pooling::kMax, Pooling::kAverage}) {
      SCOPED_TRACE(testing::Message() << size.channels << " channels, " << (pooling == Pooling::kMax ? "max" : "mean"));
      test::Population population(kNetworks, device());
      const int64_t channels = size.channels, width = 4 * num_quads(channels);
      NormPoolArgs<double> args;
      args.step = upload(population);
      args.images = {size, ImageLayout::kChannelsLast, kRowsPerTile, true};
      args.window = {pooling, 2, 2};
      const ImageSize out_size = args.output_images().size;
      const int64_t row = 4 * num_quads(size.elements()), out_row = 4 * num_quads(out_size.elements());
      const auto in = test::random_values<double>(static_cast<size_t>(kNetworks * kRows * row), 1);
      const auto gradient = test::random_values<double>(static_cast<size_t>(kNetworks * kRows * out_row), 2);
      const auto norm = test::random_values<double>(static_cast<size_t>(kNetworks * 2 * width), 3);
      test::GuardedArray<double> x(in, device()), y(gradient.size(), 5.0, device()), scale_shift(norm, device());
      test::GuardedArray<double> grad(gradient, device()), grad_input(in.size(), 5.0, device());
      test::GuardedArray<double> sums(static_cast<size_t>(kNetworks * kTiles * 2 * width), 5.0, device());
      args.scale_shift = scale_shift.data();
      args.x = {x.data(), kRows * row};
      args.output = {y.data(), kRows * out_row};
      norm_pool_forward(stream(), args);
      NormPoolBackwardArgs<double> backward;
      backward.forward = args;
      backward.grad_output = grad.data();
      backward.grad_input = grad_input.data();
      backward.sums = sums.data();
      norm_pool_backward(stream(), backward);
      stream().synchronize();
      const std::vector<double> out = y.values(), sent = grad_input.values(), parts = sums.values();
      const auto at_index = [](const std::vector<double>& values, int64_t i) { return values[static_cast<size_t>(i)]; };
      std::vector<double> expected_sums(parts.size(), 0.0);
      for (int64_t p = 0; p < kNetworks; ++p) {
        for (int64_t r = 0; r < kSamples; ++r) {
          std::vector<double> expected(static_cast<size_t>(size.elements()), 0.0);
          for (int64_t e = 0; e < out_size.elements(); ++e) {
            const int64_t c = e % channels, column = e / channels % out_size.width;
            const int64_t first = (e / channels / out_size.width * 2 * size.width + column * 2) * channels + c;
            const double scale = at_index(norm, p * 2 * width + c), shift = at_index(norm, (p * 2 + 1) * width + c);
            const auto value = [&](int64_t i) { return at_index(in, (p * kRows + r) * row + i); };
            int64_t best = first;
            double mean = 0;
            for (const int64_t step : {int64_t{0}, channels, size.width * channels, (size.width + 1) * channels}) {
              if (scale * value(first + step) + shift > scale * value(best) + shift) best = first + step;
              mean += value(first + step) / 4;
            }
            const bool is_max = pooling == Pooling::kMax;
            const int64_t o = (p * kRows + r) * out_row + e;
            EXPECT_NEAR(at_index(out, o), scale * (is_max ? value(best) : mean) + shift, 1e-14);
            const double g = at_index(gradient, o);
            const int64_t tile_sums = (p * kTiles + r / kRowsPerTile) * 2 * width;
            expected_sums[static_cast<size_t>(tile_sums + c)] += g;
            expected_sums[static_cast<size_t>(tile_sums + width + c)] += g * (is_max ? value(best) : mean);
            for (const int64_t step : {int64_t{0}, channels, size.width * channels, (size.width + 1) * channels}) {
              expected[static_cast<size_t>(first + step)] = is_max ? (first + step == best ? g : 0) : g / 4;
            }
          }
          for (int64_t e = 0; e < size.elements(); ++e) {
            EXPECT_EQ(at_index(sent, (p * kRows + r) * row + e), at_index(expected, e)) << r << " " << e;
          }
        }
        for (int64_t tile = 0; tile < kTiles; ++tile) {
          for (int64_t c = 0; c < 2 * width; ++c) {
            const int64_t i = (p * kTiles + tile) * 2 * width + c;
            // padding is never written by a fold
            if (c % width >= channels) continue;
            EXPECT_NEAR(at_index(parts, i), at_index(expected_sums, i), 1e-12);
          }
        }
      }
      EXPECT_TRUE(x.guards_intact() && y.guards_intact() && grad.guards_intact() && grad_input.guards_intact());
      EXPECT_TRUE(sums.guards_intact() && scale_shift.guards_intact());
    }
  }
}

// Unfolding and folding are each other's transpose: <im2col(x), c> = <x, col2im(c)> for any x and c.
TEST_P(ImageTest, Col2imIsTheTransposeOfIm2col) {
  for (const ConvolutionShape& shape :
       {ConvolutionShape{4, 5, 3, 7, 1, 3, 1, 1}, ConvolutionShape{4, 6, 5, 2, 1, 2, 2, 0},
        ConvolutionShape{4, 4, 4, 1, 1, 5, 1, 2}, ConvolutionShape{4, 7, 7, 3, 1, 3, 3, 2}}) {
    const int64_t sample = 4 * num_quads(shape.input_size()), width = 4 * num_quads(shape.filter_size());
    const int64_t pixels = shape.out_height() * shape.out_width();
    const auto images = test::random_values<double>(static_cast<size_t>(kNetworks * 4 * sample), 1);
    const auto cotangent = test::random_values<double>(static_cast<size_t>(kNetworks * 2 * pixels * width), 2);
    test::GuardedArray<double> x(images, device()), folded(images.size(), 0.0, device());
    test::GuardedArray<double> columns(cotangent.size(), 5.0, device()), c(cotangent, device());
    Im2colArgs<double> args;
    args.num_networks = kNetworks;
    args.shape = shape;
    args.first_row = 1;  // samples 1 and 2 of 4
    args.num_rows = 2;
    args.x = {x.data(), 4 * sample};
    args.columns = {columns.data(), 2 * pixels * width};
    im2col(stream(), args);
    args.x.data = folded.data();
    args.columns.data = c.data();
    args.accumulate = true;
    col2im(stream(), args);
    stream().synchronize();
    const std::vector<double> unfolded = columns.values(), back = folded.values();
    double left = 0, right = 0;
    for (size_t i = 0; i < unfolded.size(); ++i) {
      const bool padding = static_cast<int64_t>(i) % width >= shape.filter_size();
      if (padding) {
        EXPECT_EQ(unfolded[i], 0);
      }
      left += unfolded[i] * cotangent[i];
    }
    for (size_t i = 0; i < back.size(); ++i) right += back[i] * images[i];
    EXPECT_NEAR(left, right, 1e-9);
    EXPECT_GT(std::abs(left), 1e-3);
    EXPECT_TRUE(x.guards_intact() && folded.guards_intact() && columns.guards_intact() && c.guards_intact());
  }
}

TEST_P(ImageTest, AddAddsOrCopiesWithinEachNetwork) {
  const auto a = test::random_values<double>(kNetworks * 1025, 1), b = test::random_values<double>(kNetworks * 1030, 2);
  for (const bool accumulate : {true, false}) {
    test::GuardedArray<double> source(a, device()), target(b, device());
    add(stream(), AddArgs<double>{kNetworks, 1025, {source.data(), 1025}, {target.data(), 1030}, accumulate});
    stream().synchronize();
    const std::vector<double> sum = target.values();
    for (size_t i = 0; i < sum.size(); ++i) {
      const double before = accumulate || i % 1030 >= 1025 ? b[i] : 0;
      EXPECT_EQ(sum[i], i % 1030 < 1025 ? before + a[i / 1030 * 1025 + i % 1030] : before);
    }
    EXPECT_TRUE(source.guards_intact() && target.guards_intact());
  }
}

}  // namespace
}  // namespace murmur
