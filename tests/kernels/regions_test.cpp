// What moves or replaces whole regions of an image, against a reference that takes the image itself from the kernel:
// with the geometry alone, which tests/techniques/geometry_test.cpp checks, of the sample and of the one that it is
// mixed with. Both are then cropped, mixed, stretched and cleared by the definitions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "tests/kernels/input_run.hpp"
#include "tests/kernels/region_reference.hpp"
#include "tests/support/devices.hpp"

namespace murmur::test::regions {
namespace {

class RegionsTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(RegionsTest);

constexpr int64_t kRegionRows = 24;
constexpr int64_t kRegionEpoch = 40;
constexpr int64_t kRegionFirst = 7;

/// One network of a population, with nothing but its geometry.
test::Population only_geometry(const test::Population& population, int64_t p, Device device) {
  test::Population result(1, device);
  result.states[0] = population.states[static_cast<size_t>(p)];
  for (const Technique id : {Technique::kFlip, Technique::kRotation, Technique::kZoom, Technique::kTranslation}) {
    result.set(id, 0, static_cast<double>(population.get(id, p)));
  }
  return result;
}

/// How many rows had what, so that no test passes without it.
struct Seen {
  int64_t mixed = 0, cut = 0, erased = 0, moved = 0;
};

template <class T>
class Check {
 public:
  Check(Stream& stream, const ImageSize& size, test::Population& population)
      : stream_(stream),
        population_(population),
        data_(test::InputData::random(size, kRegionFirst + kRegionEpoch + 2, kRegionFirst, kRegionEpoch)),
        actual_(test::run_input<T>(stream, population, data_, kRegionRows)) {}

  void run(Seen& seen) {
    for (int64_t p = 0; p < population_.num_networks(); ++p) network(p, seen);
  }

 private:
  const NetworkState& state(int64_t p) const { return population_.states[static_cast<size_t>(p)]; }
  int64_t num_rows(int64_t p) const { return std::min(kRegionRows, kRegionEpoch - state(p).position); }

  void network(int64_t p, Seen& seen) {
    SCOPED_TRACE(::testing::Message() << "network " << p << ", " << data_.size.height << " x " << data_.size.width
                                      << " x " << data_.size.channels);
    std::vector<Mix> mixes;
    test::InputData partners = data_;
    for (int64_t row = 0; row < num_rows(p); ++row) {
      mixes.push_back(mixing(Draw(population_, p, state(p).item + row), data_.size, kRegionEpoch));
      const int64_t elements = data_.size.elements();
      std::copy_n(data_.image(kRegionFirst + mixes.back().partner), elements,
                  partners.images.begin() + (kRegionFirst + state(p).position + row) * elements);
    }
    test::Population geometry = only_geometry(population_, p, stream_.device());
    const auto own = test::run_input<T>(stream_, geometry, data_, kRegionRows);
    const auto other = test::run_input<T>(stream_, geometry, partners, kRegionRows);
    for (int64_t row = 0; row < kRegionRows; ++row) {
      SCOPED_TRACE(::testing::Message() << "row " << row);
      if (row < num_rows(p)) {
        sample(p, row, mixes[static_cast<size_t>(row)], own.row(0, row), other.row(0, row), seen);
      } else {
        EXPECT_EQ(actual_.row(p, row), std::vector<double>(static_cast<size_t>(data_.size.elements()), 0.0));
        EXPECT_EQ(actual_.targets[actual_.place(p, row)], -1);
      }
    }
  }

  void sample(int64_t p, int64_t row, const Mix& mix, std::vector<double> own, std::vector<double> other, Seen& seen) {
    const Draw draw(population_, p, state(p).item + row);
    const std::vector<double> before = own;
    Picture picture = cropped(draw, {data_.size, std::move(own)});
    seen.moved += picture.value != before ? 1 : 0;
    if (mix.on) mix_in<T>(mix, cropped(draw, {data_.size, std::move(other)}), picture);
    stretch<T>(draw, picture);
    const Rectangle hole = cutout(draw, data_.size), hidden = erased(draw, data_.size);
    seen.erased += hidden.area(data_.size) > 0 ? 1 : 0;
    picture.for_each([&](int64_t x, int64_t y, size_t at, int64_t) {
      if (!hole.holds(x, y) && !hidden.holds(x, y)) return;
      picture.value[at] = picture.error[at] = 0;
    });
    EXPECT_TRUE(test::all_near(actual_.row(p, row), picture.value, picture.error));
    targets(draw, p, row, mix);
    if (!mix.on) return;
    const bool cuts = mix.share.value == 1;
    seen.cut += cuts && mix.box.area(data_.size) > 0 ? 1 : 0;
    seen.mixed += cuts ? 0 : 1;
  }

  void targets(const Draw& draw, int64_t p, int64_t row, const Mix& mix) const {
    const size_t place = actual_.place(p, row);
    EXPECT_EQ(actual_.targets[place],
              lasting_label(draw, data_, state(p).seed, kRegionFirst + state(p).position + row));
    if (!mix.on) return;
    // The loss reads the shares of all samples of a network that mixes: those of an empty box, too, are whole.
    EXPECT_NEAR(static_cast<double>(actual_.shares[place]), mix.target_share.value, mix.target_share.error);
    if (actual_.shares[place] == 1) return;  // also where the rest is below float's last place
    EXPECT_EQ(actual_.second_targets[place], lasting_label(draw, data_, state(p).seed, kRegionFirst + mix.partner));
  }

