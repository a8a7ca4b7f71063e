#pragma once

// Written in CUDA: its words come from nvcc, or from emulated/words.hpp.

#include <cstdint>
#include <type_traits>

#include "murmur/engine/image_size.hpp"
#include "murmur/engine/quad.hpp"
#include "murmur/engine/target.hpp"

namespace murmur::MURMUR_TARGET {

/// Images have their channels last: registers that blocks would take are better used.
inline constexpr bool kHasChannelBlocks = false;

/// The runs of places that `read_places` takes at once: whole quads or halves of them.
inline constexpr int kLongestRun = 4;
inline constexpr int kShortestRun = 2;

/// Normals may come from the special function unit.
inline constexpr bool kHasFastNormals = true;

/// One value a lane: a register.
template <class T, int kWidth>
struct PerLane {
  T value;
  __device__ T& operator[](int) { return value; }
  __device__ const T& operator[](int) const { return value; }
};

template <class T, int kWidth>
struct PerLaneQuad {
  Quad<T> value;
  __device__ Quad<T> get(int) const { return value; }
  __device__ void set(int, const Quad<T>& x) { value = x; }
};

/// One value an element of the lanes' quads: four registers a lane.
template <class T, int kWidth>
struct PerElement {
  Quad<T> value;
  __device__ T& operator[](int e) { return value.v[e & 3]; }
  __device__ const T& operator[](int e) const { return value.v[e & 3]; }
};

/// The elements of a tensor that belong to a tile: four registers a lane, loaded and stored as one quad where that is
/// whole and aligned.
template <class T>
class Elements {
 public:
  using Value = std::remove_const_t<T>;
  __device__ explicit Elements(T* memory) : memory_(memory) {}

  template <class AnyLanes>
  __device__ void load(const AnyLanes& lanes) {
    if (is_aligned() && lanes.has_whole_quad()) {
      value_ = as_quads(memory_)[threadIdx.x];
    } else {
      lanes.elements([&](int e) { value_.v[e & 3] = lanes.has_element(e) ? memory_[e] : Value{0}; });
    }
  }
  template <class AnyLanes>
  __device__ void store(const AnyLanes& lanes) const {
    if (is_aligned() && lanes.has_whole_quad()) {
      as_quads(memory_)[threadIdx.x] = value_;
    } else {
      lanes.elements([&](int e) {
        if (lanes.has_element(e)) memory_[e] = value_.v[e & 3];
      });
    }
  }
  __device__ Value& operator[](int e) { return value_.v[e & 3]; }
  __device__ const Value& operator[](int e) const { return value_.v[e & 3]; }

 private:
  /// Rows of bytes may have any size; all others are padded.
  __device__ bool is_aligned() const {
    return sizeof(T) >= 4 || reinterpret_cast<uintptr_t>(memory_) % alignof(Quad<Value>) == 0;
  }

  T* memory_;
  Quad<Value> value_;
};

/// The lanes of a tile on a GPU: the threads of a block.
template <int kWidth>
class Lanes {
 public:
  __device__ explicit Lanes(int64_t count = kWidth) : Lanes(count, 4 * count) {}
  __device__ Lanes first(int64_t count) const { return Lanes(count); }
  __device__ Lanes first_elements(int64_t count) const { return Lanes(num_quads(count), count); }

  template <class F>
  __device__ void each(const F& f) const {
    const int lane = static_cast<int>(threadIdx.x);
    if (lane < count_) f(lane);
  }

  template <class F>
  __device__ void elements(const F& f) const {
    const int first = 4 * static_cast<int>(threadIdx.x);
    if (!has_element(first)) return;
    f(first);
    f(first + 1);
    f(first + 2);
    f(first + 3);
  }
  template <class F>
  __device__ void each_element(const F& f) const {
    elements([&](int e) {
      if (has_element(e)) f(e);
    });
  }
  template <class T, class F>
  __device__ void read_places(const PerElement<int32_t, kWidth>& places, int run, const T* x, const F& f) const {
    Quad<T> value{};
    const Quad<int32_t>& place = places.value;
    if (run == 4) {
      elements_at(place, [&](const Quad<int32_t>& at) { value = *as_quads(x + at.v[0]); });
    } else if (run == 2) {
      elements_at(place, [&](const Quad<int32_t>& at) {
        const Pair<T> first = *as_pair(x + at.v[0]);
        value.v[0] = first.v[0];
        value.v[1] = first.v[1];
        if (!has_whole_quad()) return;
        const Pair<T> last = *as_pair(x + at.v[2]);
        value.v[2] = last.v[0];
        value.v[3] = last.v[1];
      });
    } else {
      each_element([&](int e) { value.v[e & 3] = x[places[e]]; });
    }
    elements([&](int e) { f(e, places[e], value.v[e & 3]); });
  }

