#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace murmur {

/// False in a build without libcurl, libarchive and OpenSSL: what is declared in this folder then throws.
bool can_download();

/// The rest of a file, from a URL.
struct Transfer {
  std::string url;
  std::filesystem::path file;                       ///< what of it is there; the rest is appended
  int64_t num_bytes = 0;                            ///< of the whole file
  int stall_seconds = 30;                           ///< without a byte, after which it is given up
  std::function<void(int64_t done)> on_progress{};  ///< bytes of the file that are there, a few times a second
};

enum class TransferEnd {
  kWhole,     ///< the file has num_bytes
  kCut,       ///< it ended early, or stalled; more of it may be there than before
  kNoResume,  ///< the server has no ranges, or not this one: from its start it may be had
  kRefused,   ///< nothing to be had from this URL
};

struct TransferResult {
  TransferEnd end = TransferEnd::kWhole;
  std::string reason{};  ///< why it is not whole, in words
};

/// Appends what is missing. Follows redirects. What was written is on the disk when it returns, and stays where it
/// throws. Throws: DataError (the file cannot be written; a build that cannot download).
TransferResult transfer(const Transfer& transfer);

}  // namespace murmur
