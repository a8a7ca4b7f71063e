// The tables of docs/statistics.md.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/statistics/report.hpp"

namespace murmur::bench {
namespace {

const Outcome* find(const Subject& subject, std::string_view test) {
  const auto found = std::ranges::find(subject.outcomes, test, &Outcome::test);
  return found == subject.outcomes.end() ? nullptr : &*found;
}

std::string p_text(const Subject& subject, std::string_view test) {
  const Outcome* outcome = find(subject, test);
  return outcome == nullptr ? "" : fmt::format("{:.2g}", outcome->p);
}

std::string z_text(const Subject& subject, std::string_view test) {
  const Outcome* outcome = find(subject, test);
  return outcome == nullptr ? "" : fmt::format("{:+.2f}", outcome->value);
}

std::string row(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const std::string& cell : cells) text += cell.empty() ? " |" : fmt::format(" {} |", cell);
  return text + "\n";
}

std::string head(const std::vector<std::string>& cells) {
  std::string rule = "|";
  for (size_t i = 0; i < cells.size(); ++i) rule += "-|";
  return row(cells) + rule + "\n";
}

std::vector<const Subject*> of_group(const Report& report, Group group) {
  std::vector<const Subject*> subjects;
  for (const Subject& subject : report.subjects) {
    if (subject.group == group) subjects.push_back(&subject);
  }
  return subjects;
}

/// A row a subject: its name, then the p value or, for tests whose statistic is z, the z score of each test.
std::string table(std::span<const Subject* const> subjects, const std::vector<std::string>& headings,
                  const std::vector<std::string>& tests) {
  std::string text = head(headings);
  for (const Subject* subject : subjects) {
    std::vector<std::string> cells{subject->name};
    for (const std::string& test : tests) {
      const Outcome* outcome = find(*subject, test);
      cells.push_back(outcome != nullptr && outcome->statistic == "z" ? z_text(*subject, test)
                                                                      : p_text(*subject, test));
    }
    text += row(cells);
  }
  return text + "\n";
}

std::string words_tables(const Report& report) {
  const std::vector<const Subject*> subjects = of_group(report, Group::kWords);
  std::vector<const Subject*> streams, others;
  for (const Subject* subject : subjects) {
    (find(*subject, "bits") != nullptr ? streams : others).push_back(subject);
  }
  return table(streams,
               {"", "bits p", "bytes p", "weights z", "collisions z", "triples p", "spectrum p", "peak p", "KS p",
                "chi-square p"},
               {"bits", "bytes", "weights", "collisions", "serial, triples", "spectrum", "spectrum, peak",
                "Kolmogorov-Smirnov", "chi-square"}) +
         table(others, {"", "flips p", "by input bit p", "by output bit p"},
               {"flips", "by input bit", "by output bit"});
}

std::string tail_text(const Subject& subject) {
  std::string text;
  for (const std::string_view deviations : {"3", "4", "5"}) {
    const Outcome* outcome = find(subject, fmt::format("beyond {} sd", deviations));
    if (outcome == nullptr) continue;
    if (!text.empty()) text += ", ";
    text += outcome->expected == 0 ? fmt::format("{:.0f}", outcome->value)
                                   : fmt::format("{:.0f} ({:.6g})", outcome->value, outcome->expected);
  }
  return text;
}

std::string laws_table(std::span<const Subject* const> subjects) {
  std::string text = head({"", "law", "moments 1 to 4: z", "beyond 3, 4, 5 sd (expected)", "KS p", "chi-square p",
                           "triples p", "spectrum p", "peak p"});
  for (const Subject* subject : subjects) {
    std::string moments;
    for (int k = 1; k <= 4; ++k) {
      const std::string z = z_text(*subject, fmt::format("moment {}", k));
      moments += fmt::format("{}{}", k > 1 ? " " : "", z.empty() ? "·" : z);
    }
    text += row({subject->name, subject->law, moments, tail_text(*subject), p_text(*subject, "Kolmogorov-Smirnov"),
                 p_text(*subject, "chi-square"), p_text(*subject, "serial, triples"), p_text(*subject, "spectrum"),
                 p_text(*subject, "spectrum, peak")});
  }
  return text + "\n";
}

/// The z score of the correlation, and the least p of all tests of this coordinate.
std::string neighbour_text(const Subject& subject, const std::vector<std::string>& names) {
  const Outcome* correlation = nullptr;
  double least = 1;
  for (const Outcome& outcome : subject.outcomes) {
    const bool is_of_coordinate =
        std::ranges::any_of(names, [&](const std::string& name) { return outcome.test.starts_with(name); });
    if (!is_of_coordinate) continue;
    least = std::min(least, outcome.p);
    const bool is_correlation = outcome.test.ends_with("correlation");
    if (is_correlation && (correlation == nullptr || outcome.p < correlation->p)) correlation = &outcome;
  }
  return correlation == nullptr ? "" : fmt::format("{:+.2f}, {:.2g}", correlation->value, least);
}

std::string neighbours_table(std::span<const Subject* const> subjects) {
  std::string text = head({"", "lanes", "element", "item, update", "layer", "network", "seed"});
  for (const Subject* subject : subjects) {
    text += row({subject->name, neighbour_text(*subject, {"lanes"}), neighbour_text(*subject, {"element"}),
                 neighbour_text(*subject, {"item", "update", "move", "resample"}), neighbour_text(*subject, {"layer"}),
                 neighbour_text(*subject, {"network"}), neighbour_text(*subject, {"seed"})});
  }
  return text + "\n";
}

std::string permutations_table(const Report& report) {
  std::vector<const Subject*> large, small;
  for (const Subject* subject : of_group(report, Group::kPermutations)) {
    (find(*subject, "serial") != nullptr ? large : small).push_back(subject);
  }
  return table(large, {"", "serial z", "order z", "neighbouring draws z", "fixed points p", "successions p"},
               {"serial", "order", "neighbours", "fixed points", "successions"}) +
         table(small, {"", "all orders p", "two images p"}, {"all orders", "two images"});
}

}  // namespace

std::string markdown_tables(const Report& report) {
  std::vector<const Subject*> cases = of_group(report, Group::kDistributions);
  const std::vector<const Subject*> techniques = of_group(report, Group::kTechniques);
  cases.insert(cases.end(), techniques.begin(), techniques.end());
  return fmt::format(
      "\n{}\n### The generator's words\n\n{}### Distributions and techniques\n\n{}### Neighbours\n\n{}### Techniques "
      "at "
      "the same place\n\n{}### Permutations\n\n{}",
      verdict_text(report), words_tables(report), laws_table(cases), neighbours_table(cases),
      table(of_group(report, Group::kTechniquePairs), {"", "correlation z", "squares z", "grid p"},
            {"technique: correlation", "technique: squares", "technique: grid"}),
      permutations_table(report));
}

}  // namespace murmur::bench
