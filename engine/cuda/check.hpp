#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

namespace murmur::cuda {

/// Throws CudaError `<operation>: <name>: <what the runtime says>` unless the call succeeded.
void check(cudaError_t status, const char* operation);

/// Throws CublasError unless the call succeeded.
void check(cublasStatus_t status, const char* operation);

}  // namespace murmur::cuda
