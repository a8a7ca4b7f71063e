// Layer norm against its formula: of features, and of images with a scale and shift a channel.
#include "murmur/kernels/layernorm.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "murmur/engine/quad.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"

namespace murmur {
namespace {

class LayernormTest : public test::DeviceTest {
 protected:
  Tensor random(const Shape& shape, uint64_t seed) const {
    const auto size = static_cast<size_t>(shape[0] * shape[1] * (shape.size() > 2 ? shape[2] : 1));
    return Tensor::from<double>(test::random_values<double>(size, seed), shape, device());
  }
};
MURMUR_ON_EVERY_DEVICE(LayernormTest);

TEST_P(LayernormTest, IsItsFormula) {
  struct Case {
    int64_t networks, rows, features, channels;
    bool images;
  };
  for (const Case& c : {Case{1, 4, 1, 1, false}, Case{5, 132, 10, 10, false}, Case{2, 12, 105, 3, true},
                        Case{3, 36, 700, 70, true}, Case{1, 4, 16, 16, true}}) {
    SCOPED_TRACE(::testing::Message() << c.features << " features, " << c.channels << " channels");
    const int64_t width = 4 * num_quads(c.features), vector = 4 * num_quads(c.channels);
    const Shape shape = c.images ? Shape{c.networks, c.rows, width} : Shape{c.networks, width, c.rows};
    const Tensor x = random(shape, 1), gamma = random({c.networks, vector}, 2), beta = random({c.networks, vector}, 3);
    const Tensor output = random(shape, 4);  // what is padding stays
    const Tensor saved = Tensor::zeros({c.networks, 2, c.rows}, DType::kF64, device());
    const auto view = [](const Tensor& t) { return PerNetwork<const double>{t.data<double>(), t.network_stride()}; };
    const auto target = [](const Tensor& t) { return PerNetwork<double>{t.data<double>(), t.network_stride()}; };
    std::vector<double> expected = output.to_vector<double>();
    layernorm_forward(stream(), LayernormArgs<double>{c.networks, c.rows, c.features, c.channels, c.images, view(x),
                                                      view(gamma), view(beta), target(output), target(saved)});
    stream().synchronize();
    const std::vector<double> in = x.to_vector<double>(), scale = gamma.to_vector<double>(),
                              shift = beta.to_vector<double>();
    const auto at = [&](int64_t p, int64_t row, int64_t f) {
      return static_cast<size_t>(c.images ? (p * c.rows + row) * width + f : (p * width + f) * c.rows + row);
    };
    for (int64_t p = 0; p < c.networks; ++p) {
      for (int64_t row = 0; row < c.rows; ++row) {
        const auto n = static_cast<double>(c.features);
        double mean = 0, variance = 0;
        for (int64_t f = 0; f < c.features; ++f) mean += in[at(p, row, f)] / n;
        for (int64_t f = 0; f < c.features; ++f) variance += std::pow(in[at(p, row, f)] - mean, 2) / n;
        for (int64_t f = 0; f < c.features; ++f) {
          const auto channel = static_cast<size_t>(p * vector + f % c.channels);
          expected[at(p, row, f)] =
              (in[at(p, row, f)] - mean) / std::sqrt(variance + 1e-5) * scale[channel] + shift[channel];
        }
      }
    }
    // Sums of 700 values below 1 round by at most 700^2 u = 5e-11; the deviation is 0.5, or for one value
    // sqrt(1e-5), where nothing is summed.
    EXPECT_TRUE(test::all_near(output.to_vector<double>(), expected, 1e-9));
  }
}

}  // namespace
}  // namespace murmur
