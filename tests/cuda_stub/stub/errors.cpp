// The last error of each thread, and what queued work has left behind.
#include "stub.hpp"

namespace murmur::stub {
namespace {

thread_local cudaError_t last_error = cudaSuccess;
cudaError_t queued = cudaSuccess;  // once a kernel has broken the context, nothing works any more

}  // namespace

cudaError_t report(cudaError_t status) {
  if (status != cudaSuccess) last_error = status;
  return status;
}

void fail_queued_work(cudaError_t status) {
  queued = status;
}

cudaError_t queued_failure() {
  return queued;
}

}  // namespace murmur::stub

using namespace murmur::stub;

extern "C" {

/// For the next test in the process: a context that works again.
void murmur_stub_repair() {
  STUB_LOCK;
  queued = last_error = cudaSuccess;
}

cudaError_t cudaGetLastError() {
  STUB_LOCK;
  const cudaError_t status = queued != cudaSuccess ? queued : last_error;
  last_error = cudaSuccess;
  return status;
}

cudaError_t cudaPeekAtLastError() {
  STUB_LOCK;
  return queued != cudaSuccess ? queued : last_error;
}

const char* cudaGetErrorName(cudaError_t status) {
  switch (status) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration:
      return "cudaErrorInvalidConfiguration";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorInvalidResourceHandle:
      return "cudaErrorInvalidResourceHandle";
    case cudaErrorIllegalAddress:
      return "cudaErrorIllegalAddress";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    case cudaErrorLaunchOutOfResources:
      return "cudaErrorLaunchOutOfResources";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorStreamCaptureUnsupported:
      return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureInvalidated:
      return "cudaErrorStreamCaptureInvalidated";
    case cudaErrorStreamCaptureMerge:
      return "cudaErrorStreamCaptureMerge";
    case cudaErrorStreamCaptureUnmatched:
      return "cudaErrorStreamCaptureUnmatched";
    case cudaErrorStreamCaptureUnjoined:
      return "cudaErrorStreamCaptureUnjoined";
    case cudaErrorStreamCaptureIsolation:
      return "cudaErrorStreamCaptureIsolation";
    case cudaErrorStreamCaptureImplicit:
      return "cudaErrorStreamCaptureImplicit";
    case cudaErrorCapturedEvent:
      return "cudaErrorCapturedEvent";
    case cudaErrorStreamCaptureWrongThread:
      return "cudaErrorStreamCaptureWrongThread";
    default:
      return "cudaErrorUnknown";
  }
}

const char* cudaGetErrorString(cudaError_t status) {
  return status == cudaErrorMemoryAllocation ? "out of memory" : cudaGetErrorName(status);
}
}
