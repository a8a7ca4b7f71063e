#include "murmur/engine/random/philox.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

// cuRAND's stateless Philox as host code. Only two of CUDA's vector types and the attributes are needed of the toolkit.
// tests/CMakeLists.txt adds the include path where a toolkit is installed.
#if __has_include(<curand_philox4x32_x.h>)
#define MURMUR_TEST_CURAND 1
#define __host__
#define __device__
#define QUALIFIERS [[maybe_unused]] static inline __host__ __device__
struct uint4 {
  unsigned int x, y, z, w;
};
struct uint2 {
  unsigned int x, y;
};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#include <curand_philox4x32_x.h>
#pragma GCC diagnostic pop
#endif

namespace murmur {
namespace {

using Words = std::array<uint32_t, 4>;

template <int kRounds>
Words run(const Words& counter, uint32_t key0, uint32_t key1) {
  const auto join = [](uint32_t low, uint32_t high) { return static_cast<uint64_t>(high) << 32 | low; };
  const Quad<uint32_t> words = philox<kRounds>(join(counter[0], counter[1]), counter[2], counter[3], join(key0, key1));
  return {words.v[0], words.v[1], words.v[2], words.v[3]};
}

constexpr uint32_t kOnes = 0xffffffffu;
constexpr Words kPi{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};

// Random123 1.14, tests/kat_vectors, "philox4x32 10".
TEST(Philox, KnownAnswersOfRandom123) {
  EXPECT_EQ(run<10>({0, 0, 0, 0}, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(run<10>({kOnes, kOnes, kOnes, kOnes}, kOnes, kOnes),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(run<10>(kPi, 0xa4093822, 0x299f31d0), (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// The same file, "philox4x32 7".
TEST(Philox, KnownAnswersOfSevenRounds) {
  EXPECT_EQ(run<7>({0, 0, 0, 0}, 0, 0), (Words{0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48}));
  EXPECT_EQ(run<7>({kOnes, kOnes, kOnes, kOnes}, kOnes, kOnes),
            (Words{0x5207ddc2, 0x45165e59, 0x4d8ee751, 0x8c52f662}));
  EXPECT_EQ(run<7>(kPi, 0xa4093822, 0x299f31d0), (Words{0x4dfccaba, 0x190a87f0, 0xc47362ba, 0xb6b5242a}));
}

TEST(Philox, EqualsCurandBitForBit) {
#if defined(MURMUR_TEST_CURAND)
  std::mt19937 generator(1);
  for (int i = 0; i < 100000; ++i) {
    const auto word = [&generator] { return static_cast<uint32_t>(generator()); };
    const Words counter{word(), word(), word(), word()};
    const uint2 key{word(), word()};
    const uint4 expected = curand_Philox4x32_10({counter[0], counter[1], counter[2], counter[3]}, key);
    ASSERT_EQ(run<10>(counter, key.x, key.y), (Words{expected.x, expected.y, expected.z, expected.w}));
  }
#else
  GTEST_SKIP() << "no CUDA toolkit: curand_philox4x32_x.h is not installed";
#endif
}

}  // namespace
}  // namespace murmur
