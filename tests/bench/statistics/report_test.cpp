#include "bench/statistics/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "murmur/engine/error.hpp"

namespace murmur::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Report small_report() {
  BatteryOptions options;
  options.num_elements = 100'000;
  options.only = "zoom";
  return run_battery(options);
}

TEST(Report, PassesOrFailsAsAFamily) {
  Report report = small_report();
  EXPECT_TRUE(report.passes());
  EXPECT_THAT(verdict_text(report), HasSubstr("as independent draws would"));
  EXPECT_THAT(text_table(report, false), Not(HasSubstr("FAILS")));
  report.subjects.at(0).adjusted.at(0) = 0.0099;
  EXPECT_FALSE(report.passes());
  EXPECT_THAT(verdict_text(report), HasSubstr("FAILS"));
  EXPECT_THAT(text_table(report, true), HasSubstr("FAILS"));
}

TEST(Report, JsonHasEveryTest) {
  const Report report = small_report();
  const nlohmann::json json = report_json(report);
  EXPECT_EQ(json.at("tests"), report.num_tests());
  EXPECT_EQ(json.at("passes"), true);
  size_t count = 0;
  for (const auto& subject : json.at("subjects")) {
    for (const auto& test : subject.at("tests")) {
      EXPECT_GE(test.at("adjusted_p").get<double>(), test.at("p").get<double>());
      ++count;
    }
  }
  EXPECT_EQ(count, static_cast<size_t>(report.num_tests()));
}

TEST(Report, MarkdownHasARowForEachCase) {
  const std::string tables = markdown_tables(small_report());
  EXPECT_THAT(tables, HasSubstr("\n| zoom | uniform in (-0.2, 0.2) | "));
  EXPECT_THAT(tables, HasSubstr("\n| rotation and zoom | "));
}

TEST(Report, SectionsOfAPageAreReplaced) {
  const std::string page = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n";
  EXPECT_EQ(with_section(page, "x", "new\n"), "a\n<!-- x -->\nnew\n<!-- end of x -->\nb\n");
  EXPECT_THROW(with_section(page, "y", ""), InvalidArgument);
  EXPECT_THROW(with_section("<!-- end of x -->\n<!-- x -->\n", "x", ""), InvalidArgument);
}

}  // namespace
}  // namespace murmur::bench
