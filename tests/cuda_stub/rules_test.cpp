// The stub itself: what the documentation says of errors and captures.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <span>
#include <vector>

#include "tests/cuda_stub/stub_counts.hpp"

namespace murmur {
namespace {

class StubRules : public test::StubTest {
 protected:
  void SetUp() override {
    test::StubTest::SetUp();
    ASSERT_EQ(cudaMalloc(&memory_, 64), cudaSuccess);
    for (cudaStream_t* stream : {&stream_, &other_}) {
      ASSERT_EQ(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking), cudaSuccess);
    }
    for (cudaEvent_t* event : {&event_, &joined_}) {
      ASSERT_EQ(cudaEventCreateWithFlags(event, cudaEventDisableTiming), cudaSuccess);
    }
  }
  void TearDown() override {
    cudaGetLastError();
    cudaFree(memory_);
    for (cudaStream_t stream : {stream_, other_}) cudaStreamDestroy(stream);
    for (cudaEvent_t event : {event_, joined_}) cudaEventDestroy(event);
    test::StubTest::TearDown();
  }

  void begin(cudaStream_t stream, cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed) {
    ASSERT_EQ(cudaStreamBeginCapture(stream, mode), cudaSuccess);
  }
  /// Ends a capture, of which no graph is left.
  cudaError_t end(cudaStream_t stream) {
    cudaGraph_t graph = nullptr;
    const cudaError_t status = cudaStreamEndCapture(stream, &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
    return status;
  }
  cudaError_t work(cudaStream_t stream) { return cudaMemsetAsync(memory_, 1, 64, stream); }

  void* memory_ = nullptr;
  cudaStream_t stream_ = nullptr, other_ = nullptr;
  cudaEvent_t event_ = nullptr, joined_ = nullptr;
};

TEST_F(StubRules, TheLastErrorStaysUntilItIsTaken) {
  void* too_much = nullptr;
  EXPECT_EQ(cudaMalloc(&too_much, size_t{1} << 50), cudaErrorMemoryAllocation);
  EXPECT_EQ(work(stream_), cudaSuccess);
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(StubRules, NobodyWaitsForACapture) {
  begin(stream_);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(work(stream_), cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(end(stream_), cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(work(stream_), cudaSuccess) << "the capture is over";
  begin(stream_);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(end(stream_), cudaErrorStreamCaptureInvalidated);
  begin(stream_);
  EXPECT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  EXPECT_EQ(cudaEventSynchronize(event_), cudaErrorCapturedEvent);
  EXPECT_EQ(end(stream_), cudaErrorStreamCaptureInvalidated);
}

TEST_F(StubRules, OnlyARelaxedCaptureLetsAllocate) {
  for (const auto mode : {cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal}) {
    begin(stream_, mode);
    void* more = nullptr;
    EXPECT_EQ(cudaMalloc(&more, 64), cudaErrorStreamCaptureUnsupported);
    EXPECT_EQ(end(stream_), cudaErrorStreamCaptureInvalidated);
  }
  begin(stream_);
  void* more = nullptr;
  EXPECT_EQ(cudaMalloc(&more, 64), cudaSuccess);
  EXPECT_EQ(cudaMemset(more, 0, 64), cudaSuccess) << "on the legacy stream, for which a stream of ours does not wait";
  EXPECT_EQ(cudaFree(more), cudaSuccess);
  EXPECT_EQ(end(stream_), cudaSuccess);
}

TEST_F(StubRules, BlockingStreamsKeepTheLegacyStreamOut) {
  cudaStream_t blocking = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&blocking, cudaStreamDefault), cudaSuccess);
  begin(blocking);
  EXPECT_EQ(cudaMemset(memory_, 0, 64), cudaErrorStreamCaptureImplicit);
  EXPECT_EQ(end(blocking), cudaErrorStreamCaptureInvalidated);
  cudaStreamDestroy(blocking);
}

TEST_F(StubRules, BranchesForkAndJoin) {
  begin(stream_);
  EXPECT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(other_, event_, 0), cudaSuccess);
  EXPECT_EQ(work(other_), cudaSuccess);
  EXPECT_EQ(end(stream_), cudaErrorStreamCaptureUnjoined);
  begin(stream_);
  EXPECT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(other_, event_, 0), cudaSuccess);
  EXPECT_EQ(work(other_), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(joined_, other_), cudaSuccess);
  EXPECT_EQ(end(other_), cudaErrorStreamCaptureUnmatched) << "it did not begin there";
  EXPECT_EQ(end(stream_), cudaErrorStreamCaptureInvalidated);
  begin(stream_);
  EXPECT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(other_, event_, 0), cudaSuccess);
  EXPECT_EQ(work(other_), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(joined_, other_), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(stream_, joined_, 0), cudaSuccess);
  EXPECT_EQ(end(stream_), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(stream_, joined_, 0), cudaErrorCapturedEvent) << "of a capture that is over";
}

