// One target as a libFuzzer program: MURMUR_FUZZ_TARGET names it.
#include "tests/fuzz/targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t num_bytes);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t num_bytes) {
  murmur::fuzz::MURMUR_FUZZ_TARGET({bytes, num_bytes});
  return 0;
}
