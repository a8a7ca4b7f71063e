// A library to preload: it makes one call of a program fail, or kills the program in it.
//
//   MURMUR_FAULT=CALL:N:ACTION     the N-th call since main began; N+: that and all after it
//   MURMUR_FAULT_COUNTS=FILE       how many calls of each kind there were, written when main returns
//   MURMUR_FAULT_STACKS=FILE       of each allocation that comes from a call stack that none came from before its N and
//                                  a hash of the stack, which is that of other processes, too
//
// CALL: write, sync, open, rename, truncate, unlink, read, map, thread, memory (which is malloc, and so operator new),
// large (such of 64 KiB and more).
// ACTION: the name of an error; short (a write of half of the bytes), kill (before the call), tear (half of a write,
// then a kill). What is before main, and after it, is not the program's doing. No function here allocates memory.
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <iterator>

extern "C" {
// glibc's own, which need no looking up.
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
}

namespace {

enum Call { kWrite, kSync, kOpen, kRename, kTruncate, kUnlink, kRead, kMap, kThread, kMemory, kLarge, kNumCalls };
/// Of a call stack, from the allocation outwards. With more, what differs is who asked a library's own functions.
constexpr int kMaxFrames = 8;
constexpr const char* kCallNames[kNumCalls] = {"write", "sync", "open",   "rename", "truncate", "unlink",
                                               "read",  "map",  "thread", "memory", "large"};

enum Action { kNone, kFail, kShort, kKill, kTear };

struct ErrorName {
  const char* name;
  int value;
};
constexpr ErrorName kErrors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"ENOMEM", ENOMEM}, {"EMFILE", EMFILE},
                                 {"EACCES", EACCES}, {"EINTR", EINTR},   {"EDQUOT", EDQUOT}, {"EAGAIN", EAGAIN},
                                 {"EROFS", EROFS},   {"ENOENT", ENOENT}, {"EXDEV", EXDEV}};

std::atomic<bool> is_armed{false};
/// In what oneDNN does once, the first time: version 2.6 does not look whether it got the memory for its code's
/// generators.
thread_local bool is_in_onednn_once __attribute__((tls_model("initial-exec"))) = false;
std::atomic<long> counts[kNumCalls];
int faulty_call = -1;
long first = 0;
bool stays = false;
Action action = kNone;
int error_of_call = 0;

[[noreturn]] void end_here() {
  syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  _exit(127);
}

void refuse(const char* text) {
  (void)!syscall(SYS_write, STDERR_FILENO, text, strlen(text));
  (void)!syscall(SYS_write, STDERR_FILENO, "\n", 1);
  _exit(126);
}

void read_fault() {
  const char* at = getenv("MURMUR_FAULT");
  if (at == nullptr) return;
  for (int call = 0; call < kNumCalls; ++call) {
    const size_t length = strlen(kCallNames[call]);
    if (strncmp(at, kCallNames[call], length) == 0 && at[length] == ':') faulty_call = call;
  }
  if (faulty_call < 0) refuse("MURMUR_FAULT: expected a call's name first");
  char* end = nullptr;
  first = strtol(strchr(at, ':') + 1, &end, 10);
  stays = *end == '+';
  end += stays ? 1 : 0;
  if (*end++ != ':') refuse("MURMUR_FAULT: expected CALL:N:ACTION or CALL:N+:ACTION");
  if (strcmp(end, "short") == 0) action = kShort;
  if (strcmp(end, "kill") == 0) action = kKill;
  if (strcmp(end, "tear") == 0) action = kTear;
  for (const ErrorName& error : kErrors) {
    if (strcmp(end, error.name) != 0) continue;
    action = kFail;
    error_of_call = error.value;
  }
  if (action == kNone) refuse("MURMUR_FAULT: expected an error's name, short, kill or tear at the end");
}

void write_counts() {
  const char* path = getenv("MURMUR_FAULT_COUNTS");
  if (path == nullptr) return;
  const auto file = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  for (int call = 0; call < kNumCalls; ++call) {
    char line[64];
    const int length = snprintf(line, sizeof(line), "%s %ld\n", kCallNames[call], counts[call].load());
    (void)!syscall(SYS_write, file, line, static_cast<size_t>(length));
  }
  syscall(SYS_close, file);
}

/// Counts a call; what is to become of it. With kFail errno is set.
Action next(Call call) {
  if (!is_armed) return kNone;
  const long number = ++counts[call];
  const bool is_due = call == faulty_call && (number == first || (stays && number > first));
  if (!is_due) return kNone;
  if (action == kKill) end_here();
  if (action == kFail) errno = error_of_call;
  return action;
}

bool fails(Call call) {
  return next(call) == kFail;
}

