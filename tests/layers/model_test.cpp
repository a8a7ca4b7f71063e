// Which noise a model puts where, and at which address: a whole forward pass against a plain reference in double.
#include "murmur/layers/model.hpp"

#include <gtest/gtest.h>

#include "tests/support/devices.hpp"
#include "tests/support/step.hpp"
#include "tests/support/training.hpp"

namespace murmur {
namespace {

class ModelTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(ModelTest);

constexpr int64_t kRows = 36;

/// The forward pass of one sample of one network, layer by layer.
class Reference {
 public:
  Reference(const test::Population& population, int64_t network, int64_t row)
      : population_(population), network_(network), row_(row) {}

  /// The input: pixels, noise, and (a hidden layer follows) the mask of its input.
  std::vector<double> input(const uint8_t* pixels, bool mask) const {
    std::vector<double> x(25);
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = pixels[i] / 255.0 + value(Technique::kInputNoise) * normal(Technique::kInputNoise, 0, i, x.size());
      if (mask && !keeps(Technique::kDropconnect, 0, i, x.size())) x[i] = 0;
    }
    return x;
  }

  /// weight [out, in] x + bias
  static std::vector<double> linear(const double* weight, const double* bias, size_t out,
                                    const std::vector<double>& x) {
    std::vector<double> y(bias, bias + out);
    for (size_t o = 0; o < out; ++o) {
      for (size_t i = 0; i < x.size(); ++i) y[o] += weight[o * x.size() + i] * x[i];
    }
    return y;
  }

  void activate(std::vector<double>& x, uint32_t layer, bool dropout, bool mask_next_input) const {
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] += value(Technique::kActivationNoise) * normal(Technique::kActivationNoise, layer, i, x.size());
      x[i] = std::max(x[i], 0.0);
      if (dropout) x[i] *= keeps(Technique::kDropout, layer, i, x.size()) ? 1 / (1 - value(Technique::kDropout)) : 0;
      if (mask_next_input && !keeps(Technique::kDropconnect, layer, i, x.size())) x[i] = 0;
    }
  }

 private:
  double value(Technique id) const { return static_cast<double>(population_.get(id, network_)); }
  test::Address address(Technique id, uint32_t layer) const { return {state().seed, id, layer}; }
  uint64_t item() const { return static_cast<uint64_t>(state().item + row_); }
  const NetworkState& state() const { return population_.states[static_cast<size_t>(network_)]; }
  double normal(Technique id, uint32_t layer, size_t i, size_t size) const {
    return address(id, layer).normal_of(item(), (size + 3) / 4, i);
  }
  bool keeps(Technique id, uint32_t layer, size_t i, size_t size) const {
    return address(id, layer).keeps(item(), (size + 3) / 4, i, population_.get(id, network_));
  }

  const test::Population& population_;
  int64_t network_, row_;
};

double cross_entropy_of(const std::vector<double>& logits, uint8_t label) {
  double total = 0;
  for (const double z : logits) total += std::exp(z);
  return std::log(total) - logits[label];
}