TEST_F(StubRules, CapturesDoNotMix) {
  begin(stream_);
  begin(other_);
  EXPECT_EQ(cudaEventRecord(event_, other_), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(stream_, event_, 0), cudaErrorStreamCaptureMerge);
  EXPECT_EQ(end(stream_), cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(end(other_), cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(cudaEventRecord(event_, other_), cudaSuccess);
  begin(stream_);
  EXPECT_EQ(cudaStreamWaitEvent(stream_, event_, 0), cudaErrorStreamCaptureIsolation);
  EXPECT_EQ(end(stream_), cudaErrorStreamCaptureInvalidated);
}

TEST_F(StubRules, AGraphThatNamesFreedMemoryIsReported) {
  void* gone = nullptr;
  ASSERT_EQ(cudaMalloc(&gone, 64), cudaSuccess);
  begin(stream_);
  EXPECT_EQ(cudaMemsetAsync(gone, 0, 64, stream_), cudaSuccess);
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  EXPECT_EQ(cudaGraphLaunch(executable, stream_), cudaSuccess);
  EXPECT_EQ(cudaFree(gone), cudaSuccess);
  EXPECT_EQ(cudaGraphLaunch(executable, stream_), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorIllegalAddress) << "and nothing works any more";
  expect_violations(1);
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
}

TEST_F(StubRules, LargeFillsAreThereToTheByte) {
  constexpr size_t kBytes = (size_t{40} << 20) + 5, kOffset = 3;
  uint8_t* large = nullptr;
  ASSERT_EQ(cudaMalloc(reinterpret_cast<void**>(&large), kBytes + 2 * kOffset), cudaSuccess);
  std::vector<uint8_t> read(kBytes + 2 * kOffset);
  uint8_t before = 0;
  for (const uint8_t value : {uint8_t{7}, uint8_t{0}, uint8_t{9}}) {
    EXPECT_EQ(cudaMemset(large + kOffset, value, kBytes), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(read.data(), large, read.size(), cudaMemcpyDeviceToHost), cudaSuccess);
    const std::span<const uint8_t> filled = std::span(read).subspan(kOffset, kBytes);
    EXPECT_EQ(std::ranges::count(filled, value), static_cast<std::ptrdiff_t>(kBytes));
    EXPECT_EQ(read[kOffset - 1], before) << "what is beside it stays";
    EXPECT_EQ(read[kOffset + kBytes], before);
    before = 5;
    EXPECT_EQ(cudaMemset(large, before, kOffset), cudaSuccess);
    EXPECT_EQ(cudaMemset(large + kOffset + kBytes, before, kOffset), cudaSuccess);
  }
  EXPECT_EQ(cudaFree(large), cudaSuccess);
}

TEST_F(StubRules, RowsMayNotBeFartherApartThanADeviceCanCopy) {
  constexpr size_t kFar = size_t{1} << 31;
  uint8_t* rows = nullptr;
  ASSERT_EQ(cudaMalloc(reinterpret_cast<void**>(&rows), kFar + 4), cudaSuccess);
  std::vector<uint8_t> read(8);
  const auto copy = [&](size_t pitch) {
    return cudaMemcpy2D(read.data(), 4, rows, pitch, 4, 2, cudaMemcpyDeviceToHost);
  };
  EXPECT_EQ(copy(kFar), cudaErrorInvalidPitchValue);
  EXPECT_EQ(copy(kFar - 1), cudaSuccess);
  EXPECT_EQ(cudaFree(rows), cudaSuccess);
}

TEST_F(StubRules, QueuedCopiesHappenWhenSomebodyWaits) {
  int* host = nullptr;
  ASSERT_EQ(cudaMallocHost(reinterpret_cast<void**>(&host), sizeof(int)), cudaSuccess);
  *host = 1;
  EXPECT_EQ(cudaMemcpyAsync(memory_, host, sizeof(int), cudaMemcpyHostToDevice, stream_), cudaSuccess);
  *host = 2;  // too early: the copy has not been done
  int read = 0;
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(&read, memory_, sizeof(int), cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_EQ(read, 2);
  cudaFreeHost(host);
}

}  // namespace
}  // namespace murmur
