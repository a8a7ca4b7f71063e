// Kernels 4 and 5: the update of every parameter of every network whose batch is full, with the noise on gradients and
// weights where each is in a register anyway. One tile is a run of quads of the parameter arena.
#include "murmur/kernels/update.hpp"

#include "murmur/engine/random/distributions.hpp"
#include "murmur/engine/random/philox.hpp"
#include "murmur/kernels/parallel.hpp"
#include "murmur/kernels/parallel_normals.hpp"
#include "murmur/techniques/noise/gradient.hpp"
#include "murmur/techniques/noise/weight.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

constexpr float kMomentum = 0.9f;
constexpr float kBeta1 = 0.9f;
constexpr float kBeta2 = 0.999f;
constexpr float kEpsilon = 1e-7f;

constexpr int kQuads = 256;

/// The noise of one update on the copy of the weights. An element's address is its place in the arena and the update's
/// number, so that the gradient passes through the very noise that the forward has seen.
template <class T, class Normals>
struct TransientNoise {
  using Tile = Lanes<kQuads>;
  float dropped;
  T additive;
  T factor;
  uint64_t seed;
  uint64_t position;
  const WeightKind* kinds;
  int64_t last;  // quad of the tile that the arena ends with: `fill` may ask for some beyond

  /// The noise of the update that comes `ahead` (0 or 1) of the one that the state counts.
  MURMUR_KERNEL TransientNoise(const UpdateArgs<T>& args, const NetworkState& state, int64_t network, int64_t ahead,
                               int64_t first)
      : dropped(args.step.definitions.dropconnect_on == DropconnectOn::kWeights
                    ? magnitude(args.step, state, network, ahead, Technique::kDropconnect)
                    : 0.0f),
        additive(static_cast<T>(magnitude(args.step, state, network, ahead, Technique::kTransientWeightNoise))),
        factor(static_cast<T>(magnitude(args.step, state, network, ahead, Technique::kMultiplicativeWeightNoise))),
        seed(state.seed),
        position(static_cast<uint64_t>((state.update + ahead) * (args.stride / 4) + first)),
        kinds(args.kinds + first),
        last(args.stride / 4 - 1 - first) {}

  /// x times the slope of the copy: turns the copy's gradient into the weight's.
  MURMUR_KERNEL void multiply(const Tile& lanes, Elements<T>& x) const {
    if (factor > 0) {
      PerElement<float, kQuads> n;
      lanes.fill(n, [&](int i) {
        return only(i, WeightKind::kNoisy, Normals()(words(Technique::kMultiplicativeWeightNoise, i)));
      });
      lanes.elements([&](int e) { x[e] *= noise::transient_slope(factor, n[e]); });
    }
    if (dropped > 0) {
      const float probability = dropped;
      const T scale = T{1} / (T{1} - static_cast<T>(dropped));
      PerElement<uint32_t, kQuads> word;
      PerElement<T, kQuads> scales;
      lanes.fill(word, [&](int i) { return keep_others(i, words(Technique::kDropconnect, i)); });
      lanes.fill(scales, [&](int i) {
        const T own = has(i, WeightKind::kNoisyAndDropped) ? scale : T{1};
        return Quad<T>{own, own, own, own};
      });
      lanes.elements([&](int e) { x[e] = noise::dropconnect(x[e], probability, scales[e], word[e]); });
    }
  }

  /// The copy of the weights w.
  MURMUR_KERNEL void write(const Tile& lanes, Elements<T>& w, T* memory) const {
    Elements<T> copy(memory);
    lanes.elements([&](int e) { copy[e] = w[e]; });
    if (additive > 0) {
      PerElement<float, kQuads> n;
      lanes.fill(
          n, [&](int i) { return only(i, WeightKind::kNoisy, Normals()(words(Technique::kTransientWeightNoise, i))); });
      lanes.elements([&](int e) { copy[e] = noise::weight_noise(copy[e], additive, n[e]); });
    }
    multiply(lanes, copy);
    copy.store(lanes);
  }

 private:
  MURMUR_HD static float magnitude(const StepArgs& step, const NetworkState& state, int64_t network, int64_t ahead,
                                   Technique id) {
    const float now = step.techniques.get(id, network);
    if (ahead == 0) return now;
    const int64_t next_item = state.item + state.num_rows(step.micro_batch, step.epoch_size);
    return step.schedules.ahead(id, network, next_item, state.update + ahead, now);
  }
  MURMUR_HD Quad<uint32_t> words(Technique id, int i) const {
    return philox(position + static_cast<uint64_t>(i), make_site(id, 0), 0, seed);
  }
  MURMUR_HD bool has(int i, WeightKind least) const { return kinds[i < last ? i : last] >= least; }
  /// No noise on the elements that are exact.
  MURMUR_HD Quad<float> only(int i, WeightKind least, const Quad<float>& n) const {
    const float on = has(i, least) ? 1.0f : 0.0f;
    return map(n, [on](float x) { return on * x; });
  }
  /// The largest word, which is always kept, for the elements that are not dropped.
  MURMUR_HD Quad<uint32_t> keep_others(int i, const Quad<uint32_t>& word) const {
    const uint32_t on = has(i, WeightKind::kNoisyAndDropped) ? 0u : ~0u;
    return map(word, [on](uint32_t x) { return x | on; });
  }
};

