#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "murmur/engine/tensor.hpp"

namespace murmur {

/// What a safetensors file holds: tensors by name, on the host, and texts by name.
/// The format: the header's size (8 bytes, little-endian); the header, JSON, of each tensor's dtype, shape and place,
/// and of the texts under "__metadata__"; then the tensors' bytes, row-major and little-endian, with no gaps.
struct SafeTensors {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
  std::filesystem::path source{};  // of what was read, for messages

  /// Throws: DataError, naming what there is, where there is no such tensor, or one of another type or shape.
  const Tensor& get(const std::string& name, DType dtype, const Shape& shape) const;
  /// Throws: DataError where there is no such text.
  const std::string& text(const std::string& name) const;
};

/// Reads and checks a whole file, whatever it holds: sizes, shapes and places that do not fit together are refused
/// before memory is asked for. Throws: DataError, naming the file, what was expected and what was got.
SafeTensors read_safetensors(const std::filesystem::path& path);

/// Writes the tensors, the widest type first so that each lies at a multiple of its size, whole or not at all.
/// Throws: Error.
void write_safetensors(const std::filesystem::path& path, const SafeTensors& contents);

}  // namespace murmur
