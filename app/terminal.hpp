#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// What texts need to know of the terminal that they go to.
namespace murmur::app {

/// Columns of a text in UTF-8, each character one.
size_t num_columns(std::string_view text);

/// The text with its control characters spelled out, "\\x1b": what a file or a name says never commands a terminal.
std::string printable(std::string_view text);

/// Columns of the terminal at this descriptor; 80 where it is none or does not say.
size_t terminal_width(int descriptor);

/// True where a terminal is there that takes colours and nobody has said NO_COLOR.
bool takes_colours(int descriptor);

/// The words in lines of at most `width` columns, where they allow it: the first line behind so many spaces, the others
/// behind theirs. Every line ends with a newline.
std::string wrapped(std::string_view text, size_t width, size_t first_indent = 0, size_t other_indent = 0);

/// Each line of a text for this descriptor, on a terminal broken between words where it has no room: below the column
/// in which its last part begins, two or more spaces behind a name.
std::string fitted(std::string_view text, int descriptor);

/// A line of text on standard error, on a terminal broken between words where it has no room.
void say(std::string_view text);

}  // namespace murmur::app
