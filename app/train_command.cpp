#include "app/train_command.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/terminal.hpp"

namespace murmur::app {
namespace {

// The name that a search gives its study where the command line has none.
constexpr std::string_view kUsualName = "murmur";

bool is_plain(char c) {
  constexpr std::string_view kOthers = "_-+=:,./@%";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

/// Control characters as codes, which bash, zsh and ksh read again: the line can be printed, and copied.
std::string quoted_with_codes(std::string_view word) {
  std::string quoted = "$'";
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7F) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else if (c == '\'' || c == '\\') {
      quoted += fmt::format("\\{}", c);
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace

std::string shell_quoted(std::string_view word) {
  if (!word.empty() && std::ranges::all_of(word, is_plain)) return std::string(word);
  std::string quoted(1, '\'');
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  quoted += '\'';
  return quoted;
}

std::string shell_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    line += shell_quoted(word);
  }
  return line;
}

std::string shown_shell_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    line += printable(word) == word ? shell_quoted(word) : quoted_with_codes(word);
  }
  return line;
}

std::string train_command(const Study& study, std::string_view trial, const std::vector<std::string>& more) {
  std::vector<std::string> words{"murmur", "train", "--from", study.path().string()};
  const bool needs_name = study.name() != kUsualName || study_names(study.path()).size() > 1;
  if (needs_name) words.insert(words.end(), {"--name", study.name()});
  words.insert(words.end(), {"--trial", std::string(trial)});
  words.insert(words.end(), more.begin(), more.end());
  return shown_shell_line(words);
}

std::vector<std::string> set_words(const Setting& from, const Setting& setting) {
  std::vector<std::string> words;
  for (const TechniqueInfo& info : techniques()) {
    if (!setting.agrees(from, info.id)) words.insert(words.end(), {"--set", format_assignment(setting, info.id)});
  }
  return words;
}

}  // namespace murmur::app
