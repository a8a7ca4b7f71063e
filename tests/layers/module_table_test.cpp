#include <gmock/gmock.h>

#include "murmur/engine/error.hpp"
#include "murmur/layers/modules/table.hpp"

namespace murmur {
namespace {

// What the table takes is tested by examples/own_layer.cpp: a table that a test has changed would be every test's.
TEST(ModuleTable, RefusesAWordThatWouldHideAnother) {
  for (const char* word : {"linear", "linears", "con", ""}) {
    const ModuleInfo info{word, "", "", "", {}, "", nullptr};
    const size_t before = modules().size();
    EXPECT_THROW(add_module(info), InvalidArgument) << word;
    EXPECT_EQ(modules().size(), before);
  }
}

}  // namespace
}  // namespace murmur
