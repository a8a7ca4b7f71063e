#include "murmur/engine/safetensors.hpp"

#include <cstring>

#include "murmur/engine/error.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur::fuzz {
namespace {

void check_same(const SafeTensors& a, const SafeTensors& b) {
  require(a.metadata == b.metadata && a.tensors.size() == b.tensors.size(), "the same names again");
  for (const auto& [name, tensor] : a.tensors) {
    const Tensor& other = b.get(name, tensor.dtype(), tensor.shape());
    const auto num_bytes = static_cast<size_t>(tensor.num_elements() * size_bytes(tensor.dtype()));
    require(num_bytes == 0 || std::memcmp(tensor.raw(), other.raw(), num_bytes) == 0, "the same bytes again");
  }
}

}  // namespace

/// What is read is written and read again.
void safetensors(Input input) {
  static const test::TemporaryFolder folder;
  const InputFile file(input);
  SafeTensors contents;
  if (!accepts<DataError>([&] { contents = read_safetensors(file.path()); })) return;
  write_safetensors(folder / "again", contents);
  check_same(contents, read_safetensors(folder / "again"));
}

}  // namespace murmur::fuzz
