#include "app/text_file.hpp"

#include <array>
#include <filesystem>
#include <fstream>

#include "murmur/engine/error.hpp"

namespace murmur::app {

std::string read_text(const std::string& option, const std::string& what, const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw InvalidArgument("{}: expected {}, got the folder '{}'", option, what, path);
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InvalidArgument("{}: expected {} that can be read, got '{}'", option, what, path);
  constexpr size_t kMostBytes = size_t{1} << 20;
  std::string text;
  std::array<char, 4096> block;
  while (text.size() <= kMostBytes && file) {
    file.read(block.data(), block.size());
    text.append(block.data(), static_cast<size_t>(file.gcount()));
  }
  if (file.bad()) throw InvalidArgument("{}: expected {} that can be read, got '{}'", option, what, path);
  if (text.size() <= kMostBytes) return text;
  throw InvalidArgument("{}: expected {} of at most {} bytes, got more in '{}'", option, what, kMostBytes, path);
}

}  // namespace murmur::app
