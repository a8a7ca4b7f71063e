// The library's convolution against the plain sum, in double.
#include "murmur/engine/convolution.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <tuple>

#include "murmur/engine/error.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"

namespace murmur {
namespace {

struct ShapeCase {
  const char* name;
  ConvolutionShape shape;
};

constexpr ShapeCase kShapes[] = {{"first", {3, 8, 8, 3, 32, 3, 1, 1}},   {"same", {2, 6, 5, 16, 32, 3, 1, 1}},
                                 {"grey", {5, 12, 12, 1, 6, 5, 1, 2}},   {"valid", {3, 8, 8, 6, 16, 5, 1, 0}},
                                 {"stride", {1, 8, 8, 16, 20, 3, 2, 1}}, {"pointwise", {4, 6, 6, 8, 4, 1, 2, 0}}};

/// How gtest shows a parameter; found by argument-dependent lookup.
void PrintTo(const ShapeCase& shape_case, std::ostream* stream) {
  *stream << shape_case.name;
}

class ConvolutionTest : public ::testing::TestWithParam<std::tuple<Device, ShapeCase>> {
 protected:
  void SetUp() override {
    MURMUR_NEED_DEVICE(device());
    if (!has_library_convolution(device(), shape())) {
      GTEST_SKIP() << "this build has no library for " << device().name();
    }
    stream_ = make_stream(device(), 2);
  }

  Device device() const { return std::get<0>(GetParam()); }
  const ConvolutionShape& shape() const { return std::get<1>(GetParam()).shape; }
  Stream& stream() const { return *stream_; }

  /// Runs the three passes for P networks, by `run(passes)`, and compares what they leave.
  template <class F>
  void check(int64_t num_networks, const F& run) const;

 private:
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

