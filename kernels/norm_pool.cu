// Kernel 2 for a convolution, second half: batch norm, residual, ReLU, pooling, masks; out of place, because backward
// reads what comes in. One tile is a few samples of the micro-batch; its lanes walk over the output.
//
// A tile's lanes cover a step of outputs; every output has a window of inputs, whose first place `find_windows` gives
// (2 x 2 pooling, 2 channels, input 4 pixels wide, so an input row is 8 elements):
//
//     input   a0 a1 b0 b1 c0 c1 d0 d1        output    [ab/ef]0 [ab/ef]1 [cd/gh]0 [cd/gh]1
//             e0 e1 f0 f1 g0 g1 h0 h1        place        0        1        4        5
//
// The window's elements are at place + {0, 2, 8, 10}: pixels are `channels` apart, rows width x channels. Backward
// finds each maximum again from x instead of storing where it was, so the gradient goes where forward took the value,
// and adds up sum(g) and sum(g x) for a batch norm on the way.
#include "murmur/kernels/norm_pool.hpp"

#include "murmur/kernels/images.hpp"
#include "murmur/kernels/parallel_normals.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

using Places = PerImageElement<int32_t>;

/// The windows of a pooling, and what a tile sees of its input and of its output.
struct Windows {
  int32_t height, width;
  ImagePart input, output;

  template <class T>
  MURMUR_HD Windows(const NormPoolArgs<T>& args, int64_t tile)
      : height(static_cast<int32_t>(args.window.height)),
        width(static_cast<int32_t>(args.window.width)),
        input(args.images.size, args.images.layout, tile),
        output(args.output_images().size, args.images.layout, tile) {}

  /// The places of so many outputs follow one another, from a multiple of it on.
  MURMUR_HD int run() const {
    const int64_t channels = input.image.channels;
    return channels % kLongestRun == 0 ? kLongestRun : (channels % kShortestRun == 0 ? kShortestRun : 1);
  }
  /// True where there are pixels that no window reads.
  MURMUR_HD bool have_rest() const {
    return output.image.height * height < input.image.height || output.image.width * width < input.image.width;
  }
};

/// Where the windows of a step's outputs start in the input.
MURMUR_KERNEL void find_windows(const ImageLanes& lanes, const Windows& windows, int64_t first, Places& places) {
  const auto channels = static_cast<int32_t>(windows.input.image.channels);
  const auto out_width = static_cast<int32_t>(windows.output.image.width);
  const auto start = static_cast<int32_t>(first);
  const int32_t across = windows.width * channels;
  const int32_t down = windows.height * static_cast<int32_t>(windows.input.image.width) * channels;
  const auto place = [=](int32_t e) {
    const int32_t pixel = quotient(e, channels);
    const int32_t y = quotient(pixel, out_width);
    return y * down + (pixel - y * out_width) * across + (e - pixel * channels);
  };
  if (windows.run() >= 4) {
    lanes.fill(places, [&](int i) {
      const int32_t first_place = place(start + 4 * i);
      return Quad<int32_t>{first_place, first_place + 1, first_place + 2, first_place + 3};
    });
    return;
  }
  lanes.fill(places, [&](int i) {
    const int32_t e = start + 4 * i;
    return Quad<int32_t>{place(e), place(e + 1), place(e + 2), place(e + 3)};
  });
}

/// Calls f(offset) for every element of a window, row by row, or for all but the first.
template <class F>
MURMUR_KERNEL void for_each_in_window(const Windows& windows, bool first_too, const F& f) {
  const auto channels = static_cast<int32_t>(windows.input.image.channels);
  const auto row = static_cast<int32_t>(windows.input.image.width) * channels;
  MURMUR_ROLLED
  for (int32_t y = 0; y < windows.height; ++y) {
    MURMUR_ROLLED
    for (int32_t x = first_too || y > 0 ? 0 : 1; x < windows.width; ++x) f(y * row + x * channels);
  }
}

/// True where b comes after a as the maximum; a NaN wins, and stays.
template <class T>
MURMUR_HD bool is_larger(T a, T b) {
  return !(b <= a) && a == a;
}

/// The affine map of a batch norm, one pair for each element of a tile's lanes; 1 and 0 without a norm.
template <class T>
struct Norm {
  PerImageElement<T> scale, shift;
  bool on;

  MURMUR_KERNEL Norm(const ImageLanes& all, const NormPoolArgs<T>& args, const ImagePart& part, int64_t network)
      : on(args.scale_shift != nullptr) {
    if (on) {
      const int64_t width = 4 * num_quads(args.images.size.channels);
      const T* values = args.scale_shift + network * 2 * width;
      load_channels(all, values, part, scale);
      load_channels(all, values + width, part, shift);
    } else {
      load_constant(all, T{1}, scale);
      load_constant(all, T{0}, shift);
    }
  }
  MURMUR_HD T operator()(int e, T x) const { return scale[e] * x + shift[e]; }
};

