#include "murmur/engine/cuda/check.hpp"

#include "murmur/engine/error.hpp"

namespace murmur::cuda {

void check(cudaError_t status, const char* operation) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // it is reported here, and is no failure of what runs next
  throw CudaError("{}: {}: {}", operation, cudaGetErrorName(status), cudaGetErrorString(status));
}

void check(cublasStatus_t status, const char* operation) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  cudaGetLastError();  // what the library met inside
  throw CublasError("{}: {}", operation, cublasGetStatusString(status));
}

}  // namespace murmur::cuda
