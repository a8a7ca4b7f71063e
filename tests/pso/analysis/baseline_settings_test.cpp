#include "murmur/pso/analysis/baseline_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;

std::vector<Technique> changed(const Setting& setting, const Setting& base) {
  std::vector<Technique> ids;
  for (const TechniqueInfo& info : techniques()) {
    if (setting[info.id] != base[info.id]) ids.push_back(info.id);
  }
  return ids;
}

std::vector<double> levels_of(const std::vector<BaselineSetting>& rows, Technique id, const Setting& base) {
  std::vector<double> values;
  for (const BaselineSetting& row : rows) {
    if (row.setting[id] != base[id]) values.push_back(row.setting[id]);
  }
  return values;
}

TEST(BaselineSettings, EachTechniqueAloneAtItsLevels) {
  const Setting base;
  const std::vector<BaselineSetting> rows = single_settings(SearchSpace::all(), base, 3);
  std::set<std::string> labels;
  for (const BaselineSetting& row : rows) {
    EXPECT_EQ(changed(row.setting, base).size(), 1u) << row.label;
    labels.insert(row.label);
  }
  EXPECT_EQ(labels.size(), rows.size());
  EXPECT_THAT(levels_of(rows, Technique::kDropout, base),
              ElementsAre(DoubleEq(0.5 / 6), DoubleEq(0.25), DoubleEq(2.5 / 6)));
  EXPECT_THAT(levels_of(rows, Technique::kLearningRate, base).size(), 2) << "10^-3 is off";
  EXPECT_EQ(levels_of(rows, Technique::kOptimizer, base), (std::vector<double>{1, 2})) << "every choice but off";
  EXPECT_THROW(single_settings(SearchSpace::all(), base, 0), InvalidArgument);
}

TEST(BaselineSettings, TheBaseStaysAsItIs) {
  Setting base;
  base.set(Technique::kOptimizer, 2);
  base.set(Technique::kDropout, 0.25);
  const std::vector<BaselineSetting> rows = single_settings(SearchSpace::all(), base, 3);
  for (const BaselineSetting& row : rows) EXPECT_EQ(changed(row.setting, base).size(), 1u) << row.label;
  EXPECT_EQ(levels_of(rows, Technique::kDropout, base).size(), 2u);
  EXPECT_EQ(levels_of(rows, Technique::kOptimizer, base), (std::vector<double>{0, 1}));
}

TEST(BaselineSettings, SparseOnesHaveFewOn) {
  const Setting base;
  const std::vector<BaselineSetting> rows = sparse_settings(SearchSpace::all(), base, 200, 4, 7);
  ASSERT_EQ(rows.size(), 200u);
  std::set<Technique> seen;
  size_t num_on = 0;
  for (const BaselineSetting& row : rows) {
    const std::vector<Technique> on = changed(row.setting, base);
    EXPECT_LE(on.size(), 4u);
    num_on += on.size();
    seen.insert(on.begin(), on.end());
  }
  EXPECT_GT(num_on, 700u);
  EXPECT_EQ(seen.size(), SearchSpace::all().dimensions().size()) << "each now and then";
  const std::vector<BaselineSetting> fewer = sparse_settings(SearchSpace::all(), base, 3, 4, 7);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(fewer[i].setting, rows[i].setting) << "addressed";
  EXPECT_NE(sparse_settings(SearchSpace::all(), base, 1, 4, 8)[0].setting, rows[0].setting);
}

}  // namespace
}  // namespace murmur
