#include "murmur/data/image.hpp"

#include <utility>

#include "murmur/engine/error.hpp"
#include "tests/fuzz/support.hpp"

namespace murmur::fuzz {

void image(Input input) {
  constexpr int64_t kMostPixels = int64_t{1} << 18;  // more of them take the same way, and longer
  accepts<DataError>([&] {
    const ImageExtent size = image_size("input", input);
    if (size.height * size.width > kMostPixels) return;
    RgbImage image = decode_image("input", input);
    require(image.size == size, "the size that the header says");
    require(static_cast<int64_t>(image.pixels.size()) == 3 * size.height * size.width, "three values a pixel");
    require(resized(std::move(image), {8, 8}).pixels.size() == 3 * 8 * 8, "the size that was asked for");
  });
}

}  // namespace murmur::fuzz
