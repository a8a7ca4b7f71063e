#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

// A replacement of the CUDA libraries for tests on machines without a GPU. Memory is real, kernels do nothing (but
// "advance", which counts samples), and streams, events and captures are a state machine that enforces the documented
// rules. One lock guards all of it.
namespace murmur::stub {

std::recursive_mutex& mutex();
#define STUB_LOCK const std::lock_guard<std::recursive_mutex> stub_lock(::murmur::stub::mutex())

// Counters (counters.cpp).

/// Adds to what a call, or a group of calls, has been counted so far.
void count(const std::string& what, int64_t number = 1);
int64_t counted(const std::string& what);
/// True where the environment wants this call to fail: MURMUR_STUB_FAIL=malloc:3,plan:1+ lets the third allocation fail
/// and every plan.
bool must_fail(const std::string& what);
/// Microseconds that a piece of work takes when a graph is launched: what is timed can be made slow.
int64_t duration_us(const std::string& name);
/// A rule that is broken and that no status tells, such as a graph that names freed memory.
void violate(const std::string& rule);

// Errors (errors.cpp).

/// Remembers a failure as the last error, which only cudaGetLastError() resets.
cudaError_t report(cudaError_t status);
/// A failure of work that has been queued: every later call that waits reports it.
void fail_queued_work(cudaError_t status);
/// What queued work has left; cudaSuccess for nothing.
cudaError_t queued_failure();

// Memory (memory.cpp).

using AllocationId = int64_t;
/// The allocation of device memory that holds the address; 0 for none.
AllocationId allocation_of(const void* address);
bool is_alive(AllocationId id);

// Work (stream.cpp).

/// A kernel, copy, fill or library call: what it is called, the device memory that it names, and what it really does.
struct Work {
  std::string name;
  std::vector<AllocationId> memory;
  std::function<void()> run{};
};
/// Runs the work, or records it where the stream captures.
cudaError_t submit(cudaStream_t stream, Work work);
/// Does what the work does; false, and a violation, where it names freed memory.
bool perform(const Work& work, const char* where);

/// cudaSuccess where a call that no capture allows may be made: a wait for a device, for instance.
cudaError_t check_no_capture(const char* call);
/// The same of calls that only a relaxed capture allows, such as an allocation.
cudaError_t check_no_strict_capture(const char* call);
/// The same of calls on the legacy stream, which waits for all blocking streams.
cudaError_t check_legacy_stream(const char* call);
bool any_capture();
bool is_capturing(cudaStream_t stream);

/// Copies that have been queued and not yet been waited for: those of one stream, or of all.
void flush(cudaStream_t stream);
void flush_all();
/// Queues a copy between host and device: it happens when somebody waits.
void queue(cudaStream_t stream, Work work);

struct Graph {
  std::vector<Work> nodes;
};

}  // namespace murmur::stub

struct CUgraph_st : murmur::stub::Graph {};
struct CUgraphExec_st : murmur::stub::Graph {};
