#include "murmur/engine/nearest.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace murmur {
namespace {

/// Letters that must be changed, left out, put in or exchanged with their neighbour to make one of the other.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), row[j - 1] + 1, last[j] + 1});
      const bool is_exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_exchanged) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last.back();
}

std::string plain(std::string_view name) {
  std::string result(name);
  std::ranges::replace(result, '-', '_');
  return result;
}

/// "lr" of "learning_rate"
std::string initials(std::string_view name) {
  std::string result;
  for (size_t i = 0; i < name.size(); ++i) {
    if (i == 0 || name[i - 1] == '_') result += name[i];
  }
  return result;
}

}  // namespace

std::string_view nearest(std::string_view wrong, std::span<const std::string_view> names) {
  const std::string word = plain(wrong);
  std::string_view best;
  size_t least = word.size() / 3 + 1;  // not so far
  for (const std::string_view name : names) {
    const std::string candidate = plain(name);
    const bool is_part = word.size() > 3 && (candidate.find(word) != std::string::npos);
    const bool has_part = candidate.size() > 3 && word.find(candidate) != std::string::npos;
    const bool are_initials = word.size() > 1 && initials(candidate) == word;
    const size_t far = is_part || has_part || are_initials ? 0 : distance(word, candidate);
    if (far < least) least = far, best = name;
  }
  return best;
}

}  // namespace murmur
