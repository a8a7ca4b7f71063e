#include "murmur/data/network/digest.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "murmur/engine/error.hpp"

namespace murmur {

std::string sha256_of(const std::filesystem::path& path) {
  constexpr size_t kBlockBytes = size_t{1} << 20;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError("{}: expected a readable file, got: {}", path.string(), std::strerror(errno));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  bool is_good = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  std::vector<char> block(kBlockBytes);
  while (is_good && file) {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    is_good = EVP_DigestUpdate(context.get(), block.data(), static_cast<size_t>(file.gcount())) == 1;
  }
  if (file.bad()) throw DataError("{}: expected a readable file, got an error while reading", path.string());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int num_bytes = 0;
  is_good = is_good && EVP_DigestFinal_ex(context.get(), digest.data(), &num_bytes) == 1;
  if (!is_good) throw DataError("{}: expected a SHA-256 of OpenSSL, got an error", path.string());
  std::string text;
  for (unsigned int i = 0; i < num_bytes; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace murmur