  template <class T, class F>
  __device__ void write_places(const PerElement<int32_t, kWidth>& places, int run, T* x, const F& f) const {
    Quad<T> value;
    const Quad<int32_t>& place = places.value;
    elements([&](int e) { value.v[e & 3] = f(e, places[e]); });
    if (run == 4) {
      elements_at(place, [&](const Quad<int32_t>& at) { *as_quads(x + at.v[0]) = value; });
    } else if (run == 2) {
      elements_at(place, [&](const Quad<int32_t>& at) {
        *as_pair(x + at.v[0]) = {value.v[0], value.v[1]};
        if (has_whole_quad()) *as_pair(x + at.v[2]) = {value.v[2], value.v[3]};
      });
    } else {
      each_element([&](int e) { x[places[e]] = value.v[e & 3]; });
    }
  }
  __device__ bool has_element(int e) const { return e < num_elements_; }
  __device__ bool has_whole_quad() const { return has_element(4 * static_cast<int>(threadIdx.x) + 3); }

  template <class F>
  __device__ void compute(const F& f) const {
    f(static_cast<int>(threadIdx.x));
  }

  template <class T, class F>
  __device__ void fill(PerElement<T, kWidth>& x, const F& f) const {
    x.value = f(static_cast<int>(threadIdx.x));
  }

  /// The sum over the existing lanes, in every thread. All threads of the block must get here.
  template <class T>
  __device__ T sum(const PerLane<T, kWidth>& x) const {
    return sum_values(Values<T, 1>{{x.value}}).v[0];
  }

  /// Several sums cost the barriers of one.
  template <class T, int kCount>
  __device__ void sum(const PerLane<T, kWidth> (&x)[kCount], T (&sums)[kCount]) const {
    Values<T, kCount> total;
    for (int k = 0; k < kCount; ++k) total.v[k] = x[k].value;
    total = sum_values(total);
    for (int k = 0; k < kCount; ++k) sums[k] = total.v[k];
  }

  template <class T>
  __device__ Quad<T> sum(const PerLaneQuad<T, kWidth>& x) const {
    const Quad<T>& q = x.value;
    const Values<T, 4> total = sum_values(Values<T, 4>{{q.v[0], q.v[1], q.v[2], q.v[3]}});
    return {total.v[0], total.v[1], total.v[2], total.v[3]};
  }

  /// Adds up what is `period` apart among the first `count` elements, in a fixed order; memory gets `period` sums. All
  /// threads of the block must get here, with the same count and period.
  template <class T>
  __device__ void fold(const PerElement<T, kWidth>& x, int count, int period, T* memory) const {
    __shared__ T values[4 * kWidth];  // the first elements of all quads, then the second ones: no bank conflicts
    const int lane = static_cast<int>(threadIdx.x);
    __syncthreads();  // the last fold's readers are done with `values`
    for (int j = 0; j < 4; ++j) values[j * kWidth + lane] = x.value.v[j];
    __syncthreads();
    // A sum is shared by as many threads, a power of two, as there are for each.
    int share = 1;
    while (share < 32 && 2 * share * period <= kWidth) share *= 2;
    MURMUR_ROLLED
    for (int first = 0; first < period; first += kWidth / share) {
      const int sum = first + lane / share;
      T total = T{0};
      MURMUR_ROLLED
      for (int e = sum + lane % share * period; sum < period && e < count; e += share * period) {
        total += values[(e & 3) * kWidth + e / 4];
      }
      for (int offset = share / 2; offset > 0; offset /= 2) total += __shfl_down_sync(0xffffffffu, total, offset);
      if (sum < period && lane % share == 0) memory[sum] = total;
    }
  }

  __device__ void sync() const { __syncthreads(); }

