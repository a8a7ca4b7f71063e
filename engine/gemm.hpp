#pragma once

#include <cstdint>

#include "murmur/engine/stream.hpp"

namespace murmur {

/// One row-major matrix per network; `leading` elements from row to row, `stride` from network to network.
template <class T>
struct Matrix {
  T* data = nullptr;
  int64_t leading = 0;
  int64_t stride = 0;
};

/// c[p] = op(a[p]) op(b[p]) + beta c[p], row-major, for every network p.
///
/// Shapes: op(a) [m, k], op(b) [k, n], c [m, n]; op transposes where the flag says so. beta is 0 or 1; with 0, c is
///         not read.
/// Target: cuBLAS strided-batched on a GPU (TF32 where allow_tf32), oneDNN on the CPU for float, a plain loop for
///         double (the reference that gradient checks use).
/// Throws: InvalidArgument, ShapeError, CublasError, Error (oneDNN).
template <class T>
struct Gemm {
  int64_t num_networks = 0;
  bool transpose_a = false;
  bool transpose_b = false;
  int64_t m = 0, n = 0, k = 0;
  Matrix<const T> a;
  Matrix<const T> b;
  T beta = 0;
  Matrix<T> c;
  bool allow_tf32 = false;
};

void gemm(Stream& stream, const Gemm<float>& args);
void gemm(Stream& stream, const Gemm<double>& args);

}  // namespace murmur
