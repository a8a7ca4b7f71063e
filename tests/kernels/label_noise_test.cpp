// Noise on labels: which ones change, into what, and for how long.
#include <gtest/gtest.h>

#include <cmath>
#include <span>

#include "tests/kernels/input_run.hpp"
#include "tests/support/devices.hpp"

namespace murmur {
namespace {

class LabelNoiseTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(LabelNoiseTest);

// Sizes of the statistics; the emulation of a GPU is slow.
const int kSamples = emulates_gpu() ? 1500 : 60000;
constexpr int64_t kClasses = 10;

/// The share of 2^32 that lies below the word, in `count` equal parts.
int64_t part_of(uint32_t word, int64_t count) {
  return static_cast<int64_t>(std::floor(static_cast<double>(word) * 0x1p-32 * static_cast<double>(count)));
}

int32_t lasting(int32_t label, const NetworkState& state, float share, int64_t classes, int64_t sample) {
  const test::Address address{state.seed, Technique::kLabelNoise, 0};
  const Quad<uint32_t> words = address.words(static_cast<uint64_t>(sample), 1, 0);
  if (classes < 2 || !(share > 0) || uniform(words.v[0]) > share) return label;
  std::vector<int32_t> others;
  for (int32_t k = 0; k < classes; ++k) {
    if (k != label) others.push_back(k);
  }
  return others[static_cast<size_t>(part_of(words.v[1], classes - 1))];
}

int32_t disturbed(int32_t label, const NetworkState& state, float p, int64_t classes, int64_t item) {
  const test::Address address{state.seed, Technique::kDisturbLabel, 0};
  const Quad<uint32_t> words = address.words(static_cast<uint64_t>(item), 1, 0);
  if (!(p > 0) || uniform(words.v[0]) > p) return label;
  return static_cast<int32_t>(part_of(words.v[1], classes));
}

/// The labels by their addresses, exactly: the lasting one is the sample's of the data set, the other one the item's.
template <class Configure>
void check_label_noise(Stream& stream, Configure configure) {
  constexpr int64_t kRows = 100, kEpochSize = 150, kFirst = 11;
  for (const int64_t networks : {1, 5}) {
    for (const int64_t classes : {1, 2, 3, 10, 100}) {
      SCOPED_TRACE(::testing::Message() << "P=" << networks << " K=" << classes);
      const auto data = test::InputData::random({1, 1, 1}, kFirst + kEpochSize, kFirst, kEpochSize, classes);
      test::Population population(networks, stream.device());
      for (int64_t p = 0; p < networks; ++p) {
        population.states[static_cast<size_t>(p)].position = 20 * p;  // the last ones have rows without a sample
        configure(population, p);
      }
      const auto result = test::run_input<float>(stream, population, data, kRows);
      std::vector<int32_t> expected;
      for (int64_t p = 0; p < networks; ++p) {
        const NetworkState& state = population.states[static_cast<size_t>(p)];
        for (int64_t row = 0; row < kRows; ++row) {
          const int64_t sample = kFirst + state.position + row;
          if (state.position + row >= kEpochSize) {
            expected.push_back(-1);
            continue;
          }
          const int32_t label = lasting(data.labels[static_cast<size_t>(sample)], state,
                                        population.get(Technique::kLabelNoise, p), classes, sample);
          expected.push_back(
              disturbed(label, state, population.get(Technique::kDisturbLabel, p), classes, state.item + row));
        }
      }
      EXPECT_TRUE(test::same_bits(result.targets, expected));
    }
  }
}

TEST_P(LabelNoiseTest, LastingLabelsAreThoseOfTheirSamples) {
  check_label_noise(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kLabelNoise, p, 0.25 * static_cast<double>((p + 2) % 5));  // 0.5, .., 1, 0, 0.25
  });
}

TEST_P(LabelNoiseTest, DisturbedLabelsAreThoseOfTheirItems) {
  check_label_noise(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kDisturbLabel, p, 0.25 * static_cast<double>((p + 2) % 5));
  });
}

TEST_P(LabelNoiseTest, BothAtOnce) {
  check_label_noise(stream(), [](test::Population& population, int64_t p) {
    population.set(Technique::kLabelNoise, p, 0.5);
    population.set(Technique::kDisturbLabel, p, 0.5);
  });
}

/// The samples of shuffled epochs with the labels that they have in each, from a kernel that does not tell which sample
/// it has taken: the three bytes of a pixel are its number.
class Epochs {
 public:
  explicit Epochs(Stream& stream) : stream_(stream) {
    data_ = test::InputData::random({1, 1, 3}, kSamples, 0, kSamples, kClasses);
    for (int64_t i = 0; i < kSamples; ++i) {
      for (int64_t byte = 0; byte < 3; ++byte) {
        data_.images[static_cast<size_t>(3 * i + byte)] = static_cast<uint8_t>(i >> (8 * byte));
      }
    }
  }

