#include "murmur/pso/analysis/ablation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "murmur/engine/error.hpp"
#include "tests/support/numbers.hpp"

namespace murmur {
namespace {

using testing::ElementsAre;

using test::kNan;

Setting setting_of(std::initializer_list<std::pair<Technique, double>> values, Setting setting = {}) {
  for (const auto& [id, value] : values) setting.set(id, value);
  return setting;
}

SearchSpace space() {
  return SearchSpace({Technique::kFlip, Technique::kInputNoise, Technique::kZoom, Technique::kDropout,
                      Technique::kLossNoise, Technique::kOptimizer});
}

/// Two of the input, one of the activations, and the optimizer of the study's base.
Setting winner(const Setting& all_off) {
  return setting_of({{Technique::kInputNoise, 0.2}, {Technique::kZoom, 0.1}, {Technique::kDropout, 0.3}}, all_off);
}

std::vector<std::string> labels_of(const std::vector<AblationRow>& rows, Comparison comparison) {
  std::vector<std::string> labels;
  for (const AblationRow& row : rows) {
    if (row.comparison == comparison) labels.push_back(row.label);
  }
  return labels;
}

TEST(Ablation, OneOffOnePlaceOffOneMoreOnAndOneAlone) {
  const Setting all_off = setting_of({{Technique::kOptimizer, 2}});
  const std::vector<Setting> best{setting_of({{Technique::kLossNoise, 0.4}, {Technique::kFlip, 2}}, all_off),
                                  setting_of({{Technique::kLossNoise, 0.1}, {Technique::kFlip, 2}}, all_off),
                                  setting_of({{Technique::kLossNoise, 0.2}, {Technique::kFlip, 1}}, all_off), all_off};
  const std::vector<AblationRow> rows = ablation_rows(space(), all_off, winner(all_off), best);
  EXPECT_EQ(rows[0].setting, winner(all_off));
  EXPECT_THAT(labels_of(rows, Comparison::kWithout), ElementsAre("input_noise=0.2", "zoom=0.1", "dropout=0.3"));
  EXPECT_THAT(labels_of(rows, Comparison::kWithoutPlace), ElementsAre("input (2)"));
  EXPECT_THAT(labels_of(rows, Comparison::kWith), ElementsAre("flip=horizontal", "loss_noise=0.2"));
  EXPECT_THAT(labels_of(rows, Comparison::kAlone),
              ElementsAre("flip=horizontal", "input_noise=0.2", "zoom=0.1", "dropout=0.3", "loss_noise=0.2"));
  for (const AblationRow& row : rows) {
    EXPECT_EQ(row.setting[Technique::kOptimizer], 2) << row.label;
    if (row.label == "zoom=0.1" && row.comparison == Comparison::kWithout) {
      EXPECT_EQ(row.setting, setting_of({{Technique::kZoom, 0}}, winner(all_off)));
    }
    if (row.comparison == Comparison::kWithoutPlace) {
      EXPECT_EQ(row.setting, setting_of({{Technique::kDropout, 0.3}}, all_off));
    }
    if (row.label == "loss_noise=0.2" && row.comparison == Comparison::kWith) {
      EXPECT_EQ(row.setting, setting_of({{Technique::kLossNoise, 0.2}}, winner(all_off)));
    }
    if (row.label == "dropout=0.3" && row.comparison == Comparison::kAlone) {
      EXPECT_EQ(row.setting, setting_of({{Technique::kDropout, 0.3}}, all_off));
    }
  }
}

TEST(Ablation, AllNoiseIsTakenAwayAtOnceAndTheUpdateStays) {
  const SearchSpace space({Technique::kInputNoise, Technique::kZoom, Technique::kDropout, Technique::kLossNoise,
                           Technique::kLearningRate, Technique::kBatchSize});
  const Setting all_off = setting_of({{Technique::kLossNoise, 0.5}});  // of a base with --set: off is what it has
  const Setting update = setting_of({{Technique::kLearningRate, 0.02}, {Technique::kBatchSize, 32}}, all_off);
  const Setting setting = winner(update);
  const std::vector<AblationRow> rows = ablation_rows(space, all_off, setting, {});
  ASSERT_THAT(labels_of(rows, Comparison::kWithoutNoise), ElementsAre("all noise (everything but update)"));
  const NoiseOfSetting noise = noise_of_setting(space, all_off, rows);
  EXPECT_EQ(noise.share, NoiseOfSetting::Share::kSome);
  ASSERT_TRUE(noise.row);
  EXPECT_EQ(rows[*noise.row].comparison, Comparison::kWithoutNoise);
  EXPECT_EQ(rows[*noise.row].setting, update);
  ASSERT_EQ(noise.rest.size(), 2u);
  EXPECT_EQ(key_of(noise.rest[0]), "learning_rate");
  EXPECT_EQ(key_of(noise.rest[1]), "batch_size");

  // Without its noise the setting has six points fewer, and without any other row's nothing that can be told from none.
  std::vector<std::vector<double>> accuracies(rows.size(), {.70, .90, .80});
  accuracies[0] = {.80, .90, .70};
  accuracies[*noise.row] = {.74, .842, .641};
  const AblationEffect effect = ablation_effects(rows, accuracies, {{.70, .70, .70}})[*noise.row];
  EXPECT_NEAR(effect.difference.difference, 0.059, 1e-12);
  // Its family: five techniques, two places (input and update), and itself.
  EXPECT_DOUBLE_EQ(effect.adjusted_p, 8 * effect.difference.p);
}

// What another row takes away just so is trained once.
TEST(Ablation, NoiseOfOnePlaceHasTheRowOfItsPlace) {
  const SearchSpace space({Technique::kInputNoise, Technique::kZoom, Technique::kDropout, Technique::kLearningRate});
  const Setting update = setting_of({{Technique::kLearningRate, 0.02}});
  const auto noise_of = [&](const Setting& setting, size_t num_rows) {
    const std::vector<AblationRow> rows = ablation_rows(space, {}, setting, {});
    EXPECT_EQ(labels_of(rows, Comparison::kWithoutNoise).size(), num_rows);
    const NoiseOfSetting noise = noise_of_setting(space, {}, rows);
    return noise.row ? rows[*noise.row].label : std::to_string(static_cast<int>(noise.share));
  };
  EXPECT_EQ(noise_of(setting_of({{Technique::kInputNoise, 0.2}, {Technique::kZoom, 0.1}}, update), 0), "input (2)");
  EXPECT_EQ(noise_of(setting_of({{Technique::kDropout, 0.3}}, update), 0), "dropout=0.3");
  EXPECT_EQ(noise_of(setting_of({{Technique::kDropout, 0.3}, {Technique::kZoom, 0.1}}, update), 1),
            "all noise (everything but update)");
  // Nothing, and nothing but noise: that is what all off is compared with.
  EXPECT_EQ(noise_of(update, 0), std::to_string(static_cast<int>(NoiseOfSetting::Share::kNone)));
  EXPECT_EQ(noise_of({}, 0), std::to_string(static_cast<int>(NoiseOfSetting::Share::kNone)));
  EXPECT_EQ(noise_of(winner({}), 0), std::to_string(static_cast<int>(NoiseOfSetting::Share::kAll)));
  EXPECT_THROW(noise_of_setting(space, {}, {}), InvalidArgument);
}

// Each optimizer wants a learning rate of its own: a row that changes one alone says which it is trained with.
TEST(Ablation, AnOptimizersRowSaysItsLearningRate) {
  const SearchSpace space({Technique::kOptimizer, Technique::kLearningRate});
  const Setting all_off = setting_of({{Technique::kOptimizer, 0}, {Technique::kLearningRate, 0.1}});
  const Setting adam = setting_of({{Technique::kOptimizer, 2}, {Technique::kLearningRate, 0.0012345}}, all_off);
  const std::string name = "optimizer=" + format_value(technique(Technique::kOptimizer), 2);
  std::vector<AblationRow> rows = ablation_rows(space, all_off, adam, {});
  EXPECT_THAT(labels_of(rows, Comparison::kWithout),
              ElementsAre(name + " (at learning_rate 0.00123)", "learning_rate=0.0012345"));
  EXPECT_EQ(labels_of(rows, Comparison::kAlone)[0], name + " (at learning_rate 0.1)");
  const Setting slow = setting_of({{Technique::kLearningRate, 0.03}}, all_off);
  rows = ablation_rows(space, all_off, slow, {{adam}});
  EXPECT_THAT(labels_of(rows, Comparison::kWith), ElementsAre(name + " (at learning_rate 0.03)"));
}

TEST(Ablation, WhatNoneOfTheBestHasOnIsLeftOut) {
  const std::vector<AblationRow> rows = ablation_rows(space(), {}, winner({}), {});
  EXPECT_TRUE(labels_of(rows, Comparison::kWith).empty());
  EXPECT_EQ(labels_of(rows, Comparison::kAlone).size(), 3u);
}

TEST(Ablation, PositiveEffectsHelp) {
  const std::vector<AblationRow> rows = ablation_rows(space(), {}, setting_of({{Technique::kDropout, 0.3}}),
                                                      {{setting_of({{Technique::kLossNoise, 0.2}})}});
  ASSERT_EQ(rows.size(), 5u);  // it, without dropout, with loss noise, either alone
  const std::vector<std::vector<double>> accuracies{
      {.80, .81, .82}, {.70, .71, .73}, {.75, .75, .77}, {.74, kNan, .75}, {.60, .62, .61}};
  const std::vector<AblationEffect> effects = ablation_effects(rows, accuracies, {{.65, .65, .66}});
  EXPECT_NEAR(effects[0].difference.difference, 0.47 / 3, 1e-12);
  EXPECT_GT(effects[1].difference.difference, 0.09);
  EXPECT_LT(effects[2].difference.difference, -0.04);
  EXPECT_EQ(effects[3].difference.num_first_failed, 1);
  EXPECT_LT(effects[4].difference.difference, -0.03);
  // Families of one, two and two.
  EXPECT_EQ(effects[0].adjusted_p, effects[0].difference.p);
  EXPECT_EQ(effects[1].adjusted_p, 2 * effects[1].difference.p);
  EXPECT_EQ(effects[2].adjusted_p, std::max(effects[2].difference.p, effects[1].adjusted_p));
  EXPECT_THROW(ablation_effects(rows, {{{1}}}, {{1}}), InvalidArgument);
}

TEST(Ablation, TypicalValues) {
  const std::vector<Setting> settings{setting_of({{Technique::kDropout, 0.1}, {Technique::kFlip, 3}}),
                                      setting_of({{Technique::kDropout, 0.5}, {Technique::kFlip, 1}}),
                                      setting_of({{Technique::kDropout, 0.2}, {Technique::kFlip, 3}}),
                                      setting_of({{Technique::kDropout, 0.4}, {Technique::kFlip, 2}})};
  EXPECT_EQ(typical_value(settings, study_dimension(Technique::kDropout)), 0.2);
  EXPECT_EQ(typical_value(settings, study_dimension(Technique::kFlip)), 3);
  EXPECT_TRUE(std::isnan(typical_value({}, study_dimension(Technique::kDropout))));
}

// A schedule is taken away, and given, where its technique is on; alone it would be nothing.
TEST(Ablation, SchedulesOfTechniques) {
  const SearchSpace space({study_dimension(Technique::kDropout), study_dimension(Technique::kZoom),
                           schedule_dimension(Technique::kDropout, {{}, {ScheduleShape::kEarly, 0.5F}}),
                           schedule_dimension(Technique::kZoom, {{}, {ScheduleShape::kLate, 0.5F}})});
  Setting setting = setting_of({{Technique::kDropout, 0.25}});
  setting.set_schedule(Technique::kDropout, {ScheduleShape::kEarly, 0.5F});
  Setting other = setting_of({{Technique::kZoom, 0.1}});
  other.set_schedule(Technique::kZoom, {ScheduleShape::kLate, 0.5F});
  std::vector<std::string> labels;
  for (const AblationRow& row : ablation_rows(space, Setting(), setting, std::vector{setting, other})) {
    labels.push_back(row.label);
    if (row.label == "dropout.schedule=early:0.5") {
      EXPECT_EQ(row.comparison, Comparison::kWithout);
      EXPECT_EQ(row.setting, setting_of({{Technique::kDropout, 0.25}}));
    }
  }
  EXPECT_THAT(labels, testing::ElementsAre("the setting", "dropout=0.25", "dropout.schedule=early:0.5", "zoom=0.1",
                                           "dropout=0.25", "zoom=0.1"));
}

TEST(Ablation, TheBestAreATenthAndAtLeastTen) {
  std::vector<TrialRecord> trials(250);
  for (size_t i = 0; i < trials.size(); ++i) {
    trials[i].state = i % 2 == 0 ? TrialState::kComplete : TrialState::kPruned;
    trials[i].value = static_cast<double>(i);
    trials[i].setting.set(Technique::kDropout, static_cast<double>(i) / 1000);
  }
  EXPECT_EQ(best_settings(trials).size(), 12u);
  EXPECT_EQ(best_settings(trials)[0][Technique::kDropout], 0.248);
  EXPECT_EQ(best_settings(std::span(trials).first(40)).size(), 10u);
  EXPECT_EQ(best_settings(std::span(trials).first(6)).size(), 3u);
}

}  // namespace
}  // namespace murmur