template <class T, class Normals>
struct Update {
  static constexpr int kWidth = kQuads;
  UpdateArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    const NetworkState& state = args.step.state[network];
    const auto batch_size = static_cast<int64_t>(args.step.techniques.get(Technique::kBatchSize, network));
    const int64_t rows = state.num_rows(args.step.micro_batch, args.step.epoch_size);
    if (state.status != NetworkStatus::kRunning ||
        !state.completes_batch(args.step.micro_batch, args.step.epoch_size, batch_size)) {
      return;
    }
    const int64_t first = tile * kWidth;
    const Lanes<kWidth> lanes = all.first(args.stride / 4 - first);
    const int64_t offset = network * args.stride + 4 * first;
    const T scale = args.step.definitions.loss_reduction == LossReduction::kSum
                        ? T{1}
                        : T{1} / static_cast<T>(state.batch_count + rows);
    Elements<T> g(args.grad + offset);
    Elements<T> w(args.weight + offset);
    g.load(lanes);
    w.load(lanes);
    const T factor = scale * clipping_factor(network, scale);
    lanes.elements([&](int e) { g[e] *= factor; });
    if (args.copy != nullptr) TransientNoise<T, Normals>(args, state, network, 0, first).multiply(lanes, g);
    add_noise(lanes, state, network, first, g, w);
    step(lanes, state, network, first, g, w);
    lanes.elements([&](int e) { g[e] = T{0}; });
    g.store(lanes);
    w.store(lanes);
    if (args.copy != nullptr) {
      TransientNoise<T, Normals>(args, state, network, 1, first).write(lanes, w, args.copy + offset);
    }
  }

  /// Of the mean's (or the sum's) gradient, whose norm over the whole arena `gradient_norm` has found.
  MURMUR_KERNEL T clipping_factor(int64_t network, T scale) const {
    const T largest = static_cast<T>(args.step.techniques.get(Technique::kGradientClip, network));
    if (args.norms == nullptr || largest <= 0) return T{1};
    return noise::clipping_factor(static_cast<T>(args.norms[network]) * scale, largest);
  }

  /// weight decay · gradient dropout · gradient mask · frozen mask · multiplicative noise · gradient noise · weight
  /// noise
  MURMUR_KERNEL void add_noise(const Lanes<kWidth>& lanes, const NetworkState& state, int64_t network, int64_t first,
                               Elements<T>& g, Elements<T>& w) const {
    const TechniqueTable& techniques = args.step.techniques;
    const uint64_t seed = state.seed;
    // The arena is one tensor: an element's address is its place in it and the update's number.
    const uint64_t fixed = static_cast<uint64_t>(first);
    const uint64_t fresh = static_cast<uint64_t>(state.update * (args.stride / 4) + first);
    const auto words = [seed](Technique id, uint64_t position) { return philox(position, make_site(id, 0), 0, seed); };
    PerElement<uint32_t, kWidth> word;
    PerElement<float, kWidth> n;
    if (const T decay = static_cast<T>(techniques.get(Technique::kWeightDecay, network));
        decay > 0 && optimizer_of(network) != Optimizer::kAdamW) {
      lanes.elements([&](int e) { g[e] += decay * w[e]; });
    }
    if (const float p = techniques.get(Technique::kGradientDropout, network); p > 0) {
      lanes.fill(word, [&](int i) { return words(Technique::kGradientDropout, fresh + static_cast<uint64_t>(i)); });
      lanes.elements([&](int e) { g[e] = noise::gradient_dropout(g[e], p, word[e]); });
    }
    if (const float p = techniques.get(Technique::kGradientMask, network); p > 0) {
      const T kept = T{1} / (T{1} - static_cast<T>(p));
      lanes.fill(word, [&](int i) { return words(Technique::kGradientMask, fresh + static_cast<uint64_t>(i)); });
      lanes.elements([&](int e) { g[e] = noise::gradient_mask(g[e], p, kept, word[e]); });
    }
    if (const float q = techniques.get(Technique::kFrozenFraction, network); q > 0) {
      lanes.fill(word, [&](int i) { return words(Technique::kFrozenFraction, fixed + static_cast<uint64_t>(i)); });
      lanes.elements([&](int e) { g[e] = noise::freeze(g[e], q, word[e]); });
    }
    if (const T sigma = static_cast<T>(techniques.get(Technique::kMultiplicativeGradientNoise, network)); sigma > 0) {
      lanes.fill(n, [&](int i) {
        return Normals()(words(Technique::kMultiplicativeGradientNoise, fresh + static_cast<uint64_t>(i)));
      });
      lanes.elements([&](int e) { g[e] = noise::multiplicative_gradient_noise(g[e], sigma, n[e]); });
    }
    if (const float eta = techniques.get(Technique::kGradientNoise, network); eta > 0) {
      const T deviation = lanes.once([&] { return static_cast<T>(noise::decayed_deviation(eta, state.update)); });
      lanes.fill(n,
                 [&](int i) { return Normals()(words(Technique::kGradientNoise, fresh + static_cast<uint64_t>(i))); });
      lanes.elements([&](int e) { g[e] = noise::gradient_noise(g[e], deviation, n[e]); });
    }
    if (const float eta = techniques.get(Technique::kWeightNoise, network); eta > 0) {
      const T deviation = lanes.once([&] { return static_cast<T>(noise::decayed_deviation(eta, state.update)); });
      lanes.fill(n, [&](int i) { return Normals()(words(Technique::kWeightNoise, fresh + static_cast<uint64_t>(i))); });
      lanes.elements([&](int e) { w[e] = noise::weight_noise(w[e], deviation, n[e]); });
    }
  }

  MURMUR_KERNEL Optimizer optimizer_of(int64_t network) const {
    return static_cast<Optimizer>(static_cast<int>(args.step.techniques.get(Technique::kOptimizer, network)));
  }

  /// The optimizer's step, and what is left out of it.
  MURMUR_KERNEL void step(const Lanes<kWidth>& lanes, const NetworkState& state, int64_t network, int64_t first,
                          Elements<T>& g, Elements<T>& w) const {
    const TechniqueTable& techniques = args.step.techniques;
    const uint64_t seed = state.seed;
    const int64_t offset = network * args.stride + 4 * first;
    const auto fresh = static_cast<uint64_t>(state.update * (args.stride / 4) + first);
    const auto words = [=](Technique id, int i) {
      return philox(fresh + static_cast<uint64_t>(i), make_site(id, 0), 0, seed);
    };
    const float p = techniques.get(Technique::kUpdateDropout, network);
    PerElement<T, kWidth> before;
    if (p > 0) lanes.elements([&](int e) { before[e] = w[e]; });
    const T rate = static_cast<T>(techniques.get(Technique::kLearningRate, network));
    const Optimizer optimizer = optimizer_of(network);
    if (optimizer == Optimizer::kSgld) {
      const T deviation = noise::langevin_deviation(rate, args.step.epoch_size);
      PerElement<float, kWidth> n;
      lanes.fill(n, [&](int i) { return Normals()(words(Technique::kOptimizer, i)); });
      lanes.elements([&](int e) { w[e] += deviation * static_cast<T>(n[e]); });
    }
    if (optimizer == Optimizer::kAdamW) decay_weights(lanes, network, first, seed, rate, w);
    apply(lanes, state, optimizer, rate, offset, g, w);
    if (p > 0) {
      PerElement<uint32_t, kWidth> word;
      lanes.fill(word, [&](int i) { return words(Technique::kUpdateDropout, i); });
      lanes.elements([&](int e) { w[e] = noise::update_dropout(w[e], before[e], p, word[e]); });
    }
  }

  /// AdamW's decay, which passes the gradient by. What is frozen stays. Source: Loshchilov & Hutter 2019, in PyTorch's
  /// form.
  MURMUR_KERNEL void decay_weights(const Lanes<kWidth>& lanes, int64_t network, int64_t first, uint64_t seed, T rate,
                                   Elements<T>& w) const {
    const T share = rate * static_cast<T>(args.step.techniques.get(Technique::kWeightDecay, network));
    if (share <= 0) return;
    const float q = args.step.techniques.get(Technique::kFrozenFraction, network);
    if (q <= 0) {
      lanes.elements([&](int e) { w[e] -= share * w[e]; });
      return;
    }
    PerElement<uint32_t, kWidth> word;
    lanes.fill(word, [&](int i) {
      return philox(static_cast<uint64_t>(first + i), make_site(Technique::kFrozenFraction, 0), 0, seed);
    });
    lanes.elements([&](int e) { w[e] -= noise::freeze(share * w[e], q, word[e]); });
  }

  MURMUR_KERNEL void apply(const Lanes<kWidth>& lanes, const NetworkState& state, Optimizer optimizer, T rate,
                           int64_t offset, Elements<T>& g, Elements<T>& w) const {
    if (optimizer == Optimizer::kSgd || optimizer == Optimizer::kSgld) {
      lanes.elements([&](int e) { w[e] -= rate * g[e]; });
    } else if (optimizer == Optimizer::kMomentum || optimizer == Optimizer::kNesterov) {
      // The rate sits inside of the velocity (Keras), which differs from PyTorch only when the rate changes.
      constexpr T kKeep = static_cast<T>(kMomentum);
      Elements<T> v(args.moment1 + offset);
      v.load(lanes);
      if (optimizer == Optimizer::kMomentum) {
        lanes.elements([&](int e) {
          v[e] = kKeep * v[e] - rate * g[e];
          w[e] += v[e];
        });
      } else {
        // A step ahead (Sutskever et al. 2013, in Keras's form).
        lanes.elements([&](int e) {
          v[e] = kKeep * v[e] - rate * g[e];
          w[e] += kKeep * v[e] - rate * g[e];
        });
      }
      v.store(lanes);
    } else {
      // Kingma & Ba 2015, with the bias correction in the rate and epsilon outside of it (Keras).
      const T corrected = lanes.once([&] {
        const double t = static_cast<double>(state.update + 1);
        return rate * static_cast<T>(::sqrt(1 - ::pow(static_cast<double>(kBeta2), t)) /
                                     (1 - ::pow(static_cast<double>(kBeta1), t)));
      });
      constexpr T kDecay1 = static_cast<T>(kBeta1);
      constexpr T kDecay2 = static_cast<T>(kBeta2);
      constexpr T kFloor = static_cast<T>(kEpsilon);
      Elements<T> m(args.moment1 + offset);
      Elements<T> v(args.moment2 + offset);
      m.load(lanes);
      v.load(lanes);
      lanes.elements([&](int e) {
        m[e] = kDecay1 * m[e] + (T{1} - kDecay1) * g[e];
        v[e] = kDecay2 * v[e] + (T{1} - kDecay2) * g[e] * g[e];
        w[e] -= corrected * m[e] / (square_root(v[e]) + kFloor);
      });
      m.store(lanes);
      v.store(lanes);
    }
  }
};

