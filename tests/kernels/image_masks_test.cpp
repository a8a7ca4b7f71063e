// The masks on images, element by element: by their addresses, which are the same wherever an element is in memory, in
// forward and in backward; and what stochastic depth does to a residual block.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "murmur/engine/convolution.hpp"
#include "murmur/kernels/bias_relu.hpp"
#include "murmur/kernels/norm_pool.hpp"
#include "murmur/kernels/region_masks.hpp"
#include "tests/kernels/image_masks_reference.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/population.hpp"

namespace murmur::test::masks {
namespace {

class ImageMasksTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(ImageMasksTest);

/// What a layer that ends with dropout runs, on its images and on their gradient; then with the images as its output.
template <class T>
void run_region_masks(Stream& stream, const StepArgs& step, const ImageTiles& tiles, const LayerMasks& masks,
                      const test::GuardedArray<T>& x, const Frame& frame,
                      const test::GuardedArray<T>* output = nullptr) {
  if (!masks.dropout) return;
  RegionMasksArgs<T> args{step, tiles, masks, {x.data(), frame.stride()}};
  if (output != nullptr) args.output = {output->data(), frame.stride()};
  region_masks(stream, args);
}

using Configure = std::function<void(test::Population&, int64_t)>;

template <class T>
void check_bias_relu(Stream& stream, const Case& c, test::Population& population, const LayerMasks& masks) {
  const Frame frame{c.size, c.layout};
  const int64_t bias_stride = (c.size.channels + 3) / 4 * 4 + 4;
  const auto size = static_cast<size_t>(kNetworks * frame.stride());
  const auto in = test::random_values<T>(size, 1), gradient = test::random_values<T>(size, 2);
  const auto biases = test::random_values<T>(static_cast<size_t>(kNetworks * bias_stride), 3, -0.5, 0.5);
  const test::GuardedArray<T> x(in, stream.device()), grad(gradient, stream.device()), bias(biases, stream.device());
  const ImageTiles tiles = c.tiles();
  const test::GuardedArray<T> sums(static_cast<size_t>(kNetworks * tiles.count(kRows) * 2 * tiles.num_sums()), T{5},
                                   stream.device());
  BiasReluBackwardArgs<T> args;
  args.forward.step = population.upload(kRows, kSamples);
  args.forward.images = tiles;
  args.forward.masks = masks;
  args.forward.x = {x.data(), frame.stride()};
  args.forward.bias = {bias.data(), bias_stride};
  args.grad = grad.data();
  args.sums = sums.data();
  bias_relu_forward(stream, args.forward);
  run_region_masks(stream, args.forward.step, tiles, masks, x, frame);
  stream.synchronize();
  const std::vector<T> made = x.values();
  run_region_masks(stream, args.forward.step, tiles, masks, grad, frame, &x);
  bias_relu_backward(stream, args);
  stream.synchronize();
  const Masks<T> reference(population, c.size, masks);
  Expected output(in), grad_input(gradient);
  for (int64_t p = 0; p < kNetworks; ++p) {
    for (int64_t row = 0; row < kRows; ++row) {
      frame.for_each([&](int64_t y, int64_t column, int64_t channel) {
        const size_t at = frame.place(p, row, y, column, channel);
        if (row >= kSamples) {
          output.set(at, 0, 0, false);
          grad_input.set(at, 0, 0, false);
          return;
        }
        const double before =
            static_cast<double>(in[at]) + static_cast<double>(biases[static_cast<size_t>(p * bias_stride + channel)]);
        const Factor factor = reference(p, row, y, column, channel);
        const double kept = reference.relu(before, p, row, y, column, channel);
        const double g = kept / before * static_cast<double>(gradient[at]);
        // The sum is rounded, a slope and its products 4 times.
        const double u = test::kBothRoundings<T> * (before > 0 ? 1 : 5), scale = std::abs(factor.value);
        output.set(at, kept * factor.value, 1.01 * std::abs(kept) * (factor.error + u * scale),
                   factor.unclear && g != 0);
        grad_input.set(at, g * factor.value, 1.01 * std::abs(g) * (factor.error + (before > 0 ? 0 : u * scale)),
                       factor.unclear && g != 0);
      });
    }
  }
  output.compare(made);
  grad_input.compare(grad);
  EXPECT_TRUE(x.guards_intact());
  EXPECT_TRUE(sums.guards_intact());
}

/// A batch norm's map, a residual and what becomes of its gradient, or a pooling.
struct Block {
  enum class GradResidual : uint8_t { kNone, kWritten, kAdded };
  bool pools = false;
  bool norm = false;
  bool residual = false;
  GradResidual grad_residual = GradResidual::kNone;
};

template <class T>
class NormPoolCheck {
 public:
  NormPoolCheck(Stream& stream, const Case& c, test::Population& population, const LayerMasks& masks,
                const Block& block)
      : stream_(stream),
        case_(c),
        population_(population),
        block_(block),
        input_{c.size, c.layout},
        output_{block.pools ? ImageSize{c.size.height / 2, c.size.width / 2, c.size.channels} : c.size, c.layout},
        masks_(population, output_.size, masks),
        in_(test::random_values<T>(size_of(input_), 1)),
        gradient_(test::random_values<T>(size_of(output_), 2)),
        residual_values_(test::random_values<T>(size_of(output_), 3)),
        grad_residual_values_(test::random_values<T>(size_of(output_), 4)),
        maps_(test::random_values<T>(static_cast<size_t>(kNetworks * 2 * width()), 5)) {
    const Device device = stream.device();
    const test::GuardedArray<T> x(in_, device), grad(gradient_, device), residual(residual_values_, device);
    const test::GuardedArray<T> grad_residual(grad_residual_values_, device), maps(maps_, device);
    const test::GuardedArray<T> output(size_of(output_), T{55}, device), grad_input(size_of(input_), T{55}, device);
    const ImageTiles tiles = c.tiles();
    const test::GuardedArray<T> sums(static_cast<size_t>(kNetworks * tiles.count(kRows) * 2 * tiles.num_sums()), T{5},
                                     device);
    NormPoolBackwardArgs<T> args;
    NormPoolArgs<T>& forward = args.forward;
    forward.step = population.upload(kRows, kSamples);
    forward.images = tiles;
    forward.relu = !block.pools;
    if (block.pools) forward.window = {Pooling::kMax, 2, 2};
    forward.masks = masks;
    if (block.norm) forward.scale_shift = maps.data();
    forward.x = {x.data(), input_.stride()};
    if (block.residual) forward.residual = {residual.data(), output_.stride()};
    forward.output = {output.data(), output_.stride()};
    args.grad_output = grad.data();
    args.grad_input = block.pools ? grad_input.data() : grad.data();
    if (block.grad_residual != Block::GradResidual::kNone) args.grad_residual = grad_residual.data();
    args.accumulate_residual = block.grad_residual == Block::GradResidual::kAdded;
    args.sums = sums.data();
    norm_pool_forward(stream, forward);
    run_region_masks(stream, forward.step, forward.output_images(), masks, output, output_);
    stream.synchronize();
    const std::vector<T> made = output.values();
    run_region_masks(stream, forward.step, forward.output_images(), masks, grad, output_, &output);
    norm_pool_backward(stream, args);
    stream.synchronize();
    EXPECT_TRUE(output.guards_intact());
    compare(made, block.pools ? grad_input : grad, grad_residual, sums.values());
    EXPECT_TRUE(x.guards_intact() && residual.guards_intact() && sums.guards_intact());
  }

