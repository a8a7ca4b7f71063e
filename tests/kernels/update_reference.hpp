#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/support/arrays.hpp"
#include "tests/support/population.hpp"

namespace murmur::test {

inline constexpr int64_t kUpdateEpochSize = 600;

/// A number of the reference, with a bound on how far rounding may have taken the kernel's from it.
struct Near {
  double value = 0;
  double error = 0;
};

/// The parameters of one network as the reference keeps them.
struct Parameters {
  std::vector<Near> weight, moment1, moment2;
  std::vector<double> grad;
};

/// One update in double, from the definitions in the headers of techniques/noise and the order in that of the kernel.
template <class T>
class Reference {
 public:
  Reference(const Population& population, int64_t stride) : population_(population), stride_(stride) {}

  /// `scale`: 1, or 1 / samples of the batch.
  void update(int64_t p, Parameters& x, int64_t update, double scale) const {
    const Near clipping = clipping_factor(p, x.grad, scale);
    for (int64_t i = 0; i < stride_; ++i) {
      const auto at = static_cast<size_t>(i);
      const double mean = x.grad[at] * scale * clipping.value;
      // scale, its product with the factor, and that with the gradient are rounded
      Near g{mean, std::abs(mean) * (3 * kU + clipping.error)};
      x.grad[at] = 0;
      add_noise(p, i, update, x.weight[at].value, x.weight[at].error, g);
      if (const double eta = value(p, Technique::kWeightNoise); eta > 0) {
        add(x.weight[at], deviation(eta, update) * fresh(p, Technique::kWeightNoise, update).normal(i),
            kDeviationError + kU);
      }
      step(p, i, update, g, x);
    }
  }

  /// The norm of the gradient that `gradient_norm` is to find: a sum of squares, in any order, and its root.
  static Near norm(const std::vector<double>& grad) {
    double sum = 0;
    for (const double g : grad) sum += g * g;
    return {std::sqrt(sum), std::sqrt(sum) * static_cast<double>(grad.size() + 4) * kRounding<double>};
  }

 private:
  static constexpr double kU = kBothRoundings<T>;
  // The deviation is computed in float: powf is within 4 units in the last place on a GPU (8 roundings of 6e-8; glibc
  // is better), sqrtf and the product within one rounding each.
  static constexpr double kDeviationError = 10 * 6e-8;

  struct Draw {
    Address address;
    uint64_t item, quads;
    double normal(int64_t i) const { return address.normal_of(item, quads, static_cast<uint64_t>(i)); }
    bool keeps(int64_t i, float p) const { return address.keeps(item, quads, static_cast<uint64_t>(i), p); }
  };
  Draw fresh(int64_t p, Technique id, int64_t update) const {
    return {{population_.states[static_cast<size_t>(p)].seed, id, 0},
            static_cast<uint64_t>(update),
            static_cast<uint64_t>(stride_ / 4)};
  }
  double value(int64_t p, Technique id) const { return static_cast<double>(population_.get(id, p)); }
  /// True where a technique zeroes or leaves out an element in this update.
  bool drops(int64_t p, Technique id, int64_t update, int64_t i) const {
    const float probability = population_.get(id, p);
    return probability > 0 && !fresh(p, id, update).keeps(i, probability);
  }
  bool is_frozen(int64_t p, int64_t i) const { return drops(p, Technique::kFrozenFraction, 0, i); }
  static double deviation(double eta, int64_t t) { return std::sqrt(eta / std::pow(1 + static_cast<double>(t), 0.55)); }

  /// x + y, y with a relative error.
  static void add(Near& x, double y, double relative_error) {
    x.value += y;
    x.error = 1.001 * (x.error + relative_error * std::abs(y) + kU * std::abs(x.value));
  }

  /// min(1, largest / norm of the mean), with its relative error: the norm is cast, scaled and divided by, and 1 /
  /// count is rounded. Around a norm that is just allowed both cases agree.
  Near clipping_factor(int64_t p, const std::vector<double>& grad, double scale) const {
    const double largest = value(p, Technique::kGradientClip);
    const Near whole = norm(grad);
    if (!(largest > 0) || whole.value == 0) return {1, 0};
    return {std::min(1.0, largest / (whole.value * scale)), 1.001 * (4 * kU + whole.error / whole.value)};
  }

