// Kernel 2 for a convolution, second half: batch norm, residual, ReLU, pooling, masks; out of place, because backward
// reads what comes in. One tile is a few samples of the micro-batch; its lanes walk over the output.
#include "kernels/images.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

using Places = PerLaneQuad<int32_t, kImageLanes>;

/// Where the windows of a walk's outputs start in the input.
class Windows {
 public:
  template <class T>
  MURMUR_KERNEL Windows(const ImageLanes& lanes, const NormPoolArgs<T>& args, int64_t first)
      : channels_(static_cast<int32_t>(args.size.channels)), row_(static_cast<int32_t>(args.size.width) * channels_) {
    const auto out_width = static_cast<int32_t>(args.output_size().width);
    const auto height = static_cast<int32_t>(args.window_height);
    const auto width = static_cast<int32_t>(args.window_width);
    const int32_t last = static_cast<int32_t>(elements(args.output_size())) - 1;
    const auto start = static_cast<int32_t>(4 * first);
    const int32_t channels = channels_;
    const int32_t row = row_;
    const float per_channel = 1.0f / static_cast<float>(channels);
    const float per_column = 1.0f / static_cast<float>(out_width);
    // Quotients through float: exact for images of less than 2^21 elements, and vectorisable, which integer division is
    // not. The padding of the last quad repeats the last element.
    const auto place = [=](int32_t e) {
      e = e < last ? e : last;
      const auto pixel = static_cast<int32_t>((static_cast<float>(e) + 0.5f) * per_channel);
      const auto y = static_cast<int32_t>((static_cast<float>(pixel) + 0.5f) * per_column);
      const int32_t x = pixel - y * out_width;
      return y * height * row + x * width * channels + (e - pixel * channels);
    };
    lanes.each([&](int i) {
      const int32_t e = start + 4 * i;
      places_.set(i, {place(e), place(e + 1), place(e + 2), place(e + 3)});
    });
  }

  /// Element (y, x) of each window.
  MURMUR_HD Quad<int32_t> at(int i, int64_t y, int64_t x) const {
    const int32_t offset = static_cast<int32_t>(y) * row_ + static_cast<int32_t>(x) * channels_;
    return map(places_.get(i), [offset](int32_t place) { return place + offset; });
  }

 private:
  int32_t channels_;
  int32_t row_;
  Places places_;
};

template <class T>
MURMUR_HD Quad<T> gather(const T* x, const Quad<int32_t>& places) {
  return {x[places.v[0]], x[places.v[1]], x[places.v[2]], x[places.v[3]]};
}

/// True where b comes after a as the maximum; a NaN wins, and stays.
template <class T>
MURMUR_HD bool is_larger(T a, T b) {
  return !(b <= a) && a == a;
}

/// The affine map of a batch norm, one pair for each element of a tile's lanes; 1 and 0 without a norm.
template <class T>
struct Norm {
  ImageQuads<T> scale, shift;
  bool on;

  MURMUR_KERNEL Norm(const ImageLanes& lanes, const NormPoolArgs<T>& args, int64_t network)
      : on(args.scale_shift != nullptr) {
    if (!on) return;
    const int64_t width = 4 * num_quads(args.size.channels);
    const T* values = args.scale_shift + network * 2 * width;
    load_channels(lanes, values, args.size.channels, scale);
    load_channels(lanes, values + width, args.size.channels, shift);
  }
  MURMUR_HD Quad<T> operator()(int i, const Quad<T>& x) const { return plus(times(scale.get(i), x), shift.get(i)); }
};

/// The largest element of each window, and where it is.
template <class T>
MURMUR_KERNEL void max_pool(const ImageLanes& lanes, const NormPoolArgs<T>& args, const Windows& windows,
                            const Norm<T>& norm, const T* x, ImageQuads<T>& best, Places& where) {
  for (int64_t y = 0; y < args.window_height; ++y) {
    for (int64_t column = 0; column < args.window_width; ++column) {
      const bool is_first = y == 0 && column == 0;
      lanes.each([&](int i) {
        const Quad<int32_t> places = windows.at(i, y, column);
        const Quad<T> raw = gather(x, places);
        const Quad<T> value = norm.on ? norm(i, raw) : raw;
        const Quad<T> old = best.get(i);
        const Quad<int32_t> old_places = where.get(i);
        const auto pick = [&](int j) { return is_first || is_larger(old.v[j], value.v[j]); };
        best.set(i, {pick(0) ? value.v[0] : old.v[0], pick(1) ? value.v[1] : old.v[1], pick(2) ? value.v[2] : old.v[2],
                     pick(3) ? value.v[3] : old.v[3]});
        where.set(i, {pick(0) ? places.v[0] : old_places.v[0], pick(1) ? places.v[1] : old_places.v[1],
                      pick(2) ? places.v[2] : old_places.v[2], pick(3) ? places.v[3] : old_places.v[3]});
      });
    }
  }
}