 private:
  static constexpr double kU = test::kBothRoundings<T>;
  static size_t size_of(const Frame& frame) { return static_cast<size_t>(kNetworks * frame.stride()); }
  int64_t width() const { return (case_.size.channels + 3) / 4 * 4; }

  /// m / (1 - p) of one sample, in float: a difference and a quotient.
  Factor branch(int64_t p, int64_t row) const {
    const float probability = population_.get(Technique::kStochasticDepth, p);
    if (!block_.residual || !(probability > 0)) return {};
    const NetworkState& state = population_.states[static_cast<size_t>(p)];
    const test::Address address{state.seed, Technique::kStochasticDepth, kLayer};
    const bool kept = address.keeps(static_cast<uint64_t>(state.item + row), 1, 0, probability);
    const double factor = kept ? 1 / (1 - static_cast<double>(probability)) : 0;
    return {factor, 2.01 * test::kRounding<float> * factor};
  }

  struct Value {
    double value, error;
    size_t from;  // place in the input
  };
  /// What the batch norm makes of an element, or of the largest one of a window.
  Value normed(int64_t p, int64_t row, int64_t y, int64_t x, int64_t c) const {
    const double scale = block_.norm ? static_cast<double>(maps_[static_cast<size_t>(p * 2 * width() + c)]) : 1;
    const double shift = block_.norm ? static_cast<double>(maps_[static_cast<size_t>((p * 2 + 1) * width() + c)]) : 0;
    const auto at = [&](int64_t i, int64_t j) {
      const size_t from = input_.place(p, row, i, j, c);
      const double scaled = scale * static_cast<double>(in_[from]);
      return Value{scaled + shift, kU * (std::abs(scaled) + std::abs(scaled + shift)), from};
    };
    if (!block_.pools) return at(y, x);
    Value best = at(2 * y, 2 * x);
    for (int64_t k = 1; k < 4; ++k) {
      const Value next = at(2 * y + k / 2, 2 * x + k % 2);
      if (next.value > best.value) best = next;
    }
    return best;
  }