/// The largest element of each window, and where it is.
template <class T>
MURMUR_KERNEL void max_pool(const ImageLanes& lanes, const Windows& windows, const Places& places, const Norm<T>& norm,
                            const T* x, PerImageElement<T>& best, Places& where) {
  lanes.read_places(places, windows.run(), x, [&](int e, int32_t place, T value) {
    best[e] = norm(e, value);
    where[e] = place;
  });
  for_each_in_window(windows, false, [&](int32_t offset) {
    lanes.read_places(places, windows.run(), x + offset, [&](int e, int32_t place, T read) {
      const T value = norm(e, read);
      const bool larger = is_larger(best[e], value);
      best[e] = larger ? value : best[e];
      where[e] = larger ? place + offset : where[e];
    });
  });
}

/// What stochastic depth does to a residual block's branch. Random: position = item.
template <class T>
MURMUR_HD T branch_factor(const NormPoolArgs<T>& args, int64_t network, int64_t row) {
  const float probability = args.step.techniques.get(Technique::kStochasticDepth, network);
  if (probability <= 0) return T{1};
  const NetworkState& state = args.step.state[network];
  const uint32_t site = make_site(Technique::kStochasticDepth, args.masks.layer);
  const Quad<uint32_t> words = philox(static_cast<uint64_t>(state.item + row), site, 0, state.seed);
  return static_cast<T>(noise::branch_factor(probability, words.v[0]));
}

template <class T, class Normals>
struct NormPoolForward {
  static constexpr int kWidth = kImageLanes;
  NormPoolArgs<T> args;

  MURMUR_KERNEL void operator()(const ImageLanes& all, int64_t network, int64_t tile) const {
    const NetworkState& state = args.step.state[network];
    const ImageWalk walk(args.step, args.output_images(), state, tile);
    const Windows windows(args, tile);
    const ImageMasks masks(args, network);
    const Norm<T> norm(all, args, windows.input, network);
    const T sigma = static_cast<T>(args.step.techniques.get(Technique::kActivationNoise, network));
    const NegativeSlope<T> slope(args.step, network);
    for (int64_t row = walk.first_row; row < walk.last_row; ++row) {
      const T* x = args.x[network] + row * windows.input.row_stride() + windows.input.start();
      const int64_t offset = walk.offset(row);
      T* output = args.output[network] + offset;
      if (row >= walk.num_rows) {
        clear_row(all, walk.size, output);
        continue;
      }
      const T factor = args.residual.is_null() ? T{1} : branch_factor(args, network, row);
      for (int64_t first = 0; first < walk.size; first += walk.stride) {
        const ImageLanes lanes = all.first_elements(walk.count(first));
        const ImageWords words = words_of(args, state, walk, row, first);
        Elements<T> y(output + first);
        pool(lanes, windows, norm, x, first, y);
        if (!args.residual.is_null()) {
          Elements<const T> residual(args.residual[network] + offset + first);
          residual.load(lanes);
          lanes.elements([&](int e) { y[e] = factor * y[e] + residual[e]; });
        }
        if (args.relu) noise_relu<Normals>(lanes, y, sigma, slope, words);
        masks.apply(lanes, y, words);
        y.store(lanes);
      }
    }
  }

  MURMUR_KERNEL void pool(const ImageLanes& lanes, const Windows& windows, const Norm<T>& norm, const T* x,
                          int64_t first, Elements<T>& y) const {
    if (args.window.pooling == Pooling::kNone) {
      Elements<const T> input(x + first);
      input.load(lanes);
      lanes.elements([&](int e) { y[e] = norm(e, input[e]); });
      return;
    }
    Places places;
    find_windows(lanes, windows, first, places);
    PerImageElement<T> value;
    if (args.window.pooling == Pooling::kMax) {
      Places where;
      max_pool(lanes, windows, places, norm, x, value, where);
      lanes.each_element([&](int e) { y[e] = value[e]; });
    } else {
      const T share = T{1} / static_cast<T>(args.window.height * args.window.width);
      load_constant(lanes, T{0}, value);
      for_each_in_window(windows, true, [&](int32_t offset) {
        lanes.read_places(places, windows.run(), x + offset, [&](int e, int32_t, T read) { value[e] += read; });
      });
      lanes.elements([&](int e) { y[e] = norm(e, value[e] * share); });
    }
  }
};

template <class T>
struct NormPoolBackward {
  static constexpr int kWidth = kImageLanes;
  static constexpr int kResidentThreads = sizeof(T) == 4 ? 768 : kWidth;
  NormPoolBackwardArgs<T> args;
  int64_t tiles;  // of a network

