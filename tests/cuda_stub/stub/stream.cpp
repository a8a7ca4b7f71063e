// Streams, events and captures: a state machine with the rules of the programming guide. A call that a capture does not
// allow returns one of the errors 900 to 907 and makes the capture invalid.
#include <algorithm>
#include <deque>
#include <set>
#include <thread>

#include "device.hpp"
#include "stub.hpp"

namespace murmur::stub {

/// Nodes by number; the work that comes next depends on these.
using Nodes = std::set<size_t>;

struct Capture {
  cudaStream_t origin;
  cudaStreamCaptureMode mode;
  std::thread::id thread;
  bool is_invalid = false;
  std::vector<Work> work{};
  std::vector<Nodes> dependencies{};  // of each node
  std::set<cudaStream_t> streams{};   // that take part
};

}  // namespace murmur::stub

struct CUstream_st {
  bool is_blocking;
  int device;
  std::shared_ptr<murmur::stub::Capture> capture{};
  murmur::stub::Nodes tail{};                // of its part of the capture
  std::deque<murmur::stub::Work> pending{};  // queued, not yet waited for
};

struct CUevent_st {
  bool is_recorded = false;
  std::shared_ptr<murmur::stub::Capture> capture{};  // that it was recorded in
  murmur::stub::Nodes nodes{};
};

namespace murmur::stub {
namespace {

std::set<cudaStream_t>& streams() {
  static auto* const instance = new std::set<cudaStream_t>;
  return *instance;
}

CUstream_st& legacy_stream() {
  static auto* const instance = new CUstream_st{true, 0};
  return *instance;
}

std::set<std::shared_ptr<Capture>>& captures() {
  static auto* const instance = new std::set<std::shared_ptr<Capture>>;
  return *instance;
}

cudaError_t invalidate(Capture& capture, cudaError_t status, const std::string& call) {
  capture.is_invalid = true;
  count("invalid calls in a capture");
  count("invalid calls in a capture: " + call);
  return status;
}

cudaError_t check_stream(cudaStream_t stream) {
  if (stream == nullptr) return cudaSuccess;
  if (!streams().contains(stream)) return cudaErrorInvalidResourceHandle;
  if (stream->device != current_device()) {
    violate("expected device " + std::to_string(stream->device) +
            " to be current in a call on one of its streams, got " + std::to_string(current_device()));
    return cudaErrorInvalidResourceHandle;
  }
  return cudaSuccess;
}

CUstream_st& stream_of(cudaStream_t stream) {
  return stream == nullptr ? legacy_stream() : *stream;
}

void join(cudaStream_t stream, const std::shared_ptr<Capture>& capture, const Nodes& nodes) {
  stream->capture = capture;
  stream->tail.insert(nodes.begin(), nodes.end());
  capture->streams.insert(stream);
}

/// All nodes that these depend on, and they themselves.
Nodes ancestors(const Capture& capture, const Nodes& nodes) {
  Nodes result;
  std::vector<size_t> open(nodes.begin(), nodes.end());
  while (!open.empty()) {
    const size_t node = open.back();
    open.pop_back();
    if (!result.insert(node).second) continue;
    open.insert(open.end(), capture.dependencies[node].begin(), capture.dependencies[node].end());
  }
  return result;
}

void end(const std::shared_ptr<Capture>& capture) {
  for (const cudaStream_t stream : capture->streams) {
    stream->capture.reset();
    stream->tail.clear();
  }
  captures().erase(capture);
}

}  // namespace

bool perform(const Work& work, const char* where) {
  if (!std::ranges::all_of(work.memory, is_alive)) {
    violate(std::string(where) + ": " + work.name + " names memory that has been freed");
    fail_queued_work(cudaErrorIllegalAddress);
    return false;
  }
  if (work.run) work.run();
  return true;
}

cudaError_t check_no_capture(const char* call) {
  if (captures().empty()) return cudaSuccess;
  for (const auto& capture : captures()) invalidate(*capture, cudaSuccess, call);
  return cudaErrorStreamCaptureUnsupported;
}

cudaError_t check_no_strict_capture(const char* call) {
  for (const auto& capture : captures()) {
    const bool allowed =
        capture->mode == cudaStreamCaptureModeRelaxed ||
        (capture->mode == cudaStreamCaptureModeThreadLocal && capture->thread != std::this_thread::get_id());
    if (!allowed) return invalidate(*capture, cudaErrorStreamCaptureUnsupported, call);
  }
  return cudaSuccess;
}

cudaError_t check_legacy_stream(const char* call) {
  for (const auto& capture : captures()) {
    for (const cudaStream_t stream : capture->streams) {
      if (stream->is_blocking) return invalidate(*capture, cudaErrorStreamCaptureImplicit, call);
    }
  }
  return cudaSuccess;
}

bool any_capture() {
  return !captures().empty();
}

bool is_capturing(cudaStream_t stream) {
  return stream != nullptr && streams().contains(stream) && stream->capture != nullptr;
}

void flush(cudaStream_t stream) {
  std::deque<Work>& pending = stream_of(stream).pending;
  while (!pending.empty()) {
    const Work work = std::move(pending.front());
    pending.pop_front();
    perform(work, "queued work");
  }
}

void flush_all() {
  flush(nullptr);
  for (const cudaStream_t stream : streams()) flush(stream);
}

void queue(cudaStream_t stream, Work work) {
  stream_of(stream).pending.push_back(std::move(work));
}

cudaError_t submit(cudaStream_t stream, Work work) {
  if (const cudaError_t status = check_stream(stream); status != cudaSuccess) return status;
  if (!is_capturing(stream)) {
    count("work " + work.name);
    if (stream == nullptr) {
      if (const cudaError_t status = check_legacy_stream(work.name.c_str()); status != cudaSuccess) return status;
    }
    if (!std::ranges::all_of(work.memory, is_alive) || work.run) queue(stream, std::move(work));
    return cudaSuccess;
  }
  Capture& capture = *stream->capture;
  if (capture.is_invalid) return cudaErrorStreamCaptureInvalidated;
  capture.work.push_back(std::move(work));
  capture.dependencies.push_back(stream->tail);
  stream->tail = {capture.work.size() - 1};
  return cudaSuccess;
}

}  // namespace murmur::stub

