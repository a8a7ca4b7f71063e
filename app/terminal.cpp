#include "app/terminal.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace murmur::app {

size_t num_columns(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }));
}

std::string printable(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    const bool is_second_set = byte == 0xC2 && next >= 0x80 && next < 0xA0;  // U+0080 to U+009F in UTF-8
    if (byte < 0x20 || byte == 0x7F) {
      result += fmt::format("\\x{:02x}", byte);
    } else if (is_second_set) {
      result += fmt::format("\\x{:02x}", next);
      ++i;
    } else {
      result += text[i];
    }
  }
  return result;
}

size_t terminal_width(int descriptor) {
  winsize size{};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool takes_colours(int descriptor) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return isatty(descriptor) == 1 && (no_colour == nullptr || *no_colour == '\0') && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

std::string wrapped(std::string_view text, size_t width, size_t first_indent, size_t other_indent) {
  std::string lines(first_indent, ' ');
  size_t columns = first_indent;
  bool is_first = true;  // of its line
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (!is_first && columns + 1 + num_columns(word) > width) {
      lines.append(1, '\n').append(other_indent, ' ');
      columns = other_indent;
      is_first = true;
    }
    if (!is_first) lines += ' ';
    lines += word;
    columns += num_columns(word) + (is_first ? 0 : 1);
    is_first = false;
  }
  return lines + "\n";
}

namespace {

/// Where the last part of a line begins, two spaces or more behind others, or the first such where that is beyond
/// `most`.
size_t last_part(std::string_view line, size_t most) {
  const size_t first_word = std::min(line.find_first_not_of(' '), line.size());
  size_t best = first_word;
  for (size_t gap = line.find("  ", first_word); gap != std::string_view::npos; gap = line.find("  ", gap)) {
    gap = std::min(line.find_first_not_of(' ', gap), line.size());
    if (best == first_word || num_columns(line.substr(0, gap)) <= most) best = gap;
  }
  return num_columns(line.substr(0, best)) <= most ? best : first_word;
}

}  // namespace

std::string fitted(std::string_view text, int descriptor) {
  if (isatty(descriptor) != 1) return std::string(text);
  const size_t width = terminal_width(descriptor);
  std::string result;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (num_columns(line) <= width) {
      result += line;
      result += '\n';
      continue;
    }
    const size_t begin = last_part(line, width / 2);
    const size_t indent = num_columns(line.substr(0, begin));
    result += std::string(line.substr(0, begin)) + wrapped(line.substr(begin), width, indent, indent).substr(indent);
  }
  return result;
}

void say(std::string_view text) {
  const size_t width = isatty(STDERR_FILENO) == 1 ? terminal_width(STDERR_FILENO) : std::string::npos;
  fmt::print(stderr, "{}", wrapped(printable(text), width, 0, 2));
}

}  // namespace murmur::app
