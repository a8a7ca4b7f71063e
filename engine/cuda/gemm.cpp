#include "murmur/engine/cuda/gemm.hpp"

#include "murmur/engine/cuda/check.hpp"
#include "murmur/engine/cuda/native_stream.hpp"

namespace murmur::cuda {
namespace {

// A cuBLAS batch may not pass 65,535.
constexpr int64_t kMaxBatch = 65535;

/// Row-major c = a b is column-major c^T = b^T a^T: the operands change places, their flags stay.
template <class T>
void run(murmur::Stream& stream, const Gemm<T>& args, cublasComputeType_t compute, cudaDataType_t type) {
  auto& native = static_cast<NativeStream&>(stream);
  const T alpha = 1;
  for (int64_t first = 0; first < args.num_networks; first += kMaxBatch) {
    const int64_t count = args.num_networks - first < kMaxBatch ? args.num_networks - first : kMaxBatch;
    check(cublasGemmStridedBatchedEx(
              native.cublas(), args.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N,
              args.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, static_cast<int>(args.n), static_cast<int>(args.m),
              static_cast<int>(args.k), &alpha, args.b.data + first * args.b.stride, type,
              static_cast<int>(args.b.leading), args.b.stride, args.a.data + first * args.a.stride, type,
              static_cast<int>(args.a.leading), args.a.stride, &args.beta, args.c.data + first * args.c.stride, type,
              static_cast<int>(args.c.leading), args.c.stride, static_cast<int>(count), compute, CUBLAS_GEMM_DEFAULT),
          "cublasGemmStridedBatched");
  }
}

}  // namespace

void gemm(murmur::Stream& stream, const Gemm<float>& args) {
  run(stream, args, args.allow_tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F);
}

void gemm(murmur::Stream& stream, const Gemm<double>& args) {
  run(stream, args, CUBLAS_COMPUTE_64F, CUDA_R_64F);
}

}  // namespace murmur::cuda
