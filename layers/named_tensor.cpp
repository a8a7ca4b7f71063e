#include "murmur/layers/named_tensor.hpp"

#include <numeric>

namespace murmur {

std::vector<int64_t> places_in_order(int64_t n, int64_t offset) {
  std::vector<int64_t> places(static_cast<size_t>(n));
  std::iota(places.begin(), places.end(), offset);
  return places;
}

std::vector<int64_t> places_of_filters(int64_t out, int64_t channels, int64_t kernel) {
  return places_behind_flatten(out, {kernel, kernel, channels});
}

std::vector<int64_t> places_behind_flatten(int64_t out, const ImageSize& size) {
  const int64_t pixels = size.height * size.width;
  std::vector<int64_t> places;
  places.reserve(static_cast<size_t>(out * size.elements()));
  for (int64_t row = 0; row < out; ++row) {
    for (int64_t channel = 0; channel < size.channels; ++channel) {
      for (int64_t pixel = 0; pixel < pixels; ++pixel) {
        places.push_back(row * size.elements() + pixel * size.channels + channel);
      }
    }
  }
  return places;
}

}  // namespace murmur
