#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <memory>

#include "murmur/engine/stream.hpp"

namespace murmur::cuda {

/// A non-blocking CUDA stream with the cuBLAS handle and workspace that belong to it.
class NativeStream final : public murmur::Stream {
 public:
  explicit NativeStream(int device);
  ~NativeStream() override;

  void synchronize() override;
  void begin_capture() override;
  std::unique_ptr<Graph> end_capture() override;
  bool is_capturing() const override;
  void copy_to_host(void* target, const void* source, int64_t num_bytes) override;
  void copy_from_host(void* target, const void* source, int64_t num_bytes) override;
  void clear(void* memory, int64_t num_bytes) override;

  /// Makes the stream's device the current one of this thread: what is launched goes to the current device's context.
  void make_current() const;
  /// The stream, with its device as the current one.
  cudaStream_t handle() const;
  /// Its cuBLAS handle, likewise.
  cublasHandle_t cublas() const;

  /// The device's compute capability (90: 9.0) where MURMUR_OVERLAP_LAUNCHES is 1, else 0. Code for 9.0 and later may
  /// begin to launch before the kernel in front of it has ended (programmatic dependent launch), and waits before it
  /// touches memory. It has not been measured yet.
  int overlap_capability() const { return overlap_capability_; }

  /// What another library keeps with a stream: handles, plans, working memory. It lives as long as the stream, hence as
  /// long as the graphs that the stream has captured.
  class Attachment {
   public:
    Attachment() = default;
    virtual ~Attachment() = default;
    Attachment(const Attachment&) = delete;
    Attachment& operator=(const Attachment&) = delete;
  };
  /// Of the convolutions; whoever asks first puts it there.
  std::unique_ptr<Attachment>& convolutions() { return convolutions_; }

 private:
  void release();

  cudaStream_t stream_ = nullptr;
  cublasHandle_t cublas_ = nullptr;
  int overlap_capability_ = 0;
  std::shared_ptr<void> workspace_;
  std::unique_ptr<Attachment> convolutions_;
};

}  // namespace murmur::cuda
