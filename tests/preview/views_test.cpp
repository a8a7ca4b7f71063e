// The samples of a sheet: those that a training sees, bit for bit.
#include "murmur/preview/views.hpp"

#include <gmock/gmock.h>

#include "murmur/kernels/advance.hpp"
#include "tests/support/training.hpp"

namespace murmur {
namespace {

constexpr uint64_t kSeed = 7;
constexpr int64_t kEpochs = 3;

TrainerOptions options() {
  return test::small_options(kCpu, 1);
}

/// What the input kernel makes of all samples of an epoch, tick by tick as the trainer runs it from its first epoch on.
std::vector<View> seen_in_training(const TrainingData& data, const Setting& setting, int64_t epoch) {
  Subject subject(data, options());
  subject.set(setting);
  NetworkState state;
  state.seed = kSeed;
  state.status = NetworkStatus::kRunning;
  std::vector<View> views;
  for (; state.epoch <= epoch; ++state.epoch) {
    state.position = state.batch_count = 0;
    subject.set(state);
    while (state.position < data.training.count) {
      const Step step = subject.step();
      const Batch batch = input_batch(step, subject.source(), false);
      const std::vector<float> rows = batch.input.x.value().to_vector<float>();
      const std::vector<int32_t> labels = batch.targets.labels.to_vector<int32_t>();
      const std::vector<int32_t> second = batch.targets.second_labels.to_vector<int32_t>();
      const std::vector<float> shares = batch.targets.shares.to_vector<float>();
      const int64_t width = batch.input.x.value().size(2);
      for (int64_t row = 0; state.epoch == epoch && row < subject.micro_batch(); ++row) {
        const auto begin = rows.begin() + row * width;
        const auto place = static_cast<size_t>(row);
        const bool mixes = setting[Technique::kMixup] > 0 || setting[Technique::kCutmix] > 0;
        const double share = mixes ? static_cast<double>(shares[place]) : 1;
        views.push_back({{begin, begin + data.size.elements()}, labels[place], second[place], share});
      }
      advance(step.stream, step.args);
      state = subject.state();
    }
  }
  return views;
}

class EveryInputTechnique : public ::testing::TestWithParam<test::TechniqueCase> {};

TEST_P(EveryInputTechnique, IsSeenAsInATraining) {
  const Setting setting = GetParam().trial(kSeed).setting;
  for (const ImageSize& size : {ImageSize{5, 5, 1}, ImageSize{6, 7, 3}}) {
    const TrainingData data = test::small_data(kCpu, size);
    Viewer viewer(data, options(), kSeed, kEpochs);
    for (const int64_t epoch : {0, 2}) {
      const std::vector<View> expected = seen_in_training(data, setting, epoch);
      for (const int64_t position : {0, 1, 64, 130, 299}) {
        const View view = viewer.view(setting, position, epoch);
        EXPECT_EQ(view.pixels, expected[static_cast<size_t>(position)].pixels) << position;
        EXPECT_EQ(view.label, expected[static_cast<size_t>(position)].label) << position;
        EXPECT_EQ(view.share, expected[static_cast<size_t>(position)].share) << position;
        if (view.share < 1) {
          EXPECT_EQ(view.second_label, expected[static_cast<size_t>(position)].second_label) << position;
        }
      }
    }
  }
}

/// All that show in samples, alone and together, whichever there are.
std::vector<test::TechniqueCase> input_cases() {
  std::vector<test::TechniqueCase> cases;
  test::TechniqueCase all{"all", {}};
  for (const test::TechniqueCase& one : test::technique_cases()) {
    if (one.values.size() != 1 || !shows_in_samples(technique(one.values.front().first))) continue;
    cases.push_back(one);
    all.values.push_back(one.values.front());
  }
  cases.push_back(all);
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Table, EveryInputTechnique, ::testing::ValuesIn(input_cases()),
                         [](const auto& one) { return test::case_name(one.param); });

TEST(Views, OffIsTheOriginalByteForByte) {
  for (const ImageSize& size : {ImageSize{5, 5, 1}, ImageSize{6, 7, 3}}) {
    const TrainingData data = test::small_data(kCpu, size);
    const std::vector<uint8_t> images = data.train_images.to_vector<uint8_t>();
    const std::vector<uint8_t> labels = data.train_labels.to_vector<uint8_t>();
    Viewer viewer(data, options(), kSeed, kEpochs);
    for (const int64_t position : {0, 17, 299}) {
      const View view = viewer.view(Setting(), position, 3);
      const auto begin = images.begin() + position * size.elements();
      EXPECT_EQ(to_bytes(view.pixels), std::vector<uint8_t>(begin, begin + size.elements()));
      EXPECT_EQ(view.label, labels[static_cast<size_t>(position)]);
    }
  }
}

TEST(Views, BytesAreCutOffAtBlackAndWhite) {
  EXPECT_THAT(to_bytes({-3.0f, 0.0f, 0.5f, 1.0f, 8.0f, std::numeric_limits<float>::quiet_NaN(), 1 / 255.0f}),
              ::testing::ElementsAre(0, 0, 128, 255, 255, 0, 1));
}

TEST(Views, RefusesAMicroBatchThatIsNone) {
  for (const int64_t micro_batch : {0, 3, -4}) {
    TrainerOptions none = options();
    none.micro_batch = micro_batch;
    EXPECT_THROW(Viewer(test::small_data(kCpu), none, kSeed, kEpochs), InvalidArgument) << micro_batch;
  }
}

TEST(Views, RefusesSamplesThatAreNot) {
  const TrainingData data = test::small_data(kCpu);
  Viewer viewer(data, options(), kSeed, kEpochs);
  EXPECT_THROW(viewer.view(Setting(), -1, 0), InvalidArgument);
  EXPECT_THROW(viewer.view(Setting(), 300, 0), InvalidArgument);
  EXPECT_THROW(viewer.view(Setting(), 0, -1), InvalidArgument);
  std::vector<Column> columns = columns_of(Setting(), 1, kEpochs);
  EXPECT_THROW(look(viewer, columns, 301), InvalidArgument);
  EXPECT_THROW(look(viewer, columns, 0), InvalidArgument);
}

std::vector<Column> looked_at(Viewer& viewer, const Setting& setting, int64_t num_samples, int64_t num_draws) {
  std::vector<Column> columns = columns_of(setting, num_draws, kEpochs);
  look(viewer, columns, num_samples);
  return columns;
}

std::vector<std::string> headers(const std::vector<Column>& columns) {
  std::vector<std::string> result;
  for (const Column& column : columns) result.push_back(column.name + " " + column.value);
  return result;
}

Setting with(std::initializer_list<std::pair<Technique, double>> values) {
  Setting setting;
  for (const auto& [id, value] : values) setting.set(id, value);
  return setting;
}

TEST(Views, ColumnsAreTheOriginalEachAloneAndAllOfThem) {
  EXPECT_THAT(headers(columns_of(with({{Technique::kDropout, 0.5}}), 3, kEpochs)), ::testing::ElementsAre("original "));
  EXPECT_THAT(headers(columns_of(with({{Technique::kFlip, 2}}), 3, kEpochs)),
              ::testing::ElementsAre("original ", "flip horizontal", "flip horizontal", "flip horizontal"));
  const Setting several =
      with({{Technique::kRotation, 0.25}, {Technique::kInputNoise, 0.1}, {Technique::kDropout, 0.5}});
  EXPECT_THAT(headers(columns_of(several, 2, kEpochs)),
              ::testing::ElementsAre("original ", "rotation 0.25", "input_noise 0.1", "all of them epoch 1",
                                     "all of them epoch 2"));
}

TEST(Views, SchedulesActAsInATrainingOfSoManyEpochs) {
  Viewer viewer(test::small_data(kCpu), options(), kSeed, kEpochs);
  const auto noise = [](float value, const char* schedule) {
    Setting setting = with({{Technique::kInputNoise, static_cast<double>(value)}});
    if (*schedule != 0) setting.set_schedule(Technique::kInputNoise, parse_noise_schedule(schedule));
    return setting;
  };
  // Sample 130 of the third epoch is in the update that begins with sample 128: 728 of 900 are done.
  const float left = 1.0f + (0.0f - 1.0f) * (728.0f * (1.0f / 900.0f));
  EXPECT_EQ(viewer.view(noise(0.5f, "linear:1:0"), 130, 2).pixels, viewer.view(noise(0.5f * left, ""), 130, 2).pixels);
  EXPECT_EQ(viewer.view(noise(0.5f, "early:0.5"), 130, 0).pixels, viewer.view(noise(0.5f, ""), 130, 0).pixels);
  EXPECT_EQ(viewer.view(noise(0.5f, "early:0.5"), 130, 2).pixels, viewer.view(Setting(), 130, 2).pixels);
  EXPECT_THAT(headers(columns_of(noise(0.5f, "early:0.5"), 2, 10)),
              ::testing::ElementsAre("original ", "input_noise 0.5@early:0.5", "input_noise 0.5@early:0.5"));
  EXPECT_EQ(columns_of(noise(0.5f, ""), 2, 10).back().epoch, 5);
}

/// A batch of another size has other updates, and so other factors.
TEST(Views, ContrastOfABatchKnowsItsSize) {
  TrainerOptions per_batch = options();
  per_batch.definitions.contrast_per = ContrastPer::kBatch;
  Viewer viewer(test::small_data(kCpu), per_batch, kSeed, kEpochs);
  const auto pixels = [&](double batch_size) {
    const Setting setting = with({{Technique::kContrast, 0.5}, {Technique::kBatchSize, batch_size}});
    return columns_of(setting, 1, kEpochs).at(1).setting[Technique::kBatchSize] == batch_size
               ? viewer.view(setting, 200, 0).pixels
               : std::vector<float>();
  };
  EXPECT_EQ(pixels(64), viewer.view(with({{Technique::kContrast, 0.5}, {Technique::kBatchSize, 70}}), 200, 0).pixels);
  EXPECT_NE(pixels(64), pixels(128));
}

TEST(Views, DrawsDifferAndAreOfTheirSample) {
  const TrainingData data = test::small_data(kCpu);
  const std::vector<uint8_t> labels = data.train_labels.to_vector<uint8_t>();
  Viewer viewer(data, options(), kSeed, kEpochs);
  const std::vector<Column> columns = looked_at(viewer, with({{Technique::kInputNoise, 0.5}}), 4, 3);
  for (const Column& column : columns) {
    ASSERT_EQ(column.views.size(), 4u);
    for (size_t row = 0; row < 4; ++row) EXPECT_EQ(column.views[row].label, labels[75 * row]);
  }
  for (size_t a = 0; a < columns.size(); ++a) {
    for (size_t b = 0; b < a; ++b) EXPECT_NE(columns[a].views[0].pixels, columns[b].views[0].pixels);
  }
}

TEST(Views, ShuffleMovesSamplesOnlyAlone) {
  Viewer viewer(test::small_data(kCpu), options(), kSeed, kEpochs);
  const Setting setting = with({{Technique::kShuffle, 1}, {Technique::kContrast, 0.5}});
  const std::vector<Column> columns = looked_at(viewer, setting, 20, 1);
  ASSERT_THAT(headers(columns),
              ::testing::ElementsAre("original ", "shuffle on", "contrast 0.5", "all of them epoch 1"));
  int64_t num_moved = 0;
  for (size_t row = 0; row < 20; ++row) {
    num_moved += columns[1].views[row].pixels != columns[0].views[row].pixels ? 1 : 0;
    EXPECT_EQ(columns[3].views[row].pixels, columns[2].views[row].pixels);
  }
  EXPECT_GE(num_moved, 18);
}

}  // namespace
}  // namespace murmur
