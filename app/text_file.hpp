#pragma once

#include <string>

namespace murmur::app {

/// All of a file of options, or of a pipe, which is read no further than it may be long. `option` ("--config") and
/// `what`
/// ("a TOML file") are for messages. Throws: InvalidArgument: a folder, what cannot be read, more than a megabyte.
std::string read_text(const std::string& option, const std::string& what, const std::string& path);

}  // namespace murmur::app