template <class T>
MURMUR_KERNEL void average_pool(const ImageLanes& lanes, const NormPoolArgs<T>& args, const Windows& windows,
                                const Norm<T>& norm, const T* x, ImageQuads<T>& mean) {
  const T share = T{1} / static_cast<T>(args.window_height * args.window_width);
  lanes.each([&](int i) { mean.set(i, {}); });
  for (int64_t y = 0; y < args.window_height; ++y) {
    for (int64_t column = 0; column < args.window_width; ++column) {
      lanes.each([&](int i) { mean.set(i, plus(mean.get(i), gather(x, windows.at(i, y, column)))); });
    }
  }
  lanes.each([&](int i) {
    const Quad<T> value = map(mean.get(i), [share](T sum) { return sum * share; });
    mean.set(i, norm.on ? norm(i, value) : value);
  });
}

template <class T>
struct NormPoolForward {
  static constexpr int kWidth = kImageLanes;
  NormPoolArgs<T> args;

  MURMUR_KERNEL void operator()(const ImageLanes& all, int64_t network, int64_t tile) const {
    const NetworkState& state = args.step.state[network];
    const ImageWalk walk(args.output_size(), args.step, state, args.rows_per_tile, tile);
    const int64_t input_quads = num_quads(elements(args.size));
    const ImageMasks masks(args, network);
    const Norm<T> norm(all.first(walk.stride), args, network);
    const T sigma = args.relu ? static_cast<T>(args.step.techniques.get(Technique::kActivationNoise, network)) : T{0};
    ImageQuads<T> value;
    for (int64_t row = walk.first_row; row < walk.last_row; ++row) {
      const Quad<T>* x = as_quads(args.x + network * args.stride) + row * input_quads;
      Quad<T>* output = as_quads(args.output + network * args.output_stride) + row * walk.quads;
      if (row >= walk.num_rows) {
        clear_row(all, walk.quads, output);
        continue;
      }
      for (int64_t first = 0; first < walk.quads; first += walk.stride) {
        const ImageLanes lanes = all.first(walk.count(first));
        const ImageWords words = words_of(args, state, row, walk.quads, first);
        pool(lanes, norm, x, first, value);
        if (args.residual != nullptr) {
          const Quad<T>* residual = as_quads(args.residual + network * args.residual_stride) + row * walk.quads;
          lanes.each([&](int i) { value.set(i, plus(value.get(i), residual[first + i])); });
        }
        if (sigma > 0) {
          lanes.compute([&](int i) {
            const Quad<float> n = normal(words(Technique::kActivationNoise, i));
            value.set(i, noise::activation_noise(value.get(i), sigma, n));
          });
        }
        if (args.relu) lanes.compute([&](int i) { value.set(i, noise::relu(value.get(i))); });
        masks.apply(lanes, value, words);
        clear_padding(lanes, first, walk.size, value);
        lanes.each([&](int i) { output[first + i] = value.get(i); });
      }
    }
  }

  MURMUR_KERNEL void pool(const ImageLanes& lanes, const Norm<T>& norm, const Quad<T>* x, int64_t first,
                          ImageQuads<T>& value) const {
    if (args.pooling == Pooling::kNone) {
      if (norm.on) {
        lanes.each([&](int i) { value.set(i, norm(i, x[first + i])); });
      } else {
        lanes.each([&](int i) { value.set(i, x[first + i]); });
      }
      return;
    }
    const Windows windows(lanes, args, first);
    if (args.pooling == Pooling::kMax) {
      Places where;
      max_pool(lanes, args, windows, norm, x->v, value, where);
    } else {
      average_pool(lanes, args, windows, norm, x->v, value);
    }
  }
};

template <class T>
struct NormPoolBackward {
  static constexpr int kWidth = kImageLanes;
  NormPoolBackwardArgs<T> args;
  int64_t tiles;

