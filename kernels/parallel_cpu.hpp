#pragma once

#include <cstdint>
#include <vector>

#include "murmur/engine/cpu/stream.hpp"
#include "murmur/engine/quad.hpp"

namespace murmur::cpu {

/// Images may be in blocks of channels (ImageLayout).
inline constexpr bool kHasChannelBlocks = true;

/// The runs of places that `read_places` takes at once: vectors.
inline constexpr int kLongestRun = 16;
inline constexpr int kShortestRun = 16;

/// A polynomial vectorises; there are no faster normals.
inline constexpr bool kHasFastNormals = false;

/// One value a lane.
template <class T, int kWidth>
struct PerLane {
  alignas(64) T values[kWidth];
  T& operator[](int i) { return values[i]; }
  const T& operator[](int i) const { return values[i]; }
};

/// One quad a lane, as four arrays, so that a loop over lanes needs no shuffles.
template <class T, int kWidth>
struct PerLaneQuad {
  PerLane<T, kWidth> values[4];
  [[gnu::always_inline]] Quad<T> get(int i) const { return {values[0][i], values[1][i], values[2][i], values[3][i]}; }
  [[gnu::always_inline]] void set(int i, const Quad<T>& x) {
    values[0][i] = x.v[0];
    values[1][i] = x.v[1];
    values[2][i] = x.v[2];
    values[3][i] = x.v[3];
  }
};

/// One value an element of the lanes' quads, in the order of memory.
template <class T, int kWidth>
struct PerElement {
  alignas(64) T values[4 * kWidth];
  T& operator[](int e) { return values[e]; }
  const T& operator[](int e) const { return values[e]; }
};

/// The elements of a tensor that belong to a tile: on the CPU the memory itself.
template <class T>
class Elements {
 public:
  explicit Elements(T* memory) : memory_(memory) {}
  template <class AnyLanes>
  void load(const AnyLanes&) {}
  template <class AnyLanes>
  void store(const AnyLanes&) const {}
  [[gnu::always_inline]] T& operator[](int e) const { return memory_[e]; }

 private:
  T* memory_;
};

/// The lanes of a tile on a CPU: a group of one, which loops.
template <int kWidth>
class Lanes {
 public:
  explicit Lanes(int64_t count = kWidth) : Lanes(count, 4 * count) {}
  /// The same tile with only the first `count` lanes (or all, where count is larger).
  [[gnu::always_inline]] Lanes first(int64_t count) const { return Lanes(count); }
  /// The lanes whose quads hold the first `count` elements.
  [[gnu::always_inline]] Lanes first_elements(int64_t count) const { return Lanes(num_quads(count), count); }

  template <class F>
  [[gnu::always_inline]] void each(const F& f) const {
    const int count = count_;
#pragma omp simd
    for (int i = 0; i < count; ++i) f(i);
  }

  template <class F>
  [[gnu::always_inline]] void elements(const F& f) const {
    const int count = num_elements_;
#pragma omp simd
    for (int e = 0; e < count; ++e) f(e);
  }

  /// Exactly the elements that exist (`elements` may run on the rest of a quad).
  template <class F>
  [[gnu::always_inline]] void each_element(const F& f) const {
    elements(f);
  }

  /// f(e, place, x[place]) for each element's place.
  template <class T, class F>
  [[gnu::always_inline]] void read_places(const PerElement<int32_t, kWidth>& places, int run, const T* x,
                                          const F& f) const {
    each_place(places, run, [&](int e, int32_t place) { f(e, place, x[place]); });
  }

  /// x[place] = f(e, place) for each element's place.
  template <class T, class F>
  [[gnu::always_inline]] void write_places(const PerElement<int32_t, kWidth>& places, int run, T* x, const F& f) const {
    each_place(places, run, [&](int e, int32_t place) { x[place] = f(e, place); });
  }

  /// f(e, places[e]) for each element. In runs of sixteen there are no gathers and scatters.
  template <class F>
  [[gnu::always_inline]] void each_place(const PerElement<int32_t, kWidth>& places, int run, const F& f) const {
    constexpr int kRun = kLongestRun;
    if (run < kRun) return each_element([&](int e) { f(e, places[e]); });
    for (int first = 0; first < num_elements_; first += kRun) {
      const int32_t place = places[first];
#pragma omp simd
      for (int i = 0; i < kRun; ++i) f(first + i, place + i);
    }
  }

  /// Rounded up to whole vectors: the scalar tail of a loop costs more than the lanes it would save.
  template <class F>
  [[gnu::always_inline]] void compute(const F& f) const {
    constexpr int kVector = 16;
    const int count = (count_ + kVector - 1) / kVector * kVector;
#pragma omp simd
    for (int i = 0; i < count; ++i) f(i);
  }

  template <class T, class F>
  [[gnu::always_inline]] void fill(PerElement<T, kWidth>& x, const F& f) const {
    compute([&](int i) {
      const Quad<T> quad = f(i);
      x.values[4 * i] = quad.v[0];
      x.values[4 * i + 1] = quad.v[1];
      x.values[4 * i + 2] = quad.v[2];
      x.values[4 * i + 3] = quad.v[3];
    });
  }

  template <class T>
  [[gnu::always_inline]] T sum(const PerLane<T, kWidth>& x) const {
    T total = 0;
    const int count = count_;
#pragma omp simd reduction(+ : total)
    for (int i = 0; i < count; ++i) total += x[i];
    return total;
  }

