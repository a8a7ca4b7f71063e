// Trains four networks of one architecture at once, each with its own seed, and tests them.
//
//   example_train_network [DATA SET [FOLDER]]      e.g. example_train_network mnist ~/data
#include <cstdio>
#include <exception>
#include <murmur/murmur.hpp>

int main(int argc, char** argv) try {
  using murmur::Technique;
  const char* name = argc > 1 ? argv[1] : "fashion-mnist";
  const char* folder = argc > 2 ? argv[2] : "";

  murmur::TrainerOptions options;
  options.device = murmur::parse_device("auto");
  options.num_networks = 4;
  const murmur::TrainingData data = murmur::training_data(murmur::load_dataset(name, folder), options.device);
  murmur::PopulationTrainer trainer(murmur::parse_model("flatten linear50 dropout linear"), data, options);

  murmur::Setting setting;  // every technique off
  setting.set(Technique::kLearningRate, 0.05);
  setting.set(Technique::kDropout, 0.1);
  setting.set(Technique::kInputNoise, 0.2);
  constexpr int64_t kEpochs = 2;
  for (int64_t slot = 0; slot < options.num_networks; ++slot) {
    trainer.start(slot, {.seed = 1 + static_cast<uint64_t>(slot), .setting = setting, .num_epochs = kEpochs});
  }
  for (int64_t epoch = 1; epoch <= kEpochs; ++epoch) {
    std::printf("epoch %d:", static_cast<int>(epoch));
    for (const murmur::EpochResult& result : trainer.run_epoch()) std::printf(" %.4f", result.validation_accuracy);
    std::printf("\n");
  }
  std::printf("test:   ");
  for (const murmur::Evaluation& test : trainer.evaluate_test()) std::printf(" %.4f", test.accuracy);
  std::printf("\n");
} catch (const std::exception& error) {
  std::fprintf(stderr, "example_train_network: %s\n", error.what());
  return 1;
}