/// The L2 norm of a network's gradient, one tile a network, so that the order of the sum is fixed.
template <class T>
struct GradientNorm {
  static constexpr int kWidth = kQuads;
  UpdateArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t /*tile*/) const {
    if (args.step.techniques.get(Technique::kGradientClip, network) <= 0) return;
    const T* grad = args.grad + network * args.stride;
    PerLane<double, kWidth> squares;
    all.each([&](int i) { squares[i] = 0; });
    for (int64_t first = 0; first < args.stride; first += kWidth) {
      all.first(args.stride - first).each([&](int i) {
        const auto g = static_cast<double>(grad[first + i]);
        squares[i] += g * g;
      });
    }
    const double sum = all.sum(squares);
    all.leader([&] { args.norms[network] = square_root(sum); });
  }
};

template <class T, class Normals>
struct CopyWeights {
  static constexpr int kWidth = kQuads;
  CopyWeightsArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    if (args.selected[network] == 0) return;
    const UpdateArgs<T>& update = args.update;
    const NetworkState& state = update.step.state[network];
    const int64_t first = tile * kWidth;
    const int64_t offset = network * update.stride + 4 * first;
    const Lanes<kWidth> lanes = all.first(update.stride / 4 - first);
    Elements<T> w(update.weight + offset);
    w.load(lanes);
    TransientNoise<T, Normals>(update, state, network, 0, first).write(lanes, w, update.copy + offset);
  }
};

int64_t num_tiles(int64_t stride) {
  return (stride / 4 + kQuads - 1) / kQuads;
}

}  // namespace

template <class T>
void update(murmur::Stream& stream, const UpdateArgs<T>& args) {
  launch_with_normals<Update, T>(stream, "update", args.step, num_tiles(args.stride), args);
}

MURMUR_INSTANTIATE_KERNEL(update, UpdateArgs)

template <class T>
void gradient_norm(murmur::Stream& stream, const UpdateArgs<T>& args) {
  launch(stream, "gradient_norm", args.step.num_networks, 1, GradientNorm<T>{args});
}

MURMUR_INSTANTIATE_KERNEL(gradient_norm, UpdateArgs)

template <class T>
void copy_weights(murmur::Stream& stream, const CopyWeightsArgs<T>& args) {
  launch_with_normals<CopyWeights, T>(stream, "copy_weights", args.update.step, num_tiles(args.update.stride), args);
}

MURMUR_INSTANTIATE_KERNEL(copy_weights, CopyWeightsArgs)

}  // namespace murmur::MURMUR_TARGET
