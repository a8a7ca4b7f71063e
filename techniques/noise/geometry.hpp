#pragma once

#include <cmath>
#include <cstdint>

#include "murmur/engine/image_size.hpp"
#include "murmur/engine/random/distributions.hpp"
#include "murmur/engine/random/philox.hpp"
#include "murmur/techniques/technique_table.hpp"

// Flip, rotation, zoom, translation and contrast of one image. The geometric techniques are composed into one affine
// map and the image is resampled once.
namespace murmur::noise {

/// Output pixel (x, y) reads the input at (xx x + xy y + x0, yx x + yy y + y0), in pixels.
struct AffineMap {
  float xx = 1, xy = 0, x0 = 0;
  float yx = 0, yy = 1, y0 = 0;
};

/// The map that applies `inner` first: out(x) = outer(inner(x)).
MURMUR_HD AffineMap compose(const AffineMap& outer, const AffineMap& inner) {
  return {outer.xx * inner.xx + outer.xy * inner.yx,
          outer.xx * inner.xy + outer.xy * inner.yy,
          outer.xx * inner.x0 + outer.xy * inner.y0 + outer.x0,
          outer.yx * inner.xx + outer.yy * inner.yx,
          outer.yx * inner.xy + outer.yy * inner.yy,
          outer.yx * inner.x0 + outer.yy * inner.y0 + outer.y0};
}

/// How far each geometric technique goes; all 0: none is on.
struct GeometryRanges {
  float rotation = 0;     // fraction of a full turn
  float zoom = 0;         // fraction of the size
  float translation = 0;  // fraction of the size
  Flip flip = Flip::kNone;

  MURMUR_HD GeometryRanges(const TechniqueTable& techniques, int64_t network)
      : rotation(techniques.get(Technique::kRotation, network)),
        zoom(techniques.get(Technique::kZoom, network)),
        translation(techniques.get(Technique::kTranslation, network)),
        flip(static_cast<Flip>(static_cast<int>(techniques.get(Technique::kFlip, network)))) {}

  MURMUR_HD bool any() const { return rotation > 0 || zoom > 0 || translation > 0 || flip != Flip::kNone; }
};

/// Uniform in [-range, range].
MURMUR_HD float symmetric(float range, uint32_t word) {
  return range * (2.0f * uniform(word) - 1.0f);
}

/// The map of one image, drawn afresh for its item: flip, then rotation, zoom, translation.
/// Random: position = item, one site a technique; rotation word 0, the others one word an axis (x, y).
/// Source: Keras's preprocessing layers, which Altarabichi et al. 2024 train with.
MURMUR_HD AffineMap random_map(const GeometryRanges& ranges, const ImageSize& size, uint64_t seed, int64_t item) {
  const float right = static_cast<float>(size.width - 1);
  const float bottom = static_cast<float>(size.height - 1);
  const auto words = [=](Technique id) { return philox(static_cast<uint64_t>(item), make_site(id, 0), 0, seed); };
  AffineMap map;
  if (ranges.flip != Flip::kNone) {
    const Quad<uint32_t> w = words(Technique::kFlip);
    const bool mirror_x = ranges.flip != Flip::kVertical && uniform(w.v[0]) < 0.5f;
    const bool mirror_y = ranges.flip != Flip::kHorizontal && uniform(w.v[1]) < 0.5f;
    map = {mirror_x ? -1.0f : 1.0f, 0, mirror_x ? right : 0.0f, 0, mirror_y ? -1.0f : 1.0f, mirror_y ? bottom : 0.0f};
  }
  if (ranges.rotation > 0) {
    // in turns, so that the polynomial of the normals serves here too
    const float turns = symmetric(ranges.rotation, words(Technique::kRotation).v[0]);
    float s = 0;
    float c = 0;
    detail::sincos_turn(static_cast<uint32_t>(static_cast<int32_t>(turns * 0x1p31f)) << 1, s, c);
    map = compose(map,
                  {c, -s, 0.5f * (right - (c * right - s * bottom)), s, c, 0.5f * (bottom - (s * right + c * bottom))});
  }
  if (ranges.zoom > 0) {
    const Quad<uint32_t> w = words(Technique::kZoom);
    const float zx = 1.0f + symmetric(ranges.zoom, w.v[0]);
    const float zy = 1.0f + symmetric(ranges.zoom, w.v[1]);
    map = compose(map, {zx, 0, 0.5f * right * (1.0f - zx), 0, zy, 0.5f * bottom * (1.0f - zy)});
  }
  if (ranges.translation > 0) {
    const Quad<uint32_t> w = words(Technique::kTranslation);
    const float dx = symmetric(ranges.translation, w.v[0]) * static_cast<float>(size.width);
    const float dy = symmetric(ranges.translation, w.v[1]) * static_cast<float>(size.height);
    map = compose(map, {1, 0, -dx, 0, 1, -dy});
  }
  return map;
}

/// One direction of an image that is to be resampled, with what is the same for all of its pixels.
struct Axis {
  float length;
  float period;  // of its reflections
  float frequency;

