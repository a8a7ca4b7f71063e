#pragma once

#include "murmur/layers/model.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/population.hpp"

namespace murmur::test {

/// A float64 step of a population, for gradient checks: the noise is addressed, so that every evaluation sees the same.
class StepFixture {
 public:
  StepFixture(Stream& stream, int64_t num_networks, int64_t micro_batch)
      : population(num_networks, stream.device()),
        stream_(stream),
        arena_(stream.device()),
        micro_batch_(micro_batch) {}

  /// A step that starts from the population's states and table as they are now, with fresh sums.
  Step begin(DType dtype = DType::kF64) {
    arena_.reset();
    for (NetworkState& state : population.states) {
      state.loss_sum = 0;
      state.position = 0;
      state.num_hits = 0;
    }
    Step step{stream_, arena_, population.upload(micro_batch_, epoch_size), dtype, true, false};
    step.has_regions = true;
    return step;
  }

  /// Sets all the noise of forward and loss on, with other values for each network.
  void all_noise() {
    for (int64_t p = 0; p < population.num_networks(); ++p) {
      const double strength = static_cast<double>(p + 1) / static_cast<double>(population.num_networks());
      population.set(Technique::kShuffle, p, 1);
      population.set(Technique::kFlip, p, 1);
      population.set(Technique::kRotation, p, 0.2 * strength);
      population.set(Technique::kZoom, p, 0.2 * strength);
      population.set(Technique::kTranslation, p, 0.2 * strength);
      population.set(Technique::kContrast, p, 0.2 * strength);
      population.set(Technique::kInputNoise, p, 0.5 * strength);
      population.set(Technique::kLabelSmoothing, p, 0.5 * strength);
      population.set(Technique::kDropout, p, 0.5 * strength);
      population.set(Technique::kDropconnect, p, 0.3 * strength);
      population.set(Technique::kActivationNoise, p, 0.1 * strength);
      population.set(Technique::kLossNoise, p, strength);
      population.set(Technique::kMultiplicativeInputNoise, p, 0.5 * strength);
      population.set(Technique::kUniformInputNoise, p, 0.5 * strength);
      population.set(Technique::kSaltAndPepper, p, 0.2 * strength);
      population.set(Technique::kCutout, p, 2);
      population.set(Technique::kRandomErasing, p, 0.5 * strength);
      population.set(Technique::kRandomCrop, p, 1);
      population.set(Technique::kMixup, p, strength);
      population.set(Technique::kCutmix, p, strength);
      population.set(Technique::kLabelNoise, p, 0.3 * strength);
      population.set(Technique::kDisturbLabel, p, 0.3 * strength);
      population.set(Technique::kSpatialDropout, p, 0.2 * strength);
      population.set(Technique::kGaussianDropout, p, 0.2 * strength);
      population.set(Technique::kDropblock, p, 0.2 * strength);
      population.set(Technique::kStochasticDepth, p, 0.3 * strength);
      population.set(Technique::kExponentialLoss, p, strength);
      population.set(Technique::kLossDropout, p, 0.3 * strength);
      population.set(Technique::kLogitNoise, p, strength);
      population.set(Technique::kRrelu, p, 0.5 * strength);
    }
  }

  Population population;
  int64_t epoch_size = 30;  // below the micro-batch: some rows hold no sample

 private:
  Stream& stream_;
  Arena arena_;
  int64_t micro_batch_;
};

/// d f / d x[p, i] by central differences, for all networks at once: networks are independent, so element i of each is
/// moved together. `f` returns a value for each network.
template <class F>
std::vector<std::vector<double>> central_differences(const Tensor& x, double h, const F& f) {
  const std::vector<double> values = x.to_vector<double>();
  const int64_t networks = x.size(0);
  const int64_t size = x.network_size();
  std::vector<std::vector<double>> result(static_cast<size_t>(networks),
                                          std::vector<double>(static_cast<size_t>(size)));
  const auto moved = [&](int64_t i, double by) {
    std::vector<double> changed = values;
    for (int64_t p = 0; p < networks; ++p) changed[static_cast<size_t>(p * size + i)] += by;
    x.copy_from_host(changed.data(), static_cast<int64_t>(changed.size() * sizeof(double)));
    return f();
  };
  for (int64_t i = 0; i < size; ++i) {
    const std::vector<double> above = moved(i, h);
    const std::vector<double> below = moved(i, -h);
    for (size_t p = 0; p < result.size(); ++p) result[p][static_cast<size_t>(i)] = (above[p] - below[p]) / (2 * h);
  }
  x.copy_from_host(values.data(), static_cast<int64_t>(values.size() * sizeof(double)));
  return result;
}

}  // namespace murmur::test
