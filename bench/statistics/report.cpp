#include "bench/statistics/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "murmur/engine/error.hpp"

namespace murmur::bench {
namespace {

constexpr std::array<std::string_view, 5> kGroupNames{"words", "distributions", "techniques", "technique pairs",
                                                      "permutations"};

size_t worst_of(const Subject& subject) {
  const auto worst = std::ranges::min_element(subject.outcomes, {}, &Outcome::p);
  return static_cast<size_t>(worst - subject.outcomes.begin());
}

std::string value_text(const Outcome& outcome) {
  if (outcome.statistic == "z") return fmt::format("z {:+.2f}", outcome.value);
  return fmt::format("{} {:.4g} (expected {:.4g})", outcome.statistic, outcome.value, outcome.expected);
}

std::string line(std::string_view name, size_t num_tests, const Outcome& outcome, double adjusted) {
  return fmt::format("{:<46}{:>6}  {:<30}{:<42}{:>9.2g}{:>9.2g}{}\n", name, num_tests, outcome.test,
                     value_text(outcome), outcome.p, adjusted, adjusted < kLevel ? "  FAILS" : "");
}

}  // namespace

std::string text_table(const Report& report, bool all) {
  std::string text = fmt::format("{:<46}{:>6}  {:<30}{:<42}{:>9}{:>9}\n", "", "tests", all ? "test" : "least p of",
                                 "statistic", "p", "adjusted");
  for (const Subject& subject : report.subjects) {
    if (subject.outcomes.empty()) continue;
    if (!all) {
      const size_t i = worst_of(subject);
      text += line(subject.name, subject.outcomes.size(), subject.outcomes[i], subject.adjusted[i]);
      continue;
    }
    for (size_t i = 0; i < subject.outcomes.size(); ++i) {
      text += line(subject.name, 1, subject.outcomes[i], subject.adjusted[i]);
    }
  }
  return text;
}

std::string verdict_text(const Report& report) {
  std::array<int64_t, 3> below{};
  constexpr std::array<double, 3> kLevels{0.05, 0.01, 0.001};
  for (const Subject& subject : report.subjects) {
    for (const Outcome& outcome : subject.outcomes) {
      for (size_t i = 0; i < below.size(); ++i) below[i] += outcome.p < kLevels[i] ? 1 : 0;
    }
  }
  const auto n = static_cast<double>(report.num_tests());
  return fmt::format(
      "{} tests of {} values each, seed {}: {}; the least p adjusted for all of them (Holm) is {:.2g}, and must not be "
      "below {}: a single |z| of {:.2f} would be. p values below 0.05: {} (by chance at most {:.0f}), 0.01: {} "
      "({:.0f}), "
      "0.001: {} ({:.1f}).\n",
      report.num_tests(), report.options.num_elements, report.options.seed,
      report.passes() ? "as independent draws would" : "FAILS", report.least_adjusted(), kLevel, report.z_bound(),
      below[0], n * kLevels[0], below[1], n * kLevels[1], below[2], n * kLevels[2]);
}

nlohmann::json report_json(const Report& report) {
  nlohmann::json subjects = nlohmann::json::array();
  for (const Subject& subject : report.subjects) {
    nlohmann::json tests = nlohmann::json::array();
    for (size_t i = 0; i < subject.outcomes.size(); ++i) {
      const Outcome& outcome = subject.outcomes[i];
      tests.push_back({{"test", outcome.test},
                       {"statistic", outcome.statistic},
                       {"value", outcome.value},
                       {"expected", outcome.expected},
                       {"p", outcome.p},
                       {"z", z_of_p(outcome.p)},
                       {"adjusted_p", subject.adjusted[i]}});
    }
    subjects.push_back({{"group", kGroupNames[static_cast<size_t>(subject.group)]},
                        {"name", subject.name},
                        {"law", subject.law},
                        {"source", subject.source},
                        {"tests", std::move(tests)}});
  }
  return {{"elements", report.options.num_elements},
          {"seed", report.options.seed},
          {"tests", report.num_tests()},
          {"level", kLevel},
          {"least_adjusted_p", report.least_adjusted()},
          {"z_bound", report.z_bound()},
          {"passes", report.passes()},
          {"subjects", std::move(subjects)}};
}

std::string with_section(std::string_view page, std::string_view name, std::string_view section) {
  const std::string begin = fmt::format("<!-- {} -->\n", name);
  const std::string end = fmt::format("<!-- end of {} -->\n", name);
  const size_t from = page.find(begin);
  const size_t to = page.find(end);
  if (from == std::string_view::npos || to == std::string_view::npos || to < from) {
    throw InvalidArgument("expected a line '<!-- {0} -->' and below it a line '<!-- end of {0} -->', got none", name);
  }
  return fmt::format("{}{}{}", page.substr(0, from + begin.size()), section, page.substr(to));
}

}  // namespace murmur::bench
