#include "murmur/engine/cuda/stream.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <type_traits>
#include <utility>

#include "murmur/engine/cuda/check.hpp"
#include "murmur/engine/cuda/device.hpp"
#include "murmur/engine/cuda/memory.hpp"
#include "murmur/engine/cuda/native_stream.hpp"
#include "murmur/engine/memory.hpp"

namespace murmur::cuda {
namespace {

// What cuBLAS asks for on Hopper; set by hand so that capture and determinism do not depend on its own allocation.
constexpr int64_t kWorkspaceBytes = int64_t{32} << 20;

// A launch of a graph costs the host and the device a few microseconds, which a small population's tick does not hide:
// several repetitions are launched as one graph. More nodes than these take long anyway.
constexpr int64_t kNodesOfALaunch = 512;
constexpr int64_t kMostRepetitions = 16;

struct DestroyGraph {
  void operator()(cudaGraph_t graph) const { cudaGraphDestroy(graph); }
  void operator()(cudaGraphExec_t graph) const { cudaGraphExecDestroy(graph); }
};
using OwnedGraph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph>;
using OwnedExecutable = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, DestroyGraph>;

OwnedExecutable instantiate(cudaGraph_t graph) {
  cudaGraphExec_t executable = nullptr;
  check(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
  return OwnedExecutable(executable);
}

int64_t count_nodes(cudaGraph_t graph) {
  size_t count = 0;
  check(cudaGraphGetNodes(graph, nullptr, &count), "cudaGraphGetNodes");
  return static_cast<int64_t>(count);
}

/// The graph so many times, one after the other.
OwnedExecutable repeat(cudaGraph_t graph, int64_t count) {
  cudaGraph_t several = nullptr;
  check(cudaGraphCreate(&several, 0), "cudaGraphCreate");
  const OwnedGraph owned(several);
  cudaGraphNode_t last = nullptr;
  for (int64_t i = 0; i < count; ++i) {
    cudaGraphNode_t node = nullptr;
    check(cudaGraphAddChildGraphNode(&node, several, &last, i == 0 ? 0 : 1, graph), "cudaGraphAddChildGraphNode");
    last = node;
  }
  return instantiate(several);
}

class NativeGraph final : public Graph {
 public:
  NativeGraph(const NativeStream& stream, OwnedGraph graph)
      : stream_(stream),
        graph_(std::move(graph)),
        num_nodes_(count_nodes(graph_.get())),
        num_repetitions_(std::clamp<int64_t>(kNodesOfALaunch / std::max<int64_t>(1, num_nodes_), 1, kMostRepetitions)),
        once_(instantiate(graph_.get())) {}

  /// Kernels see for themselves which networks are idle; `active` saves nothing here.
  void launch(int64_t count, std::span<const uint8_t> /*active*/) override {
    cudaStream_t const stream = stream_.handle();
    if (num_repetitions_ > 1) {
      for (; count >= num_repetitions_; count -= num_repetitions_) {
        if (several_ == nullptr) several_ = repeat(graph_.get(), num_repetitions_);
        check(cudaGraphLaunch(several_.get(), stream), "cudaGraphLaunch");
      }
    }
    for (; count > 0; --count) check(cudaGraphLaunch(once_.get(), stream), "cudaGraphLaunch");
  }

  int64_t num_nodes() const override { return num_nodes_; }

 private:
  const NativeStream& stream_;
  OwnedGraph graph_;
  int64_t num_nodes_;
  int64_t num_repetitions_;
  OwnedExecutable once_, several_;  // made when it is first worth while
};

}  // namespace

NativeStream::NativeStream(int device) : murmur::Stream({DeviceType::kCuda, device}) {
  make_current();
  const char* const wish = std::getenv("MURMUR_OVERLAP_LAUNCHES");
  if (wish != nullptr && std::string_view(wish) == "1") overlap_capability_ = compute_capability(device);
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
  return std::make_unique<NativeGraph>(*this, OwnedGraph(graph));
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