  int32_t original(size_t sample) const { return data_.labels[sample]; }

  std::vector<int32_t> labels(Technique id, double value, int64_t epoch) const {
    test::Population population(1, stream_.device());
    population.set(Technique::kShuffle, 0, 1);
    population.set(id, 0, value);
    population.states[0].epoch = epoch;
    population.states[0].item = epoch * kSamples;
    population.states[0].update = epoch * 100;
    const auto result = test::run_input<float>(stream_, population, data_, kSamples);
    std::vector<int32_t> labels(static_cast<size_t>(kSamples), -1);
    for (int64_t row = 0; row < kSamples; ++row) {
      const std::vector<double> x = result.row(0, row);
      const double number = 255 * (x[0] + 256 * (x[1] + 256 * x[2]));
      labels[static_cast<size_t>(std::lround(number))] = result.targets[static_cast<size_t>(row)];
    }
    return labels;
  }

  /// How far labels have gone, in classes, from those of the data set: how often each distance is there.
  std::vector<int64_t> distances(const std::vector<int32_t>& labels) const {
    std::vector<int64_t> count(kClasses, 0);
    for (size_t i = 0; i < labels.size(); ++i) {
      ++count[static_cast<size_t>((labels[i] - original(i) + kClasses) % kClasses)];
    }
    return count;
  }

 private:
  Stream& stream_;
  test::InputData data_;
};

/// Five standard deviations of a binomial count: passed by one in 1.7 million.
double five_deviations(double q) {
  return 5 * std::sqrt(static_cast<double>(kSamples) * q * (1 - q));
}

/// Pearson's statistic of counts that should all be alike.
double chi_square(std::span<const int64_t> counts) {
  double total = 0, sum = 0;
  for (const int64_t count : counts) total += static_cast<double>(count);
  const double mean = total / static_cast<double>(counts.size());
  for (const int64_t count : counts) sum += std::pow(static_cast<double>(count) - mean, 2) / mean;
  return sum;
}

// With 2 k degrees of freedom P(X > x) = e^(-x / 2) (1 + x / 2 + ... + (x / 2)^(k - 1) / (k - 1)!): for k = 4, the 9
// other classes, P(X > 43) = 9e-7.
TEST_P(LabelNoiseTest, ItsShareOfTheLabelsIsAnotherOneInEveryEpoch) {
  const Epochs epochs(stream());
  for (const double share : {0.1, 0.4, 1.0}) {
    SCOPED_TRACE(share);
    const std::vector<int32_t> labels = epochs.labels(Technique::kLabelNoise, share, 0);
    EXPECT_EQ(epochs.labels(Technique::kLabelNoise, share, 1), labels);
    EXPECT_EQ(epochs.labels(Technique::kLabelNoise, share, 7), labels);
    const std::vector<int64_t> count = epochs.distances(labels);
    const auto changed = static_cast<double>(kSamples - count[0]);
    EXPECT_NEAR(changed, share * static_cast<double>(kSamples), five_deviations(share));
    EXPECT_LT(chi_square(std::span(count).subspan(1)), 43);
  }
}

// A draw hits the label itself in one of K. Two epochs are independent: both change a label with the square of the
// probability. 9 degrees of freedom need no more than 10 do: P(X > 45) = e^-22.5 (1 + ... + 22.5^4 / 24) = 2.2e-6.
TEST_P(LabelNoiseTest, DisturbLabelDrawsAnewEachTime) {
  const Epochs epochs(stream());
  constexpr double kProbability = 0.4;
  const std::vector<int32_t> first = epochs.labels(Technique::kDisturbLabel, kProbability, 0);
  const std::vector<int32_t> second = epochs.labels(Technique::kDisturbLabel, kProbability, 1);
  const double changed = kProbability * (1 - 1.0 / kClasses);
  int64_t both = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    both += first[i] != epochs.original(i) && second[i] != epochs.original(i) ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(both), changed * changed * static_cast<double>(kSamples),
              five_deviations(changed * changed));
  for (const std::vector<int32_t>& labels : {first, second}) {
    std::vector<int64_t> count = epochs.distances(labels);
    EXPECT_NEAR(static_cast<double>(kSamples - count[0]), changed * static_cast<double>(kSamples),
                five_deviations(changed));
    EXPECT_LT(chi_square(std::span(count).subspan(1)), 43);
  }
  // With probability 1 all classes are alike.
  EXPECT_LT(chi_square(epochs.distances(epochs.labels(Technique::kDisturbLabel, 1, 2))), 45);
}

}  // namespace
}  // namespace murmur
