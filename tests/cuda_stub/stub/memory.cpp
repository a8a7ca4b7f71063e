// Device memory: mapped pages that cost nothing until they are touched. Small blocks are poisoned, so that what reads
// memory that nobody has written sees it. Pinned host memory.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string>

#include "device.hpp"
#include "stub.hpp"

namespace murmur::stub {
namespace {

constexpr int kPoison = 0xcb;
constexpr size_t kLargestPoisoned = size_t{1} << 20;
constexpr size_t kPage = 4096;
constexpr size_t kPatternBytes = size_t{16} << 20;

struct Block {
  size_t num_bytes;
  AllocationId id;
  int device;
};

std::map<uintptr_t, Block>& blocks() {
  static auto* const instance = new std::map<uintptr_t, Block>;
  return *instance;
}

std::map<AllocationId, size_t>& alive() {
  static auto* const instance = new std::map<AllocationId, size_t>;
  return *instance;
}

std::set<void*>& pinned() {
  static auto* const instance = new std::set<void*>;
  return *instance;
}

int64_t used_bytes = 0;
AllocationId last_id = 0;

size_t whole_pages(size_t num_bytes) {
  return (num_bytes + kPage - 1) / kPage * kPage;
}

void count_memory(int64_t change) {
  used_bytes += change;
  count("live bytes", change);
  count("live allocations", change > 0 ? 1 : -1);
  const int64_t peak = counted("peak bytes");
  if (used_bytes > peak) count("peak bytes", used_bytes - peak);
}

/// A file in memory of kPatternBytes bytes of this value.
int pattern(int value) {
  static auto* const files = new std::map<int, int>;
  const auto [file, is_new] = files->try_emplace(value, -1);
  if (is_new) {
    file->second = memfd_create("pattern", MFD_CLOEXEC);
    const std::string bytes(kPatternBytes, static_cast<char>(value));
    if (write(file->second, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
  }
  return file->second;
}

/// Whole pages of private memory with this value, which cost nothing until they are written.
void map_filled(uintptr_t begin, uintptr_t end, int value) {
  const size_t step = value == 0 ? end - begin : kPatternBytes;
  for (; begin < end; begin += step) {
    const int kind = value == 0 ? MAP_ANONYMOUS : 0;
    void* const at = reinterpret_cast<void*>(begin);
    const void* const mapped =
        mmap(at, std::min(step, end - begin), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE | kind,
             value == 0 ? -1 : pattern(value), 0);
    if (mapped == MAP_FAILED) std::abort();
  }
}

/// Large ranges are mapped anew instead of written, so that they stay free.
void fill(void* memory, int value, size_t num_bytes) {
  constexpr size_t kLarge = size_t{4} << 20;
  if (num_bytes < kLarge) {
    std::memset(memory, value, num_bytes);
    return;
  }
  const auto begin = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t first = (begin + kPage - 1) / kPage * kPage, last = (begin + num_bytes) / kPage * kPage;
  std::memset(memory, value, first - begin);
  map_filled(first, last, value);
  std::memset(reinterpret_cast<void*>(last), value, begin + num_bytes - last);
}

bool is_device_range(const void* address, size_t num_bytes) {
  const AllocationId id = allocation_of(address);
  return id != 0 && allocation_of(static_cast<const char*>(address) + (num_bytes > 0 ? num_bytes - 1 : 0)) == id;
}

struct Copy {
  void* target;
  size_t target_pitch;
  const void* source;
  size_t source_pitch, row_bytes, num_rows;

  size_t span(size_t pitch) const { return num_rows == 0 ? 0 : pitch * (num_rows - 1) + row_bytes; }
  size_t num_bytes() const { return row_bytes * num_rows; }
  void run() const {
    for (size_t row = 0; row < num_rows; ++row) {
      std::memcpy(static_cast<char*>(target) + row * target_pitch,
                  static_cast<const char*>(source) + row * source_pitch, row_bytes);
    }
  }
};

cudaError_t check_copy(const Copy& copy, cudaMemcpyKind kind) {
  constexpr size_t kMaxPitch = (size_t{1} << 31) - 1;
  if (copy.num_rows != 1 && std::max(copy.target_pitch, copy.source_pitch) > kMaxPitch)
    return cudaErrorInvalidPitchValue;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (to_device != is_device_range(copy.target, copy.span(copy.target_pitch)) ||
      from_device != is_device_range(copy.source, copy.span(copy.source_pitch)) || copy.row_bytes > copy.target_pitch ||
      copy.row_bytes > copy.source_pitch) {
    return cudaErrorInvalidValue;
  }
  return cudaSuccess;
}

void count_copy(const Copy& copy, cudaMemcpyKind kind) {
  const std::string direction = kind == cudaMemcpyHostToDevice   ? "to device"
                                : kind == cudaMemcpyDeviceToHost ? "to host"
                                                                 : "on device";
  count("copies " + direction);
  count("bytes copied " + direction, static_cast<int64_t>(copy.num_bytes()));
}

Work work_of(const Copy& copy) {
  return {"copy", {allocation_of(copy.target), allocation_of(copy.source)}, [copy] { copy.run(); }};
}

cudaError_t copy_now(const Copy& copy, cudaMemcpyKind kind) {
  if (cudaError_t status = check_no_strict_capture("cudaMemcpy"); status != cudaSuccess) return status;
  if (cudaError_t status = check_legacy_stream("cudaMemcpy"); status != cudaSuccess) return status;
  if (must_fail("copy")) return cudaErrorInvalidValue;
  if (const cudaError_t status = check_copy(copy, kind); status != cudaSuccess) return status;
  count_copy(copy, kind);
  count("synchronisations");
  flush(nullptr);
  copy.run();
  return queued_failure();
}

cudaError_t copy_later(const Copy& copy, cudaMemcpyKind kind, cudaStream_t stream) {
  if (must_fail("copy")) return cudaErrorInvalidValue;
  if (const cudaError_t status = check_copy(copy, kind); status != cudaSuccess) return status;
  if (is_capturing(stream)) return submit(stream, work_of(copy));
  count_copy(copy, kind);
  void* const host = kind == cudaMemcpyDeviceToHost ? copy.target : const_cast<void*>(copy.source);
  if (kind != cudaMemcpyDeviceToDevice && !std::ranges::any_of(pinned(), [&](void* block) { return block == host; })) {
    count("copies of pageable memory");
  }
  queue(stream, work_of(copy));
  return cudaSuccess;
}

}  // namespace

AllocationId allocation_of(const void* address) {
  const auto next = blocks().upper_bound(reinterpret_cast<uintptr_t>(address));
  if (next == blocks().begin()) return 0;
  const auto& [begin, block] = *std::prev(next);
  return reinterpret_cast<uintptr_t>(address) < begin + block.num_bytes ? block.id : 0;
}

bool is_alive(AllocationId id) {
  return id == 0 || alive().contains(id);
}

}  // namespace murmur::stub

using namespace murmur::stub;

extern "C" {

cudaError_t cudaMalloc(void** memory, size_t num_bytes) {
  STUB_LOCK;
  count("cudaMalloc");
  if (any_capture()) count("allocations in a capture");
  if (const cudaError_t status = check_no_strict_capture("cudaMalloc"); status != cudaSuccess) return report(status);
  if (must_fail("malloc") || used_bytes + static_cast<int64_t>(num_bytes) > device_bytes()) {
    return report(cudaErrorMemoryAllocation);
  }
  void* const block =
      mmap(nullptr, whole_pages(num_bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (block == MAP_FAILED) return report(cudaErrorMemoryAllocation);
  if (num_bytes <= kLargestPoisoned) std::memset(block, kPoison, num_bytes);
  blocks()[reinterpret_cast<uintptr_t>(block)] = {num_bytes, ++last_id, current_device()};
  alive()[last_id] = num_bytes;
  count_memory(static_cast<int64_t>(num_bytes));
  *memory = block;
  return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
  STUB_LOCK;
  count("cudaFree");
  if (memory == nullptr) return cudaSuccess;
  if (const cudaError_t status = check_no_strict_capture("cudaFree"); status != cudaSuccess) return report(status);
  const auto found = blocks().find(reinterpret_cast<uintptr_t>(memory));
  if (found == blocks().end()) {
    violate("cudaFree: expected an allocation, got another address");
    return report(cudaErrorInvalidValue);
  }
  flush_all();  // freeing waits
  count_memory(-static_cast<int64_t>(found->second.num_bytes));
  alive().erase(found->second.id);
  munmap(memory, whole_pages(found->second.num_bytes));
  blocks().erase(found);
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes) {
  STUB_LOCK;
  *total_bytes = static_cast<size_t>(device_bytes());
  *free_bytes = static_cast<size_t>(std::max<int64_t>(0, device_bytes() - used_bytes));
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** memory, size_t num_bytes, unsigned int) {
  STUB_LOCK;
  count("cudaHostAlloc");
  if (any_capture()) count("allocations in a capture");
  if (const cudaError_t status = check_no_strict_capture("cudaHostAlloc"); status != cudaSuccess) return report(status);
  if (must_fail("host_alloc")) return report(cudaErrorMemoryAllocation);
  *memory = std::malloc(std::max<size_t>(num_bytes, 1));
  std::memset(*memory, kPoison, num_bytes);
  pinned().insert(*memory);
  count("live pinned blocks");
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** memory, size_t num_bytes) {
  return cudaHostAlloc(memory, num_bytes, 0);
}

cudaError_t cudaFreeHost(void* memory) {
  STUB_LOCK;
  if (memory == nullptr) return cudaSuccess;
  if (pinned().erase(memory) == 0) return report(cudaErrorInvalidValue);
  flush_all();
  std::free(memory);
  count("live pinned blocks", -1);
  return cudaSuccess;
}

cudaError_t cudaMemset(void* memory, int value, size_t num_bytes) {
  STUB_LOCK;
  count("cudaMemset");
  if (const cudaError_t status = check_no_strict_capture("cudaMemset"); status != cudaSuccess) return report(status);
  if (const cudaError_t status = check_legacy_stream("cudaMemset"); status != cudaSuccess) return report(status);
  if (must_fail("memset") || !is_device_range(memory, num_bytes)) return report(cudaErrorInvalidValue);
  fill(memory, value, num_bytes);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* memory, int value, size_t num_bytes, cudaStream_t stream) {
  STUB_LOCK;
  count("cudaMemsetAsync");
  if (must_fail("memset") || !is_device_range(memory, num_bytes)) return report(cudaErrorInvalidValue);
  const Work work{"memset", {allocation_of(memory)}, [=] { fill(memory, value, num_bytes); }};
  if (is_capturing(stream)) return report(submit(stream, work));
  queue(stream, work);
  return cudaSuccess;
}

cudaError_t cudaMemcpy2D(void* target, size_t target_pitch, const void* source, size_t source_pitch, size_t row_bytes,
                         size_t num_rows, cudaMemcpyKind kind) {
  STUB_LOCK;
  return report(copy_now({target, target_pitch, source, source_pitch, row_bytes, num_rows}, kind));
}

cudaError_t cudaMemcpy(void* target, const void* source, size_t num_bytes, cudaMemcpyKind kind) {
  STUB_LOCK;
  return report(copy_now({target, num_bytes, source, num_bytes, num_bytes, 1}, kind));
}

cudaError_t cudaMemcpyAsync(void* target, const void* source, size_t num_bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  STUB_LOCK;
  return report(copy_later({target, num_bytes, source, num_bytes, num_bytes, 1}, kind, stream));
}

cudaError_t cudaMemcpy2DAsync(void* target, size_t target_pitch, const void* source, size_t source_pitch,
                              size_t row_bytes, size_t num_rows, cudaMemcpyKind kind, cudaStream_t stream) {
  STUB_LOCK;
  return report(copy_later({target, target_pitch, source, source_pitch, row_bytes, num_rows}, kind, stream));
}
}
