// Kernel 3: the loss. One tile is all samples of one network's micro-batch, so that sums need no atomics; lanes are
// samples, and the loops over classes run outside of them.
#include "murmur/kernels/loss.hpp"

#include "murmur/engine/random/distributions.hpp"
#include "murmur/kernels/parallel.hpp"
#include "murmur/techniques/noise/loss.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

template <class T>
struct LossForward {
  static constexpr int kWidth = 128;
  static constexpr int kAtOnce = 4;  // classes whose gradients are summed at once
  using Values = PerLane<T, kWidth>;
  LossArgs<T> args;

  /// What one tile of samples adds to the network's sums.
  struct Sums {
    T loss = 0;
    T hits = 0;
  };

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t /*tile*/) const {
    NetworkState& state = args.step.state[network];
    const int64_t rows = args.step.micro_batch;
    double loss = 0;
    double hits = 0;
    for (int64_t first = 0; first < rows; first += kWidth) {
      const Sums sums = tile(all.first(rows - first), state, network, first);
      loss += static_cast<double>(sums.loss);
      hits += static_cast<double>(sums.hits);
    }
    all.leader([&] {
      state.loss_sum += loss;
      state.num_hits += static_cast<int64_t>(hits);
      // x - x is 0 for every finite x, and NaN for the others
      if (!(loss - loss == 0) && state.status == NetworkStatus::kRunning) state.status = NetworkStatus::kDiverged;
    });
  }

  MURMUR_KERNEL Sums tile(const Lanes<kWidth>& lanes, const NetworkState& state, int64_t network, int64_t first) const {
    const int64_t rows = args.step.micro_batch;
    const int64_t classes = args.num_classes;
    const T* logits = args.logits[network] + first;
    const T* bias = args.bias[network];
    const int32_t* targets = args.targets + network * rows + first;

    add_logit_noise(lanes, state, network, first);
    Values largest;
    PerLane<int32_t, kWidth> best;
    lanes.each([&](int i) {
      largest[i] = logits[i] + bias[0];
      best[i] = 0;
    });
    for (int64_t k = 1; k < classes; ++k) {
      lanes.each([&](int i) {
        const T z = logits[k * rows + i] + bias[k];
        best[i] = z > largest[i] ? static_cast<int32_t>(k) : best[i];
        largest[i] = z < largest[i] ? largest[i] : z;
      });
    }
    Values total;
    lanes.each([&](int i) { total[i] = 0; });
    for (int64_t k = 0; k < classes; ++k) {
      lanes.each([&](int i) { total[i] += exponential(logits[k * rows + i] + bias[k] - largest[i]); });
    }

    const T alpha = static_cast<T>(args.step.techniques.get(Technique::kLabelSmoothing, network));
    const T share = T{1} / static_cast<T>(classes);
    const Values factor = loss_factors(lanes, state, network, first);
    const bool mixed = is_mixed(network);
    PerLane<int32_t, kWidth> second;
    Values own_share;
    if (mixed) {
      const int64_t place = network * rows + first;
      lanes.each([&](int i) {
        second[i] = args.second_targets[place + i];
        own_share[i] = static_cast<T>(args.target_shares[place + i]);
      });
    }
    Values loss;
    Values hit;
    lanes.each([&](int i) {
      loss[i] = logarithm(total[i]);
      // NaN anywhere in the row makes its total NaN: such a row has no largest logit, and hits nothing
      hit[i] = targets[i] == best[i] && total[i] == total[i] ? T{1} : T{0};
      total[i] = T{1} / total[i];
    });
    for (int64_t first_class = 0; first_class < classes; first_class += kAtOnce) {
      Values grads[kAtOnce];
      for (int j = 0; j < kAtOnce; ++j) {
        const int64_t k = first_class + j;
        Values& grad = grads[j];
        if (k >= classes) {
          lanes.each([&](int i) { grad[i] = 0; });
          continue;
        }
        if (mixed) {
          lanes.each([&](int i) {
            const T z = logits[k * rows + i] + bias[k] - largest[i];
            const T target = noise::mixed_target(targets[i] == k, second[i] == k, own_share[i], alpha, share);
            loss[i] -= target * z;
            grad[i] = targets[i] < 0 ? T{0} : (exponential(z) * total[i] - target) * factor[i];
          });
          continue;
        }
        lanes.each([&](int i) {
          const T z = logits[k * rows + i] + bias[k] - largest[i];
          const T target = noise::smooth_target(targets[i] == k, alpha, share);
          loss[i] -= target * z;
          grad[i] = targets[i] < 0 ? T{0} : (exponential(z) * total[i] - target) * factor[i];
        });
      }
      store_grads(lanes, grads, network, first_class, first);
    }
    Values loss_and_hit[2];
    lanes.each([&](int i) {
      loss_and_hit[0][i] = targets[i] < 0 ? T{0} : loss[i] * factor[i];
      loss_and_hit[1][i] = hit[i];
    });
    T sums[2];
    lanes.sum(loss_and_hit, sums);
    return {sums[0], sums[1]};
  }

  MURMUR_KERNEL bool is_mixed(int64_t network) const {
    const TechniqueTable& techniques = args.step.techniques;
    return args.target_shares != nullptr &&
           (techniques.get(Technique::kMixup, network) > 0 || techniques.get(Technique::kCutmix, network) > 0);
  }

  /// On the logits in memory, because the loss reads them several times. Each lane has its own sample's.
  MURMUR_KERNEL void add_logit_noise(const Lanes<kWidth>& lanes, const NetworkState& state, int64_t network,
                                     int64_t first) const {
    const T sigma = static_cast<T>(args.step.techniques.get(Technique::kLogitNoise, network));
    if (sigma <= 0) return;
    const int64_t rows = args.step.micro_batch;
    const int64_t quads = num_quads(args.num_classes);
    T* logits = args.logits[network] + first;
    const uint64_t seed = state.seed;
    const int64_t item = state.item + first;
    PerLaneQuad<float, kWidth> n;
    for (int64_t quad = 0; quad < quads; ++quad) {
      const uint32_t site = make_site(Technique::kLogitNoise, 0);
      lanes.compute(
          [&](int i) { n.set(i, normal(philox(static_cast<uint64_t>((item + i) * quads + quad), site, 0, seed))); });
      for (int j = 0; j < 4 && 4 * quad + j < args.num_classes; ++j) {
        T* z = logits + (4 * quad + j) * rows;
        lanes.each([&](int i) { z[i] = noise::logit_noise(z[i], sigma, n.get(i).v[j]); });
      }
    }
  }

  MURMUR_KERNEL Values loss_factors(const Lanes<kWidth>& lanes, const NetworkState& state, int64_t network,
                                    int64_t first) const {
    Values factor;
    lanes.compute([&](int i) { factor[i] = T{1}; });
    const float sigma = args.step.techniques.get(Technique::kLossNoise, network);
    const uint64_t seed = state.seed;
    const int64_t item = state.item + first;
    if (sigma > 0) {
      lanes.compute([&](int i) { factor[i] = static_cast<T>(noise::loss_factor(sigma, seed, item + i)); });
    }
    if (const float share = args.step.techniques.get(Technique::kExponentialLoss, network); share > 0) {
      lanes.compute([&](int i) { factor[i] *= static_cast<T>(noise::exponential_factor(share, seed, item + i)); });
    }
    if (const float p = args.step.techniques.get(Technique::kLossDropout, network); p > 0) {
      lanes.compute([&](int i) { factor[i] *= static_cast<T>(noise::loss_dropout_factor(p, seed, item + i)); });
    }
    return factor;
  }

  MURMUR_KERNEL void store_grads(const Lanes<kWidth>& lanes, const Values (&grads)[kAtOnce], int64_t network,
                                 int64_t first_class, int64_t first) const {
    if (args.grad == nullptr) return;
    const int64_t rows = args.step.micro_batch;
    T* target = args.grad + network * args.logits.stride + first_class * rows + first;
    for (int j = 0; j < kAtOnce; ++j) {
      if (first_class + j < args.num_classes) lanes.each([&](int i) { target[j * rows + i] = grads[j][i]; });
    }
    T sums[kAtOnce];
    lanes.sum(grads, sums);
    lanes.leader([&] {
      T* grad_bias = args.grad_bias + network * args.bias.stride + first_class;
      for (int j = 0; j < kAtOnce; ++j) {
        if (first_class + j < args.num_classes) grad_bias[j] += sums[j];
      }
    });
  }
};

}  // namespace

template <class T>
void loss_forward(murmur::Stream& stream, const LossArgs<T>& args) {
  launch(stream, "loss_forward", args.step.num_networks, 1, LossForward<T>{args});
}

MURMUR_INSTANTIATE_KERNEL(loss_forward, LossArgs)

}  // namespace murmur::MURMUR_TARGET
