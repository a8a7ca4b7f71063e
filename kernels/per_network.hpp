#pragma once

#include <cstdint>

#include "murmur/engine/target.hpp"

namespace murmur {

/// An array of every network: that of network p starts at data + p stride.
template <class T>
struct PerNetwork {
  T* data = nullptr;
  int64_t stride = 0;  // elements from network to network

  MURMUR_HD T* operator[](int64_t network) const { return data + network * stride; }
  MURMUR_HD constexpr bool is_null() const { return data == nullptr; }
};

}  // namespace murmur