  MURMUR_KERNEL void operator()(const ImageLanes& all, int64_t network, int64_t tile) const {
    const NormPoolArgs<T>& forward = args.forward;
    const NetworkState& state = forward.step.state[network];
    const ImageWalk walk(forward.output_size(), forward.step, state, forward.rows_per_tile, tile);
    const int64_t input_quads = num_quads(elements(forward.size));
    const ImageMasks masks(forward, network);
    const Norm<T> norm(all.first(walk.stride), forward, network);
    const bool pools = forward.pooling != Pooling::kNone;
    ImageQuads<T> grad;
    TileSums<T> sums;
    sums.clear(all);
    for (int64_t row = walk.first_row; row < walk.last_row; ++row) {
      const Quad<T>* x = as_quads(forward.x + network * forward.stride) + row * input_quads;
      const Quad<T>* grad_output = as_quads(args.grad_output + network * forward.output_stride) + row * walk.quads;
      Quad<T>* grad_input = as_quads(args.grad_input + network * forward.stride) + row * input_quads;
      if (pools || row >= walk.num_rows) {
        // Pixels that no window reads, and rows without a sample.
        all.sync();
        clear_row(all, input_quads, grad_input);
        all.sync();
      }
      if (row >= walk.num_rows) {
        if (args.grad_residual != nullptr && !args.accumulate_residual)
          clear_row(all, walk.quads, residual(network, row, walk.quads));
        continue;
      }
      for (int64_t first = 0; first < walk.quads; first += walk.stride) {
        const ImageLanes lanes = all.first(walk.count(first));
        lanes.each([&](int i) { grad.set(i, grad_output[first + i]); });
        masks.apply(lanes, grad, words_of(forward, state, row, walk.quads, first));
        if (forward.relu) {
          const Quad<T>* output = as_quads(forward.output + network * forward.output_stride) + row * walk.quads;
          lanes.each([&](int i) {
            grad.set(i, map(grad.get(i), output[first + i], [](T g, T out) { return out == T{0} ? T{0} : g; }));
          });
        }
        clear_padding(lanes, first, walk.size, grad);
        if (args.grad_residual != nullptr) add_residual(lanes, grad, residual(network, row, walk.quads) + first);
        if (pools) {
          spread(lanes, norm, x->v, first, grad, grad_input->v, sums);
        } else {
          lanes.each([&](int i) {
            grad_input[first + i] = grad.get(i);
            sums.first.set(i, plus(sums.first.get(i), grad.get(i)));
            sums.second.set(i, plus(sums.second.get(i), times(grad.get(i), x[first + i])));
          });
        }
      }
    }
    if (args.sums != nullptr) sums.store(all.first(walk.stride), args.sums, network * tiles + tile);
  }

  MURMUR_HD Quad<T>* residual(int64_t network, int64_t row, int64_t quads) const {
    return as_quads(args.grad_residual + network * args.forward.residual_stride) + row * quads;
  }

  MURMUR_KERNEL void add_residual(const ImageLanes& lanes, const ImageQuads<T>& grad, Quad<T>* target) const {
    if (args.accumulate_residual) {
      lanes.each([&](int i) { target[i] = plus(target[i], grad.get(i)); });
    } else {
      lanes.each([&](int i) { target[i] = grad.get(i); });
    }
  }

  /// Sends the gradients of a walk's outputs to the elements of their windows.
  MURMUR_KERNEL void spread(const ImageLanes& lanes, const Norm<T>& norm, const T* x, int64_t first,
                            const ImageQuads<T>& grad, T* grad_input, TileSums<T>& sums) const {
    const NormPoolArgs<T>& forward = args.forward;
    const bool is_max = forward.pooling == Pooling::kMax;
    const Windows windows(lanes, forward, first);
    const T share = T{1} / static_cast<T>(forward.window_height * forward.window_width);
    const int64_t size = elements(forward.output_size());
    Places where;
    if (is_max) {
      ImageQuads<T> best;
      max_pool(lanes, forward, windows, norm, x, best, where);
    }
    for (int64_t y = 0; y < forward.window_height; ++y) {
      for (int64_t column = 0; column < forward.window_width; ++column) {
        lanes.each([&](int i) {
          const Quad<int32_t> places = windows.at(i, y, column);
          const Quad<int32_t> chosen = where.get(i);
          const Quad<T> g = grad.get(i);
          const auto part = [&](int j) {
            return is_max ? (chosen.v[j] == places.v[j] ? g.v[j] : T{0}) : g.v[j] * share;
          };
          const Quad<T> parts{part(0), part(1), part(2), part(3)};
          // Padding's windows are the last element's: its gradient is 0 and must not overwrite that one's.
          const int64_t element = 4 * (first + i);
          grad_input[places.v[0]] = parts.v[0];
          if (element + 1 < size) grad_input[places.v[1]] = parts.v[1];
          if (element + 2 < size) grad_input[places.v[2]] = parts.v[2];
          if (element + 3 < size) grad_input[places.v[3]] = parts.v[3];
          sums.first.set(i, plus(sums.first.get(i), parts));
          sums.second.set(i, plus(sums.second.get(i), times(parts, gather(x, places))));
        });
      }
    }
  }
};

template <class T>
void run(murmur::Stream& stream, const NormPoolArgs<T>& args) {
  const int64_t tiles = image_tiles(args.step.micro_batch, args.rows_per_tile);
  launch(stream, "norm_pool_forward", args.step.num_networks, tiles, NormPoolForward<T>{args});
}

template <class T>
void run(murmur::Stream& stream, const NormPoolBackwardArgs<T>& args) {
  const StepArgs& step = args.forward.step;
  const int64_t tiles = image_tiles(step.micro_batch, args.forward.rows_per_tile);
  launch(stream, "norm_pool_backward", step.num_networks, tiles, NormPoolBackward<T>{args, tiles});
}

}  // namespace

MURMUR_DEFINE_KERNEL(norm_pool_forward, NormPoolArgs)
MURMUR_DEFINE_KERNEL(norm_pool_backward, NormPoolBackwardArgs)

}  // namespace murmur::MURMUR_TARGET
