#include "murmur/engine/gemm.hpp"

#include "murmur/engine/cpu/gemm.hpp"
#include "murmur/engine/cuda/gemm.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

template <class T>
void check_matrix(const char* what, const Matrix<T>& matrix, int64_t columns) {
  if (matrix.data == nullptr || matrix.leading < columns) {
    throw ShapeError("gemm: expected {} with rows of at least {} elements, got a leading dimension of {}", what,
                     columns, matrix.leading);
  }
}

template <class T>
void dispatch(Stream& stream, const Gemm<T>& args) {
  if (args.num_networks < 1 || args.m < 1 || args.n < 1 || args.k < 1) {
    throw ShapeError("gemm: expected P, m, n, k >= 1, got P={}, {}, {}, {}", args.num_networks, args.m, args.n, args.k);
  }
  if (args.beta != T{0} && args.beta != T{1}) throw InvalidArgument("gemm: expected beta 0 or 1, got {}", args.beta);
  check_matrix("a", args.a, args.transpose_a ? args.m : args.k);
  check_matrix("b", args.b, args.transpose_b ? args.k : args.n);
  check_matrix("c", args.c, args.n);
  if (!stream.device().is_cuda()) {
    cpu::gemm(static_cast<cpu::Stream&>(stream), args);
  } else if constexpr (kCudaBuild) {
    cuda::gemm(stream, args);
  }
}

}  // namespace

void gemm(Stream& stream, const Gemm<float>& args) {
  dispatch(stream, args);
}

void gemm(Stream& stream, const Gemm<double>& args) {
  dispatch(stream, args);
}

}  // namespace murmur
