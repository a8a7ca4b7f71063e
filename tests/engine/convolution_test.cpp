// The library's convolution against the plain sum, in double.
#include "engine/convolution.hpp"

#include <gtest/gtest.h>

#include "engine/error.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"

namespace murmur {
namespace {

struct ShapeCase {
  const char* name;
  ConvolutionShape shape;
};

class ConvolutionTest : public ::testing::TestWithParam<ShapeCase> {
 protected:
  static constexpr int64_t kNetworks = 3;
  const ConvolutionShape& shape() const { return GetParam().shape; }
  int64_t weight_size() const { return shape().filters * shape().filter_size(); }

  /// Calls f(input index, weight index, output index) for every product of the convolution.
  template <class F>
  void for_each_product(const F& f) const {
    const ConvolutionShape& s = shape();
    for (int64_t n = 0; n < s.batch; ++n)
      for (int64_t oy = 0; oy < s.out_height(); ++oy)
        for (int64_t ox = 0; ox < s.out_width(); ++ox)
          for (int64_t o = 0; o < s.filters; ++o)
            for (int64_t ky = 0; ky < s.kernel; ++ky)
              for (int64_t kx = 0; kx < s.kernel; ++kx) {
                const int64_t y = oy * s.stride + ky - s.padding, x = ox * s.stride + kx - s.padding;
                if (y < 0 || y >= s.height || x < 0 || x >= s.width) continue;
                for (int64_t c = 0; c < s.channels; ++c) {
                  f(((n * s.height + y) * s.width + x) * s.channels + c,
                    ((o * s.kernel + ky) * s.kernel + kx) * s.channels + c,
                    ((n * s.out_height() + oy) * s.out_width() + ox) * s.filters + o);
                }
              }
  }
};

INSTANTIATE_TEST_SUITE_P(Shapes, ConvolutionTest,
                         ::testing::Values(ShapeCase{"first", {3, 8, 8, 3, 32, 3, 1, 1}},
                                           ShapeCase{"same", {2, 6, 5, 16, 32, 3, 1, 1}},
                                           ShapeCase{"grey", {5, 12, 12, 1, 6, 5, 1, 2}},
                                           ShapeCase{"valid", {3, 8, 8, 6, 16, 5, 1, 0}},
                                           ShapeCase{"stride", {1, 8, 8, 16, 20, 3, 2, 1}},
                                           ShapeCase{"pointwise", {4, 6, 6, 8, 4, 1, 2, 0}}),
                         [](const auto& test_info) { return test_info.param.name; });

// Each result is a sum of products below 1: n of them round by at most n u each, in whatever order: n^2 u. What is
// added to (a gradient below 1) is one more term.
TEST_P(ConvolutionTest, EqualsThePlainSum) {
  const std::unique_ptr<Stream> stream = make_stream(kCpu, 2);
  ASSERT_TRUE(has_library_convolution(kCpu, shape()));
  const auto inputs = static_cast<size_t>(shape().batch * shape().input_size());
  const auto outputs = static_cast<size_t>(shape().batch * shape().output_size());
  const auto weights = static_cast<size_t>(weight_size());
  const auto input = test::random_values<float>(kNetworks * inputs, 1);
  const auto weight = test::random_values<float>(kNetworks * weights, 2);
  const auto grad = test::random_values<float>(kNetworks * outputs, 3);
  const auto grad_weight = test::random_values<float>(kNetworks * weights, 4);
  std::vector<double> want_output(kNetworks * outputs), want_input(kNetworks * inputs);
  std::vector<double> want_weight(grad_weight.begin(), grad_weight.end());
  std::vector<double> terms(3);
  for (size_t p = 0; p < kNetworks; ++p) {
    for_each_product([&](int64_t i, int64_t w, int64_t o) {
      const size_t in = p * inputs + static_cast<size_t>(i), of = p * weights + static_cast<size_t>(w),
                   out = p * outputs + static_cast<size_t>(o);
      want_output[out] += static_cast<double>(input[in]) * static_cast<double>(weight[of]);
      want_input[in] += static_cast<double>(grad[out]) * static_cast<double>(weight[of]);
      want_weight[of] += static_cast<double>(grad[out]) * static_cast<double>(input[in]);
    });
  }
  test::GuardedArray<float> x(input, kCpu), w(weight, kCpu), y(kNetworks * outputs, 5.0f, kCpu);
  test::GuardedArray<float> dx(kNetworks * inputs, 5.0f, kCpu), dw(grad_weight, kCpu), dy(grad, kCpu);
  const auto args = [&](const auto& a, const auto& b, const auto& c) {
    return Convolution{kNetworks, shape(),       a.data(), static_cast<int64_t>(inputs),
                       b.data(),  weight_size(), c.data(), static_cast<int64_t>(outputs)};
  };
  convolution_forward(*stream, args(x, w, y));
  convolution_backward_input(*stream, args(dx, w, dy));
  convolution_backward_weight(*stream, args(x, dw, dy));
  const auto bound = [](double n) { return n * n * test::kBothRoundings<float>; };
  const auto near = [&](const test::GuardedArray<float>& actual, const std::vector<double>& expected, double n) {
    EXPECT_TRUE(test::all_near(actual.values(), expected, std::vector<double>(expected.size(), bound(n))));
    EXPECT_TRUE(actual.guards_intact());
  };
  near(y, want_output, static_cast<double>(shape().filter_size()));
  near(dx, want_input, static_cast<double>(shape().kernel * shape().kernel * shape().filters));
  near(dw, want_weight, static_cast<double>(shape().batch * shape().out_height() * shape().out_width()) + 1);
}

TEST(Convolution, RefusesWhatTheLibraryCannotDo) {
  const std::unique_ptr<Stream> stream = make_stream(kCpu, 1);
  const ConvolutionShape padded_samples{2, 5, 5, 1, 4, 3, 1, 1};
  EXPECT_FALSE(has_library_convolution(kCpu, padded_samples));
  EXPECT_THROW(convolution_forward(*stream, {1, padded_samples}), InvalidArgument);
  EXPECT_THROW(convolution_forward(*stream, {1, {2, 2, 2, 4, 4, 3, 1, 0}}), ShapeError);  // nothing left
  EXPECT_THROW(convolution_forward(*stream, {0, {2, 4, 4, 4, 4, 3, 1, 1}}), ShapeError);
}

}  // namespace
}  // namespace murmur
