#include "bench/searchers_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "bench/common.hpp"

namespace murmur::bench {
namespace {

using Problem = std::pair<std::string, std::string>;  // variant, function
using Heading = std::pair<std::string, int64_t>;      // budget, dimensions

/// The medians of one budget and number of dimensions.
struct Group {
  std::vector<std::string> contestants;
  std::vector<Problem> problems;
  std::map<std::pair<std::string, Problem>, double> medians;
};

struct Standing {
  double rank = 0;  // mean
  int64_t num_first = 0;
};

/// The groups in the order of the cells.
std::vector<std::pair<Heading, Group>> groups_of(const std::vector<Cell>& cells) {
  std::vector<std::pair<Heading, Group>> groups;
  for (const Cell& cell : cells) {
    const Heading heading{cell.budget, cell.dimensions};
    if (groups.empty() || groups.back().first != heading) groups.emplace_back(heading, Group{});
    Group& group = groups.back().second;
    const Problem problem{cell.variant, cell.function};
    if (std::ranges::find(group.contestants, cell.contestant) == group.contestants.end()) {
      group.contestants.push_back(cell.contestant);
    }
    if (std::ranges::find(group.problems, problem) == group.problems.end()) group.problems.push_back(problem);
    if (!cell.results.empty()) group.medians[{cell.contestant, problem}] = median(cell.results);
  }
  for (auto& [heading, group] : groups) {
    std::erase_if(group.problems, [&group = group](const Problem& problem) {
      return std::ranges::any_of(group.contestants, [&](const std::string& contestant) {
        return !group.medians.contains({contestant, problem});
      });
    });
  }
  std::erase_if(groups, [](const auto& group) { return group.second.problems.empty(); });
  return groups;
}

/// Ranks from 1; equals share the mean of their places.
std::map<std::string, Standing> standings(const Group& group) {
  std::map<std::string, Standing> result;
  for (const Problem& problem : group.problems) {
    for (const std::string& contestant : group.contestants) {
      const double own = group.medians.at({contestant, problem});
      double better = 0, equal = 0;
      for (const std::string& other : group.contestants) {
        const double value = group.medians.at({other, problem});
        better += value < own ? 1 : 0;
        equal += value == own ? 1 : 0;
      }
      Standing& standing = result[contestant];
      standing.rank += (better + (equal + 1) / 2) / static_cast<double>(group.problems.size());
      if (better == 0) ++standing.num_first;
    }
  }
  return result;
}

/// The best mean rank first.
std::vector<std::string> ordered(std::vector<std::string> contestants,
                                 const std::map<std::string, Standing>& standing) {
  std::ranges::stable_sort(contestants, {}, [&](const std::string& name) { return standing.at(name).rank; });
  return contestants;
}

std::string group_text(const Heading& heading, const Group& group) {
  const std::map<std::string, Standing> standing = standings(group);
  std::string text = fmt::format("{} evaluations, {} dimensions\n{:<28}{:>6}{:>6}", heading.first, heading.second, "",
                                 "rank", "first");
  for (const Problem& problem : group.problems) text += fmt::format("{:>11}", problem.second.substr(0, 10));
  text += fmt::format("\n{:<40}", "");
  for (const Problem& problem : group.problems) text += fmt::format("{:>11}", problem.first.substr(0, 11));
  text += "\n";
  for (const std::string& name : ordered(group.contestants, standing)) {
    text += fmt::format("{:<28}{:>6.1f}{:>6}", name, standing.at(name).rank, standing.at(name).num_first);
    for (const Problem& problem : group.problems) text += fmt::format("{:>11.3g}", group.medians.at({name, problem}));
    text += "\n";
  }
  return text + "\n";
}

}  // namespace

std::string text_table(const std::vector<Cell>& cells) {
  std::string text;
  for (const auto& [heading, group] : groups_of(cells)) text += group_text(heading, group);
  return text;
}

std::string markdown_table(const std::vector<Cell>& cells) {
  const auto groups = groups_of(cells);
  std::vector<std::string> contestants;
  std::vector<std::map<std::string, Standing>> columns;
  std::string head = "| |", rule = "|-|";
  for (const auto& [heading, group] : groups) {
    head += fmt::format(" {}, {} |", heading.first, heading.second);
    rule += "-|";
    columns.push_back(standings(group));
    for (const std::string& name : group.contestants) {
      if (std::ranges::find(contestants, name) == contestants.end()) contestants.push_back(name);
    }
  }
  std::string text = head + "\n" + rule + "\n";
  for (const std::string& name : contestants) {
    text += fmt::format("| `{}` |", name);
    for (const auto& column : columns) {
      const auto found = column.find(name);
      text += found == column.end() ? " |" : fmt::format(" {:.1f} |", found->second.rank);
    }
    text += "\n";
  }
  return text;
}

nlohmann::json cells_json(const std::vector<Cell>& cells) {
  nlohmann::json array = nlohmann::json::array();
  for (const Cell& cell : cells) {
    if (cell.results.empty()) continue;
    array.push_back({{"function", cell.function},
                     {"variant", cell.variant},
                     {"dimensions", cell.dimensions},
                     {"evaluations", cell.evaluations},
                     {"contestant", cell.contestant},
                     {"median", median(cell.results)},
                     {"least", *std::ranges::min_element(cell.results)},
                     {"most", *std::ranges::max_element(cell.results)}});
  }
  return array;
}

}  // namespace murmur::bench
