#pragma once

#include "murmur/engine/device.hpp"
#include "murmur/engine/stream.hpp"

// How a kernel is declared beside its source and defined at its end. It exists in both targets under one name, for the
// element types float and double (double is what gradient checks run).

// NOLINTBEGIN(bugprone-macro-parentheses): a template's name cannot stand in parentheses.

/// `name(stream, args)` for Args<float> and Args<double>; it picks the target by the stream's device.
#define MURMUR_DECLARE_KERNEL(name, Args)                 \
  namespace cpu {                                         \
  template <class T>                                      \
  void name(murmur::Stream& stream, const Args<T>& args); \
  }                                                       \
  namespace cuda {                                        \
  template <class T>                                      \
  void name(murmur::Stream& stream, const Args<T>& args); \
  }                                                       \
  template <class T>                                      \
  void name(Stream& stream, const Args<T>& args) {        \
    if (!stream.device().is_cuda()) {                     \
      cpu::name(stream, args);                            \
    } else if constexpr (kCudaBuild) {                    \
      cuda::name(stream, args);                           \
    }                                                     \
  }

/// The kernel in both element types, after its definition in namespace MURMUR_TARGET.
#define MURMUR_INSTANTIATE_KERNEL(name, Args)                          \
  template void name<float>(murmur::Stream&, const Args<float>& args); \
  template void name<double>(murmur::Stream&, const Args<double>& args);

// NOLINTEND(bugprone-macro-parentheses)
