#include "murmur/data/idx.hpp"

#include "murmur/engine/error.hpp"
#include "tests/fuzz/support.hpp"

namespace murmur::fuzz {

void idx(Input input) {
  const InputFile file(input);
  accepts<DataError>([&] {
    const IdxImages images = read_idx_images(file.path());
    const int64_t size = images.num_images * images.height * images.width;
    require(size > 0 && static_cast<int64_t>(images.pixels.size()) == size, "as many pixels as the sizes say");
  });
  accepts<DataError>([&] { require(!read_idx_labels(file.path()).empty(), "labels"); });
}

}  // namespace murmur::fuzz