  void compare(const std::vector<T>& output, const test::GuardedArray<T>& grad_input,
               const test::GuardedArray<T>& grad_residual, const std::vector<T>& sums) {
    Expected y(output), back(grad_input.values()), side(grad_residual_values_);
    const int64_t tiles = case_.tiles().count(kRows), blocks = tiles / ((kRows + kRowsPerTile - 1) / kRowsPerTile);
    const int64_t tile_channels = case_.size.channels / blocks;
    // [P, tiles, 2, channels of a tile]
    std::vector<double> total(static_cast<size_t>(kNetworks * tiles * 2 * tile_channels), 0.0), total_error = total;
    bool has_unclear = false;
    for (int64_t p = 0; p < kNetworks; ++p) {
      for (int64_t row = 0; row < kRows; ++row) {
        // Of what no window reads, and of rows without a sample, the gradient is 0.
        input_.for_each([&](int64_t i, int64_t j, int64_t c) { back.set(input_.place(p, row, i, j, c), 0, 0, false); });
        const Factor on_branch = branch(p, row);
        output_.for_each([&](int64_t i, int64_t j, int64_t c) {
          const size_t at = output_.place(p, row, i, j, c);
          if (row >= kSamples) {
            y.set(at, 0, 0, false);
            if (block_.grad_residual == Block::GradResidual::kWritten) side.set(at, 0, 0, false);
            return;
          }
          const Value v = normed(p, row, i, j, c);
          const Factor mask = masks_(p, row, i, j, c);
          has_unclear = has_unclear || mask.unclear;
          double sum = v.value, error = v.error;
          if (block_.residual) {
            sum = on_branch.value * v.value + static_cast<double>(residual_values_[at]);
            error = on_branch.value * v.error + std::abs(v.value) * on_branch.error +
                    kU * (std::abs(on_branch.value * v.value) + std::abs(sum));
          }
          const double slope = block_.pools || sum == 0 ? 1 : masks_.relu(sum, p, row, i, j, c) / sum;
          const double kept = slope * sum, slope_error = slope < 1 ? 4 * kU * slope : 0;
          y.set(at, kept * mask.value,
                1.01 * ((slope * error + slope_error * std::abs(sum)) * std::abs(mask.value) +
                        std::abs(kept) * mask.error),
                mask.unclear);

          const double full = static_cast<double>(gradient_[at]) * mask.value;
          const bool at_kink = !block_.pools && std::abs(sum) <= 1.01 * error;
          const double g = slope * full;
          const double g_error =
              at_kink
                  ? 1.01 * std::abs(full)
                  : 1.01 * (std::abs(static_cast<double>(gradient_[at])) * mask.error + slope_error * std::abs(full));
          if (block_.grad_residual == Block::GradResidual::kWritten) side.set(at, g, g_error, mask.unclear);
          if (block_.grad_residual == Block::GradResidual::kAdded) {
            const double both = static_cast<double>(grad_residual_values_[at]) + g;
            side.set(at, both, g_error + kU * std::abs(both), mask.unclear);
          }
          const double sent = g * on_branch.value;
          const double sent_error =
              1.01 * (g_error * on_branch.value + std::abs(g) * on_branch.error + kU * std::abs(sent));
          back.set(v.from, sent, sent_error, mask.unclear);
          const int64_t tile = row / kRowsPerTile * blocks + c / tile_channels;
          const auto sum_at = static_cast<size_t>((p * tiles + tile) * 2 * tile_channels + c % tile_channels);
          const double input = static_cast<double>(in_[v.from]);
          // Each sum of at most n terms, in any order, rounds every term n times.
          const double roundings = kU * static_cast<double>(kRowsPerTile * output_.size.elements() + 2);
          total[sum_at] += sent;
          total_error[sum_at] += sent_error + roundings * std::abs(sent);
          total[sum_at + static_cast<size_t>(tile_channels)] += sent * input;
          total_error[sum_at + static_cast<size_t>(tile_channels)] +=
              (sent_error + roundings * std::abs(sent)) * std::abs(input);
        });
      }
    }
    y.compare(output);
    back.compare(grad_input);
    side.compare(grad_residual);
    if (!has_unclear) compare_sums(sums, tile_channels, total, total_error);
  }

