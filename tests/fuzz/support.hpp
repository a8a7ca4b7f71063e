#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

#include "tests/fuzz/targets.hpp"

// What the targets share.
namespace murmur::fuzz {

/// Throws, which ends the fuzzer's program with the input that it had.
inline void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(fmt::format("expected {}", what));
}

/// Runs `read`; false where it refuses with a Refusal, which must say why. Lets other exceptions through.
template <class Refusal, class Read>
bool accepts(const Read& read) {
  try {
    read();
    return true;
  } catch (const Refusal& refusal) {
    require(*refusal.what() != '\0', "a refusal that says why");
    return false;
  }
}

inline std::string text_of(Input input) {
  return {input.begin(), input.end()};
}

/// The input as a regular file, for what reads files: in memory, and gone with this object.
class InputFile {
 public:
  explicit InputFile(Input input);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::string path() const;

 private:
  int descriptor_;
};

/// Writes a file; throws where that fails, which is no finding.
void write_input(const std::string& path, Input input);

}  // namespace murmur::fuzz