  template <class T, int kCount>
  [[gnu::always_inline]] void sum(const PerLane<T, kWidth> (&x)[kCount], T (&sums)[kCount]) const {
    for (int k = 0; k < kCount; ++k) sums[k] = sum(x[k]);
  }

  template <class T>
  [[gnu::always_inline]] Quad<T> sum(const PerLaneQuad<T, kWidth>& x) const {
    return {sum(x.values[0]), sum(x.values[1]), sum(x.values[2]), sum(x.values[3])};
  }

  /// Adds up what is `period` apart among the first `count` elements; memory gets `period` sums.
  template <class T>
  [[gnu::always_inline]] void fold(const PerElement<T, kWidth>& x, int count, int period, T* memory) const {
    for (int c = 0; c < period; ++c) memory[c] = x[c];
    for (int first = period; first < count; first += period) {
#pragma omp simd
      for (int c = 0; c < period; ++c) memory[c] += x[first + c];
    }
  }

  int64_t count() const {
    return count_;
  }

  /// All lanes see what the others have written to memory.
  void sync() const {}

  template <class F>
  [[gnu::always_inline]] void leader(const F& f) const {
    f();
  }
  template <class F>
  [[gnu::always_inline]] auto once(const F& f) const {
    return f();
  }

 private:
  static_assert(kWidth % 16 == 0);
  Lanes(int64_t count, int64_t num_elements)
      : count_(count < kWidth ? static_cast<int>(count) : kWidth),
        num_elements_(num_elements < 4 * kWidth ? static_cast<int>(num_elements) : 4 * kWidth) {}
  int count_;
  int num_elements_;
};

/// A tile's random access to an image: every element with its neighbours to the right and below (0 beyond the image's
/// end). On the CPU all four bytes sit in one word, because a gather costs the same whatever it brings.
class Image {
 public:
  template <class AnyLanes>
  Image(const AnyLanes&, const uint8_t* bytes, int64_t count, int64_t right, int64_t below) : words_(buffer(count)) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) words_[i] = bytes[i];
    add(bytes + right, count - right, 8);
    add(bytes + below, count - below, 16);
    add(bytes + below + right, count - below - right, 24);
  }
  /// The element, its right neighbour, the one below it and that one's right neighbour.
  [[gnu::always_inline]] Quad<float> square(int32_t i) const {
    const uint32_t word = words_[i];
    return {to_float(word & 255), to_float((word >> 8) & 255), to_float((word >> 16) & 255), to_float(word >> 24)};
  }

 private:
  static float to_float(uint32_t byte) {
    return static_cast<float>(static_cast<int32_t>(byte));
  }
  void add(const uint8_t* bytes, int64_t count, int shift) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) words_[i] |= static_cast<uint32_t>(bytes[i]) << shift;
  }
  static uint32_t* buffer(int64_t count) {
    static thread_local std::vector<uint32_t> memory;
    if (static_cast<int64_t>(memory.size()) < count) memory.resize(static_cast<size_t>(count));
    return memory.data();
  }
  uint32_t* words_;
};

/// The union of bits around each of an image's places: of the 3 x 3 ones in an image with one place more on each side,
/// whose bits f(k) says; k = (y (width + 2) + x) depth + i, and each of the depth i is by itself. On the CPU f is asked
/// once a place, and rows and columns are joined as a whole.
template <class F>
class Surroundings {
 public:
  template <int kWidth>
  Surroundings(const Lanes<kWidth>&, int32_t height, int32_t width, int32_t depth, const F& f) {
    const int64_t length = static_cast<int64_t>(width) * depth, wide = length + 2 * depth, count = (height + 2) * wide;
    uint8_t* const bits = buffer(2 * count + kWidth);  // a few lanes more may read on
    uint8_t* const rows = bits + count;
#pragma omp simd
    for (int32_t k = 0; k < static_cast<int32_t>(count); ++k) bits[k] = static_cast<uint8_t>(f(k));
    for (int32_t y = 0; y < height + 2; ++y) join(bits + y * wide, depth, length, rows + y * length);
    for (int32_t y = 0; y < height; ++y) join(rows + y * length, length, length, bits + y * length);
    bits_ = bits;
  }
  /// Of place k = (y width + x) depth + i of the image itself.
  [[gnu::always_inline]] uint32_t operator()(int32_t k) const {
    return bits_[k];
  }

 private:
  static void join(const uint8_t* from, int64_t step, int64_t count, uint8_t* to) {
#pragma omp simd
    for (int64_t r = 0; r < count; ++r) to[r] = from[r] | from[r + step] | from[r + 2 * step];
  }
  static uint8_t* buffer(int64_t count) {
    static thread_local std::vector<uint8_t> memory;
    if (static_cast<int64_t>(memory.size()) < count) memory.resize(static_cast<size_t>(count));
    return memory.data();
  }
  const uint8_t* bits_;
};

/// Runs kernel(lanes, network, tile) for every network and tile.
template <class Kernel>
void launch(murmur::Stream& stream, const char* name, int64_t num_networks, int64_t num_tiles, const Kernel& kernel) {
  static_cast<cpu::Stream&>(stream).run(name, num_networks, [kernel, num_tiles](int64_t network) {
    const Lanes<Kernel::kWidth> lanes;
    for (int64_t tile = 0; tile < num_tiles; ++tile) kernel(lanes, network, tile);
  });
}

}  // namespace murmur::cpu
