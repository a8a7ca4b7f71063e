// Tests of the tests: each of these generators has one fault, and the test that is made for it must see it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "bench/statistics/battery.hpp"
#include "bench/statistics/neighbour_tests.hpp"

namespace murmur::bench {
namespace {

/// Below what any family of up to 10,000 tests lets pass.
constexpr double kCaughtP = kLevel / 10'000;
constexpr int64_t kNumValues = 1'000'000;

struct Broken {
  std::string test;  // that must see it
  Case tested;
};

Quad<uint32_t> words(const Place& place) {
  return philox(kFeatures.position(place), make_site(Technique::kDropout, place.layer), 0, place.seed);
}

/// Fair masks at another place than the asked one.
template <class F>
Broken misplaced(std::string name, std::string test, F place_of) {
  return {std::move(test), Case{std::move(name), "", kFeatures, two_valued_law(0, 1, 0.5), 4, [=](const Place& place) {
                                  return each(words(place_of(place)), place,
                                              [](uint32_t word) { return uniform(word) > 0.5f ? 1.0f : 0.0f; });
                                }}};
}

/// f(word) that should be uniform.
template <class F>
Broken not_uniform(std::string name, std::string test, F f) {
  return {std::move(test), of_words(std::move(name), "", Technique::kDropout, kFeatures, uniform_law(0, 1), f)};
}

/// f(normals, place) that should be standard normal.
template <class F>
Broken not_normal(std::string name, std::string test, F f) {
  return {std::move(test), Case{std::move(name), "", kFeatures, normal_law(0, 1), 4,
                                [=](const Place& place) { return f(normal(words(place)), place); }}};
}

std::vector<Broken> misplaced_masks() {
  const auto without = [](auto change) {
    return [=](Place place) {
      change(place);
      return place;
    };
  };
  return {
      misplaced("ignores the item", "item: correlation", without([](Place& place) { place.item = 0; })),
      misplaced("ignores the layer", "layer: correlation", without([](Place& place) { place.layer = 0; })),
      misplaced("ignores the upper half of the seed", "seed: correlation",
                without([](Place& place) { place.seed &= 0xffffffff; })),
      misplaced("two networks share a mask", "network: correlation",
                without([](Place& place) { place.seed = (place.seed + 1) & ~uint64_t{1}; })),
      misplaced("two quads share a mask", "element: correlation", without([](Place& place) { place.quad &= ~1; })),
      misplaced("64 items share a mask", "item: sums", without([](Place& place) { place.item /= 64; })),
      // the last quad of an item is the first of the next one
      misplaced("items overlap", "spectrum", without([](Place& place) { place.quad -= place.item; })),
  };
}

std::vector<Broken> wrong_values() {
  return {
      {"moment 1", of_words("a probability that is 1 % off", "", Technique::kDropout, kFeatures,
                            two_valued_law(0, 1, keep_probability(0.3f)),
                            [](uint32_t word) { return uniform(word) > 0.303f ? 1.0f : 0.0f; })},
      not_uniform("half of the range", "Kolmogorov-Smirnov", [](uint32_t word) { return 0.5f * uniform(word); }),
      not_uniform("ten bits", "chi-square",
                  [](uint32_t word) { return (static_cast<float>(word >> 22) + 0.5f) * 0x1p-10f; }),
      not_uniform("too small by 1 %", "moment 1", [](uint32_t word) { return 0.99f * uniform(word); }),
      not_uniform(
          "not a number", "support",
          [](uint32_t word) { return word < (1u << 20) ? std::numeric_limits<float>::quiet_NaN() : uniform(word); }),
      {"support", of_words("a value between", "", Technique::kDropout, kFeatures, two_valued_law(0, 1, 0.5),
                           [](uint32_t word) { return word < (1u << 20) ? 0.5f : (word >> 31 != 0 ? 1.0f : 0.0f); })},
      {"chi-square", Case{"too even", "", kFeatures, uniform_law(0, 1), 4,
                          [](const Place& place) {
                            const auto first = static_cast<uint32_t>(4 * kFeatures.position(place));
                            Quad<float> x;
                            for (uint32_t i = 0; i < 4; ++i) x.v[i] = uniform((first + i) * 0x9E3779B9u);
                            return x;
                          }}},
  };
}

Quad<float> scaled(const Quad<float>& n, float factor) {
  return map(n, [=](float x) { return factor * x; });
}

std::vector<Broken> wrong_normals() {
  return {
      not_normal("variance 1 % off", "moment 2",
                 [](const Quad<float>& n, const Place&) { return scaled(n, std::sqrt(1.01f)); }),
      not_normal("cut at 4 deviations", "beyond 4 sd",
                 [](const Quad<float>& n, const Place&) {
                   return map(n, [](float x) { return std::clamp(x, -4.0f, 4.0f); });
                 }),
      not_normal(
          "skewed", "moment 3",
          [](const Quad<float>& n, const Place&) { return map(n, [](float x) { return x + 0.01f * (x * x - 1); }); }),
      not_normal(
          "heavy tails", "moment 4",
          [](const Quad<float>& n, const Place&) { return map(n, [](float x) { return x > 3 ? 1.2f * x : x; }); }),
      not_normal("a repeated lane", "lanes 2 and 3: correlation",
                 [](const Quad<float>& n, const Place&) {
                   return Quad<float>{n.v[0], n.v[1], n.v[2], n.v[2]};
                 }),
      not_normal("a repeated radius", "lanes 0 and 2: squares",
                 [](const Quad<float>&, const Place& place) {
                   const Quad<uint32_t> w = words(place);
                   return normal(Quad<uint32_t>{w.v[0], w.v[1], w.v[0], w.v[3]});
                 }),
      not_normal("an angle that is the radius", "lanes 0 and 1: grid",
                 [](const Quad<float>&, const Place& place) {
                   const Quad<uint32_t> w = words(place);
                   return normal(Quad<uint32_t>{w.v[0], w.v[0], w.v[2], w.v[2]});
                 }),
      // a correlation of 0.01 between any two networks
      not_normal("something in common", "network: sums",
                 [](const Quad<float>& n, Place place) {
                   place.seed = 7;
                   place.layer += 1000;
                   const Quad<float> common = normal(words(place));
                   return map(scaled(n, std::sqrt(0.99f)), scaled(common, 0.1f),
                              [](float x, float y) { return x + y; });
                 }),
      not_normal("a period", "spectrum, peak",
                 [](const Quad<float>& n, const Place& place) {
                   const float wave = std::sin(static_cast<float>(kFeatures.position(place) % 64) * 0.0981748f);
                   return map(n, [=](float x) { return x + 0.05f * wave; });
                 }),
  };
}

class BrokenGenerator : public ::testing::TestWithParam<Broken> {};

TEST_P(BrokenGenerator, IsSeen) {
  const Broken& broken = GetParam();
  BatteryOptions options;
  options.num_elements = kNumValues;
  const Subject subject = test_case(Group::kDistributions, broken.tested, options);
  const auto found = std::ranges::find(subject.outcomes, broken.test, &Outcome::test);
  ASSERT_NE(found, subject.outcomes.end());
  EXPECT_LT(found->p, kCaughtP) << found->statistic << " " << found->value << ", expected " << found->expected;
}

std::string test_name(const ::testing::TestParamInfo<Broken>& info) {
  std::string name = info.param.tested.name;
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Places, BrokenGenerator, ::testing::ValuesIn(misplaced_masks()), test_name);
INSTANTIATE_TEST_SUITE_P(Values, BrokenGenerator, ::testing::ValuesIn(wrong_values()), test_name);
INSTANTIATE_TEST_SUITE_P(Normals, BrokenGenerator, ::testing::ValuesIn(wrong_normals()), test_name);

TEST(BrokenTechnique, ThatSharesTheNumbersOfAnotherIsSeen) {
  const Case dropout = of_words("dropout", "", Technique::kDropout, kFeatures, two_valued_law(0, 1, 0.5),
                                [](uint32_t word) { return uniform(word) > 0.5f ? 1.0f : 0.0f; });
  const Case noise =
      of_normals("noise", "", Technique::kDropout, kFeatures, normal_law(0, 1), [](float n) { return n; });
  const std::vector<Outcome> outcomes = technique_tests(dropout, noise, 1, kNumValues);
  EXPECT_LT(std::ranges::min(outcomes, {}, &Outcome::p).p, kCaughtP);
}

}  // namespace
}  // namespace murmur::bench
