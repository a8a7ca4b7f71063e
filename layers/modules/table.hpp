#pragma once

#include <memory>
#include <span>
#include <string>

#include "murmur/layers/modules/module.hpp"

namespace murmur {

/// Every module there is, in the order of `--help`.
std::span<const ModuleInfo* const> modules();

/// The module that a word of a specification stands for. Throws: InvalidArgument for a number that does not fit; null
/// where no module has the word.
std::unique_ptr<Module> make_module(const std::string& word);

}  // namespace murmur