  explicit Axis(int64_t size) : length(static_cast<float>(size)), period(2.0f * length), frequency(1.0f / period) {}

  /// A coordinate folded back into [0, length - 1]: reflect fill, d c b a | a b c d | d c b a.
  MURMUR_HD float reflect(float x) const {
    const float shifted = x + 0.5f;  // the mirrors stand half a pixel outside
    const float wrapped = shifted - period * ::floorf(shifted * frequency + 0.5f);
    const float folded = ::fabsf(wrapped) - 0.5f;
    const float low = folded < 0.0f ? 0.0f : folded;
    return low < length - 1.0f ? low : length - 1.0f;
  }
};

/// The grid that images of one size are resampled on. It is made on the host: a kernel takes it as it is.
struct Grid {
  int32_t width;
  int32_t channels;
  float per_width;  // 1 / width
  float per_channel;
  Axis across;
  Axis down;

  explicit Grid(const ImageSize& size)
      : width(static_cast<int32_t>(size.width)),
        channels(static_cast<int32_t>(size.channels)),
        per_width(1.0f / static_cast<float>(width)),
        per_channel(1.0f / static_cast<float>(channels)),
        across(size.width),
        down(size.height) {}
};

/// Bilinear sample of an image at the map of one output element. image.square(i) is element i, its neighbour to the
/// right, the one below and that one's neighbour to the right; those outside of the image have weight 0.
template <class Image>
MURMUR_HD float resample(const Image& image, const Grid& grid, const AffineMap& map, int32_t element) {
  const int32_t pixel = quotient(element, grid.per_channel);
  const int32_t row = quotient(pixel, grid.per_width);
  const int32_t channel = element - pixel * grid.channels;
  const float x = static_cast<float>(pixel - row * grid.width);
  const float y = static_cast<float>(row);
  const float u = grid.across.reflect(map.xx * x + map.xy * y + map.x0);
  const float v = grid.down.reflect(map.yx * x + map.yy * y + map.y0);
  const auto left = static_cast<int32_t>(u);
  const auto top = static_cast<int32_t>(v);
  const float a = u - static_cast<float>(left);
  const float b = v - static_cast<float>(top);
  const Quad<float> corners = image.square((top * grid.width + left) * grid.channels + channel);
  const float above = (1.0f - a) * corners.v[0] + a * corners.v[1];
  const float below = (1.0f - a) * corners.v[2] + a * corners.v[3];
  return (1.0f - b) * above + b * below;
}

/// The factor c ~ U[1 - f, 1 + f]; `draw` is the item (one factor an image) or the update (the study: one a batch).
MURMUR_HD float contrast_factor(float range, uint64_t seed, int64_t draw) {
  return 1.0f + symmetric(range, philox(static_cast<uint64_t>(draw), make_site(Technique::kContrast, 0), 0, seed).v[0]);
}

/// (x - mean) c + mean, clipped to the range of pixels [0, 1].
template <class T>
MURMUR_HD T contrast(T x, T mean, T factor) {
  const T stretched = (x - mean) * factor + mean;
  return stretched < T{0} ? T{0} : (stretched > T{1} ? T{1} : stretched);
}

}  // namespace murmur::noise