  std::unique_ptr<Stream> stream_;
};

INSTANTIATE_TEST_SUITE_P(Shapes, ConvolutionTest,
                         ::testing::Combine(::testing::Values(kCpu, test::kGpu), ::testing::ValuesIn(kShapes)),
                         [](const auto& test_info) {
                           return test::test_name(std::get<0>(test_info.param)) + "_" +
                                  std::get<1>(test_info.param).name;
                         });

// Each result is a sum of products below 1: n of them round by at most n u each, in whatever order: n^2 u. What is
// added to (a gradient below 1) is one more term.
template <class F>
void ConvolutionTest::check(int64_t num_networks, const F& run) const {
  const auto networks = static_cast<size_t>(num_networks);
  const auto inputs = static_cast<size_t>(shape().batch * shape().input_size());
  const auto outputs = static_cast<size_t>(shape().batch * shape().output_size());
  const auto weights = static_cast<size_t>((shape().filters * shape().filter_size() + 3) / 4 * 4);  // whole quads
  const auto input = test::random_values<float>(networks * inputs, 1);
  const auto weight = test::random_values<float>(networks * weights, 2);
  const auto grad = test::random_values<float>(networks * outputs, 3);
  const auto grad_weight = test::random_values<float>(networks * weights, 4);
  std::vector<double> want_output(networks * outputs), want_input(networks * inputs);
  std::vector<double> want_weight(grad_weight.begin(), grad_weight.end());
  for (size_t p = 0; p < networks; ++p) {
    for_each_product([&](int64_t i, int64_t w, int64_t o) {
      const size_t in = p * inputs + static_cast<size_t>(i), of = p * weights + static_cast<size_t>(w),
                   out = p * outputs + static_cast<size_t>(o);
      want_output[out] += static_cast<double>(input[in]) * static_cast<double>(weight[of]);
      want_input[in] += static_cast<double>(grad[out]) * static_cast<double>(weight[of]);
      want_weight[of] += static_cast<double>(grad[out]) * static_cast<double>(input[in]);
    });
  }
  test::GuardedArray<float> x(input, device()), w(weight, device()), y(networks * outputs, 5.0f, device());
  test::GuardedArray<float> dx(networks * inputs, 5.0f, device()), dw(grad_weight, device()), dy(grad, device());
  const auto args = [&](const auto& a, const auto& b, const auto& c) {
    return Convolution{num_networks, shape(),
                       a.data(),     static_cast<int64_t>(inputs),
                       b.data(),     static_cast<int64_t>(weights),
                       c.data(),     static_cast<int64_t>(outputs)};
  };
  run([&] {
    convolution_forward(stream(), args(x, w, y));
    convolution_backward_input(stream(), args(dx, w, dy));
    convolution_backward_weight(stream(), args(x, dw, dy));
  });
  stream().synchronize();
  const auto near = [](const test::GuardedArray<float>& actual, const std::vector<double>& expected, double n) {
    const std::vector<double> bound(expected.size(), n * n * test::kBothRoundings<float>);
    EXPECT_TRUE(test::all_near(actual.values(), expected, bound));
    EXPECT_TRUE(actual.guards_intact());
  };
  near(y, want_output, static_cast<double>(shape().filter_size()));
  near(dx, want_input, static_cast<double>(shape().kernel * shape().kernel * shape().filters));
  near(dw, want_weight, static_cast<double>(shape().batch * shape().out_height() * shape().out_width()) + 1);
}

// 1: no branches on a GPU; 3: fewer networks than branches; 11: more, and no multiple of them.
TEST_P(ConvolutionTest, EqualsThePlainSum) {
  for (const int64_t networks : {1, 3, 11}) {
    SCOPED_TRACE(networks);
    check(networks, [](const auto& passes) { passes(); });
  }
}

TEST_P(ConvolutionTest, EqualsThePlainSumInAGraph) {
  for (const int64_t networks : {1, 3, 11}) {
    SCOPED_TRACE(networks);
    using enum ConvolutionPass;
    for (const ConvolutionPass pass : {kForward, kBackwardInput, kBackwardWeight}) {
      ASSERT_TRUE(plan_convolution(stream(), pass, {networks, shape()})) << name(pass);
    }
    check(networks, [&](const auto& passes) {
      stream().begin_capture();
      passes();
      const std::unique_ptr<Graph> graph = stream().end_capture();
      graph->launch(1);
      stream().synchronize();
    });
  }
}

class ConvolutionLimits : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(ConvolutionLimits);

TEST_P(ConvolutionLimits, RefusesWhatTheLibraryCannotDo) {
  const ConvolutionShape padded_samples{2, 5, 5, 1, 4, 3, 1, 1};
  EXPECT_FALSE(has_library_convolution(device(), padded_samples));
  EXPECT_FALSE(plan_convolution(stream(), ConvolutionPass::kForward, {1, padded_samples}));
  EXPECT_THROW(convolution_forward(stream(), {1, padded_samples}), InvalidArgument);
  const ConvolutionShape nothing_left{2, 2, 2, 4, 4, 3, 1, 0};
  EXPECT_THROW(convolution_forward(stream(), {1, nothing_left}), ShapeError);
  EXPECT_THROW(plan_convolution(stream(), ConvolutionPass::kForward, {1, nothing_left}), ShapeError);
  EXPECT_THROW(convolution_forward(stream(), {0, {2, 4, 4, 4, 4, 3, 1, 1}}), ShapeError);
}

// What a plan of cuDNN relies on.
TEST(ConvolutionOnAGpu, RefusesOperandsOffQuadsAndPlansInACapture) {
  MURMUR_NEED_DEVICE(test::kGpu);
  const ConvolutionShape shape{2, 4, 4, 4, 4, 3, 1, 1};
  if (!has_library_convolution(test::kGpu, shape)) GTEST_SKIP() << "this build has no cuDNN";
  const std::unique_ptr<Stream> stream = make_stream(test::kGpu);
  const Tensor memory = Tensor::zeros({1024}, DType::kF32, test::kGpu);
  Convolution args{1,  shape, memory.data<float>(), 128, memory.data<float>() + 256, 144, memory.data<float>() + 512,
                   128};
  stream->begin_capture();
  EXPECT_THROW(convolution_forward(*stream, args), Error);
  EXPECT_THROW(plan_convolution(*stream, ConvolutionPass::kForward, args), Error);
  stream->end_capture();
  EXPECT_NO_THROW(convolution_forward(*stream, args));
  args.weight += 1;
  EXPECT_THROW(convolution_forward(*stream, args), InvalidArgument);
  stream->synchronize();
}

}  // namespace
}  // namespace murmur