  MURMUR_KERNEL void operator()(const ImageLanes& all, int64_t network, int64_t tile) const {
    const NormPoolArgs<T>& forward = args.forward;
    const NetworkState& state = forward.step.state[network];
    const ImageWalk walk(forward.step, forward.output_images(), state, tile);
    const Windows windows(forward, tile);
    const int64_t input_size = windows.input.image.elements();
    const ImageMasks masks(forward, network);
    const Norm<T> norm(all, forward, windows.input, network);
    const bool pools = forward.window.pooling != Pooling::kNone;
    TileSums<T> sums;
    sums.clear(all);
    // In 32 bits, or the registers of a GPU do not suffice.
    const auto size = static_cast<int32_t>(walk.size), stride = static_cast<int32_t>(walk.stride);
    const auto last_row = static_cast<int32_t>(walk.last_row);
    for (auto row = static_cast<int32_t>(walk.first_row); row < last_row; ++row) {
      const int64_t input_offset = row * windows.input.row_stride() + windows.input.start();
      const T* x = forward.x[network] + input_offset;
      T* grad_input = args.grad_input + network * forward.x.stride + input_offset;
      T* grad_residual = args.grad_residual;
      if (row >= walk.num_rows) {
        clear_row(all, input_size, grad_input);
        if (grad_residual != nullptr && !args.accumulate_residual) {
          clear_row(all, walk.size, grad_residual + network * forward.residual.stride + walk.offset(row));
        }
        continue;
      }
      if (windows.have_rest()) {
        clear_row(all, input_size, grad_input);
        all.sync();
      }
      const T factor = forward.residual.is_null() ? T{1} : branch_factor(forward, network, row);
      for (int32_t first = 0; first < size; first += stride) {
        const ImageLanes lanes = all.first_elements(walk.count(first));
        const int64_t offset = network * forward.output.stride + walk.offset(row) + first;
        Elements<T> grad(args.grad_output + offset);
        grad.load(lanes);
        const ImageWords words = words_of(forward, state, walk, row, first);
        masks.apply(lanes, grad, words);
        if (forward.relu) {
          Elements<const T> output(forward.output.data + offset);
          output.load(lanes);
          relu_gradient(lanes, grad, output, forward.step.techniques.get(Technique::kRrelu, network), words);
        }
        if (grad_residual != nullptr) {
          add_residual(lanes, grad, grad_residual + network * forward.residual.stride + walk.offset(row) + first);
        }
        if (!forward.residual.is_null()) lanes.elements([&](int e) { grad[e] *= factor; });
        if (pools) {
          spread(lanes, windows, norm, x, first, grad, grad_input, sums);
        } else {
          Elements<const T> input(x + first);
          input.load(lanes);
          lanes.each_element([&](int e) {
            sums.first[e] += grad[e];
            sums.second[e] += grad[e] * input[e];
          });
          grad.store(lanes);
        }
      }
    }
    if (args.sums != nullptr) sums.store(all, walk, args.sums, network * tiles + tile);
  }

  MURMUR_KERNEL void add_residual(const ImageLanes& lanes, Elements<T>& grad, T* memory) const {
    Elements<T> target(memory);
    if (args.accumulate_residual) {
      target.load(lanes);
      lanes.elements([&](int e) { target[e] += grad[e]; });
    } else {
      lanes.elements([&](int e) { target[e] = grad[e]; });
    }
    target.store(lanes);
  }

  /// Sends the gradients of a step's outputs to the elements of their windows.
  MURMUR_KERNEL void spread(const ImageLanes& lanes, const Windows& windows, const Norm<T>& norm, const T* x,
                            int64_t first, Elements<T>& grad, T* grad_input, TileSums<T>& sums) const {
    Places places;
    find_windows(lanes, windows, first, places);
    if (args.forward.window.pooling == Pooling::kMax) {
      PerImageElement<T> best;
      Places where;
      max_pool(lanes, windows, places, norm, x, best, where);
      for_each_in_window(windows, true, [&](int32_t offset) {
        lanes.write_places(places, windows.run(), grad_input + offset,
                           [&](int e, int32_t place) { return where[e] == place + offset ? grad[e] : T{0}; });
      });
      if (args.sums == nullptr) return;
      lanes.each_element([&](int e) {
        sums.first[e] += grad[e];
        sums.second[e] += grad[e] * x[where[e]];
      });
    } else {
      const T share = T{1} / static_cast<T>(windows.height * windows.width);
      for_each_in_window(windows, true, [&](int32_t offset) {
        lanes.write_places(places, windows.run(), grad_input + offset, [&](int e, int32_t) { return grad[e] * share; });
        if (args.sums == nullptr) return;
        lanes.read_places(places, windows.run(), x + offset, [&](int e, int32_t, T read) {
          const T part = grad[e] * share;
          sums.first[e] += part;
          sums.second[e] += part * read;
        });
      });
    }
  }
};

}  // namespace

template <class T>
void norm_pool_forward(murmur::Stream& stream, const NormPoolArgs<T>& args) {
  const int64_t tiles = args.images.count(args.step.micro_batch);
  launch_with_normals<NormPoolForward, T>(stream, "norm_pool_forward", args.step, tiles, args);
}

MURMUR_INSTANTIATE_KERNEL(norm_pool_forward, NormPoolArgs)

template <class T>
void norm_pool_backward(murmur::Stream& stream, const NormPoolBackwardArgs<T>& args) {
  const NormPoolArgs<T>& forward = args.forward;
  const int64_t tiles = forward.images.count(forward.step.micro_batch);
  launch(stream, "norm_pool_backward", forward.step.num_networks, tiles, NormPoolBackward<T>{args, tiles});
}

MURMUR_INSTANTIATE_KERNEL(norm_pool_backward, NormPoolBackwardArgs)

}  // namespace murmur::MURMUR_TARGET
