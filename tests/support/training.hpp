#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "murmur/layers/population_trainer.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"

namespace murmur::test {

/// A small data set of random images: 5 x 5 pixels (padded to 28) unless said otherwise, 5 classes; 300 samples train,
/// 60 validate, 50 test. 300 is no multiple of a micro-batch or batch.
inline TrainingData small_data(Device device, const ImageSize& size = {5, 5, 1}) {
  constexpr int64_t kTrain = 360, kTest = 50;
  const int64_t sample_size = size.elements();
  TrainingData data;
  const auto images = [&](int64_t count, uint64_t seed) {
    return Tensor::from<uint8_t>(random_bytes(static_cast<size_t>(count * sample_size), seed), {count, sample_size},
                                 device);
  };
  const auto labels = [&](int64_t count, uint64_t seed) {
    return Tensor::from<uint8_t>(random_bytes(static_cast<size_t>(count), seed, 5), {count}, device);
  };
  data.train_images = images(kTrain, 1);
  data.train_labels = labels(kTrain, 2);
  data.test_images = images(kTest, 3);
  data.test_labels = labels(kTest, 4);
  data.training = {0, 300};
  data.validation = {300, 60};
  data.size = size;
  data.num_classes = 5;
  return data;
}

inline constexpr const char* kSmallModel = "flatten linear10 dropout linear7 dropout linear";

/// Convolutions with and without the library (the second one's samples are padded), without a batch norm: its
/// statistics are those of the micro-batch.
inline constexpr const char* kSmallConvolution = "conv3 pool dropout conv4k2p0 dropout flatten linear6 dropout linear";
inline constexpr const char* kSmallResidual = "conv4n avgpool residual4 residual6s2 dropout globalpool flatten linear";
inline constexpr ImageSize kSmallImage{6, 6, 2};

/// One technique (or several) at a strong setting, over a baseline that learns fast enough to tell them apart.
struct TechniqueCase {
  std::string name;
  std::vector<std::pair<Technique, double>> values;
  std::vector<std::pair<Technique, NoiseSchedule>> schedules{};