  Stream& stream_;
  test::Population& population_;
  test::InputData data_;
  test::InputResult<T> actual_;
};

using Configure = std::function<void(test::Population&, int64_t)>;

Seen check_regions(Stream& stream, const Configure& configure) {
  Seen seen;
  for (const ImageSize& size : {ImageSize{1, 1, 1}, ImageSize{5, 3, 3}, ImageSize{28, 28, 1}, ImageSize{20, 19, 3}}) {
    for (const int64_t networks : {1, 5}) {
      test::Population population(networks, stream.device());
      for (int64_t p = 0; p < networks; ++p) {
        population.states[static_cast<size_t>(p)].position = 6 * p;  // the last networks have rows without a sample
        configure(population, p);
      }
      Check<float>(stream, size, population).run(seen);
      Check<double>(stream, size, population).run(seen);
    }
  }
  return seen;
}

void set_geometry(test::Population& population, int64_t p) {
  population.set(Technique::kFlip, p, static_cast<double>(p % 4));
  population.set(Technique::kRotation, p, 0.1 * static_cast<double>(p % 3));
  population.set(Technique::kZoom, p, 0.2);
  population.set(Technique::kTranslation, p, 0.1);
}

/// With the technique alone, with the geometry, and with both and contrast.
Seen check_one(Stream& stream, const Configure& configure) {
  check_regions(stream, [&](test::Population& population, int64_t p) {
    configure(population, p);
    set_geometry(population, p);
  });
  check_regions(stream, [&](test::Population& population, int64_t p) {
    configure(population, p);
    set_geometry(population, p);
    population.set(Technique::kContrast, p, 0.4);
  });
  return check_regions(stream, configure);
}

TEST_P(RegionsTest, AllOffChangesNothing) {
  const Seen seen = check_one(stream(), [](test::Population&, int64_t) {});
  EXPECT_EQ(seen.mixed + seen.cut + seen.erased + seen.moved, 0);
}

TEST_P(RegionsTest, RandomCrop) {
  const Seen seen = check_one(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kRandomCrop, p, static_cast<double>((2 * p + 1) % 6));  // 1, 3, 5, 1, 3
  });
  EXPECT_GT(seen.moved, 100);
}

TEST_P(RegionsTest, Cutout) {
  check_one(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kCutout, p, std::vector<double>{4, 1, 3, 100, 0}[static_cast<size_t>(p)]);
  });
}

TEST_P(RegionsTest, RandomErasing) {
  const Seen seen = check_one(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kRandomErasing, p, 0.25 * static_cast<double>((p + 2) % 5));  // 0.5, 0.75, 1, 0, 0.25
  });
  EXPECT_GT(seen.erased, 100);
}

TEST_P(RegionsTest, Mixup) {
  const Seen seen = check_one(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kMixup, p, std::vector<double>{1, 0.3, 0, 0.02, 0.5}[static_cast<size_t>(p)]);
  });
  EXPECT_GT(seen.mixed, 100);
  EXPECT_EQ(seen.cut, 0);
}

TEST_P(RegionsTest, Cutmix) {
  const Seen seen = check_one(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kCutmix, p, std::vector<double>{1, 0.6, 0, 0.8, 0.5}[static_cast<size_t>(p)]);
  });
  EXPECT_GT(seen.cut, 100);
  EXPECT_EQ(seen.mixed, 0);
}

TEST_P(RegionsTest, EverythingAtOnce) {
  const Seen seen = check_one(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kRandomCrop, p, 2);
    population.set(Technique::kCutout, p, 4);
    population.set(Technique::kRandomErasing, p, 0.5);
    population.set(Technique::kMixup, p, 0.8);
    population.set(Technique::kCutmix, p, 0.8);
    population.set(Technique::kLabelNoise, p, 0.4);
  });
  EXPECT_GT(std::min({seen.mixed, seen.cut, seen.erased, seen.moved}), 100);
}

// The second label is the lasting one of the partner: DisturbLabel is for the sample's own.
TEST_P(RegionsTest, DisturbLabelLeavesTheSecondLabelAlone) {
  const auto data = test::InputData::random({2, 2, 1}, kRegionFirst + kRegionEpoch, kRegionFirst, kRegionEpoch);
  test::Population calm(3, device()), disturbed(3, device());
  for (int64_t p = 0; p < 3; ++p) {
    for (test::Population* population : {&calm, &disturbed}) population->set(Technique::kMixup, p, 1);
    disturbed.set(Technique::kDisturbLabel, p, 1);
  }
  const auto a = test::run_input<float>(stream(), calm, data, kRegionRows);
  const auto b = test::run_input<float>(stream(), disturbed, data, kRegionRows);
  EXPECT_EQ(a.second_targets, b.second_targets);
  EXPECT_NE(a.targets, b.targets);
}

}  // namespace
}  // namespace murmur::test::regions