int file_of_stacks = -1;
/// Hashes of the call stacks so far; 0: free. There are about 5,000.
std::atomic<uint64_t> stacks[1 << 17];
/// Where the program and its libraries are, in the order in which they were loaded.
struct Module {
  uintptr_t begin, end;
};
Module modules[256];
size_t num_modules = 0;
/// backtrace() itself may allocate.
thread_local bool is_in_backtrace __attribute__((tls_model("initial-exec"))) = false;

int add_module(dl_phdr_info* info, size_t, void*) {
  Module module{UINTPTR_MAX, 0};
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    if (part.p_type != PT_LOAD) continue;
    const uintptr_t begin = info->dlpi_addr + part.p_vaddr;
    if (begin < module.begin) module.begin = begin;
    if (begin + part.p_memsz > module.end) module.end = begin + part.p_memsz;
  }
  if (num_modules < std::size(modules)) modules[num_modules++] = module;
  return 0;
}

/// An address as another process would have it: its module, and its place there; 0 where it is in none (code compiled
/// while the program runs).
uint64_t place_of(uintptr_t address) {
  for (size_t i = 0; i < num_modules; ++i) {
    if (address >= modules[i].begin && address < modules[i].end) return (i << 48) + (address - modules[i].begin);
  }
  return 0;
}

/// The hash of the call stack here, if it is the first of its kind in this process; 0 if not.
uint64_t new_stack() {
  void* frames[kMaxFrames];
  is_in_backtrace = true;
  const int num_frames = backtrace(frames, kMaxFrames);
  is_in_backtrace = false;
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (int i = 0; i < num_frames; ++i) {
    hash = (hash ^ place_of(reinterpret_cast<uintptr_t>(frames[i]))) * 0x100000001b3;
  }
  hash = hash == 0 ? 1 : hash;
  for (size_t i = 0; i < std::size(stacks); ++i) {
    std::atomic<uint64_t>& place = stacks[(hash + i) % std::size(stacks)];
    uint64_t before = 0;
    if (place.compare_exchange_strong(before, hash)) return hash;
    if (before == hash) return 0;
  }
  return 0;
}

void write_if_new_stack(long number) {
  if (file_of_stacks < 0 || is_in_backtrace || is_in_onednn_once) return;
  const uint64_t hash = new_stack();
  if (hash == 0) return;
  char line[64];
  const int length = snprintf(line, sizeof(line), "%ld %016lx\n", number, hash);
  (void)!syscall(SYS_write, file_of_stacks, line, static_cast<size_t>(length));
}

/// Whether a library ends the process where it gets no memory here: GNU's OpenMP ("libgomp: Out of memory"), and glibc
/// where a thread's object with a destructor is made ("failed to register TLS destructor").
bool ends_all(const void* caller) {
  Dl_info place{};
  if (dladdr(caller, &place) == 0) return false;
  if (strstr(place.dli_fname, "libgomp") != nullptr) return true;
  return place.dli_sname != nullptr && strcmp(place.dli_sname, "__cxa_thread_atexit_impl") == 0;
}

bool fails_to_allocate(size_t size, const void* caller) {
  constexpr size_t kLargeBytes = size_t{64} << 10;
  if (is_armed) write_if_new_stack(counts[kMemory] + 1);
  const bool fails_at_all = fails(kMemory), fails_large = size >= kLargeBytes && fails(kLarge);
  return (fails_at_all || fails_large) && !is_in_onednn_once && !ends_all(caller);
}

/// Half of the bytes of a write that is to be short or torn; at least one.
size_t half(size_t count) {
  return count / 2 > 0 ? count / 2 : count;
}

void open_file_of_stacks() {
  const char* path = getenv("MURMUR_FAULT_STACKS");
  if (path == nullptr) return;
  new_stack();  // the first time loads what unwinds
  dl_iterate_phdr(add_module, nullptr);
  file_of_stacks = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
}

template <class F>
F real(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

int (*program)(int, char**, char**) = nullptr;

int run_program(int argc, char** argv, char** environment) {
  read_fault();
  open_file_of_stacks();
  is_armed = true;
  const int code = program(argc, argv, environment);
  is_armed = false;
  write_counts();
  return code;
}

/// A write of any kind: `write(count)` does it.
template <class Write>
ssize_t write_with_faults(size_t count, const Write& write) {
  const Action what = next(kWrite);
  if (what == kFail) return -1;
  if (what == kNone) return write(count);
  const ssize_t written = write(half(count));
  if (what == kTear) end_here();
  return written;
}

mode_t mode_of(int flags, va_list list) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
}

}  // namespace

extern "C" {

int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(), void (*fini)(),
                      void (*rtld_fini)(), void* stack_end) {
  program = main;
  const auto start = real<decltype(&__libc_start_main)>("__libc_start_main");
  return start(run_program, argc, argv, init, fini, rtld_fini, stack_end);
}

