#pragma once

#include <memory>
#include <span>
#include <string>

#include "murmur/layers/modules/module.hpp"

namespace murmur {

/// Every module there is, in the order of `--help`.
std::span<const ModuleInfo* const> modules();

/// From here on specifications know the module too: a layer of a program of one's own. The row must outlive its use;
/// one thread at a time, before there are trainers. Throws: InvalidArgument where its word and that of another module
/// begin with the same letters.
void add_module(const ModuleInfo& info);

/// The module that a word of a specification stands for. Throws: InvalidArgument for a number that does not fit; null
/// where no module has the word.
std::unique_ptr<Module> make_module(const std::string& word);

}  // namespace murmur
