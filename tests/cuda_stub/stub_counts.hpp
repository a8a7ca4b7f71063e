#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>

#include "tests/support/temporary_folder.hpp"

namespace murmur::test {

/// The stub's counters; absent is 0.
using Counts = std::map<std::string, int64_t>;

template <class Function>
Function* stub_function(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

inline Counts stub_counts() {
  Counts counts;
  std::istringstream lines(stub_function<const char*()>("murmur_stub_counts")());
  for (std::string line; std::getline(lines, line);) {
    const size_t tab = line.find('\t');
    counts[line.substr(0, tab)] = std::stoll(line.substr(tab + 1));
  }
  return counts;
}

inline int64_t stub_count(const char* what) {
  return stub_function<int64_t(const char*)>("murmur_stub_count")(what);
}

/// What an action adds to the counters.
template <class Action>
Counts counts_of(const Action& action) {
  const Counts before = stub_counts();
  action();
  Counts added;
  for (const auto& [name, number] : stub_counts()) {
    const auto found = before.find(name);
    const int64_t difference = number - (found == before.end() ? 0 : found->second);
    if (difference != 0) added[name] = difference;
  }
  return added;
}

inline int64_t at(const Counts& counts, const std::string& name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

/// Of the stub, with a file of convolution choices of its own.
class StubTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (stub_function<const char*()>("murmur_stub_counts") == nullptr) {
      GTEST_FAIL() << "expected the stub of the CUDA libraries in LD_LIBRARY_PATH, got others";
    }
    stub_function<void()>("murmur_stub_repair")();
    setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1);
    // Matrix products are the slower ones in every timing, whatever the clock says.
    set_slow("gemm", 50);
    violations_ = stub_count("violations");
  }
  void TearDown() override {
    if (stub_function<const char*()>("murmur_stub_counts") == nullptr) return;
    EXPECT_EQ(stub_count("violations"), violations_);
    for (const char* what :
         {"live allocations", "live pinned blocks", "live streams", "live events", "live graphs",
          "live executable graphs", "live cuBLAS handles", "live cuDNN handles", "live cuDNN descriptors"}) {
      EXPECT_EQ(stub_count(what), 0) << what;
    }
  }

  static void set_slow(const char* work, int64_t microseconds) {
    stub_function<void(const char*, int64_t)>("murmur_stub_slow")(work, microseconds);
  }
  static void fail(const char* what, int64_t nth) {
    stub_function<void(const char*, int64_t)>("murmur_stub_fail")(what, nth);
  }
  void expect_violations(int64_t number) { violations_ += number; }
  std::filesystem::path choices() const { return folder_ / "murmur" / "convolutions"; }

 private:
  TemporaryFolder folder_;
  int64_t violations_ = 0;
};

}  // namespace murmur::test
