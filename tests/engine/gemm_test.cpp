#include "murmur/engine/gemm.hpp"

#include <gmock/gmock.h>

#include "murmur/engine/error.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"

namespace murmur {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class GemmTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(GemmTest);

struct Case {
  int64_t networks, m, n, k;
  bool transpose_a, transpose_b, beta;
};

std::string describe(const Case& c) {
  return (::testing::Message() << "P=" << c.networks << " m=" << c.m << " n=" << c.n << " k=" << c.k << " transpose_a="
                               << c.transpose_a << " transpose_b=" << c.transpose_b << " beta=" << c.beta)
      .GetString();
}

/// Rows that are longer than their columns, and gaps between networks.
struct Extent {
  int64_t rows, columns;
  int64_t leading() const { return columns + 3; }
  int64_t stride() const { return rows * leading() + 5; }
  size_t size(int64_t networks) const { return static_cast<size_t>(networks * stride()); }
};

// Whatever the order of summation: |error| <= (k + 1) u sum |a||b| + u |c| to first order (Higham 2002, 3.1), u of T;
// twice that covers the higher orders. The reference is in double (for double: long double).
template <class T>
void check(Stream& stream, const Case& c) {
  SCOPED_TRACE(describe(c));
  const Extent a = c.transpose_a ? Extent{c.k, c.m} : Extent{c.m, c.k};
  const Extent b = c.transpose_b ? Extent{c.n, c.k} : Extent{c.k, c.n};
  const Extent d{c.m, c.n};
  const auto a_values = test::random_values<T>(a.size(c.networks), 1);
  const auto b_values = test::random_values<T>(b.size(c.networks), 2);
  // With beta 0 the output is not read: it starts as NaN. Gaps hold values that must stay.
  auto c_values = test::random_values<T>(d.size(c.networks), 3);
  std::vector<double> expected(c_values.begin(), c_values.end());
  std::vector<double> tolerance(c_values.size(), 0.0);
  for (int64_t p = 0; p < c.networks; ++p) {
    for (int64_t i = 0; i < c.m; ++i) {
      for (int64_t j = 0; j < c.n; ++j) {
        const auto target = static_cast<size_t>(p * d.stride() + i * d.leading() + j);
        long double sum = c.beta ? c_values[target] : T{0};
        double magnitude = std::abs(static_cast<double>(sum));
        for (int64_t l = 0; l < c.k; ++l) {
          const int64_t at = c.transpose_a ? l * a.leading() + i : i * a.leading() + l;
          const int64_t bt = c.transpose_b ? j * b.leading() + l : l * b.leading() + j;
          const auto left = static_cast<long double>(a_values[static_cast<size_t>(p * a.stride() + at)]);
          const auto right = static_cast<long double>(b_values[static_cast<size_t>(p * b.stride() + bt)]);
          sum += left * right;
          magnitude += static_cast<double>(std::abs(left * right));
        }
        expected[target] = static_cast<double>(sum);
        tolerance[target] = 2 * static_cast<double>(c.k + 2) * test::kRounding<T> * magnitude;
        if (!c.beta) c_values[target] = std::numeric_limits<T>::quiet_NaN();
      }
    }
  }
  const test::GuardedArray<T> a_array(a_values, stream.device());
  const test::GuardedArray<T> b_array(b_values, stream.device());
  const test::GuardedArray<T> c_array(c_values, stream.device());
  Gemm<T> args;
  args.num_networks = c.networks;
  args.m = c.m;
  args.n = c.n;
  args.k = c.k;
  args.transpose_a = c.transpose_a;
  args.transpose_b = c.transpose_b;
  args.beta = c.beta ? T{1} : T{0};
  args.a = {a_array.data(), a.leading(), a.stride()};
  args.b = {b_array.data(), b.leading(), b.stride()};
  args.c = {c_array.data(), d.leading(), d.stride()};
  gemm(stream, args);
  stream.synchronize();
  EXPECT_TRUE(test::all_near(c_array.values(), expected, tolerance));
  EXPECT_TRUE(c_array.guards_intact());
  EXPECT_TRUE(test::same_bits(a_array.values(), a_values));
  EXPECT_TRUE(test::same_bits(b_array.values(), b_values));
}

template <class T>
void check_all(Stream& stream) {
  constexpr int64_t kSizes[][3] = {{1, 1, 1},     {1, 3, 50},   {3, 50, 1025}, {50, 1025, 3}, {1025, 3, 50},
                                   {1025, 50, 1}, {3, 1, 1025}, {50, 50, 50},  {1, 1025, 3},  {50, 1, 3}};
  for (const int64_t networks : {1, 5}) {
    for (const auto& size : kSizes) {
      for (int flags = 0; flags < 8; ++flags) {
        check<T>(stream, {networks, size[0], size[1], size[2], (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0});
      }
    }
  }
}

TEST_P(GemmTest, FloatIsWithinTheRoundingBound) {
  check_all<float>(stream());
}

TEST_P(GemmTest, DoubleIsWithinTheRoundingBound) {
  check_all<double>(stream());
}

TEST_P(GemmTest, NetworksTogetherAreEachAlone) {
  if (device().is_cuda()) GTEST_SKIP() << "cuBLAS may choose another kernel for another number of networks";
  constexpr int64_t kM = 50, kN = 36, kK = 785;
  const auto a = test::random_values<float>(5 * kM * kK, 1);
  const auto b = test::random_values<float>(5 * kK * kN, 2);
  const auto multiply = [&](int64_t first, int64_t networks) {
    std::vector<float> c(static_cast<size_t>(networks * kM * kN));
    Gemm<float> args;
    args.num_networks = networks;
    args.m = kM;
    args.n = kN;
    args.k = kK;
    args.a = {a.data() + first * kM * kK, kK, kM * kK};
    args.b = {b.data() + first * kK * kN, kN, kK * kN};
    args.c = {c.data(), kN, kM * kN};
    gemm(stream(), args);
    return c;
  };
  const std::vector<float> together = multiply(0, 5);
  for (int64_t p = 0; p < 5; ++p) {
    const std::vector<float> part(together.begin() + p * kM * kN, together.begin() + (p + 1) * kM * kN);
    EXPECT_TRUE(test::same_bits(multiply(p, 1), part));
  }
}

TEST_P(GemmTest, WrongArgumentsThrow) {
  const test::GuardedArray<float> array(64, 0.0f, device());
  Gemm<float> good;
  good.num_networks = 1;
  good.m = 2;
  good.n = 3;
  good.k = 4;
  good.a = {array.data(), 4, 8};
  good.b = {array.data(), 3, 12};
  good.c = {array.data() + 32, 3, 6};
  EXPECT_NO_THROW(gemm(stream(), good));
  const auto expect = [&](auto change, const char* message) {
    Gemm<float> bad = good;
    change(bad);
    EXPECT_THAT([&] { gemm(stream(), bad); }, ThrowsMessage<Error>(HasSubstr(message)));
  };
  expect([](auto& g) { g.m = 0; }, "expected P, m, n, k >= 1, got P=1, 0, 3, 4");
  expect([](auto& g) { g.num_networks = 0; }, "got P=0");
  expect([](auto& g) { g.beta = 0.5f; }, "expected beta 0 or 1, got 0.5");
  expect([](auto& g) { g.a.leading = 3; }, "expected a with rows of at least 4 elements, got a leading dimension of 3");
  expect([](auto& g) { g.transpose_b = true; }, "expected b with rows of at least 4");
  expect([](auto& g) { g.c.leading = 2; }, "expected c with rows of at least 3");
  expect([](auto& g) { g.c.data = nullptr; }, "expected c");
}

}  // namespace
}  // namespace murmur
