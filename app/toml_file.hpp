#pragma once

#include <string>

namespace murmur::app {

/// Ends the reading of a file in which toml++ finds what it holds for impossible.
[[noreturn]] void refuse_toml(const char* assertion);

}  // namespace murmur::app

// A failed assertion of the library is a bad file (version 3.3 has one that "a = 1979-05-27T!" reaches), not the end of
// the program.
#define TOML_ASSERT(expression) ((expression) ? static_cast<void>(0) : murmur::app::refuse_toml(#expression))
#include <toml++/toml.h>

namespace murmur::app {

/// The table of a text in TOML; `where` names its file in messages. Throws: InvalidArgument.
toml::table parse_toml(const std::string& text, const std::string& where);

}  // namespace murmur::app
