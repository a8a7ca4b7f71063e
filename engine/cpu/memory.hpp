#pragma once

#include <cstdint>
#include <filesystem>

namespace murmur::cpu {

/// Bytes that this process can still allocate without swapping: what the kernel calls available, or what is left below
/// the memory limit of a control group of this process (version 1 or 2), caches that can be dropped not counted as
/// used. Where nothing is known, a number that no allocation reaches. `root`: where /proc and /sys are; tests have
/// their own.
int64_t free_bytes(const std::filesystem::path& root = "/");

}  // namespace murmur::cpu