using namespace murmur::stub;

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int flags) {
  STUB_LOCK;
  count("cudaStreamCreate");
  if (must_fail("stream")) return report(cudaErrorMemoryAllocation);
  *stream = new CUstream_st{(flags & cudaStreamNonBlocking) == 0, current_device()};
  streams().insert(*stream);
  count("live streams");
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  STUB_LOCK;
  if (!streams().contains(stream)) return report(cudaErrorInvalidResourceHandle);
  if (stream->capture != nullptr) {
    violate("cudaStreamDestroy: expected a stream that does not capture");
    end(stream->capture);
  }
  flush(stream);
  streams().erase(stream);
  delete stream;
  count("live streams", -1);
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  STUB_LOCK;
  count("cudaStreamSynchronize");
  count("synchronisations");
  if (const cudaError_t status = check_stream(stream); status != cudaSuccess) return report(status);
  if (is_capturing(stream)) {
    return report(invalidate(*stream->capture, cudaErrorStreamCaptureUnsupported, "cudaStreamSynchronize"));
  }
  if (stream == nullptr) {
    if (const cudaError_t status = check_legacy_stream("cudaStreamSynchronize"); status != cudaSuccess) {
      return report(status);
    }
  }
  flush(stream);
  if (must_fail("synchronize")) fail_queued_work(cudaErrorLaunchFailure);
  return report(queued_failure());
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  STUB_LOCK;
  count("cudaStreamBeginCapture");
  if (stream == nullptr) return report(cudaErrorStreamCaptureUnsupported);
  if (const cudaError_t status = check_stream(stream); status != cudaSuccess) return report(status);
  if (stream->capture != nullptr) return report(cudaErrorIllegalState);
  if (must_fail("begin_capture")) return report(cudaErrorUnknown);
  const auto capture = std::make_shared<Capture>(Capture{stream, mode, std::this_thread::get_id()});
  captures().insert(capture);
  join(stream, capture, {});
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  STUB_LOCK;
  count("cudaStreamEndCapture");
  *graph = nullptr;
  if (stream == nullptr || !is_capturing(stream)) return report(cudaErrorIllegalState);
  const std::shared_ptr<Capture> capture = stream->capture;
  if (capture->origin != stream) return report(invalidate(*capture, cudaErrorStreamCaptureUnmatched, "end"));
  if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id()) {
    return report(invalidate(*capture, cudaErrorStreamCaptureWrongThread, "end"));
  }
  const size_t num_joined = ancestors(*capture, stream->tail).size();
  end(capture);
  if (capture->is_invalid) return report(cudaErrorStreamCaptureInvalidated);
  if (num_joined != capture->work.size()) return report(cudaErrorStreamCaptureUnjoined);
  if (must_fail("end_capture")) return report(cudaErrorStreamCaptureInvalidated);
  *graph = new CUgraph_st{{capture->work}};
  count("live graphs");
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  STUB_LOCK;
  *status = !is_capturing(stream)         ? cudaStreamCaptureStatusNone
            : stream->capture->is_invalid ? cudaStreamCaptureStatusInvalidated
                                          : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
  STUB_LOCK;
  count("cudaStreamWaitEvent");
  if (const cudaError_t status = check_stream(stream); status != cudaSuccess) return report(status);
  if (must_fail("wait_event")) return report(cudaErrorUnknown);
  const std::shared_ptr<Capture> own = stream == nullptr ? nullptr : stream->capture;
  if (!event->is_recorded) return cudaSuccess;
  if (event->capture == nullptr) {
    return own == nullptr ? cudaSuccess
                          : report(invalidate(*own, cudaErrorStreamCaptureIsolation, "wait for an event"));
  }
  if (!captures().contains(event->capture)) return report(cudaErrorCapturedEvent);
  if (event->capture->is_invalid) return report(cudaErrorStreamCaptureInvalidated);
  if (stream == nullptr)
    return report(invalidate(*event->capture, cudaErrorStreamCaptureImplicit, "wait for an event"));
  if (own != nullptr && own != event->capture) {
    invalidate(*own, cudaSuccess, "wait for an event");
    return report(invalidate(*event->capture, cudaErrorStreamCaptureMerge, "wait for an event"));
  }
  join(stream, event->capture, event->nodes);
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int) {
  STUB_LOCK;
  if (must_fail("event")) return report(cudaErrorMemoryAllocation);
  *event = new CUevent_st;
  count("live events");
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  STUB_LOCK;
  delete event;
  count("live events", -1);
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  STUB_LOCK;
  count("cudaEventRecord");
  if (const cudaError_t status = check_stream(stream); status != cudaSuccess) return report(status);
  if (is_capturing(stream) && stream->capture->is_invalid) return report(cudaErrorStreamCaptureInvalidated);
  event->is_recorded = true;
  event->capture = stream == nullptr ? nullptr : stream->capture;
  event->nodes = stream == nullptr ? Nodes{} : stream->tail;
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  STUB_LOCK;
  count("synchronisations");
  if (event->capture != nullptr && captures().contains(event->capture)) {
    return report(invalidate(*event->capture, cudaErrorCapturedEvent, "cudaEventSynchronize"));
  }
  flush_all();
  return report(queued_failure());
}
}
