#include "murmur/data/mat.hpp"

#include "murmur/engine/error.hpp"
#include "tests/fuzz/support.hpp"

namespace murmur::fuzz {

void mat(Input input) {
  const InputFile file(input);
  accepts<DataError>([&] {
    for (const auto& [name, array] : read_mat(file.path(), {"X", "y"})) {
      int64_t size = 1;
      for (const int64_t axis : array.shape) size *= axis;
      require(static_cast<int64_t>(array.values.size()) == size, "as many values as the shape says");
    }
  });
}

}  // namespace murmur::fuzz