  void compare_sums(const std::vector<T>& sums, int64_t tile_channels, const std::vector<double>& total,
                    const std::vector<double>& error) const {
    const int64_t width = case_.tiles().num_sums(), used = case_.folds_sums ? tile_channels : width;
    const int64_t count = static_cast<int64_t>(sums.size()) / width;
    std::vector<double> actual(total.size(), 0.0);
    for (int64_t which = 0; which < count; ++which) {
      for (int64_t k = 0; k < used; ++k) {
        actual[static_cast<size_t>(which * tile_channels + k % tile_channels)] +=
            static_cast<double>(sums[static_cast<size_t>(which * width + k)]);
      }
    }
    EXPECT_TRUE(test::all_near(actual, total, error));
  }

  Stream& stream_;
  Case case_;
  const test::Population& population_;
  Block block_;
  Frame input_, output_;
  Masks<T> masks_;
  std::vector<T> in_, gradient_, residual_values_, grad_residual_values_, maps_;
};

/// Images that need more than one step of a walk, of one pixel, with padding, and in blocks of channels.
std::vector<Case> cases_of(Device device) {
  std::vector<Case> cases{{{5, 3, 7}}, {{12, 13, 7}}, {{9, 9, 16}, ImageLayout::kChannelsLast, true}, {{1, 1, 3}}};
  if (has_channel_blocks(device)) {
    cases.push_back({{9, 9, 32}, ImageLayout::kChannelBlocks});
    cases.push_back({{2, 5, 48}, ImageLayout::kChannelBlocks, true});
  }
  return cases;
}

void check_masks(Stream& stream, const Configure& configure, const LayerMasks& masks = {kLayer, true, true}) {
  for (const Case& c : cases_of(stream.device())) {
    SCOPED_TRACE(::testing::Message() << c.size.height << " x " << c.size.width << " x " << c.size.channels
                                      << (c.layout == ImageLayout::kChannelsLast ? "" : " in blocks"));
    test::Population population(kNetworks, stream.device());
    for (int64_t p = 0; p < kNetworks; ++p) configure(population, p);
    check_bias_relu<float>(stream, c, population, masks);
    check_bias_relu<double>(stream, c, population, masks);
    NormPoolCheck<float>(stream, c, population, masks, Block{});
    NormPoolCheck<double>(stream, c, population, masks, Block{});
    if (c.size.height < 2) continue;
    NormPoolCheck<float>(stream, c, population, masks, Block{.pools = true});
    NormPoolCheck<double>(stream, c, population, masks, Block{.pools = true, .norm = true});
  }
}

void set_all(test::Population& population, int64_t p) {
  population.set(Technique::kDropout, p, 0.2);
  population.set(Technique::kGaussianDropout, p, 0.3);
  population.set(Technique::kSpatialDropout, p, 0.25);
  population.set(Technique::kDropblock, p, 0.3);
  population.set(Technique::kDropconnect, p, 0.2);
}

TEST_P(ImageMasksTest, AllOff) {
  check_masks(stream(), [](test::Population&, int64_t) {});
}

TEST_P(ImageMasksTest, Dropout) {
  check_masks(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kDropout, p, 0.3 * static_cast<double>((p + 1) % 3));  // 0.3, 0.6, 0
  });
}

