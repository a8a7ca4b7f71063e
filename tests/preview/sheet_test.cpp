// Panels of all techniques, and the sheet: every sample's pixel where it is said to be.
#include "murmur/preview/sheet.hpp"

#include <gmock/gmock.h>

#include <numeric>
#include <set>

#include "tests/support/training.hpp"

namespace murmur {
namespace {

constexpr uint64_t kSheetSeed = 5;

TrainingData sheet_data(const char* model) {
  const bool is_flat = std::string_view(model).starts_with("flatten");
  return is_flat ? test::small_data(kCpu) : test::small_data(kCpu, test::kSmallImage);
}

std::vector<Panel> panels_of(const char* model, const Setting& setting, const Definitions& definitions = {}) {
  TrainerOptions options = test::small_options(kCpu, 1);
  options.definitions = definitions;
  TickObserver observer(parse_model(model), sheet_data(model), options, kSheetSeed);
  return panels(observer, setting);
}

Setting with_values(std::initializer_list<std::pair<Technique, double>> values) {
  Setting setting;
  for (const auto& [id, value] : values) setting.set(id, value);
  return setting;
}

int64_t sum(const std::vector<int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

/// One of the three models has what it acts on.
TEST(Panels, EveryTechniqueOfTheirPlacesChangesSomething) {
  std::set<std::string> missing, found;
  for (const char* model : {test::kSmallModel, test::kSmallConvolution, test::kSmallResidual}) {
    for (const test::TechniqueCase& one : test::technique_cases()) {
      if (one.values.size() != 1) continue;
      const TechniqueInfo& info = technique(one.values.front().first);
      const std::vector<Panel> result = panels_of(model, with_values({one.values.front()}));
      ASSERT_EQ(result.size(), has_panel(info) ? 1u : 0u) << info.key;
      if (result.empty()) continue;
      const Panel& panel = result.front();
      EXPECT_EQ(panel.id, info.id);
      (panel.changes ? found : missing).insert(std::string(info.key));
      EXPECT_EQ(panel.before.count, panel.after.count);
      EXPECT_GT(panel.before.count, 0);
      const auto zeros = [](const Distribution& x) { return std::llround(x.zeros * static_cast<double>(x.count)); };
      EXPECT_EQ(sum(panel.histograms.before) + zeros(panel.before), panel.before.count);
      EXPECT_EQ(sum(panel.histograms.after) + zeros(panel.after) + panel.after.num_not_finite, panel.after.count);
    }
  }
  for (const std::string& key : found) missing.erase(key);
  EXPECT_THAT(missing, ::testing::IsEmpty());
  EXPECT_GE(found.size(), 10u);
}

TEST(Panels, AreInTheOrderOfTheTable) {
  const std::vector<Panel> result = panels_of(test::kSmallModel, with_values({{Technique::kGradientNoise, 0.1},
                                                                              {Technique::kDropout, 0.5},
                                                                              {Technique::kInputNoise, 0.5},
                                                                              {Technique::kOptimizer, 2},
                                                                              {Technique::kLossNoise, 0.5}}));
  ASSERT_EQ(result.size(), 3u);
  EXPECT_EQ(result[0].quantity, "output of linear10 dropout");
  EXPECT_EQ(result[0].value, "0.5");
  EXPECT_EQ(result[1].quantity, "loss factor of each sample");
  EXPECT_EQ(result[2].quantity, "gradient of linear1.weight");
  EXPECT_EQ(result[1].before.mean, 1);
  EXPECT_EQ(result[1].before.deviation, 0);
}

TEST(Panels, SayWhatATechniqueDoesNotTouch) {
  const std::vector<Panel> result = panels_of("flatten linear10 linear", with_values({{Technique::kDropout, 0.5}}));
  ASSERT_EQ(result.size(), 1u);
  EXPECT_FALSE(result[0].changes);
  EXPECT_EQ(result[0].quantity, "output of linear10");
  EXPECT_EQ(result[0].before.mean, result[0].after.mean);
}

TEST(Panels, FollowTheDefinitions) {
  const Setting setting = with_values({{Technique::kDropconnect, 0.5}});
  EXPECT_EQ(panels_of(test::kSmallModel, setting)[0].quantity, "linear1.weight");
  EXPECT_EQ(panels_of(test::kSmallModel, setting, Definitions::paper())[0].quantity, "the input");
}

SheetContents contents_of(const TrainingData& data, const Setting& setting, int64_t num_samples) {
  SheetContents contents{"a title", data.size, num_samples, columns_of(setting, 2, 2), {}};
  Viewer viewer(data, test::small_options(kCpu, 1), kSheetSeed, 2);
  look(viewer, contents.columns, num_samples);
  TickObserver observer(parse_model("flatten linear4 linear"), data, test::small_options(kCpu, 1), kSheetSeed);
  contents.panels = panels(observer, setting);
  return contents;
}

TEST(SheetTest, EveryPixelIsTheKernels) {
  for (const ImageSize& size : {ImageSize{5, 5, 1}, ImageSize{6, 7, 3}, ImageSize{4, 100, 1}}) {
    const SheetContents contents = contents_of(
        test::small_data(kCpu, size),
        with_values({{Technique::kRotation, 0.3}, {Technique::kInputNoise, 0.2}, {Technique::kGradientNoise, 0.1}}), 3);
    ASSERT_EQ(contents.columns.size(), 5u);
    ASSERT_EQ(contents.panels.size(), 1u);
    const Sheet sheet = draw_sheet(contents);
    EXPECT_EQ(sheet.scale, size.width == 100 ? 1 : size.width == 7 ? 12 : 17);
    ASSERT_EQ(sheet.places.size(), 15u);
    const size_t green = size.channels == 3 ? 1 : 0;
    for (size_t cell = 0; cell < sheet.places.size(); ++cell) {
      const Rectangle& place = sheet.places[cell];
      ASSERT_EQ(place.width, size.width * sheet.scale);
      ASSERT_EQ(place.height, size.height * sheet.scale);
      const std::vector<uint8_t> pixels = to_bytes(contents.columns[cell % 5].views[cell / 5].pixels);
      for (int64_t y = 0; y < place.height; ++y) {
        for (int64_t x = 0; x < place.width; ++x) {
          const int64_t pixel = y / sheet.scale * size.width + x / sheet.scale;
          const uint8_t* value = &pixels[static_cast<size_t>(pixel * size.channels)];
          ASSERT_EQ(sheet.canvas.at(place.x + x, place.y + y), (Colour{value[0], value[green], value[2 * green]}));
        }
      }
    }
  }
}

TEST(SheetTest, SamplesDoNotOverlapAndStayInside) {
  const Sheet sheet = draw_sheet(contents_of(test::small_data(kCpu), with_values({{Technique::kFlip, 1}}), 7));
  for (size_t a = 0; a < sheet.places.size(); ++a) {
    const Rectangle& place = sheet.places[a];
    EXPECT_GE(place.x, 0);
    EXPECT_GE(place.y, 3 * kLineHeight);
    EXPECT_LE(place.x + place.width, sheet.canvas.width());
    EXPECT_LE(place.y + place.height + kLineHeight, sheet.canvas.height());
    for (size_t b = 0; b < a; ++b) {
      const Rectangle& other = sheet.places[b];
      EXPECT_TRUE(other.x + other.width < place.x || place.x + place.width < other.x ||
                  other.y + other.height + kLineHeight <= place.y || place.y + place.height + kLineHeight <= other.y);
    }
  }
}

class RedLabels : public ::testing::TestWithParam<Technique> {};
INSTANTIATE_TEST_SUITE_P(Table, RedLabels, ::testing::Values(Technique::kLabelNoise, Technique::kDisturbLabel));

TEST_P(RedLabels, AreThoseThatAreNotTheSamplesOwn) {
  const SheetContents contents = contents_of(test::small_data(kCpu), with_values({{GetParam(), 0.5}}), 6);
  EXPECT_TRUE(contents.panels.empty());
  const Sheet sheet = draw_sheet(contents);
  const size_t num_columns = contents.columns.size();
  size_t num_red = 0;
  for (size_t cell = 0; cell < sheet.places.size(); ++cell) {
    const Rectangle& place = sheet.places[cell];
    bool is_red = false;
    for (int64_t y = place.y + place.height; y < place.y + place.height + kLineHeight; ++y) {
      for (int64_t x = place.x; x < place.x + place.width; ++x) is_red |= sheet.canvas.at(x, y) == kRed;
    }
    const size_t row = cell / num_columns;
    const View& view = contents.columns[cell % num_columns].views[row];
    EXPECT_EQ(is_red, view.label != contents.columns.front().views[row].label) << cell;
    num_red += is_red ? 1 : 0;
  }
  EXPECT_GT(num_red, 0u);
  EXPECT_LT(num_red, sheet.places.size() - sheet.places.size() / num_columns);
}

TEST(SheetTest, TheSameContentsAreTheSameFile) {
  const SheetContents contents = contents_of(
      test::small_data(kCpu), with_values({{Technique::kInputNoise, 0.2}, {Technique::kWeightNoise, 0.1}}), 2);
  EXPECT_EQ(draw_sheet(contents).canvas.png(), draw_sheet(contents).canvas.png());
}

TEST(SheetTest, PanelsAloneAndNothingAtAll) {
  SheetContents contents = contents_of(test::small_data(kCpu), with_values({{Technique::kWeightNoise, 0.1}}), 2);
  contents.columns.clear();
  const Sheet sheet = draw_sheet(contents);
  EXPECT_TRUE(sheet.places.empty());
  EXPECT_GT(sheet.canvas.width(), 400);
  contents.panels.clear();
  EXPECT_LT(draw_sheet(contents).canvas.height(), 40);
}

TEST(SheetTest, RefusesASheetThatIsTooLarge) {
  SheetContents contents = contents_of(test::small_data(kCpu), {}, 1);
  EXPECT_NO_THROW(check_sheet(contents));
  contents.size = {4096, 4096, 1};
  contents.num_samples = 5;
  EXPECT_THROW(check_sheet(contents), InvalidArgument);
  EXPECT_THROW(draw_sheet(contents), InvalidArgument);
}

}  // namespace
}  // namespace murmur
