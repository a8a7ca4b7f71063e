#include "murmur/engine/cuda/stream.hpp"

#include "murmur/engine/cuda/check.hpp"
#include "murmur/engine/cuda/memory.hpp"
#include "murmur/engine/cuda/native_stream.hpp"

namespace murmur::cuda {
namespace {

// What cuBLAS asks for on Hopper; set by hand so that capture and determinism do not depend on its own allocation.
constexpr int64_t kWorkspaceBytes = int64_t{32} << 20;

class NativeGraph final : public Graph {
 public:
  NativeGraph(cudaStream_t stream, cudaGraph_t graph) : stream_(stream), graph_(graph) {
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
    for (int64_t i = 0; i < count; ++i) check(cudaGraphLaunch(executable_, stream_), "cudaGraphLaunch");
  }

  int64_t num_nodes() const override {
    size_t count = 0;
    check(cudaGraphGetNodes(graph_, nullptr, &count), "cudaGraphGetNodes");
    return static_cast<int64_t>(count);
  }

 private:
  cudaStream_t stream_;
  cudaGraph_t graph_;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace

NativeStream::NativeStream(int device) : murmur::Stream({DeviceType::kCuda, device}) {
  check(cudaSetDevice(device), "cudaSetDevice");
  workspace_ = allocate(device, kWorkspaceBytes);
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  check(cublasCreate(&cublas_), "cublasCreate");
  check(cublasSetStream(cublas_, stream_), "cublasSetStream");
  // cublasSetStream resets the workspace, so this comes after it.
  check(cublasSetWorkspace(cublas_, workspace_.get(), kWorkspaceBytes), "cublasSetWorkspace");
}

NativeStream::~NativeStream() {
  convolutions_.reset();
  if (cublas_ != nullptr) cublasDestroy(cublas_);
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
}

void NativeStream::synchronize() {
  check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
}

void NativeStream::begin_capture() {
  // Relaxed: a step may allocate from its arena while it is captured.
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
}

std::unique_ptr<Graph> NativeStream::end_capture() {
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(stream_, &graph), "cudaStreamEndCapture");
  return std::make_unique<NativeGraph>(stream_, graph);
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
