#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/options.hpp"
#include "app/progress.hpp"
#include "murmur/pso/definitions_json.hpp"
#include "murmur/pso/setting_json.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

struct TrainOptions {
  CommonOptions common;
  int64_t networks = 1;
  int64_t schedule_epochs = 0;  // 0: as many as epochs
};

/// JSON has no NaN: null.
Json finite_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

double mean_of(const std::vector<EpochResult>& results, double EpochResult::*member) {
  double sum = 0;
  for (const EpochResult& result : results) sum += result.*member;
  return sum / static_cast<double>(results.size());
}

Json result_json(const TrainOptions& options, const Setting& setting, const TrainerOptions& trainer,
                 double images_per_second, const std::vector<EpochResult>& results,
                 const std::vector<Evaluation>& tests) {
  const CommonOptions& common = options.common;
  Json networks = Json::array();
  for (size_t i = 0; i < results.size(); ++i) {
    networks.push_back({{"seed", common.seed + i},
                        {"epochs", results[i].epoch},
                        {"train_loss", finite_or_null(results[i].train_loss)},
                        {"train_accuracy", finite_or_null(results[i].train_accuracy)},
                        {"validation_loss", finite_or_null(results[i].validation_loss)},
                        {"validation_accuracy", finite_or_null(results[i].validation_accuracy)},
                        {"test_loss", finite_or_null(tests[i].loss)},
                        {"test_accuracy", finite_or_null(tests[i].accuracy)},
                        {"diverged", results[i].diverged}});
  }
  return {{"device", trainer.device.name()},
          {"device_description", describe(trainer.device)},
          {"dataset", common.dataset},
          {"image_size", common.image_size},
          {"train_images", common.train_images},
          {"train_on_all", common.train_on_all},
          {"model", common.model},
          {"init", common.init},
          {"epochs", common.epochs},
          {"schedule_epochs", options.schedule_epochs > 0 ? options.schedule_epochs : common.epochs},
          {"micro_batch", common.micro_batch},
          {"definitions", definitions_json(trainer.definitions)},
          {"tf32", common.tf32},
          {"set", setting_json(setting, SettingPart::kNotOff)},
          {"images_per_second", images_per_second},
          {"networks", networks}};
}

void print_results(const TrainOptions& options, const std::vector<EpochResult>& results,
                   const std::vector<Evaluation>& tests) {
  fmt::print("{:>6}  {:>10}  {:>10}  {:>10}  {:>10}\n", "seed", "train loss", "train", "validation", "test");
  double sum = 0;
  double squares = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    const EpochResult& result = results[i];
    fmt::print("{:>6}  {:>10.4f}  {:>10.4f}  {:>10.4f}  {:>10.4f}{}\n", options.common.seed + i, result.train_loss,
               result.train_accuracy, result.validation_accuracy, tests[i].accuracy,
               result.diverged ? "  diverged" : "");
    sum += tests[i].accuracy;
    squares += tests[i].accuracy * tests[i].accuracy;
  }
  const auto n = static_cast<double>(results.size());
  if (results.size() > 1) {
    fmt::print("test accuracy {:.4f} ± {:.4f} (mean and standard deviation of {})\n", sum / n,
               std::sqrt(std::max(0.0, (squares - sum * sum / n) / (n - 1))), results.size());
  }
}

void train(const TrainOptions& options) {
  const CommonOptions& common = options.common;
  check_seeds(common.seed, static_cast<uint64_t>(options.networks - 1));
  const Setting setting = parse_settings(common.set);
  const int64_t source_epochs = options.schedule_epochs > 0 ? options.schedule_epochs : common.epochs;
  const Setting trained = transfer_schedules(setting, source_epochs, common.epochs);
  const ModelSpecification model = model_of(common);
  require_writable("--json", common.json);
  const TrainerOptions trainer_options = app::trainer_options(common, options.networks);
  Dataset dataset = load_data(common);
  report_others(dataset, common.quiet);
  const TrainingData data = training_data(std::move(dataset), trainer_options.device, common.train_on_all);
  PopulationTrainer trainer(model, data, trainer_options);
  for (int64_t i = 0; i < options.networks; ++i) {
    trainer.start(i, {common.seed + static_cast<uint64_t>(i), trained, common.epochs});
  }
  if (!common.quiet) {
    fmt::print(stderr, "{} x {} ({} parameters) on {}: {}\n", options.networks, common.model,
               trainer.model().parameters().num_parameters(), trainer_options.device.name(),
               describe(trainer_options.device));
  }
  Progress progress(common.quiet);
  std::vector<EpochResult> results;
  double images_per_second = 0;
  for (int64_t epoch = 1; epoch <= common.epochs; ++epoch) {
    results = trainer.run_epoch();
    images_per_second =
        static_cast<double>(epoch * options.networks * trainer.epoch_size()) / progress.elapsed_seconds();
    progress.show(fmt::format("epoch {}/{}  loss {:.4f}  train {:.4f}  validation {:.4f}  {:.0f} images/s  ETA {}",
                              epoch, common.epochs, mean_of(results, &EpochResult::train_loss),
                              mean_of(results, &EpochResult::train_accuracy),
                              mean_of(results, &EpochResult::validation_accuracy), images_per_second,
                              format_duration(progress.elapsed_seconds() / static_cast<double>(epoch) *
                                              static_cast<double>(common.epochs - epoch))),
                  epoch == common.epochs);
  }
  const std::vector<Evaluation> tests = trainer.evaluate_test();
  print_results(options, results, tests);
  if (!common.json.empty()) {
    write_file(common.json,
               result_json(options, setting, trainer_options, images_per_second, results, tests).dump(2) + "\n");
  }
}

}  // namespace

Run add_train(CLI::App& app) {
  CLI::App* command = app.add_subcommand("train", "train a population of networks, one seed each, with one setting");
  auto options = std::make_shared<TrainOptions>();
  command->add_option("--networks", options->networks, "networks trained at once")
      ->check(whole_number(1, 1000000))
      ->capture_default_str();
  command
      ->add_option("--schedule-epochs", options->schedule_epochs,
                   "epochs that the two schedules were made for, when that is not --epochs (0): they are transferred")
      ->check(whole_number(0, 1000000))
      ->capture_default_str();
  command->add_flag("--train-on-all", options->common.train_on_all, "train on train + validation");
  add_common_options(*command, options->common, 5);
  return [options] {
    train(*options);
    return 0;
  };
}

}  // namespace murmur::app
