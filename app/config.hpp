#pragma once

#include <string>
#include <vector>

namespace murmur::app {

/// The command line with the options of its `--config FILE`, wherever that stands, put behind the command and in front
/// of the user's own, so that the latter win. TOML: `key = value` is `--key value`; `true` is a flag; the table [set]
/// holds techniques. Throws: InvalidArgument, naming file and line.
std::vector<std::string> expand_config(const std::vector<std::string>& arguments);

}  // namespace murmur::app
