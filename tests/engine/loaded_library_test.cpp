#include "murmur/engine/cuda/loaded_library.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "murmur/engine/error.hpp"

// Whose types are the ones of the functions below.
extern "C" double murmur_no_such_function(double x);

namespace murmur::cuda {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Library = LoadedLibrary<CublasError>;

const Library& mathematics() {
  static const Library library("mathematics", "libm.so.6");
  return library;
}

double call_missing(double x) {
  return MURMUR_CALL_LOADED(mathematics, murmur_no_such_function, x);
}

TEST(LoadedLibrary, CallsFunctions) {
  auto* const root = mathematics().function<double(double)>("sqrt");
  EXPECT_EQ(root(9), 3);
  EXPECT_EQ(MURMUR_CALL_LOADED(mathematics, sqrt, 16.0), 4);
}

TEST(LoadedLibrary, SaysWhatIsMissing) {
  EXPECT_THAT([] { Library("cuBLAS", "libno_such_library.so.7"); },
              ThrowsMessage<CublasError>(HasSubstr("cuBLAS: expected libno_such_library.so.7, got ")));
  for (int attempt = 0; attempt < 2; ++attempt) {
    EXPECT_THAT(
        [] { call_missing(1); },
        ThrowsMessage<CublasError>(HasSubstr("mathematics: expected murmur_no_such_function in libm.so.6, got ")));
  }
}

}  // namespace
}  // namespace murmur::cuda
