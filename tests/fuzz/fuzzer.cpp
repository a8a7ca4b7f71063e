// libFuzzer's program: MURMUR_FUZZ_TARGET in the environment names the target that it runs.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "tests/fuzz/targets.hpp"

namespace murmur::fuzz {
namespace {

const Target* target = nullptr;

}  // namespace
}  // namespace murmur::fuzz

extern "C" int LLVMFuzzerInitialize(int* num_arguments, char*** arguments);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t num_bytes);

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  using namespace murmur::fuzz;
  const char* const variable = std::getenv("MURMUR_FUZZ_TARGET");
  const std::string name = variable == nullptr ? "" : variable;
  target = std::ranges::find_if(kTargets, [&](const Target& one) { return one.name == name; });
  if (target == kTargets.end()) {
    fmt::print(stderr, "MURMUR_FUZZ_TARGET: expected a target of tests/fuzz, such as image, got '{}'\n", name);
    std::exit(2);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t num_bytes) {
  murmur::fuzz::target->run({bytes, num_bytes});
  return 0;
}