TEST_P(ImageMasksTest, GaussianDropout) {
  check_masks(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kGaussianDropout, p, 0.4 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(ImageMasksTest, SpatialDropout) {
  check_masks(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kSpatialDropout, p, 0.3 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(ImageMasksTest, Dropblock) {
  check_masks(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kDropblock, p, 0.4 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(ImageMasksTest, EverythingAtOnce) {
  check_masks(stream(), set_all);
}

TEST_P(ImageMasksTest, RandomSlopes) {
  check_masks(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kRrelu, p, 0.3 * static_cast<double>((p + 1) % 3));
  });
}

TEST_P(ImageMasksTest, RandomSlopesUnderGaussianFactors) {
  check_masks(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kRrelu, p, 0.4);
    population.set(Technique::kGaussianDropout, p, 0.7);
  });
}

TEST_P(ImageMasksTest, RandomSlopesUnderEverything) {
  check_masks(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kRrelu, p, 0.4);
    set_all(population, p);
  });
}

// The slope of a network in an evaluation, with a norm before the ReLU and without.
TEST_P(ImageMasksTest, SlopesAreTheirMeanInEvaluation) {
  constexpr ImageSize kSize{3, 5, 8};
  const auto size = static_cast<size_t>(kNetworks * kRows * kSize.elements());
  const int64_t stride = kRows * kSize.elements();
  test::Population population(kNetworks, device());
  for (int64_t p = 0; p < kNetworks; ++p) population.set(Technique::kRrelu, p, 0.3 * static_cast<double>(p));
  const auto in = test::random_values<float>(size, 1);
  const test::GuardedArray<float> x(in, device()), bias(8 * kNetworks, 0.0f, device()), output(size, 7.0f, device());
  const test::GuardedArray<float> untouched(in, device());
  StepArgs step = population.upload(kRows, kRows);
  step.rrelu = step.techniques.row(Technique::kRrelu);
  step.techniques = {};
  NormPoolArgs<float> second;
  second.step = step;
  second.images = {kSize, ImageLayout::kChannelsLast, kRowsPerTile};
  second.relu = true;
  second.masks = {kLayer, true, true};
  second.x = {untouched.data(), stride};
  second.output = {output.data(), stride};
  norm_pool_forward(stream(), second);
  BiasReluArgs<float> first;
  first.step = step;
  first.images = second.images;
  first.masks = second.masks;
  first.x = {x.data(), stride};
  first.bias = {bias.data(), 8};
  bias_relu_forward(stream(), first);
  stream().synchronize();
  const std::vector<float> whole = x.values(), half = output.values();
  for (size_t i = 0; i < size; ++i) {
    const double value = static_cast<double>(in[i]), rrelu = 0.3 * static_cast<double>(i / static_cast<size_t>(stride));
    const double expected = value > 0 ? value : 11.0 / 16 * rrelu * value;
    const double error = 4 * test::kBothRoundings<float> * std::abs(value);
    ASSERT_NEAR(static_cast<double>(whole[i]), expected, error) << i;
    ASSERT_NEAR(static_cast<double>(half[i]), expected, error) << i;
  }
}

