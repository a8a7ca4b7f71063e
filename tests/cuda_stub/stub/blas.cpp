// cuBLAS as far as programs import it.
#include <cublas_v2.h>

#include <set>
#include <tuple>

#include "stub.hpp"

using namespace murmur::stub;

struct cublasContext {
  cudaStream_t stream = nullptr;
  const void* workspace = nullptr;
};

namespace {

/// Products that heuristics have been asked for: the first call of each loads and asks, and that is no work for a
/// capture.
bool is_first(const std::string& what, int m, int n, int k, int batch, int kind) {
  static auto* const known = new std::set<std::tuple<std::string, int, int, int, int, int>>;
  return known->emplace(what, m, n, k, batch, kind).second;
}

cublasStatus_t run(cublasHandle_t handle, const std::string& name, std::vector<const void*> operands, bool first) {
  count(name);
  if (first && any_capture()) count("heuristics in a capture");
  if (must_fail("gemm")) return CUBLAS_STATUS_EXECUTION_FAILED;
  Work work{name, {allocation_of(handle->workspace)}};
  for (const void* operand : operands) {
    work.memory.push_back(allocation_of(operand));
    if (work.memory.back() == 0) violate(name + ": expected operands in device memory, got another address");
  }
  return report(submit(handle->stream, work)) == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

}  // namespace

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  STUB_LOCK;
  if (any_capture()) count("handles made in a capture");
  if (must_fail("cublas_create")) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = new cublasContext;
  count("live cuBLAS handles");
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  STUB_LOCK;
  delete handle;
  count("live cuBLAS handles", -1);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  STUB_LOCK;
  handle->stream = stream;
  handle->workspace = nullptr;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t) {
  STUB_LOCK;
  handle->workspace = workspace;
  return CUBLAS_STATUS_SUCCESS;
}

const char* cublasGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS           ? "CUBLAS_STATUS_SUCCESS"
         : status == CUBLAS_STATUS_NOT_INITIALIZED ? "CUBLAS_STATUS_NOT_INITIALIZED"
         : status == CUBLAS_STATUS_INVALID_VALUE   ? "CUBLAS_STATUS_INVALID_VALUE"
                                                   : "CUBLAS_STATUS_EXECUTION_FAILED";
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t transpose_a,
                                          cublasOperation_t transpose_b, int m, int n, int k, const void*,
                                          const void* a, cudaDataType, int lda, long long, const void* b, cudaDataType,
                                          int ldb, long long, const void*, void* c, cudaDataType, int ldc, long long,
                                          int batch, cublasComputeType_t compute, cublasGemmAlgo_t) {
  STUB_LOCK;
  if (m < 1 || n < 1 || k < 1 || batch < 1 || batch > 65535 || lda < (transpose_a == CUBLAS_OP_N ? m : k) ||
      ldb < (transpose_b == CUBLAS_OP_N ? k : n) || ldc < m) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  count(compute == CUBLAS_COMPUTE_32F_FAST_TF32 ? "products in TF32" : "products in full precision");
  const int kind = 16 * static_cast<int>(compute) + 4 * static_cast<int>(transpose_a) + static_cast<int>(transpose_b);
  return run(handle, "gemm", {a, b, c}, is_first("gemm", m, n, k, batch, kind));
}

cublasStatus_t cublasSgeam_64(cublasHandle_t handle, cublasOperation_t, cublasOperation_t, int64_t m, int64_t n,
                              const float*, const float* a, int64_t lda, const float*, const float* b, int64_t ldb,
                              float* c, int64_t ldc) {
  STUB_LOCK;
  if (m < 1 || n < 1 || lda < m || ldb < m || ldc < m) return CUBLAS_STATUS_INVALID_VALUE;
  return run(handle, "geam", {a, b, c}, is_first("geam", static_cast<int>(m), static_cast<int>(n), 0, 0, 0));
}
}
