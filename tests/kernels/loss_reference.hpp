#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "murmur/kernels/loss.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/population.hpp"

// The loss in double, from its definition.
namespace murmur::test::loss {

struct Case {
  int64_t networks, rows, classes;  // P, m, K
  int64_t padded() const { return (classes + 3) / 4 * 4; }
  int64_t stride() const { return padded() * rows + 4; }
  int64_t bias_stride() const { return padded() + 4; }
};

template <class T>
struct Buffers {
  Buffers(const Case& c, Device device)
      : logit_values(random_values<T>(static_cast<size_t>(c.networks * c.stride()), 1, -5, 5)),
        bias_values(random_values<T>(static_cast<size_t>(c.networks * c.bias_stride()), 2)),
        logits(logit_values, device),
        bias(bias_values, device),
        grad(logit_values.size(), T{55}, device),
        grad_bias(bias_values.size(), T{1}, device),
        targets(0, 0, device),
        second_targets(0, 0, device),
        shares(0, 0, device) {
    // Every 7th row holds no sample: what is said of its second label must not matter. Of the others some have the same
    // label twice, and some a whole one.
    share_values = random_values<float>(static_cast<size_t>(c.networks * c.rows), 3, 0, 1);
    for (int64_t i = 0; i < c.networks * c.rows; ++i) {
      const bool exists = i % 7 != 3;
      target_values.push_back(exists ? static_cast<int32_t>(i * 31 % c.classes) : -1);
      second_values.push_back(exists ? static_cast<int32_t>(i * 17 % c.classes) : -1);
      float& share = share_values[static_cast<size_t>(i)];
      share = exists ? (i % 11 == 0 ? 1.0f : share) : std::numeric_limits<float>::quiet_NaN();
    }
    targets = GuardedArray<int32_t>(target_values, device);
    second_targets = GuardedArray<int32_t>(second_values, device);
    shares = GuardedArray<float>(share_values, device);
  }
  std::vector<T> logit_values, bias_values;
  std::vector<int32_t> target_values, second_values;
  std::vector<float> share_values;
  GuardedArray<T> logits, bias, grad, grad_bias;
  GuardedArray<int32_t> targets, second_targets;
  GuardedArray<float> shares;
};

template <class T>
LossArgs<T> make_args(const Case& c, Population& population, const Buffers<T>& buffers, bool training = true) {
  LossArgs<T> args;
  args.step = population.upload(c.rows, 1000000);
  args.num_classes = c.classes;
  args.logits = {buffers.logits.data(), c.stride()};
  args.bias = {buffers.bias.data(), c.bias_stride()};
  args.targets = buffers.targets.data();
  if (training) {
    args.second_targets = buffers.second_targets.data();
    args.target_shares = buffers.shares.data();
    args.grad = buffers.grad.data();
    args.grad_bias = buffers.grad_bias.data();
  }
  return args;
}

/// The reference of one sample: loss, d loss / d logits, and whether the largest logit is the first label's.
struct Sample {
  double loss = 0;
  double unit_loss = 0;  // without the factor
  bool hit = false;
  double factor = 1;
  double factor_error = 0;
  std::vector<double> logits;  // with their noise, without the bias
  std::vector<double> noise;
  std::vector<double> grad;
};

/// Multiplies a sample's factor by another one. Each is a float in every precision; their product is not.
template <class T>
void multiply(Sample& sample, double factor, double error) {
  sample.factor_error = 1.01 * (sample.factor_error * std::abs(factor) + error * std::abs(sample.factor) +
                                kBothRoundings<T> * std::abs(sample.factor * factor));
  sample.factor *= factor;
}

template <class T>
void set_factor(const Population& population, int64_t p, int64_t row, Sample& sample) {
  const double u = kRounding<float>;
  const auto item = static_cast<uint64_t>(population.states[static_cast<size_t>(p)].item + row);
  const auto address = [&](Technique id) { return Address{population.states[static_cast<size_t>(p)].seed, id, 0}; };
  const auto value = [&](Technique id) { return static_cast<double>(population.get(id, p)); };
  if (const double sigma = value(Technique::kLossNoise); sigma > 0) {
    const double noise = sigma * address(Technique::kLossNoise).normal_of(item, 1, 0);
    multiply<T>(sample, 1 + noise, u * (std::abs(noise) + std::abs(1 + noise)));  // a product and a sum
  }
  if (const double share = value(Technique::kExponentialLoss); share > 0) {
    const double log =
        std::log(static_cast<double>(uniform(address(Technique::kExponentialLoss).words(item, 1, 0).v[0])));
    const double factor = 1 - share - share * log;
    // The logarithm of a float has a relative error of 1e-7; both differences and the product are rounded.
    multiply<T>(sample, factor, u * (1 - share + std::abs(factor)) + (1e-7 + u) * share * std::abs(log));
  }
  if (const float p_drop = population.get(Technique::kLossDropout, p); p_drop > 0) {
    const bool kept = address(Technique::kLossDropout).keeps(item, 1, 0, p_drop);
    const double factor = kept ? 1 / (1 - static_cast<double>(p_drop)) : 0;
    multiply<T>(sample, factor, 2 * u * factor);
  }
}

template <class T>
Sample reference(const Case& c, const Population& population, const Buffers<T>& buffers, int64_t p, int64_t row) {
  const NetworkState& state = population.states[static_cast<size_t>(p)];
  const auto value = [&](Technique id) { return static_cast<double>(population.get(id, p)); };
  const int32_t label = buffers.target_values[static_cast<size_t>(p * c.rows + row)];
  Sample sample;
  sample.grad.assign(static_cast<size_t>(c.classes), 0.0);
  for (int64_t k = 0; k < c.classes; ++k) {
    const double sigma = value(Technique::kLogitNoise);
    const Address address{state.seed, Technique::kLogitNoise, 0};
    const auto item = static_cast<uint64_t>(state.item + row), quads = static_cast<uint64_t>(c.padded() / 4);
    sample.noise.push_back(sigma > 0 ? sigma * address.normal_of(item, quads, static_cast<uint64_t>(k)) : 0);
    sample.logits.push_back(
        static_cast<double>(buffers.logit_values[static_cast<size_t>(p * c.stride() + k * c.rows + row)]) +
        sample.noise.back());
  }
  if (label < 0) return sample;
  const auto logit = [&](int64_t k) {
    return sample.logits[static_cast<size_t>(k)] +
           static_cast<double>(buffers.bias_values[static_cast<size_t>(p * c.bias_stride() + k)]);
  };
  int64_t best = 0;
  double total = 0;
  for (int64_t k = 0; k < c.classes; ++k) best = logit(k) > logit(best) ? k : best;
  for (int64_t k = 0; k < c.classes; ++k) total += std::exp(logit(k) - logit(best));
  set_factor<T>(population, p, row, sample);
  const double alpha = value(Technique::kLabelSmoothing);
  const bool mixed = value(Technique::kMixup) > 0 || value(Technique::kCutmix) > 0;
  const auto place = static_cast<size_t>(p * c.rows + row);
  const double own = mixed ? static_cast<double>(buffers.share_values[place]) : 1;
  for (int64_t k = 0; k < c.classes; ++k) {
    const double whole = (k == label ? own : 0) + (k == buffers.second_values[place] ? 1 - own : 0);
    const double target = whole * (1 - alpha) + alpha / static_cast<double>(c.classes);
    const double log_probability = logit(k) - logit(best) - std::log(total);
    sample.unit_loss -= target * log_probability;
    sample.grad[static_cast<size_t>(k)] = sample.factor * (std::exp(log_probability) - target);
  }
  sample.loss = sample.factor * sample.unit_loss;
  sample.hit = best == label;
  return sample;
}

// Logit + bias - largest is at most `size` in size (12 without noise on the logits) and rounded three times, five with
// noise: r u. exp and log of float are documented with 2e-7 and 1e-7 (double: libm, 2 u at most); total sums K of them.
// So a probability (<= 1) is off by at most e = 2 (r u + x + K u), x the exponential's error; the loss, whose targets
// sum to 1, by r u for the logits, e for the total, and the logarithm's own error times ln K, plus K roundings of at
// most `size`. Targets and factors round 8 times.
template <class T>
double sample_bound(int64_t classes, double size, int num_roundings) {
  const double u = kBothRoundings<T>;
  const double elementary = std::is_same_v<T, float> ? 2e-7 : 2 * u;
  const double r = num_roundings * size;
  const auto k = static_cast<double>(classes);
  return 2 * (r * u + elementary + k * u) + elementary * std::log(k) + size * k * u + r * u + 8 * u;
}

}  // namespace murmur::test::loss