TEST_P(ImageMasksTest, NoneWhereTheLayerHasNone) {
  check_masks(stream(), set_all, {kLayer, false, false});
}

TEST_P(ImageMasksTest, StochasticDepthIsTheBranchsAlone) {
  using enum Block::GradResidual;
  for (const Case& c : cases_of(device())) {
    SCOPED_TRACE(::testing::Message() << c.size.height << " x " << c.size.width << " x " << c.size.channels
                                      << (c.layout == ImageLayout::kChannelsLast ? "" : " in blocks"));
    test::Population population(kNetworks, device());
    for (int64_t p = 0; p < kNetworks; ++p) {
      population.set(Technique::kStochasticDepth, p, 0.35 * static_cast<double>((p + 1) % 3));  // 0.35, 0.7, 0
    }
    for (const Block::GradResidual grad_residual : {kNone, kWritten, kAdded}) {
      const Block block{.norm = grad_residual != kWritten, .residual = true, .grad_residual = grad_residual};
      NormPoolCheck<float>(stream(), c, population, {kLayer, true, true}, block);
      NormPoolCheck<double>(stream(), c, population, {kLayer, true, true}, block);
    }
    NormPoolCheck<double>(stream(), c, population, {kLayer, true, true}, Block{});  // a layer without a residual
  }
}

TEST_P(ImageMasksTest, StochasticDepthBeforeMasks) {
  for (const Case& c : cases_of(device())) {
    test::Population population(kNetworks, device());
    for (int64_t p = 0; p < kNetworks; ++p) {
      set_all(population, p);
      population.set(Technique::kStochasticDepth, p, 0.4);
    }
    NormPoolCheck<double>(stream(), c, population, {kLayer, true, true},
                          {.norm = true, .residual = true, .grad_residual = Block::GradResidual::kAdded});
  }
}

// Images and their channels are independent; pixels of one are not, so that the share covered of each counts as one
// number, whose variance is at most p (1 - p). Five standard deviations.
TEST_P(ImageMasksTest, DropblockCoversItsShareOfThePixelsAndOfTheCorners) {
  const int kCount = emulates_gpu() ? 150 : 2500;
  constexpr ImageSize kSize{6, 5, 8};
  constexpr double kShare = 0.3;
  test::Population population(1, device());
  population.set(Technique::kDropblock, 0, kShare);
  const test::GuardedArray<float> x(static_cast<size_t>(kCount * kSize.elements()), 1.0f, device());
  const test::GuardedArray<float> bias(8, 0.0f, device());
  BiasReluArgs<float> args;
  args.step = population.upload(kCount, kCount);
  args.images = {kSize, ImageLayout::kChannelsLast, 16};
  args.masks = {kLayer, true, false};
  args.x = {x.data(), kCount * kSize.elements()};
  args.bias = {bias.data(), 8};
  bias_relu_forward(stream(), args);
  run_region_masks(stream(), args.step, args.images, args.masks, x, Frame{kSize, ImageLayout::kChannelsLast});
  stream().synchronize();
  const std::vector<float> out = x.values();
  const auto covered = [&](int64_t first, int64_t last) {  // of these pixels
    int64_t count = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      const int64_t pixel = static_cast<int64_t>(i) % kSize.elements() / kSize.channels;
      count += pixel >= first && pixel < last && out[i] == 0 ? 1 : 0;
    }
    return static_cast<double>(count) / static_cast<double>((last - first) * kSize.channels * kCount);
  };
  const double bound = 5 * std::sqrt(kShare * (1 - kShare) / static_cast<double>(kSize.channels * kCount));
  EXPECT_NEAR(covered(0, 30), kShare, bound);
  for (const int64_t pixel : {0, 4, 12, 25, 29}) EXPECT_NEAR(covered(pixel, pixel + 1), kShare, bound) << pixel;
  const float kept = *std::ranges::max_element(out);
  EXPECT_NEAR(static_cast<double>(kept), 1 / (1 - kShare), 1e-6);
}

}  // namespace
}  // namespace murmur::test::masks
