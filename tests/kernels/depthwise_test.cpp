// A depthwise convolution against its formula, strides, padding and odd sizes included.
#include "murmur/kernels/depthwise.hpp"

#include <gtest/gtest.h>

#include "murmur/engine/quad.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"

namespace murmur {
namespace {

class DepthwiseTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(DepthwiseTest);

// Sums of at most 25 products below 1: 25^2 u.
TEST_P(DepthwiseTest, IsItsFormula) {
  for (const ConvolutionShape& s :
       {ConvolutionShape{1, 1, 1, 1, 1, 1, 1, 0}, ConvolutionShape{3, 7, 5, 3, 3, 3, 2, 1},
        ConvolutionShape{2, 6, 9, 70, 70, 5, 1, 2}, ConvolutionShape{2, 5, 5, 4, 4, 2, 1, 0}}) {
    for (const int64_t networks : {1, 3}) {
      SCOPED_TRACE(::testing::Message() << s.channels << " channels, P = " << networks);
      const auto random = [&](int64_t size, uint64_t seed) {
        return Tensor::from<double>(test::random_values<double>(static_cast<size_t>(networks * size), seed),
                                    {networks, size}, device());
      };
      const int64_t in_stride = 4 * num_quads(s.input_size()), out_stride = 4 * num_quads(s.output_size());
      const Tensor x = random(s.batch * in_stride, 1), weight = random(s.channels * s.kernel * s.kernel, 2);
      const Tensor output = random(s.batch * out_stride, 3);  // what is padding stays
      std::vector<double> expected = output.to_vector<double>();
      depthwise_forward(stream(), DepthwiseArgs<double>{networks,
                                                        s,
                                                        {x.data<double>(), x.network_stride()},
                                                        {weight.data<double>(), weight.network_stride()},
                                                        {output.data<double>(), output.network_stride()}});
      stream().synchronize();
      const std::vector<double> in = x.to_vector<double>(), w = weight.to_vector<double>();
      for (int64_t image = 0; image < networks * s.batch; ++image) {
        for (int64_t e = 0; e < s.output_size(); ++e) {
          const int64_t channel = e % s.channels, out_x = e / s.channels % s.out_width(),
                        out_y = e / s.channels / s.out_width();
          const int64_t filter = image / s.batch * s.channels + channel;
          double sum = 0;
          for (int64_t tap = 0; tap < s.kernel * s.kernel; ++tap) {
            const int64_t y = out_y * s.stride - s.padding + tap / s.kernel;
            const int64_t column = out_x * s.stride - s.padding + tap % s.kernel;
            if (y < 0 || y >= s.height || column < 0 || column >= s.width) continue;
            sum += w[static_cast<size_t>(filter * s.kernel * s.kernel + tap)] *
                   in[static_cast<size_t>(image * in_stride + (y * s.width + column) * s.channels + channel)];
          }
          expected[static_cast<size_t>(image * out_stride + e)] = sum;
        }
      }
      EXPECT_TRUE(test::all_near(output.to_vector<double>(), expected, 25 * 25 * test::kRounding<double>));
    }
  }
}

}  // namespace
}  // namespace murmur
