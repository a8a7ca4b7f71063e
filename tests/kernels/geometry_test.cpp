#include "murmur/techniques/noise/geometry.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "murmur/kernels/input.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/population.hpp"

namespace murmur {
namespace {

class GeometryTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(GeometryTest);

constexpr int64_t kNetworks = 3;
constexpr int64_t kRows = 36;
constexpr int64_t kImages = 40;

/// U[-range, range] of one word of an item.
double symmetric(const test::Population& population, int64_t p, Technique id, int64_t item, int word) {
  const test::Address address{population.states[static_cast<size_t>(p)].seed, id, 0};
  const double u = static_cast<double>(uniform(address.words(static_cast<uint64_t>(item), 1, 0).v[word]));
  return static_cast<double>(population.get(id, p)) * (2 * u - 1);
}

TEST(Quotient, IsExactUpToTheLargestImage) {
  const auto expect = [](int64_t n, int64_t d) {
    if (n < 0 || n >= kMaxElements) return;
    ASSERT_EQ(quotient(static_cast<int32_t>(n), static_cast<int32_t>(d)), n / d) << n << " / " << d;
  };
  for (int64_t d = 1; d < 70000; d = d < 300 ? d + 1 : d * 1021 / 1000) {
    // where it may go wrong: around multiples, the largest ones first
    for (int64_t multiple = kMaxElements / d * d, i = 0; i < 500; ++i, multiple -= d) {
      expect(multiple, d);
      expect(multiple - 1, d);
    }
  }
}

struct Point {
  double x, y;
};

/// Where an output pixel reads: one map after the other as the study has them, the last technique's first.
Point source(const test::Population& population, int64_t p, int64_t item, const ImageSize& size, Point point) {
  const double right = static_cast<double>(size.width - 1);
  const double bottom = static_cast<double>(size.height - 1);
  point.x -= symmetric(population, p, Technique::kTranslation, item, 0) * static_cast<double>(size.width);
  point.y -= symmetric(population, p, Technique::kTranslation, item, 1) * static_cast<double>(size.height);
  const double zx = 1 + symmetric(population, p, Technique::kZoom, item, 0);
  const double zy = 1 + symmetric(population, p, Technique::kZoom, item, 1);
  point = {zx * point.x + right / 2 * (1 - zx), zy * point.y + bottom / 2 * (1 - zy)};
  const double angle = 2 * M_PI * symmetric(population, p, Technique::kRotation, item, 0);
  const double c = std::cos(angle), s = std::sin(angle);
  const double xo = (right - (c * right - s * bottom)) / 2;
  const double yo = (bottom - (s * right + c * bottom)) / 2;
  point = {c * point.x - s * point.y + xo, s * point.x + c * point.y + yo};
  const float flip = population.get(Technique::kFlip, p);
  const test::Address address{population.states[static_cast<size_t>(p)].seed, Technique::kFlip, 0};
  const Quad<uint32_t> words = address.words(static_cast<uint64_t>(item), 1, 0);
  if ((flip == 1 || flip == 2) && uniform(words.v[0]) < 0.5f) point.x = right - point.x;
  if ((flip == 1 || flip == 3) && uniform(words.v[1]) < 0.5f) point.y = bottom - point.y;
  return point;
}

/// d c b a | a b c d | d c b a
int64_t mirrored(int64_t i, int64_t length) {
  while (i < 0 || i >= length) i = i < 0 ? -1 - i : 2 * length - 1 - i;
  return i;
}

double bilinear(const uint8_t* image, const ImageSize& size, int64_t channel, Point at) {
  const double x0 = std::floor(at.x), y0 = std::floor(at.y);
  const double a = at.x - x0, b = at.y - y0;
  const auto pixel = [&](int64_t dx, int64_t dy) {
    const int64_t x = mirrored(static_cast<int64_t>(x0) + dx, size.width);
    const int64_t y = mirrored(static_cast<int64_t>(y0) + dy, size.height);
    return image[(y * size.width + x) * size.channels + channel] / 255.0;
  };
  return (1 - b) * ((1 - a) * pixel(0, 0) + a * pixel(1, 0)) + b * ((1 - a) * pixel(0, 1) + a * pixel(1, 1));
}

struct Run {
  ImageSize size;
  bool paper = false;
  bool interpolates = true;  // else flips only: exact
};

/// What the reference expects of one row, in [0, 1], before contrast.
std::vector<double> resampled(const test::Population& population, int64_t p, int64_t item, const Run& run,
                              const uint8_t* image) {
  std::vector<double> result;
  for (int64_t y = 0; y < run.size.height; ++y) {
    for (int64_t x = 0; x < run.size.width; ++x) {
      const Point at = source(population, p, item, run.size, {static_cast<double>(x), static_cast<double>(y)});
      for (int64_t channel = 0; channel < run.size.channels; ++channel) {
        result.push_back(bilinear(image, run.size, channel, at));
      }
    }
  }
  return result;
}

void apply_contrast(const test::Population& population, int64_t p, int64_t item, const Run& run,
                    std::vector<double>& x) {
  if (!(population.get(Technique::kContrast, p) > 0)) return;
  const int64_t draw = run.paper ? population.states[static_cast<size_t>(p)].update : item;
  const double factor = 1 + symmetric(population, p, Technique::kContrast, draw, 0);
  const auto channels = static_cast<size_t>(run.size.channels);
  for (size_t channel = 0; channel < channels; ++channel) {
    double mean = 0;
    for (size_t i = channel; i < x.size(); i += channels) mean += x[i] / static_cast<double>(x.size() / channels);
    for (size_t i = channel; i < x.size(); i += channels) x[i] = std::clamp((x[i] - mean) * factor + mean, 0.0, 1.0);
  }
}

// The maps are composed in float: a coordinate is at most 3 (W + H) in size and goes through at most 12 roundings of
// 6e-8 and a sine of absolute error 1.1e-7 (+ 1.9e-7: half a step of the angle), so it is off by less than
// (12 x 6e-8 x 3 + 3e-7) (W + H) pixels; adjacent pixels differ by at most 1, along two axes. Contrast adds the
// rounding of the mean, of H W sums at most, and multiplies by at most 1.2.
template <class T>
void check(Stream& stream, const Run& run, test::Population& population) {
  const int64_t elements = run.size.height * run.size.width * run.size.channels;
  SCOPED_TRACE(::testing::Message() << run.size.height << " x " << run.size.width << " x " << run.size.channels);
  const int64_t padded = (elements + 3) / 4 * 4;
  const auto pixels = test::random_bytes(static_cast<size_t>(kImages * elements), 1);
  const test::GuardedArray<uint8_t> images(pixels, stream.device());
  const test::GuardedArray<uint8_t> labels(test::random_bytes(kImages, 2, 10), stream.device());
  const test::GuardedArray<T> output(static_cast<size_t>(kNetworks * kRows * padded), T{55}, stream.device());
  const test::GuardedArray<int32_t> targets(kNetworks * kRows, 0, stream.device());
  InputArgs<T> args;
  args.step = population.upload(kRows, kImages);
  args.step.definitions.contrast_per = run.paper ? ContrastPer::kBatch : ContrastPer::kImage;
  args.images = images.data();
  args.labels = labels.data();
  args.size = run.size;
  args.output = {output.data(), kRows * padded};
  args.targets = targets.data();
  input_forward(stream, args);
  stream.synchronize();
  const double extent = static_cast<double>(run.size.width + run.size.height);
  const double coordinate = run.interpolates ? (12 * 6e-8 * 3 + 3e-7) * extent : 0;
  const double bound = 1.2 * (2 * coordinate + 16 * 6e-8 + static_cast<double>(elements) * test::kBothRoundings<T>);
  const std::vector<T> actual = output.values();
  std::vector<double> expected(actual.size(), 55.0);  // padding: untouched
  for (int64_t p = 0; p < kNetworks; ++p) {
    for (int64_t row = 0; row < kRows; ++row) {
      const int64_t item = population.states[static_cast<size_t>(p)].item + row;
      std::vector<double> x = resampled(population, p, item, run, pixels.data() + row * elements);
      apply_contrast(population, p, item, run, x);
      std::ranges::copy(x, expected.begin() + (p * kRows + row) * padded);
    }
  }
  EXPECT_TRUE(test::all_near(actual, expected, std::vector<double>(expected.size(), bound)));
  EXPECT_TRUE(output.guards_intact());
}

void check_all(Stream& stream, bool interpolates, const std::function<void(test::Population&, int64_t)>& configure,
               bool paper = false) {
  constexpr ImageSize kSizes[] = {{1, 1, 1}, {3, 5, 1}, {28, 28, 1}, {7, 9, 3}, {32, 32, 3}, {41, 25, 1}};
  for (const ImageSize& size : kSizes) {
    test::Population population(kNetworks, stream.device());
    for (int64_t p = 0; p < kNetworks; ++p) configure(population, p);
    check<float>(stream, {size, paper, interpolates}, population);
    check<double>(stream, {size, paper, interpolates}, population);
  }
}

TEST_P(GeometryTest, FlipMirrorsAxesThatItsWordsChoose) {
  check_all(stream(), false, [](test::Population& population, int64_t p) {
    population.set(Technique::kFlip, p, static_cast<double>(p + 1));  // both, horizontal, vertical
  });
}

TEST_P(GeometryTest, Rotation) {
  check_all(stream(), true, [](test::Population& population, int64_t p) {
    population.set(Technique::kRotation, p, 0.1 * static_cast<double>(p));
  });
}

TEST_P(GeometryTest, Zoom) {
  check_all(stream(), true, [](test::Population& population, int64_t p) {
    population.set(Technique::kZoom, p, 0.1 * static_cast<double>(p));
  });
}

TEST_P(GeometryTest, Translation) {
  check_all(stream(), true, [](test::Population& population, int64_t p) {
    population.set(Technique::kTranslation, p, 0.1 * static_cast<double>(p));
  });
}

TEST_P(GeometryTest, ContrastPerImage) {
  check_all(stream(), false, [](test::Population& population, int64_t p) {
    population.set(Technique::kContrast, p, 0.1 * static_cast<double>(p));
  });
}

TEST_P(GeometryTest, ContrastPerBatchIsTheStudys) {
  check_all(
      stream(), false, [](test::Population& population, int64_t p) { population.set(Technique::kContrast, p, 0.2); },
      true);
}

TEST_P(GeometryTest, EverythingAtOnce) {
  check_all(stream(), true, [](test::Population& population, int64_t p) {
    population.set(Technique::kFlip, p, static_cast<double>(p + 1));
    population.set(Technique::kRotation, p, 0.2);
    population.set(Technique::kZoom, p, 0.15);
    population.set(Technique::kTranslation, p, 0.2);
    population.set(Technique::kContrast, p, 0.2);
  });
}

}  // namespace
}  // namespace murmur
