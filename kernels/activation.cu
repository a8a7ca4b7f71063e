// Kernel 2: everything between two GEMMs, and its backward. One tile is one quad of features; its lanes are samples.
#include "murmur/kernels/activation.hpp"

#include "murmur/engine/random/philox.hpp"
#include "murmur/kernels/negative_slope.hpp"
#include "murmur/kernels/parallel.hpp"
#include "murmur/kernels/parallel_normals.hpp"
#include "murmur/techniques/noise/activation.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

constexpr int kSamples = 128;

/// Four features of one sample, `rows` apart.
template <class T>
MURMUR_HD Quad<T> load_column(const T* x, int64_t rows) {
  return {x[0], x[rows], x[2 * rows], x[3 * rows]};
}

/// Four features of the samples of a tile, but only those of the `count` that exist: padding stays 0. What is scaled in
/// place tick after tick would grow.
template <class T>
MURMUR_KERNEL void store_columns(const Lanes<kSamples>& lanes, T* x, int64_t rows, int64_t count,
                                 const PerLaneQuad<T, kSamples>& value) {
  lanes.each([&](int i) { x[i] = value.get(i).v[0]; });
  if (count > 1) lanes.each([&](int i) { x[rows + i] = value.get(i).v[1]; });
  if (count > 2) lanes.each([&](int i) { x[2 * rows + i] = value.get(i).v[2]; });
  if (count > 3) lanes.each([&](int i) { x[3 * rows + i] = value.get(i).v[3]; });
}

/// The random words of one quad of features for the samples of a tile.
struct Words {
  uint64_t seed;
  int64_t item;
  int64_t quads_per_item;
  int64_t quad;
  uint32_t layer;

  MURMUR_HD Quad<uint32_t> operator()(Technique technique, int64_t sample) const {
    return philox(static_cast<uint64_t>((item + sample) * quads_per_item + quad), make_site(technique, layer), 0, seed);
  }
};

/// The masks after the ReLU, the same in forward and backward (each is its own gradient rule).
template <class T>
struct Masks {
  float dropout;
  float gaussian;
  float next_input;

  MURMUR_KERNEL Masks(const ActivationArgs<T>& args, int64_t network)
      : dropout(args.masks.dropout ? args.step.techniques.get(Technique::kDropout, network) : 0.0f),
        gaussian(args.masks.dropout ? args.step.techniques.get(Technique::kGaussianDropout, network) : 0.0f),
        next_input(args.masks.next_input ? args.step.techniques.get(Technique::kDropconnect, network) : 0.0f) {}

  MURMUR_KERNEL void apply(const Lanes<kSamples>& lanes, PerLaneQuad<T, kSamples>& x, const Words& words,
                           int64_t first) const {
    if (dropout > 0) {
      const T scale = T{1} / (T{1} - static_cast<T>(dropout));
      const float probability = dropout;
      lanes.compute([&](int i) {
        x.set(i, noise::dropout(x.get(i), probability, scale, words(Technique::kDropout, first + i)));
      });
    }
    if (gaussian > 0) {
      const T sigma = noise::gaussian_dropout_sigma(static_cast<T>(gaussian));
      lanes.compute([&](int i) MURMUR_INLINED {
        x.set(i, noise::gaussian_dropout(x.get(i), sigma, normal(words(Technique::kGaussianDropout, first + i))));
      });
    }
    if (next_input > 0) {
      const float probability = next_input;
      lanes.compute([&](int i) {
        x.set(i, noise::input_mask(x.get(i), probability, words(Technique::kDropconnect, first + i)));
      });
    }
  }
};

template <class T>
MURMUR_HD Words words_of(const ActivationArgs<T>& args, int64_t network, int64_t quad) {
  const NetworkState& state = args.step.state[network];
  return {state.seed, state.item, num_quads(args.num_features), quad, args.masks.layer};
}

