#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "murmur/engine/address_sanitizer.hpp"
#include "murmur/engine/tensor.hpp"

#ifdef MURMUR_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace murmur::test {

/// Half the distance from 1 to the next number: the largest relative error of one rounding.
template <class T>
inline constexpr double kRounding = std::numeric_limits<T>::epsilon() / 2;

/// The same for a comparison with a reference in double, which rounds as often.
template <class T>
inline constexpr double kBothRoundings = kRounding<T> + kRounding<double>;

/// An array on a device with guards before and behind it: a kernel that writes outside of it shows, and to the address
/// sanitizer one that reads there.
template <class T>
class GuardedArray {
 public:
  GuardedArray(const std::vector<T>& values, Device device)
      : size_(values.size()),
        tensor_(Tensor::zeros({static_cast<int64_t>(size_ + 2 * kGuards)}, dtype_of<T>(), device)) {
    std::vector<T> all(size_ + 2 * kGuards, guard());
    std::ranges::copy(values, all.begin() + kGuards);
    tensor_.copy_from_host(all.data(), static_cast<int64_t>(all.size() * sizeof(T)));
    poison_guards();
  }
  GuardedArray(size_t size, T value, Device device) : GuardedArray(std::vector<T>(size, value), device) {}

  T* data() const { return tensor_.data<T>() + kGuards; }
  size_t size() const { return size_; }

  std::vector<T> values() const {
    const std::vector<T> all = with_guards();
    return {all.begin() + kGuards, all.end() - kGuards};
  }
  void set(const std::vector<T>& values) {
    std::vector<T> all = with_guards();
    std::ranges::copy(values, all.begin() + kGuards);
    unpoison_guards();
    tensor_.copy_from_host(all.data(), static_cast<int64_t>(all.size() * sizeof(T)));
    poison_guards();
  }
  bool guards_intact() const {
    const std::vector<T> all = with_guards();
    const auto is_guard = [](T value) { return value == guard(); };
    return std::all_of(all.begin(), all.begin() + kGuards, is_guard) &&
           std::all_of(all.end() - kGuards, all.end(), is_guard);
  }

 private:
  static constexpr int64_t kGuards = 64;  // a whole cache line of every type, so that data() stays aligned
  static T guard() { return static_cast<T>(77); }

  std::vector<T> with_guards() const {
    unpoison_guards();
    const std::vector<T> all = tensor_.template to_vector<T>();
    poison_guards();
    return all;
  }
#ifdef MURMUR_ADDRESS_SANITIZER
  void poison_guards() const {
    if (tensor_.device().is_cuda()) return;
    ASAN_POISON_MEMORY_REGION(data() - kGuards, kGuards * sizeof(T));
    ASAN_POISON_MEMORY_REGION(data() + size_, kGuards * sizeof(T));
  }
  void unpoison_guards() const {
    if (!tensor_.device().is_cuda()) ASAN_UNPOISON_MEMORY_REGION(data() - kGuards, (size_ + 2 * kGuards) * sizeof(T));
  }
#else
  void poison_guards() const {}
  void unpoison_guards() const {}
#endif

  size_t size_;
  Tensor tensor_;
};

/// n numbers in [low, high), the same ones for the same seed.
template <class T>
std::vector<T> random_values(size_t n, uint64_t seed, double low = -1, double high = 1) {
  std::mt19937_64 generator(seed);
  std::vector<T> values(n);
  for (T& value : values) {
    value = static_cast<T>(low + (high - low) * (static_cast<double>(generator() >> 11) * 0x1p-53));
  }
  return values;
}

inline std::vector<uint8_t> random_bytes(size_t n, uint64_t seed, int below = 256) {
  std::mt19937_64 generator(seed);
  std::vector<uint8_t> values(n);
  for (uint8_t& value : values) value = static_cast<uint8_t>(generator() % static_cast<uint64_t>(below));
  return values;
}

/// Equal bits, NaNs included.
template <class T>
::testing::AssertionResult same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return ::testing::AssertionFailure() << a.size() << " elements against " << b.size();
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(&a[i], &b[i], sizeof(T)) != 0) {
      return ::testing::AssertionFailure()
             << "element " << i << " of " << a.size() << ": " << +a[i] << " against " << +b[i];
    }
  }
  return ::testing::AssertionSuccess();
}

/// |actual - expected| <= tolerance for every element; a NaN is never near.
template <class T>
::testing::AssertionResult all_near(const std::vector<T>& actual, const std::vector<double>& expected,
                                    const std::vector<double>& tolerance) {
  if (actual.size() != expected.size() || actual.size() != tolerance.size()) {
    return ::testing::AssertionFailure() << actual.size() << " elements against " << expected.size();
  }
  for (size_t i = 0; i < actual.size(); ++i) {
    const double error = std::abs(static_cast<double>(actual[i]) - expected[i]);
    if (!(error <= tolerance[i])) {
      return ::testing::AssertionFailure() << "element " << i << " of " << actual.size() << ": " << +actual[i]
                                           << ", expected " << expected[i] << " +- " << tolerance[i];
    }
  }
  return ::testing::AssertionSuccess();
}

template <class T>
::testing::AssertionResult all_near(const std::vector<T>& actual, const std::vector<T>& expected, double tolerance) {
  return all_near(actual, std::vector<double>(expected.begin(), expected.end()),
                  std::vector<double>(actual.size(), tolerance));
}

}  // namespace murmur::test
