#pragma once

#include <string>
#include <vector>

#include "murmur/pso/search_space.hpp"
#include "murmur/techniques/techniques.hpp"

namespace murmur::app {

/// The settings that --start names, one a word: `off` (the base: everything off, or as --set says), `none`, a TOML or
/// JSON file with values of searched techniques (over the base), or STUDY:TRIAL (a trial's number, `best` or `winner`),
/// whose values of the searched techniques are taken. Throws: InvalidArgument, StudyError.
std::vector<Setting> read_starts(const std::vector<std::string>& words, const SearchSpace& space, const Setting& base);

}  // namespace murmur::app
