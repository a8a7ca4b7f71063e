// Orthogonal kernels: what comes out is orthonormal, and is what Gram and Schmidt make of what was there.
#include "murmur/kernels/initialize.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"

namespace murmur {
namespace {

class OrthogonalizeTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(OrthogonalizeTest);

struct Shape2 {
  int64_t rows, columns;
  int64_t size() const { return rows * columns; }
};

/// The vectors that are to be orthonormal: the rows of a kernel, or its columns where those are fewer.
template <class T>
std::vector<std::vector<double>> vectors_of(const T* kernel, const Shape2& shape) {
  const bool by_rows = shape.rows <= shape.columns;
  std::vector<std::vector<double>> vectors;
  for (int64_t i = 0; i < std::min(shape.rows, shape.columns); ++i) {
    std::vector<double>& vector = vectors.emplace_back();
    for (int64_t k = 0; k < std::max(shape.rows, shape.columns); ++k) {
      vector.push_back(static_cast<double>(kernel[by_rows ? i * shape.columns + k : k * shape.columns + i]));
    }
  }
  return vectors;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

// The second pass finds vectors that are orthogonal up to what the first one has rounded, so that its projections are
// small. Each of its subtractions rounds the vector by u of its length at most, and the scale with its product by 2 u:
// two vectors have a product of at most (n + 2) u, and a square is off by 4 u. Twice that leaves room for products of
// errors. (Products are summed in double; for doubles their own roundings, of `size` terms, come on top.)
template <class T>
double orthogonality_bound(const Shape2& shape) {
  const auto count = static_cast<double>(std::min(shape.rows, shape.columns));
  const auto size = static_cast<double>(std::max(shape.rows, shape.columns));
  return 2 * (count + 5) * test::kRounding<T> + 2 * size * test::kRounding<double>;
}

/// `before` and `after`: one network's kernel.
template <class T>
void expect_orthonormal(const T* before, const T* after, const Shape2& shape) {
  const auto start = vectors_of(before, shape), q = vectors_of(after, shape);
  const double bound = orthogonality_bound<T>(shape);
  for (size_t i = 0; i < q.size(); ++i) {
    for (size_t j = 0; j <= i; ++j) ASSERT_NEAR(dot(q[i], q[j]), i == j ? 1 : 0, bound) << i << " " << j;
    // Gram and Schmidt's vector is the one that the first i vectors span together with those before it, and points its
    // way. Each of 2 i subtractions and the scale round by 2 u of the length at most; the first i are orthonormal up to
    // the bound.
    std::vector<double> rest = start[i];
    const double length = std::sqrt(dot(rest, rest));
    for (size_t j = 0; j <= i; ++j) {
      const double projection = dot(start[i], q[j]);
      for (size_t k = 0; k < rest.size(); ++k) rest[k] -= projection * q[j][k];
      if (j == i) {
        ASSERT_GT(projection, 0) << i;
      }
    }
    const auto count = static_cast<double>(i + 1);
    ASSERT_LE(std::sqrt(dot(rest, rest)), length * (2 * (4 * count + 2) * test::kRounding<T> + count * bound)) << i;
  }
}

template <class T>
void check_initialization(Stream& stream, const Shape2& shape, const std::vector<T>& values, int64_t stride) {
  SCOPED_TRACE(::testing::Message() << shape.rows << " x " << shape.columns);
  const std::vector<uint8_t> chosen{1, 0, 1};
  const test::GuardedArray<T> weight(values, stream.device());
  const test::GuardedArray<uint8_t> selected(chosen, stream.device());
  orthogonalize(stream, OrthogonalizeArgs<T>{3, shape.rows, shape.columns, {weight.data(), stride}, selected.data()});
  stream.synchronize();
  const std::vector<T> actual = weight.values();
  EXPECT_TRUE(weight.guards_intact());
  for (int64_t p = 0; p < 3; ++p) {
    const T* const before = values.data() + p * stride;
    const T* const after = actual.data() + p * stride;
    const int64_t untouched = chosen[static_cast<size_t>(p)] != 0 ? shape.size() : 0;  // what lies behind too
    EXPECT_TRUE(test::same_bits(std::vector<T>(after + untouched, after + stride),
                                std::vector<T>(before + untouched, before + stride)));
    if (untouched > 0) expect_orthonormal(before, after, shape);
  }
}

template <class T>
void check_initializations(Stream& stream) {
  for (const Shape2& shape : {Shape2{1, 1}, Shape2{1, 7}, Shape2{7, 1}, Shape2{3, 5}, Shape2{5, 3}, Shape2{10, 50},
                              Shape2{50, 784}, Shape2{300, 20}, Shape2{64, 64}}) {
    const int64_t stride = (shape.size() + 3) / 4 * 4 + 8;
    check_initialization<T>(stream, shape, test::random_values<T>(static_cast<size_t>(3 * stride), 7), stride);
  }
}

TEST_P(OrthogonalizeTest, RowsOrColumnsAreOrthonormal) {
  check_initializations<float>(stream());
  check_initializations<double>(stream());
}

// Of vectors that share all but a 500th of their length, one pass would leave products of 500 roundings and more.
TEST_P(OrthogonalizeTest, AlmostDependentVectorsToo) {
  for (const Shape2& shape : {Shape2{6, 40}, Shape2{40, 6}}) {
    const int64_t stride = shape.size();
    auto values = test::random_values<float>(static_cast<size_t>(3 * stride), 8);
    const auto common = test::random_values<float>(40, 9);
    for (size_t i = 0; i < values.size(); ++i) {
      const auto place = static_cast<int64_t>(i) % stride;
      const int64_t k = shape.rows <= shape.columns ? place % shape.columns : place / shape.columns;
      values[i] = common[static_cast<size_t>(k)] + 0.002f * values[i];
    }
    check_initialization<float>(stream(), shape, values, stride);
  }
}

}  // namespace
}  // namespace murmur
