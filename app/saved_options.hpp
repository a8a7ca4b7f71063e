#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace murmur::app {

/// The options that define a training, as a file with its weights keeps them: names without --, values as text, `set`
/// (what is not off, in the order of the table) and others that repeat as lists. Not what only says where to compute,
/// to print or to write.
nlohmann::json saved_options(const CLI::App& command);

/// Gives the command those of the saved options that it has and that were not on the command line.
/// Throws: DataError, naming `file`, where they are no options.
void take_saved_options(CLI::App& command, const std::string& saved, const std::string& file);

/// Throws: InvalidArgument where options are not what was saved, apart from those that say where files are: says
/// which, all of them, expected and got. The option named `but` may differ.
void compare_saved_options(const CLI::App& command, const std::string& saved, const std::string& file,
                           std::string_view but = {});

}  // namespace murmur::app
