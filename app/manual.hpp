#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace murmur::app {

/// What can be made from the command line's own help: "bash" and "zsh" (scripts that complete it), "man" (a page for
/// man(1), in troff). `app` has all of its subcommands. Throws: InvalidArgument for another word.
std::string generate(const CLI::App& app, const std::string& what);

/// `--version`: version, commit, compiler, and the libraries that are loaded.
std::string version_text();

}  // namespace murmur::app