  void add_noise(int64_t p, int64_t i, int64_t update, double weight, double weight_error, Near& g) const {
    const double decay = value(p, Technique::kWeightDecay);
    if (decay > 0 && value(p, Technique::kOptimizer) != 4) {
      add(g, decay * weight, kU);
      g.error += decay * weight_error;
    }
    if (drops(p, Technique::kGradientDropout, update, i)) g = {};
    if (const double mask = value(p, Technique::kGradientMask); mask > 0) {
      const double factor = drops(p, Technique::kGradientMask, update, i) ? 0 : 1 / (1 - mask);
      g = {g.value * factor, factor * (g.error + 3.01 * kU * std::abs(g.value))};  // 1 - p, the quotient, the product
    }
    if (is_frozen(p, i)) g = {};
    if (const double sigma = value(p, Technique::kMultiplicativeGradientNoise); sigma > 0) {
      const double noise = sigma * fresh(p, Technique::kMultiplicativeGradientNoise, update).normal(i);
      const double factor = std::abs(1 + noise);
      g = {g.value * (1 + noise), 1.001 * (factor * g.error + std::abs(g.value) * kU * (std::abs(noise) + 2 * factor))};
    }
    if (const double eta = value(p, Technique::kGradientNoise); eta > 0) {
      add(g, deviation(eta, update) * fresh(p, Technique::kGradientNoise, update).normal(i), kDeviationError + kU);
    }
  }

  void step(int64_t p, int64_t i, int64_t update, const Near& g, Parameters& x) const {
    const auto at = static_cast<size_t>(i);
    Near& w = x.weight[at];
    const Near before = w;
    const double rate = value(p, Technique::kLearningRate), decay = value(p, Technique::kWeightDecay);
    const auto optimizer = static_cast<int>(value(p, Technique::kOptimizer));
    if (optimizer == 5) {
      // 2 r / N has one rounding, halved by the root, which has one, and the product
      const double deviation = std::sqrt(2 * rate / static_cast<double>(kUpdateEpochSize));
      add(w, deviation * fresh(p, Technique::kOptimizer, update).normal(i), 2.5 * kU);
    }
    if (optimizer == 4 && decay > 0 && !is_frozen(p, i)) {
      add(w, -rate * decay * w.value, 2 * kU);  // the rest of the weight's own error is less than before
    }
    if (optimizer == 0 || optimizer == 5) {
      add(w, -rate * g.value, kU);
      w.error += rate * g.error;
    }
    if (optimizer == 1 || optimizer == 3) momentum(rate, optimizer == 3, g, x.moment1[at], w);
    if (optimizer == 2 || optimizer == 4) adam(rate, update, g, x.moment1[at], x.moment2[at], w);
    if (drops(p, Technique::kUpdateDropout, update, i)) w = before;
  }

  // The kernel's constants are floats.
  static void momentum(double rate, bool ahead, const Near& g, Near& v, Near& w) {
    constexpr double kKeep = static_cast<double>(0.9f);
    // k v - r g: both products and the difference are rounded.
    const auto next = [&](const Near& velocity) {
      const double a = kKeep * velocity.value, b = rate * g.value;
      return Near{a - b,
                  kKeep * velocity.error + rate * g.error + 1.001 * kU * (std::abs(a) + std::abs(b) + std::abs(a - b))};
    };
    v = next(v);
    const Near step = ahead ? next(v) : v;
    w = {w.value + step.value, w.error + step.error + kU * std::abs(w.value + step.value)};
  }

  static void adam(double rate, int64_t update, const Near& g, Near& m, Near& v, Near& w) {
    constexpr double kBeta1 = static_cast<double>(0.9f), kBeta2 = static_cast<double>(0.999f);
    constexpr double kEpsilon = static_cast<double>(1e-7f);
    const double size = std::abs(g.value), fresh1 = (1 - kBeta1) * g.value, fresh2 = (1 - kBeta2) * g.value * g.value;
    const double old1 = kBeta1 * m.value, old2 = kBeta2 * v.value;
    m = {old1 + fresh1, kBeta1 * m.error + (1 - kBeta1) * g.error +
                            1.001 * kU * (std::abs(old1) + std::abs(fresh1) + std::abs(old1 + fresh1))};
    v = {old2 + fresh2, kBeta2 * v.error + (1 - kBeta2) * (2 * size + g.error) * g.error +
                            1.001 * kU * (old2 + 2 * fresh2 + old2 + fresh2)};
    const double t = static_cast<double>(update + 1);
    const double corrected = rate * std::sqrt(1 - std::pow(kBeta2, t)) / (1 - std::pow(kBeta1, t));
    const double root = std::sqrt(v.value) + kEpsilon;
    // |sqrt a - sqrt b| is at most sqrt |a - b|, and |a - b| / sqrt a; the root and its sum are rounded.
    const double root_error =
        (v.value > 0 ? std::min(std::sqrt(v.error), v.error / std::sqrt(v.value)) : std::sqrt(v.error)) +
        2.001 * kU * root;
    const double smallest = std::max(root - root_error, kEpsilon * (1 - kU));
    const double step = corrected * m.value / root;
    // The correction is cast and multiplied, then come a product and a quotient; pow and sqrt in double are good to
    // 1e-12.
    const double step_error =
        corrected * m.error / smallest + std::abs(step) * root_error / smallest + (4.001 * kU + 1e-12) * std::abs(step);
    w = {w.value - step, w.error + step_error + kU * std::abs(w.value - step)};
  }

  const Population& population_;
  int64_t stride_;
};

}  // namespace murmur::test
