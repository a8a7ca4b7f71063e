#include "bench/statistics/case.hpp"

namespace murmur::bench {

bool Layout::has(Coordinate coordinate) const {
  switch (coordinate) {
    case Coordinate::kElement:
      return quads_per_item != 1;
    case Coordinate::kItem:
      return !item.empty();
    case Coordinate::kLayer:
      return has_layers;
    default:
      return true;
  }
}

std::string_view Layout::word(Coordinate coordinate) const {
  switch (coordinate) {
    case Coordinate::kElement:
      return "element";
    case Coordinate::kItem:
      return item;
    case Coordinate::kLayer:
      return "layer";
    case Coordinate::kNetwork:
      return "network";
    case Coordinate::kSeed:
      return "seed";
  }
  return "";
}

Place moved(Place place, Coordinate coordinate, int64_t by) {
  switch (coordinate) {
    case Coordinate::kElement:
      place.quad += by;
      break;
    case Coordinate::kItem:
      place.item += by;
      break;
    case Coordinate::kLayer:
      place.layer += static_cast<uint32_t>(by);
      break;
    case Coordinate::kNetwork:
      place.seed += static_cast<uint64_t>(by);
      break;
    case Coordinate::kSeed:
      place.seed += static_cast<uint64_t>(by) << 32;
      break;
  }
  return place;
}

Place place_at(const Layout& layout, uint64_t seed, int64_t i, Coordinate stretched, int64_t step) {
  Place place;
  place.seed = seed;
  const int64_t quads_step = stretched == Coordinate::kElement ? step : 1;
  const int64_t quads = layout.quads_per_item / quads_step;
  if (layout.quads_per_item == 0) {
    place.quad = i * quads_step;
  } else {
    place.quad = i % quads * quads_step;
    place.item = i / quads * (stretched == Coordinate::kItem ? step : 1);
  }
  return place;
}

}  // namespace murmur::bench