  Trial trial(uint64_t seed) const {
    Trial result;
    result.seed = seed;
    result.num_epochs = 3;
    result.setting.set(Technique::kLearningRate, 0.05);
    for (const auto& [id, value] : values) result.setting.set(id, value);
    for (const auto& [id, schedule] : schedules) result.setting.set_schedule(id, schedule);
    return result;
  }
};

inline const TechniqueCase kBaseline{"baseline", {}};

/// Every technique by itself, and all at once.
inline std::vector<TechniqueCase> technique_cases() {
  using enum Technique;
  // In order of the enum; a choice of each kind. Batch sizes are multiples of every micro-batch that tests use.
  const std::vector<std::pair<Technique, double>> all{{kShuffle, 1},
                                                      {kFlip, 1},
                                                      {kRotation, 0.2},
                                                      {kZoom, 0.2},
                                                      {kTranslation, 0.2},
                                                      {kContrast, 0.2},
                                                      {kInputNoise, 0.5},
                                                      {kLabelSmoothing, 0.4},
                                                      {kInitScale, 0.1},
                                                      {kDropout, 0.4},
                                                      {kDropconnect, 0.4},
                                                      {kFrozenFraction, 0.5},
                                                      {kActivationNoise, 0.1},
                                                      {kLossNoise, 0.8},
                                                      {kOptimizer, 1},
                                                      {kLearningRate, 0.02},
                                                      {kLearningRateSchedule, -0.9},
                                                      {kBatchSize, 256},
                                                      {kBatchSizeSchedule, 0.9},
                                                      {kWeightNoise, 1e-3},
                                                      {kGradientNoise, 0.3},
                                                      {kGradientDropout, 0.4},
                                                      {kTransientWeightNoise, 0.1},
                                                      {kMultiplicativeWeightNoise, 0.5},
                                                      {kMultiplicativeInputNoise, 0.5},
                                                      {kUniformInputNoise, 0.5},
                                                      {kSaltAndPepper, 0.3},
                                                      {kCutout, 2},
                                                      {kRandomErasing, 0.5},
                                                      {kRandomCrop, 1},
                                                      {kMixup, 0.5},
                                                      {kCutmix, 0.5},
                                                      {kLabelNoise, 0.4},
                                                      {kDisturbLabel, 0.4},
                                                      {kSpatialDropout, 0.4},
                                                      {kGaussianDropout, 0.4},
                                                      {kDropblock, 0.4},
                                                      {kStochasticDepth, 0.4},
                                                      {kMultiplicativeGradientNoise, 0.5},
                                                      {kGradientMask, 0.4},
                                                      {kGradientClip, 0.1},
                                                      {kUpdateDropout, 0.4},
                                                      {kExponentialLoss, 0.8},
                                                      {kLossDropout, 0.4},
                                                      {kLogitNoise, 0.5},
                                                      {kWeightDecay, 0.01},
                                                      {kRrelu, 0.4}};
  std::vector<TechniqueCase> cases;
  for (const auto& [id, value] : all) cases.push_back({std::string(technique(id).key), {{id, value}}});
  cases.push_back({"flip_horizontal", {{kFlip, 2}}});
  cases.push_back({"flip_vertical", {{kFlip, 3}}});
  cases.push_back({"adam", {{kOptimizer, 2}, {kLearningRate, 1e-3}}});
  cases.push_back({"nesterov", {{kOptimizer, 3}, {kLearningRate, 0.02}}});
  cases.push_back({"adamw", {{kOptimizer, 4}, {kLearningRate, 1e-3}, {kWeightDecay, 0.1}}});
  cases.push_back({"sgld", {{kOptimizer, 5}}});
  using enum ScheduleShape;
  cases.push_back({"early", {{kDropout, 0.4}}, {{kDropout, {kEarly, 0.5F}}}});
  cases.push_back({"scheduled",
                   {{kInputNoise, 0.5}, {kDropconnect, 0.4}, {kTransientWeightNoise, 0.1}, {kGradientClip, 0.1}},
                   {{kLearningRate, {kWarmupCosine, 0.3F}},
                    {kInputNoise, {kLinear, 1, 0}},
                    {kDropconnect, {kCosine, 0, 1}},
                    {kTransientWeightNoise, {kDecay, 0.5F}},
                    {kGradientClip, {kLate, 0.4F}}}});
  cases.push_back({"learning_rate_schedule_up", {{kLearningRateSchedule, 0.9}}});
  cases.push_back({"everything", all});
  return cases;
}

inline std::string case_name(const TechniqueCase& technique_case) {
  std::string name;
  for (const char c : technique_case.name) name += c == '_' ? "" : std::string(1, c);
  return name;
}

inline void PrintTo(const TechniqueCase& technique_case, std::ostream* stream) {
  *stream << technique_case.name;
}

/// Options of a comparison: float on the CPU, where results are the same bits; double on a GPU, where a library may
/// sum in another order for another shape.
inline TrainerOptions small_options(Device device, int64_t num_networks) {
  TrainerOptions options;
  options.device = device;
  options.num_networks = num_networks;
  options.micro_batch = 64;
  options.dtype = device.is_cuda() ? DType::kF64 : DType::kF32;
  options.num_threads = 2;
  return options;
}

inline PopulationTrainer make_trainer(const TrainerOptions& options, const char* model = kSmallModel) {
  const bool flat = std::string_view(model).starts_with("flatten");
  return PopulationTrainer(parse_model(model),
                           flat ? small_data(options.device) : small_data(options.device, kSmallImage), options);
}

/// All parameters of one network, in double (exact for float too).
inline std::vector<double> weights_of(const PopulationTrainer& trainer, int64_t slot) {
  const Tensor& weight = trainer.model().parameters().weight();
  std::vector<double> all;
  if (weight.dtype() == DType::kF32) {
    const std::vector<float> values = weight.to_vector<float>();
    all.assign(values.begin(), values.end());
  } else {
    all = weight.to_vector<double>();
  }
  const int64_t size = weight.network_size();
  return {all.begin() + slot * size, all.begin() + (slot + 1) * size};
}

/// What a trial leaves: its results after each epoch and its parameters at the end.
struct Outcome {
  std::vector<EpochResult> results;
  std::vector<double> weights;
};

/// Runs the trials in slots 0, 1, ... for some epochs.
inline std::vector<Outcome> run_trials(PopulationTrainer& trainer, const std::vector<Trial>& trials,
                                       int num_epochs = 3) {
  std::vector<Outcome> outcomes(trials.size());
  for (size_t i = 0; i < trials.size(); ++i) trainer.start(static_cast<int64_t>(i), trials[i]);
  for (int epoch = 0; epoch < num_epochs; ++epoch) {
    const std::vector<EpochResult> results = trainer.run_epoch();
    for (size_t i = 0; i < trials.size(); ++i) outcomes[i].results.push_back(results[i]);
  }
  for (size_t i = 0; i < trials.size(); ++i) outcomes[i].weights = weights_of(trainer, static_cast<int64_t>(i));
  return outcomes;
}

inline Outcome run_trial(const TrainerOptions& options, const Trial& trial, const char* model = kSmallModel) {
  TrainerOptions alone = options;
  alone.num_networks = 1;
  PopulationTrainer trainer = make_trainer(alone, model);
  return run_trials(trainer, {trial}).front();
}

/// Tolerance 0: equal bits. Hits are counted, so accuracies must be equal in any case.
inline void expect_same(const Outcome& actual, const Outcome& expected, double tolerance) {
  if (tolerance == 0) {
    EXPECT_TRUE(same_bits(actual.weights, expected.weights));
  } else {
    EXPECT_TRUE(all_near(actual.weights, expected.weights, tolerance));
  }
  ASSERT_EQ(actual.results.size(), expected.results.size());
  for (size_t epoch = 0; epoch < actual.results.size(); ++epoch) {
    const EpochResult& a = actual.results[epoch];
    const EpochResult& e = expected.results[epoch];
    EXPECT_EQ(a.epoch, e.epoch);
    EXPECT_EQ(a.train_accuracy, e.train_accuracy);
    EXPECT_EQ(a.validation_accuracy, e.validation_accuracy);
    EXPECT_EQ(a.diverged, e.diverged);
    // A loss is a sum of |weights| x errors of weights over the layers: less than 100 of them.
    EXPECT_NEAR(a.train_loss, e.train_loss, 100 * tolerance);
    EXPECT_NEAR(a.validation_loss, e.validation_loss, 100 * tolerance);
  }
}

/// How far two float64 trainings of the small data set may part when sums are taken in another order: an element of
/// the gradient is a sum of n <= 300 terms of size G <= 6 (noisy inputs), so it moves by n u G = 2e-13; times a
/// learning rate of 0.05 and 9 updates, 1e-13; through 9 updates of a loss whose curvature is below 100 that grows by
/// at most (1 + 0.05 x 100 / 10)^9 < 40. Adam divides by sqrt(v) + 1e-7, which is at worst 1e-7: 1e-3 x 2e-13 / 1e-7 x
/// 9 = 2e-8.
inline double reordering_tolerance(const Trial& trial) {
  const double optimizer = trial.setting[Technique::kOptimizer];
  return optimizer == 2 || optimizer == 4 ? 2e-8 : 4e-12;
}

inline double device_tolerance(Device device, const Trial& trial) {
  return device.is_cuda() ? reordering_tolerance(trial) : 0;
}

}  // namespace murmur::test
