// What moves or replaces regions of the input, on rows in memory that `input_forward` then puts noise on. One tile is
// one row of the micro-batch; its lanes walk over the quads of the sample.
#include "murmur/kernels/input_rows.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

template <class T>
struct InputRegions {
  static constexpr int kWidth = kInputLanes;
  static constexpr int kResidentThreads = 512;
  InputArgs<T> args;
  noise::Grid grid;
  using Row = InputRow<T>;

  /// What is drawn for one row.
  struct Regions {
    noise::Offset crop;
    noise::Mixing mixing;   // with the sample of
    const uint8_t* others;  // these pixels
    noise::Box zeros[2];    // of cutout, and of random erasing
  };

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t index) const {
    const Row row = all.once([&] { return describe_row(args, network, index); });
    if (!row.has_regions) return;
    const Regions regions = all.once([&] { return regions_of(network, row); });
    for_each_of_crop(all, row, regions.crop, row.pixels, true, [](int32_t, T& x, T pixel) { x = pixel; });
    if (regions.mixing.is_on()) mix(all, row, regions);
    // Where a network mixes, the loss reads them of every sample.
    all.leader([&] {
      const int64_t place = network * args.step.micro_batch + index;
      args.second_targets[place] = lasting_label(args, network, row.seed, args.first + regions.mixing.partner);
      args.target_shares[place] = regions.mixing.target_share;
    });
    if (row.contrast != 1.0f) stretch(all, args, row);
    for (const noise::Box& box : regions.zeros) {
      if (!box.is_empty()) clear_box(all, row, box);
    }
  }

  MURMUR_HD Regions regions_of(int64_t network, const Row& row) const {
    const TechniqueTable& techniques = args.step.techniques;
    Regions regions;
    regions.mixing = mixing_of(network, row.seed, row.item);
    regions.others = args.images + (args.first + regions.mixing.partner) * args.sample_size();
    if (const float padding = techniques.get(Technique::kRandomCrop, network); padding > 0) {
      regions.crop = noise::crop_offset(static_cast<int32_t>(padding), row.seed, row.item);
    }
    if (const float side = techniques.get(Technique::kCutout, network); side > 0) {
      regions.zeros[0] = noise::cutout_box(static_cast<int32_t>(side), args.size, row.seed, row.item);
    }
    if (const float p = techniques.get(Technique::kRandomErasing, network); p > 0) {
      regions.zeros[1] = noise::erased_box(p, args.size, row.seed, row.item);
    }
    return regions;
  }

  /// Where both are on, each sample is mixed in one of the two ways, drawn for it.
  MURMUR_HD noise::Mixing mixing_of(int64_t network, uint64_t seed, int64_t item) const {
    const float mixup = args.step.techniques.get(Technique::kMixup, network);
    const float cutmix = args.step.techniques.get(Technique::kCutmix, network);
    if (mixup > 0 && (cutmix <= 0 || noise::prefers_mixup(seed, item))) {
      return noise::mixup(mixup, args.step.epoch_size, seed, item);
    }
    return cutmix > 0 ? noise::cutmix(cutmix, args.size, args.step.epoch_size, seed, item) : noise::Mixing{};
  }

  /// The pixel and the channel of an element.
  struct Place {
    int32_t x, y, channel;
  };
  MURMUR_HD static Place place_of(const noise::Grid& grid, int32_t element) {
    const int32_t pixel = quotient(element, grid.per_channel);
    const int32_t y = quotient(pixel, grid.per_width);
    return {pixel - y * grid.width, y, element - pixel * grid.channels};
  }

  /// An element's place in the image that is cropped, -1 beyond its edges.
  MURMUR_HD static int32_t source_of(const noise::Grid& grid, int32_t height, const noise::Offset& crop, int32_t e) {
    const Place place = place_of(grid, e);
    const int32_t column = place.x + crop.x;
    const int32_t line = place.y + crop.y;
    const bool inside = column >= 0 && column < grid.width && line >= 0 && line < height;
    return inside ? (line * grid.width + column) * grid.channels + place.channel : -1;
  }

  /// Calls put(element, x, value) with what a crop of an image is, resampled as the row is, and stores x: the row in
  /// memory.
  template <class Put>
  MURMUR_KERNEL void for_each_of_crop(const Lanes<kWidth>& all, const Row& row, const noise::Offset& crop,
                                      const uint8_t* pixels, bool is_fresh, const Put& put) const {
    const int64_t size = args.sample_size();
    const Image image(all, pixels, size, args.size.channels, args.size.width * args.size.channels);
    const noise::AffineMap map = row.map;
    const noise::Grid places = grid;
    const T scale = row.scale;
    const bool resampled = row.resampled;
    const auto height = static_cast<int32_t>(args.size.height);
    for (int64_t first = 0; first < size; first += 4 * kWidth) {
      const Lanes<kWidth> lanes = all.first_elements(size - first);
      const auto start = static_cast<int32_t>(first);
      Elements<T> x(row.output + first);
      if (!is_fresh) x.load(lanes);
      lanes.elements([&](int e) {
        const int32_t source = source_of(places, height, crop, start + e);
        const int32_t element = source < 0 ? 0 : source;
        const float pixel = resampled ? noise::resample(image, places, map, element) : image.square(element).v[0];
        put(start + e, x[e], source < 0 ? T{0} : static_cast<T>(pixel) * scale);
      });
      x.store(lanes);
    }
  }

  /// Mixes the row in memory with the other sample.
  MURMUR_KERNEL void mix(const Lanes<kWidth>& all, const Row& row, const Regions& regions) const {
    const noise::Grid places = grid;
    const noise::Box box = regions.mixing.box;
    const T share = static_cast<T>(regions.mixing.share);
    for_each_of_crop(all, row, regions.crop, regions.others, false, [=](int32_t element, T& x, T other) {
      const Place place = place_of(places, element);
      x = box.holds(place.x, place.y) ? other : share * x + (T{1} - share) * other;
    });
  }

  /// Cutout and random erasing, on the row in memory.
  MURMUR_KERNEL void clear_box(const Lanes<kWidth>& all, const Row& row, const noise::Box& box) const {
    const int64_t size = args.sample_size();
    const noise::Grid places = grid;
    for (int64_t first = 0; first < size; first += 4 * kWidth) {
      const Lanes<kWidth> lanes = all.first_elements(size - first);
      const auto start = static_cast<int32_t>(first);
      Elements<T> x(row.output + first);
      x.load(lanes);
      lanes.elements([&](int e) {
        const Place place = place_of(places, start + e);
        x[e] = box.holds(place.x, place.y) ? T{0} : x[e];
      });
      x.store(lanes);
    }
  }
};

}  // namespace

template <class T>
void input_regions(murmur::Stream& stream, const InputArgs<T>& args) {
  launch(stream, "input_regions", args.step.num_networks, args.step.micro_batch,
         InputRegions<T>{args, noise::Grid(args.size)});
}

MURMUR_INSTANTIATE_KERNEL(input_regions, InputArgs)

}  // namespace murmur::MURMUR_TARGET
