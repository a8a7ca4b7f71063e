// What a build without libcurl, libarchive and OpenSSL has in the place of the other sources of this folder.
#include "murmur/data/network/archive.hpp"
#include "murmur/data/network/digest.hpp"
#include "murmur/data/network/transfer.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

[[noreturn]] void fail() {
  throw DataError("download: expected a build with libcurl, libarchive and OpenSSL, got one without");
}

}  // namespace

bool can_download() {
  return false;
}

TransferResult transfer(const Transfer& /*transfer*/) {
  fail();
}

std::string sha256_of(const std::filesystem::path& /*path*/) {
  fail();
}

void unpack(const std::filesystem::path& /*archive*/, const std::vector<std::string>& /*members*/,
            const std::filesystem::path& /*folder*/) {
  fail();
}

}  // namespace murmur
