#include <algorithm>

#include "murmur/data/byte_stream.hpp"
#include "murmur/engine/error.hpp"
#include "tests/fuzz/support.hpp"

namespace murmur::fuzz {

void gzip(Input input) {
  constexpr int64_t kMostBytes = int64_t{1} << 22;
  const InputFile file(input);
  accepts<DataError>([&] {
    const std::vector<uint8_t> bytes = read_bytes(file.path(), kMostBytes);
    require(static_cast<int64_t>(bytes.size()) <= kMostBytes, "no more than asked for");
    const bool is_packed = input.size() >= 2 && input[0] == 0x1f && input[1] == 0x8b;
    require(is_packed || std::ranges::equal(bytes, input), "a plain file as it is");
  });
}

}  // namespace murmur::fuzz