ssize_t write(int file, const void* bytes, size_t count) {
  return write_with_faults(count, [&](size_t n) { return syscall(SYS_write, file, bytes, n); });
}
ssize_t pwrite(int file, const void* bytes, size_t count, off_t offset) {
  return write_with_faults(count, [&](size_t n) { return syscall(SYS_pwrite64, file, bytes, n, offset); });
}
ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t offset) {
  return pwrite(file, bytes, count, offset);
}
ssize_t writev(int file, const struct iovec* parts, int count) {
  const Action what = next(kWrite);
  if (what == kFail) return -1;
  // Half of it: the first part alone.
  const ssize_t written = syscall(SYS_writev, file, parts, what == kNone ? count : 1);
  if (what == kTear) end_here();
  return written;
}

int fsync(int file) {
  return fails(kSync) ? -1 : static_cast<int>(syscall(SYS_fsync, file));
}
int fdatasync(int file) {
  return fails(kSync) ? -1 : static_cast<int>(syscall(SYS_fdatasync, file));
}

int openat(int folder, const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = mode_of(flags, list);
  va_end(list);
  return fails(kOpen) ? -1 : static_cast<int>(syscall(SYS_openat, folder, path, flags, mode));
}
int openat64(int folder, const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = mode_of(flags, list);
  va_end(list);
  return openat(folder, path, flags, mode);
}
int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = mode_of(flags, list);
  va_end(list);
  return openat(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = mode_of(flags, list);
  va_end(list);
  return openat(AT_FDCWD, path, flags, mode);
}
FILE* fopen(const char* path, const char* mode) {
  return fails(kOpen) ? nullptr : real<decltype(&fopen)>("fopen")(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  return fails(kOpen) ? nullptr : real<decltype(&fopen64)>("fopen64")(path, mode);
}

int rename(const char* from, const char* to) noexcept {
  return fails(kRename) ? -1 : static_cast<int>(syscall(SYS_rename, from, to));
}
int link(const char* from, const char* to) noexcept {
  return fails(kRename) ? -1 : static_cast<int>(syscall(SYS_link, from, to));
}

int ftruncate(int file, off_t size) noexcept {
  return fails(kTruncate) ? -1 : static_cast<int>(syscall(SYS_ftruncate, file, size));
}
int ftruncate64(int file, off64_t size) noexcept {
  return ftruncate(file, size);
}

int unlink(const char* path) noexcept {
  return fails(kUnlink) ? -1 : static_cast<int>(syscall(SYS_unlink, path));
}

ssize_t read(int file, void* bytes, size_t count) {
  return fails(kRead) ? -1 : syscall(SYS_read, file, bytes, count);
}
ssize_t pread(int file, void* bytes, size_t count, off_t offset) {
  return fails(kRead) ? -1 : syscall(SYS_pread64, file, bytes, count, offset);
}
ssize_t pread64(int file, void* bytes, size_t count, off64_t offset) {
  return pread(file, bytes, count, offset);
}

void* mmap(void* at, size_t size, int protection, int flags, int file, off_t offset) noexcept {
  // Of files; memory without one is what oneDNN has its code in, and version 2.6 does not look whether it got it.
  if (file >= 0 && fails(kMap)) return MAP_FAILED;
  return reinterpret_cast<void*>(syscall(SYS_mmap, at, size, protection, flags, file, offset));
}
void* mmap64(void* at, size_t size, int protection, int flags, int file, off64_t offset) noexcept {
  return mmap(at, size, protection, flags, file, offset);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*), void* argument) noexcept {
  if (fails(kThread)) return error_of_call;
  return real<decltype(&pthread_create)>("pthread_create")(thread, attributes, run, argument);
}

int pthread_once(pthread_once_t* control, void (*run)()) {
  struct Mark {
    explicit Mark(const void* caller) {
      Dl_info library{};
      if (dladdr(caller, &library) != 0 && strstr(library.dli_fname, "libdnnl") != nullptr) is_in_onednn_once = true;
    }
    ~Mark() { is_in_onednn_once = before; }
    bool before = is_in_onednn_once;
  } const mark(__builtin_return_address(0));
  return real<decltype(&pthread_once)>("pthread_once")(control, run);
}

void* malloc(size_t size) noexcept {
  return fails_to_allocate(size, __builtin_return_address(0)) ? nullptr : __libc_malloc(size);
}
void* calloc(size_t count, size_t size) noexcept {
  return fails_to_allocate(count * size, __builtin_return_address(0)) ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) noexcept {
  return fails_to_allocate(size, __builtin_return_address(0)) ? nullptr : __libc_realloc(memory, size);
}
void* memalign(size_t alignment, size_t size) noexcept {
  return fails_to_allocate(size, __builtin_return_address(0)) ? nullptr : __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) noexcept {
  return memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) noexcept {
  *memory = memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"