template <class T, class Normals>
struct ActivationForward {
  static constexpr int kWidth = kSamples;
  ActivationArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t quad) const {
    const int64_t rows = args.step.micro_batch;
    T* x = args.x[network] + 4 * quad * rows;
    const Quad<T> bias = args.bias.is_null() ? Quad<T>{} : as_quads(args.bias[network])[quad];
    const T sigma = args.relu ? static_cast<T>(args.step.techniques.get(Technique::kActivationNoise, network)) : T{0};
    const NegativeSlope<T> slope(args.step, network);
    const Masks<T> masks(args, network);
    const Words words = words_of(args, network, quad);
    PerLaneQuad<T, kWidth> value;
    for (int64_t first = 0; first < rows; first += kWidth) {
      const Lanes<kWidth> lanes = all.first(rows - first);
      T* column = x + first;
      lanes.each(
          [&](int i) { value.set(i, map(load_column(column + i, rows), bias, [](T a, T b) { return a + b; })); });
      if (sigma > 0) {
        lanes.compute([&](int i) {
          const Quad<float> n = Normals()(words(Technique::kActivationNoise, first + i));
          value.set(i, noise::activation_noise(value.get(i), sigma, n));
        });
      }
      if (args.relu) relu(lanes, value, slope, words, first);
      masks.apply(lanes, value, words, first);
      store_columns(lanes, column, rows, args.num_features - 4 * quad, value);
    }
  }

  MURMUR_KERNEL static void relu(const Lanes<kWidth>& lanes, PerLaneQuad<T, kWidth>& value,
                                 const NegativeSlope<T>& slope, const Words& words, int64_t first) {
    if (slope.largest > 0) {
      const T largest = slope.largest;
      lanes.compute([&](int i) MURMUR_INLINED {
        value.set(i, noise::rrelu(value.get(i), largest, words(Technique::kRrelu, first + i)));
      });
    } else if (slope.mean > 0) {
      const T mean = slope.mean;
      lanes.compute([&](int i) { value.set(i, map(value.get(i), [=](T x) { return noise::leaky_relu(x, mean); })); });
    } else {
      lanes.compute([&](int i) { value.set(i, noise::relu(value.get(i))); });
    }
  }
};

template <class T>
struct ActivationBackward {
  static constexpr int kWidth = kSamples;
  ActivationBackwardArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t quad) const {
    const ActivationArgs<T>& forward = args.forward;
    const int64_t rows = forward.step.micro_batch;
    const int64_t offset = network * forward.x.stride + 4 * quad * rows;
    const T* output = forward.x.data + offset;
    T* grad = args.grad + offset;
    const NegativeSlope<T> slope(forward.step, network);
    const Masks<T> masks(forward, network);
    const Words words = words_of(forward, network, quad);
    PerLaneQuad<T, kWidth> value;
    Quad<T> sum{};
    for (int64_t first = 0; first < rows; first += kWidth) {
      const Lanes<kWidth> lanes = all.first(rows - first);
      lanes.each([&](int i) { value.set(i, load_column(grad + first + i, rows)); });
      masks.apply(lanes, value, words, first);
      if (forward.relu && slope.largest > 0) {
        PerLaneQuad<T, kWidth> y;
        lanes.each([&](int i) { y.set(i, load_column(output + first + i, rows)); });
        // Factors of Gaussian dropout may be negative; their squares leave the activation its sign.
        masks.apply(lanes, y, words, first);
        const T largest = slope.largest;
        lanes.compute([&](int i) MURMUR_INLINED {
          value.set(i, noise::rrelu_gradient(value.get(i), y.get(i), largest, words(Technique::kRrelu, first + i)));
        });
      } else if (forward.relu) {
        lanes.each([&](int i) {
          // An output of 0 was cut off by the ReLU or by a mask; a NaN must pass.
          const Quad<T> y = load_column(output + first + i, rows);
          value.set(i, map(value.get(i), y, [](T g, T out) { return out == T{0} ? T{0} : g; }));
        });
      }
      store_columns(lanes, grad + first, rows, forward.num_features - 4 * quad, value);
      sum = map(sum, lanes.sum(value), [](T a, T b) { return a + b; });
    }
    if (args.grad_bias == nullptr) return;
    all.leader([&] {
      T* grad_bias = args.grad_bias + network * forward.bias.stride + 4 * quad;
      for (int j = 0; j < 4; ++j) {
        if (4 * quad + j < forward.num_features) grad_bias[j] += sum.v[j];
      }
    });
  }
};

}  // namespace

template <class T>
void activation_forward(murmur::Stream& stream, const ActivationArgs<T>& args) {
  launch_with_normals<ActivationForward, T>(stream, "activation_forward", args.step, num_quads(args.num_features),
                                            args);
}

MURMUR_INSTANTIATE_KERNEL(activation_forward, ActivationArgs)

template <class T>
void activation_backward(murmur::Stream& stream, const ActivationBackwardArgs<T>& args) {
  launch(stream, "activation_backward", args.forward.step.num_networks, num_quads(args.forward.num_features),
         ActivationBackward<T>{args});
}

MURMUR_INSTANTIATE_KERNEL(activation_backward, ActivationBackwardArgs)

}  // namespace murmur::MURMUR_TARGET