// Float64: sums of at most 25 terms below 5 through three layers, over 30 samples; 1e-10 is 1e6 roundings of 1e-16.
TEST_P(ModelTest, ForwardIsItsLayersWithTheirOwnNoise) {
  test::StepFixture fixture(stream(), 2, kRows);
  for (int64_t p = 0; p < 2; ++p) {
    fixture.population.set(Technique::kInputNoise, p, 0.3);
    fixture.population.set(Technique::kActivationNoise, p, 0.1);
    fixture.population.set(Technique::kDropout, p, 0.3 + 0.1 * static_cast<double>(p));
    fixture.population.set(Technique::kDropconnect, p, 0.2 + 0.1 * static_cast<double>(p));
  }
  const TrainingData data = test::small_data(device());
  // Dropout behind the first hidden layer only. Arena: [10,25] 252, bias 12, [8,10] 80, bias 8, [5,8] 40, bias 8.
  const Model model(parse_model("flatten linear10 dropout linear8 linear"), {5, 5, 1}, 5, device(), DType::kF64, 2);
  const Tensor& weight = model.parameters().weight();
  ASSERT_EQ(weight.network_size(), 252 + 12 + 80 + 8 + 40 + 8);
  const auto weights = test::random_values<double>(static_cast<size_t>(weight.num_elements()), 5, -0.5, 0.5);
  weight.copy_from_host(weights.data(), weight.num_elements() * 8);
  Step step = fixture.begin();
  step.args.definitions = Definitions::paper();  // dropconnect masks the inputs of the hidden layers
  const SampleSource source{data.train_images, data.train_labels, 0, data.size};
  EXPECT_TRUE(model.masks_input(step));
  model.loss(step, input_batch(step, source, model.masks_input(step)));
  stream().synchronize();
  fixture.population.download();
  const std::vector<uint8_t> images = data.train_images.to_vector<uint8_t>();
  const std::vector<uint8_t> labels = data.train_labels.to_vector<uint8_t>();
  for (int64_t p = 0; p < 2; ++p) {
    const double* w = weights.data() + p * weight.network_size();
    double loss = 0;
    for (int64_t row = 0; row < fixture.epoch_size; ++row) {
      const Reference reference(fixture.population, p, row);
      std::vector<double> x = reference.input(&images[static_cast<size_t>(25 * row)], true);
      x = Reference::linear(w, w + 252, 10, x);
      reference.activate(x, 1, true, true);
      x = Reference::linear(w + 264, w + 344, 8, x);
      reference.activate(x, 2, false, false);  // the last layer's input is not masked
      loss += cross_entropy_of(Reference::linear(w + 352, w + 392, 5, x), labels[static_cast<size_t>(row)]);
    }
    EXPECT_NEAR(fixture.population.states[static_cast<size_t>(p)].loss_sum, loss, 1e-10);
  }
}

// Evaluation, without noise: the loss is the cross-entropy of the logits, their bias included.
TEST_P(ModelTest, LogitsAreWhatTheLossIsOf) {
  test::StepFixture fixture(stream(), 2, kRows);
  const TrainingData data = test::small_data(device());
  const Model model(parse_model("flatten linear8 linear"), {5, 5, 1}, 5, device(), DType::kF64, 2);
  const Tensor& weight = model.parameters().weight();
  const auto weights = test::random_values<double>(static_cast<size_t>(weight.num_elements()), 5, -0.5, 0.5);
  weight.copy_from_host(weights.data(), weight.num_elements() * 8);
  const SampleSource source{data.train_images, data.train_labels, 0, data.size};
  const auto begin = [&] {
    Step step = fixture.begin();
    step.training = false;
    step.args.techniques = {};
    return step;
  };
  const Step step = begin();
  const Activations logits = model.logits(step, input_batch(step, source, false));
  stream().synchronize();
  EXPECT_FALSE(logits.bias.defined());
  ASSERT_EQ(logits.x.value().shape(), (Shape{2, 8, kRows}));
  const std::vector<double> z = logits.x.value().to_vector<double>();
  const Step again = begin();
  model.loss(again, input_batch(again, source, false));
  stream().synchronize();
  fixture.population.download();
  const std::vector<uint8_t> labels = data.train_labels.to_vector<uint8_t>();
  for (size_t p = 0; p < 2; ++p) {
    double loss = 0;
    for (size_t row = 0; row < static_cast<size_t>(fixture.epoch_size); ++row) {
      std::vector<double> of_sample(5);
      for (size_t k = 0; k < 5; ++k) of_sample[k] = z[(8 * p + k) * kRows + row];
      loss += cross_entropy_of(of_sample, labels[row]);
    }
    EXPECT_NEAR(fixture.population.states[p].loss_sum, loss, 1e-10);
  }
}

TEST_P(ModelTest, ALastLayerAloneHasNoMaskOnItsInput) {
  const Model model(parse_model("flatten linear"), {5, 5, 1}, 5, device(), DType::kF32, 1);
  test::StepFixture fixture(stream(), 1, kRows);
  Step step = fixture.begin();
  step.args.definitions = Definitions::paper();
  EXPECT_FALSE(model.masks_input(step));
}

}  // namespace
}  // namespace murmur
