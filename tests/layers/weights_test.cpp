// Files of weights in PyTorch: read by hand with numpy, run there, and compared.
#include "murmur/layers/weights.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>

#include "murmur/layers/predictor.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/training.hpp"

namespace murmur {
namespace {

constexpr const char* kPython = "/usr/bin/python3";

/// Runs a command; its exit status and what it printed.
std::pair<int, std::string> run(const std::string& command) {
  std::string output;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return {-1, "popen failed"};
  std::array<char, 4096> buffer;
  for (size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) output.append(buffer.data(), n);
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

/// Small data with PyTorch's ten classes.
TrainingData ten_classes(const ImageSize& size) {
  TrainingData data = test::small_data(kCpu, size);
  data.num_classes = 10;
  data.training = {0, 128};
  data.validation = {300, 60};
  return data;
}

TrainerOptions options_for(int64_t num_networks) {
  TrainerOptions options = test::small_options(kCpu, num_networks);
  options.initialization = Initialization::kHe;
  return options;
}

struct WeightsCase {
  const char* name;
  ImageSize size;
};
void PrintTo(const WeightsCase& model_case, std::ostream* stream) {
  *stream << model_case.name;
}

class WeightsTest : public ::testing::TestWithParam<WeightsCase> {
 protected:
  /// A population that has been trained a little, so that statistics run and biases are not 0.
  PopulationTrainer trained(int64_t num_networks) const {
    PopulationTrainer trainer(parse_model(GetParam().name), ten_classes(GetParam().size), options_for(num_networks));
    for (int64_t i = 0; i < num_networks; ++i) {
      Trial trial = test::kBaseline.trial(static_cast<uint64_t>(i + 1));
      trial.setting.set(Technique::kOptimizer, 2);
      trial.setting.set(Technique::kLearningRate, 1e-3);  // larger steps blow up vgg3 as long as its statistics lag
      trainer.start(i, trial);
    }
    for (int epoch = 0; epoch < 2; ++epoch) trainer.run_epoch();
    return trainer;
  }
  Predictor predictor(int64_t num_networks) const {
    return {parse_model(GetParam().name), GetParam().size, 10, options_for(num_networks)};
  }
};

TEST_P(WeightsTest, PyTorchComputesTheSameLogits) {
  if (run(std::string(kPython) + " -c 'import importlib.util as u; exit(u.find_spec(\"torch\") is None)'").first != 0) {
    GTEST_SKIP() << kPython << " cannot import torch (package python3-torch)";
  }
  const test::TemporaryFolder folder;
  const ImageSize size = GetParam().size;
  for (const int64_t num_networks : {1, 3}) {
    const PopulationTrainer trainer = trained(num_networks);
    SafeTensors file = export_weights(trainer.model());
    file.metadata["model"] = GetParam().name;
    const Tensor images = ten_classes(size).test_images;
    Predictor networks = predictor(num_networks);
    networks.load_weights(file);
    file.tensors["test.logits"] = networks.logits(images, 0, images.size(0));
    file.tensors["test.images"] = Tensor::from<uint8_t>(images.to_vector<uint8_t>(),
                                                        {images.size(0), size.height, size.width, size.channels}, kCpu);
    write_safetensors(folder / "file", file);
    const auto [status, output] =
        run(fmt::format("{} {}/tests/layers/weights_in_pytorch.py {} {} {}", kPython, MURMUR_SOURCE_DIR,
                        (folder / "file").string(), GetParam().name, num_networks));
    EXPECT_EQ(status, 0) << output;
  }
}

// 50 samples are no whole number of micro-batches of 64.
TEST_P(WeightsTest, PredictionsAreWhatAnEvaluationCounts) {
  PopulationTrainer trainer = trained(2);
  const TrainingData data = ten_classes(GetParam().size);
  const std::vector<Evaluation> expected = trainer.evaluate_test();
  const std::vector<uint8_t> labels = data.test_labels.to_vector<uint8_t>();
  for (int64_t network = 0; network < 2; ++network) {
    Predictor one = predictor(1);
    one.load_weights(export_weights(trainer.model(), network));
    const Predictions predictions = one.predict(data.test_images, 0, 50);
    int hits = 0;
    double loss = 0;
    for (size_t n = 0; n < 50; ++n) {
      hits += predictions.labels[n] == labels[n] ? 1 : 0;
      loss -= std::log(predictions.probabilities[10 * n + labels[n]]) / 50;
    }
    EXPECT_EQ(hits / 50.0, expected[static_cast<size_t>(network)].accuracy);
    EXPECT_NEAR(loss, expected[static_cast<size_t>(network)].loss, 1e-5 * std::max(1.0, loss));
  }
}

// Each network has the mean of its own slopes, in force after the schedule's last update.
TEST_P(WeightsTest, AnEvaluationHasTheMeanOfTheSlopes) {
  PopulationTrainer trainer(parse_model(GetParam().name), ten_classes(GetParam().size), options_for(2));
  for (int64_t i = 0; i < 2; ++i) {
    Trial trial = test::kBaseline.trial(static_cast<uint64_t>(i + 1));
    trial.setting.set(Technique::kRrelu, 0.3 + 0.5 * static_cast<double>(i));
    trial.setting.set_schedule(Technique::kRrelu, {ScheduleShape::kLinear, 0, i == 0 ? 1.0F : 0.5F});
    trainer.start(i, trial);
  }
  trainer.run_epoch();
  const std::vector<Evaluation> expected = trainer.evaluate_test();
  const TrainingData data = ten_classes(GetParam().size);
  const std::vector<uint8_t> labels = data.test_labels.to_vector<uint8_t>();
  for (int64_t network = 0; network < 2; ++network) {
    Predictor one = predictor(1);
    SafeTensors weights = export_weights(trainer.model(), network);
    const float in_force = trainer.in_force(Technique::kRrelu, network);
    EXPECT_GT(in_force, 0);
    weights.metadata["rrelu"] = fmt::format("{}", in_force);
    const auto loss = [&] {
      one.load_weights(weights);
      const Predictions predictions = one.predict(data.test_images, 0, 50);
      double sum = 0;
      for (size_t n = 0; n < 50; ++n) sum -= std::log(predictions.probabilities[10 * n + labels[n]]) / 50;
      return sum;
    };
    const double of_network = expected[static_cast<size_t>(network)].loss;
    EXPECT_NEAR(loss(), of_network, 1e-5 * std::max(1.0, of_network));
    weights.metadata.clear();
    EXPECT_GT(std::abs(loss() - of_network), 1e-4 * of_network);
  }
}

TEST_P(WeightsTest, APartOfTheSamplesHasTheSameLogits) {
  const PopulationTrainer trainer = trained(2);
  const Tensor images = ten_classes(GetParam().size).train_images;
  Predictor networks = predictor(2);
  networks.load_weights(export_weights(trainer.model()));
  const std::vector<float> all = networks.logits(images, 0, 100).to_vector<float>();
  const std::vector<float> part = networks.logits(images, 64, 30).to_vector<float>();
  for (size_t network = 0; network < 2; ++network) {
    for (size_t i = 0; i < 300; ++i) EXPECT_EQ(part[300 * network + i], all[1000 * network + 640 + i]);
  }
  EXPECT_THROW(networks.logits(images, 350, 20), ShapeError);
}

// No size is divided without a rest, none is square, and 2 x 3 pixels are left before a flatten of lenet5 and vgg3.
// vgg3 and resnet8 have blocks of channels on some CPUs.
INSTANTIATE_TEST_SUITE_P(Models, WeightsTest,
                         ::testing::Values(WeightsCase{"fc", {5, 4, 3}}, WeightsCase{"lenet5", {19, 21, 1}},
                                           WeightsCase{"vgg3", {17, 25, 3}}, WeightsCase{"resnet8", {11, 13, 3}}),
                         [](const auto& model) { return std::string(model.param.name); });

TEST(Predictor, ManyNetworksHaveTheMeanOfTheirProbabilities) {
  const ModelSpecification model = parse_model("flatten linear");
  Predictor both(model, {1, 4, 1}, 3, options_for(2));
  SafeTensors weights;
  weights.tensors["linear1.weight"] = Tensor::zeros({2, 3, 4}, DType::kF32, kCpu);
  const std::vector<float> bias{0, std::log(2.0f), 0, std::log(6.0f), 0, 0};
  weights.tensors["linear1.bias"] = Tensor::from<float>(bias, {2, 3}, kCpu);
  both.load_weights(weights);
  const Tensor images = Tensor::zeros({1, 4}, DType::kU8, kCpu);
  const Predictions predictions = both.predict(images, 0, 1);
  const std::vector<double> expected{(0.25 + 0.75) / 2, (0.5 + 0.125) / 2, (0.25 + 0.125) / 2};
  for (size_t k = 0; k < 3; ++k) EXPECT_NEAR(predictions.probabilities[k], expected[k], 1e-6);
  EXPECT_EQ(predictions.labels, std::vector<int64_t>{0});
  weights.tensors["linear1.bias"].data<float>()[5] = std::numeric_limits<float>::quiet_NaN();
  both.load_weights(weights);
  EXPECT_EQ(both.predict(images, 0, 1).labels, std::vector<int64_t>{-1});
}

}  // namespace
}  // namespace murmur
