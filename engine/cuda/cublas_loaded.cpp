// The functions of cuBLAS that are used, each of which loads the library when it is first called: starting it takes
// half a second of a processor, and a program without a GPU, or one that only says its help, has no use for it. So the
// program also runs where the library is not installed.

#include "murmur/engine/cuda/loaded_library.hpp"
#include "murmur/engine/error.hpp"

#include <fmt/format.h>

#include <cublas_v2.h>

namespace {

const murmur::cuda::LoadedLibrary<murmur::CublasError>& cublas() {
  static const murmur::cuda::LoadedLibrary<murmur::CublasError> library(
      "cuBLAS", fmt::format("libcublas.so.{}", CUBLAS_VER_MAJOR));
  return library;
}

}  // namespace

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  return MURMUR_CALL_LOADED(cublas, cublasCreate_v2, handle);
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  return MURMUR_CALL_LOADED(cublas, cublasDestroy_v2, handle);
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  return MURMUR_CALL_LOADED(cublas, cublasSetStream_v2, handle, stream);
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t bytes) {
  return MURMUR_CALL_LOADED(cublas, cublasSetWorkspace_v2, handle, workspace, bytes);
}

const char* cublasGetStatusString(cublasStatus_t status) {
  return MURMUR_CALL_LOADED(cublas, cublasGetStatusString, status);
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t transpose_a,
                                          cublasOperation_t transpose_b, int m, int n, int k, const void* alpha,
                                          const void* a, cudaDataType a_type, int lda, long long stride_a,
                                          const void* b, cudaDataType b_type, int ldb, long long stride_b,
                                          const void* beta, void* c, cudaDataType c_type, int ldc, long long stride_c,
                                          int batch, cublasComputeType_t compute, cublasGemmAlgo_t algorithm) {
  return MURMUR_CALL_LOADED(cublas, cublasGemmStridedBatchedEx, handle, transpose_a, transpose_b, m, n, k, alpha, a,
                            a_type, lda, stride_a, b, b_type, ldb, stride_b, beta, c, c_type, ldc, stride_c, batch,
                            compute, algorithm);
}

cublasStatus_t cublasSgeam_64(cublasHandle_t handle, cublasOperation_t transpose_a, cublasOperation_t transpose_b,
                              int64_t m, int64_t n, const float* alpha, const float* a, int64_t lda, const float* beta,
                              const float* b, int64_t ldb, float* c, int64_t ldc) {
  return MURMUR_CALL_LOADED(cublas, cublasSgeam_64, handle, transpose_a, transpose_b, m, n, alpha, a, lda, beta, b, ldb,
                            c, ldc);
}