  template <class F>
  __device__ void leader(const F& f) const {
    if (threadIdx.x == 0) f();
  }
  /// All threads of the block must get here.
  template <class F>
  __device__ auto once(const F& f) const {
    using Value = decltype(f());
    static_assert(std::is_trivially_copyable_v<Value>);
    __shared__ Value value;
    __syncthreads();  // the last value's readers are done with it
    if (threadIdx.x == 0) value = f();
    __syncthreads();
    return Value(value);
  }

 private:
  static_assert(kWidth % 32 == 0);
  __device__ Lanes(int64_t count, int64_t num_elements)
      : count_(count < kWidth ? static_cast<int>(count) : kWidth),
        num_elements_(num_elements < 4 * kWidth ? static_cast<int>(num_elements) : 4 * kWidth) {}

  template <class T>
  struct alignas(2 * sizeof(T)) Pair {
    T v[2];
  };
  template <class T>
  __device__ static auto as_pair(T* x) {
    if constexpr (std::is_const_v<T>) {
      return reinterpret_cast<const Pair<std::remove_const_t<T>>*>(x);
    } else {
      return reinterpret_cast<Pair<T>*>(x);
    }
  }
  template <class F>
  __device__ void elements_at(const Quad<int32_t>& places, const F& f) const {
    if (has_element(4 * static_cast<int>(threadIdx.x))) f(places);
  }

  template <class T, int kCount>
  struct Values {
    T v[kCount];
  };

  template <class T, int kCount>
  __device__ Values<T, kCount> sum_values(Values<T, kCount> total) const {
    __shared__ Values<T, kCount> partial[kWidth / 32];
    const int lane = static_cast<int>(threadIdx.x);
    for (T& value : total.v) {
      if (lane >= count_) value = T{0};
      for (int offset = 16; offset > 0; offset /= 2) value += __shfl_down_sync(0xffffffffu, value, offset);
    }
    __syncthreads();  // the last sums' readers are done with `partial`
    if (lane % 32 == 0) partial[lane / 32] = total;
    __syncthreads();
    total = {};
    for (int warp = 0; warp < kWidth / 32; ++warp) {
      const Values<T, kCount> part = partial[warp];
      for (int k = 0; k < kCount; ++k) total.v[k] += part.v[k];
    }
    return total;
  }

  int count_;
  int num_elements_;
};

/// A tile's random access to an image: every element with its neighbours to the right and below (0 beyond the image's
/// end). On the GPU the bytes themselves, through the cache.
class Image {
 public:
  template <class AnyLanes>
  __device__ Image(const AnyLanes&, const uint8_t* bytes, int64_t count, int64_t right, int64_t below)
      : bytes_(bytes),
        count_(static_cast<int32_t>(count)),
        right_(static_cast<int32_t>(right)),
        below_(static_cast<int32_t>(below)) {}
  /// The element, its right neighbour, the one below it and that one's right neighbour.
  __device__ Quad<float> square(int32_t i) const {
    return {at(i), at(i + right_), at(i + below_), at(i + below_ + right_)};
  }

 private:
  __device__ float at(int32_t i) const { return i < count_ ? static_cast<float>(__ldg(bytes_ + i)) : 0.0f; }

  const uint8_t* bytes_;
  int32_t count_, right_, below_;
};

/// The union of bits around each of an image's places: of the 3 x 3 ones in an image with one place more on each side,
/// whose bits f(k) says; k = (y (width + 2) + x) depth + i, and each of the depth i is by itself. On the GPU a lane
/// asks f for what it needs.
template <class F>
class Surroundings {
 public:
  template <int kWidth>
  __device__ Surroundings(const Lanes<kWidth>&, int32_t, int32_t width, int32_t depth, const F& f)
      : width_(width), depth_(depth), f_(f) {}
  /// Of place k = (y width + x) depth + i of the image itself.
  __device__ uint32_t operator()(int32_t k) const {
    const int32_t pixel = quotient(k, depth_);
    const int32_t first = k + 2 * quotient(pixel, width_) * depth_;
    uint32_t bits = 0;
    MURMUR_ROLLED
    for (int32_t i = 0; i < 3; ++i) {
      MURMUR_ROLLED
      for (int32_t j = 0; j < 3; ++j) bits |= f_(first + (i * (width_ + 2) + j) * depth_);
    }
    return bits;
  }

 private:
  int32_t width_, depth_;
  F f_;
};

}  // namespace murmur::MURMUR_TARGET
