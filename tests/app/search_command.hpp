#pragma once

#include <string>

#include "tests/app/run.hpp"

namespace murmur::test {

/// A search of seconds in the folder's data set; what `rest` says wins.
inline std::string search_command(const Folder& folder, const std::string& study, const std::string& rest = "") {
  return "search --device cpu --micro-batch 32 --data " + folder.path() + " --study " + (folder / study) +
         " --particles 4 --slots 3 --trials 12 --epochs 2 --repeats 2 --seed 5 --patience 100 " + rest;
}

}  // namespace murmur::test
