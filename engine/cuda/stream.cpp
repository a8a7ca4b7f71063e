#include "murmur/engine/cuda/stream.hpp"

#include "murmur/engine/cuda/check.hpp"
#include "murmur/engine/cuda/memory.hpp"
#include "murmur/engine/cuda/native_stream.hpp"
#include "murmur/engine/memory.hpp"

namespace murmur::cuda {
namespace {

// What cuBLAS asks for on Hopper; set by hand so that capture and determinism do not depend on its own allocation.
constexpr int64_t kWorkspaceBytes = int64_t{32} << 20;

class NativeGraph final : public Graph {
 public:
  NativeGraph(const NativeStream& stream, cudaGraph_t graph) : stream_(stream), graph_(graph) {
    try {
      check(cudaGraphInstantiate(&executable_, graph_, 0), "cudaGraphInstantiate");
    } catch (...) {
      cudaGraphDestroy(graph_);
      throw;
    }
  }
  ~NativeGraph() override {
    cudaGraphExecDestroy(executable_);
    cudaGraphDestroy(graph_);
  }
  NativeGraph(const NativeGraph&) = delete;
  NativeGraph& operator=(const NativeGraph&) = delete;

  /// Kernels see for themselves which networks are idle; `active` saves nothing here.
  void launch(int64_t count, std::span<const uint8_t> /*active*/) override {
    cudaStream_t const stream = stream_.handle();
    for (int64_t i = 0; i < count; ++i) check(cudaGraphLaunch(executable_, stream), "cudaGraphLaunch");
  }

  int64_t num_nodes() const override {
    size_t count = 0;
    check(cudaGraphGetNodes(graph_, nullptr, &count), "cudaGraphGetNodes");
    return static_cast<int64_t>(count);
  }

 private:
  const NativeStream& stream_;
  cudaGraph_t graph_;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace

NativeStream::NativeStream(int device) : murmur::Stream({DeviceType::kCuda, device}) {
  make_current();
  workspace_ = allocate(device, kWorkspaceBytes);
  try {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    check(cublasCreate(&cublas_), "cublasCreate");
    check(cublasSetStream(cublas_, stream_), "cublasSetStream");
    // cublasSetStream resets the workspace, so this comes after it.
    check(cublasSetWorkspace(cublas_, workspace_.get(), kWorkspaceBytes), "cublasSetWorkspace");
  } catch (...) {
    release();
    throw;
  }
}

NativeStream::~NativeStream() {
  release();
}

void NativeStream::release() {
  cudaSetDevice(device().index);
  convolutions_.reset();
  if (cublas_ != nullptr) cublasDestroy(cublas_);
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
}

void NativeStream::make_current() const {
  check(cudaSetDevice(device().index), "cudaSetDevice");
}

cudaStream_t NativeStream::handle() const {
  make_current();
  return stream_;
}

cublasHandle_t NativeStream::cublas() const {
  make_current();
  return cublas_;
}

void NativeStream::synchronize() {
  check(cudaStreamSynchronize(handle()), "cudaStreamSynchronize");
}

void NativeStream::copy_to_host(void* target, const void* source, int64_t num_bytes) {
  count_host_copy();
  check(cudaMemcpyAsync(target, source, static_cast<size_t>(num_bytes), cudaMemcpyDeviceToHost, handle()),
        "copy to host");
}

void NativeStream::copy_from_host(void* target, const void* source, int64_t num_bytes) {
  count_host_copy();
  check(cudaMemcpyAsync(target, source, static_cast<size_t>(num_bytes), cudaMemcpyHostToDevice, handle()),
        "copy from host");
}

void NativeStream::clear(void* memory, int64_t num_bytes) {
  check(cudaMemsetAsync(memory, 0, static_cast<size_t>(num_bytes), handle()), "cudaMemset");
}

void NativeStream::begin_capture() {
  // Relaxed: what is captured for a timing may allocate from its arena.
  check(cudaStreamBeginCapture(handle(), cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
}

std::unique_ptr<Graph> NativeStream::end_capture() {
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(handle(), &graph), "cudaStreamEndCapture");
  return std::make_unique<NativeGraph>(*this, graph);
}

bool NativeStream::is_capturing() const {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(stream_, &status), "cudaStreamIsCapturing");
  return status != cudaStreamCaptureStatusNone;
}

std::unique_ptr<murmur::Stream> make_stream(int device) {
  return std::make_unique<NativeStream>(device);
}

}  // namespace murmur::cuda
