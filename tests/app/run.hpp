#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/support/temporary_folder.hpp"

namespace murmur::test {

struct ProgramResult {
  int exit_code;
  std::string output;  // standard output and standard error
};

/// Runs the built program through the shell; `arguments` are quoted by the caller where they need to be.
inline ProgramResult run_murmur(const std::string& arguments, const std::string& before = "") {
  const std::string command = before + " " + MURMUR_PROGRAM + " " + arguments + " 2>&1";
  std::FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  for (size_t n = 0; (n = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) output.append(buffer, n);
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

/// A temporary folder whose paths are text, for command lines.
class Folder : public test::TemporaryFolder {
 public:
  std::string operator/(const std::string& name) const { return (TemporaryFolder::path() / name).string(); }
  std::string path() const { return TemporaryFolder::path().string(); }
  size_t num_files() const { return contents().size(); }
};

inline void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline size_t count_of(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

/// An IDX file: magic, sizes (big-endian), bytes.
inline void write_idx(const std::string& path, uint32_t magic, std::initializer_list<uint32_t> sizes,
                      const std::string& bytes) {
  std::string text;
  const auto append = [&text](uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) text.push_back(static_cast<char>(value >> shift & 0xff));
  };
  append(magic);
  for (const uint32_t size : sizes) append(size);
  write_text(path, text + bytes);
}

/// A learnable data set in the real format: `count` images of `side` x `side`, the label's pixel is bright.
inline void write_dataset(const Folder& folder, uint32_t count = 640, uint32_t side = 4) {
  for (const char* part : {"train", "t10k"}) {
    std::string images;
    std::string labels;
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t label = (i * 7 + i / 10) % 10;
      std::string image(side * side, static_cast<char>(i % 50));
      image[label] = static_cast<char>(250);
      images += image;
      labels.push_back(static_cast<char>(label));
    }
    write_idx(folder / (std::string(part) + "-images-idx3-ubyte"), 0x803, {count, side, side}, images);
    write_idx(folder / (std::string(part) + "-labels-idx1-ubyte"), 0x801, {count}, labels);
  }
}

}  // namespace murmur::test
