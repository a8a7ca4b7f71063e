#include "tests/fuzz/support.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace murmur::fuzz {
namespace {

void write_all(int descriptor, Input input) {
  while (!input.empty()) {
    const ssize_t count = ::write(descriptor, input.data(), input.size());
    if (count < 0) throw std::runtime_error(std::strerror(errno));
    input = input.subspan(static_cast<size_t>(count));
  }
}

}  // namespace

InputFile::InputFile(Input input) : descriptor_(memfd_create("input", MFD_CLOEXEC)) {
  if (descriptor_ < 0) throw std::runtime_error(std::strerror(errno));
  write_all(descriptor_, input);
}

InputFile::~InputFile() {
  close(descriptor_);
}

std::string InputFile::path() const {
  return "/proc/self/fd/" + std::to_string(descriptor_);
}

void write_input(const std::string& path, Input input) {
  constexpr mode_t kMode = 0600;
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode);
  if (descriptor < 0) throw std::runtime_error(std::strerror(errno));
  write_all(descriptor, input);
  close(descriptor);
}

}  // namespace murmur::fuzz
