#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "app/commands.hpp"
#include "app/dry_run.hpp"
#include "app/from_study.hpp"
#include "app/json_report.hpp"
#include "app/options.hpp"
#include "app/progress.hpp"
#include "app/saved_options.hpp"
#include "app/signals.hpp"
#include "app/terminal.hpp"
#include "app/weights_file.hpp"
#include "murmur/engine/counted.hpp"
#include "murmur/engine/safetensors.hpp"
#include "murmur/layers/weights.hpp"
#include "murmur/pso/definitions_json.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/setting_json.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

struct TrainOptions {
  CommonOptions common;
  int64_t networks = 1;
  int64_t schedule_epochs = 0;  // 0: as many as epochs
  std::string save;
  int64_t network = -1;  // that is saved; -1: all
  std::string checkpoint;
  int64_t every = 1;
  std::string resume;
  std::string profile_ticks;
  StudySource source;
  std::string dataset_contents;  // that the study's search had; empty: any
};

/// "loss 0.5103": the mean of the networks that have not diverged; nothing where all have.
std::string mean_text(const char* name, const std::vector<EpochResult>& results, double EpochResult::*member) {
  double sum = 0;
  int64_t count = 0;
  for (const EpochResult& result : results) {
    if (result.diverged || !std::isfinite(result.*member)) continue;
    sum += result.*member;
    ++count;
  }
  return count == 0 ? "" : fmt::format("{} {:.4f}", name, sum / static_cast<double>(count));
}

/// What one epoch left of a network.
Json epoch_json(const EpochResult& result) {
  return {{"epoch", result.epoch},
          {"train_loss", finite_or_null(result.train_loss)},
          {"train_accuracy", finite_or_null(result.train_accuracy)},
          {"validation_loss", finite_or_null(result.validation_loss)},
          {"validation_accuracy", finite_or_null(result.validation_accuracy)}};
}

/// `tests`: none where it was stopped before. `history`: the results of each epoch.
Json result_json(const TrainOptions& options, const Setting& setting, const TrainerOptions& trainer,
                 double images_per_second, const std::vector<EpochResult>& results,
                 const std::vector<Evaluation>& tests, const std::vector<std::vector<EpochResult>>& history) {
  const CommonOptions& common = options.common;
  Json networks = Json::array();
  for (size_t i = 0; i < results.size(); ++i) {
    const Evaluation test = tests.empty() ? Evaluation{NAN, NAN} : tests[i];
    Json epochs = Json::array();
    for (const std::vector<EpochResult>& epoch : history) epochs.push_back(epoch_json(epoch[i]));
    networks.push_back({{"seed", common.seed + i},
                        {"epochs", results[i].epoch},
                        {"train_loss", finite_or_null(results[i].train_loss)},
                        {"train_accuracy", finite_or_null(results[i].train_accuracy)},
                        {"validation_loss", finite_or_null(results[i].validation_loss)},
                        {"validation_accuracy", finite_or_null(results[i].validation_accuracy)},
                        {"test_loss", finite_or_null(test.loss)},
                        {"test_accuracy", finite_or_null(test.accuracy)},
                        {"diverged", results[i].diverged},
                        {"history", epochs}});
  }
  Json report = report_head("train");
  report.update(running_json(trainer));
  report.update({{"dataset", common.dataset},
                 {"image_size", common.image_size},
                 {"train_images", common.train_images},
                 {"train_on_all", common.train_on_all},
                 {"model", common.model},
                 {"init", common.init},
                 {"epochs", common.epochs},
                 {"schedule_epochs", options.schedule_epochs > 0 ? options.schedule_epochs : common.epochs},
                 {"micro_batch", common.micro_batch},
                 {"definitions", definitions_json(trainer.definitions)},
                 {"set", setting_json(setting, SettingPart::kNotOff)},
                 {"images_per_second", images_per_second},
                 {"networks", networks}});
  return report;
}

/// On the test set, of the networks that have not diverged.
std::vector<double> test_accuracies(const std::vector<EpochResult>& results, const std::vector<Evaluation>& tests) {
  std::vector<double> accuracies;
  for (size_t i = 0; i < results.size(); ++i) {
    if (!results[i].diverged && std::isfinite(tests[i].accuracy)) accuracies.push_back(tests[i].accuracy);
  }
  return accuracies;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// "test accuracy 0.8612 ± 0.0020 (mean and standard deviation of 3 of 4, 1 diverged)"
void print_mean(const std::vector<double>& accuracies, size_t num_networks) {
  const size_t num_diverged = num_networks - accuracies.size();
  const std::string others =
      num_diverged > 0 ? fmt::format(" of {}, {} diverged", num_networks, num_diverged) : std::string();
  const double mean = mean_of(accuracies);
  if (num_networks == 1) return;
  if (accuracies.empty()) {
    fmt::print("all of {} diverged\n", num_networks);
  } else if (accuracies.size() == 1) {
    fmt::print("test accuracy {:.4f} (1{})\n", mean, others);
  } else {
    double squares = 0;
    for (const double accuracy : accuracies) squares += (accuracy - mean) * (accuracy - mean);
    const double deviation = std::sqrt(squares / static_cast<double>(accuracies.size() - 1));
    fmt::print("test accuracy {:.4f} ± {:.4f} (mean and standard deviation of {}{})\n", mean, deviation,
               accuracies.size(), others);
  }
}

std::string number_text(double value) {
  return std::isfinite(value) ? fmt::format("{:.4f}", value) : "-";
}

/// `tests`: none where it was stopped before.
void print_results(const TrainOptions& options, const std::vector<EpochResult>& results,
                   const std::vector<Evaluation>& tests) {
  fmt::print("{:>6}  {:>10}  {:>10}  {:>10}  {:>10}\n", "seed", "train loss", "train", "validation", "test");
  for (size_t i = 0; i < results.size(); ++i) {
    const EpochResult& result = results[i];
    fmt::print("{:>6}  {:>10}  {:>10}  {:>10}  {:>10}{}\n", options.common.seed + i, number_text(result.train_loss),
               number_text(result.train_accuracy), number_text(result.validation_accuracy),
               tests.empty() ? "-" : number_text(tests[i].accuracy), result.diverged ? "  diverged" : "");
  }
  if (!tests.empty()) print_mean(test_accuracies(results, tests), results.size());
}

bool is_init_word(const std::string& init) {
  return is_initialization(init);
}

void check_options(const TrainOptions& options) {
  check_seeds(options.common.seed, static_cast<uint64_t>(options.networks - 1));
  const std::string& init = options.common.init;
  if (!is_init_word(init) && options.resume.empty() && !std::filesystem::exists(init)) {
    throw InvalidArgument("--init: expected scale, he, glorot, lecun, orthogonal or a file with weights, got '{}'",
                          init);
  }
  if (options.network >= options.networks) {
    throw InvalidArgument("--network: expected one of {} networks, from 0 on, got {}", options.networks,
                          options.network);
  }
  reserve_report(options.common.json);
  require_writable("--save", options.save);
  require_writable("--checkpoint", options.checkpoint);
}

/// True where what an update does depends on how many epochs there will be.
bool looks_ahead(const Setting& setting) {
  return setting[Technique::kLearningRateSchedule] != technique(Technique::kLearningRateSchedule).off ||
         setting[Technique::kBatchSizeSchedule] != technique(Technique::kBatchSizeSchedule).off ||
         std::ranges::any_of(techniques(), [&](const TechniqueInfo& info) {
           const ScheduleShape shape = setting.schedule(info.id).shape;
           return shape != ScheduleShape::kConstant && shape != ScheduleShape::kDecay;
         });
}

/// The checkpoint to go on from, after the command has been given its options. It may have other epochs than those that
/// it was to have, unless a schedule was laid out over them.
std::optional<SafeTensors> open_checkpoint(TrainOptions& options, CLI::App& command) {
  if (options.resume.empty()) return {};
  SafeTensors checkpoint = read_safetensors(options.resume);
  if (!checkpoint.tensors.contains("state.epoch")) {
    throw DataError("{}: expected a file of train --checkpoint, got weights alone", options.resume);
  }
  const std::string saved = checkpoint.text("options");
  take_saved_options(command, saved, options.resume);
  const bool has_schedule = looks_ahead(parse_settings(options.common.set, definitions_of(options.common)));
  compare_saved_options(command, saved, options.resume, has_schedule ? "" : "epochs");
  if (options.checkpoint.empty()) options.checkpoint = options.resume;
  return checkpoint;
}

/// One training of a population, from its options to its files.
class Training {
 public:
  Training(const TrainOptions& options, const CLI::App& command, const std::optional<SafeTensors>& resumed)
      : options_(options), common_(options.common), setting_(parse_settings(common_.set, definitions_of(common_))) {
    const ModelSpecification model = model_of(common_);
    trainer_options_ = app::trainer_options(common_, options.networks);
    trainer_options_.profile = parse_ticks("--profile-ticks", options.profile_ticks);
    Dataset dataset = load_data(common_);
    check_contents(dataset);
    report_others(dataset, common_.quiet);
    record_ = {.options = saved_options(command),
               .data = dataset.contents,
               .size = {dataset.train.height, dataset.train.width, dataset.train.channels},
               .num_classes = dataset.num_classes,
               .setting = setting_json(setting_, SettingPart::kNotOff),
               .definitions = definitions_json(trainer_options_.definitions),
               .first_seed = common_.seed,
               .results = {},
               .tests = {}};
    num_classes_ = dataset.num_classes;
    trainer_ = std::make_unique<PopulationTrainer>(
        model, training_data(std::move(dataset), trainer_options_.device, common_.train_on_all), trainer_options_);
    resumed ? restore(*resumed) : start();
  }

  /// The signal that stopped it, 0: none.
  int run() {
    report();
    const int64_t first = last_epoch();
    Progress progress(common_.quiet, [&](double share) { return line(first, share, progress.elapsed_seconds()); });
    const SignalWatch watch;
    try {
      while (SignalWatch::seen() == 0 && last_epoch() < common_.epochs) train_epoch(progress);
      if (last_epoch() != saved_epoch_ && last_epoch() > first) save_checkpoint();  // a signal, between two epochs
      if (SignalWatch::seen() == 0) record_.tests = trainer_->evaluate_test();
    } catch (const Stopped&) {
    }
    progress.clear();
    if (SignalWatch::seen() != 0) return stopped(steady_images_per_second(first, progress.elapsed_seconds()));
    print_results(options_, record_.results, record_.tests);
    const std::vector<double> accuracies = test_accuracies(record_.results, record_.tests);
    if (!accuracies.empty()) report_chance(mean_of(accuracies), num_classes_, common_.quiet);
    if (!options_.save.empty()) save_weights();
    const double images_per_second = steady_images_per_second(first, progress.elapsed_seconds());
    write_report(common_.json, result_json(options_, setting_, trainer_options_, images_per_second, record_.results,
                                           record_.tests, history_));
    return 0;
  }

 private:
  /// A study's images, where the training is to be of its.
  void check_contents(const Dataset& dataset) const {
    if (options_.dataset_contents.empty() || options_.dataset_contents == dataset.contents) return;
    throw StudyError("study '{}': expected the images of the search ({}), got {} (see --data)", options_.source.from,
                     options_.dataset_contents, dataset.contents);
  }

  void start() {
    const int64_t source_epochs = options_.schedule_epochs > 0 ? options_.schedule_epochs : common_.epochs;
    const Setting trained =
        transfer_schedules(setting_, source_epochs, common_.epochs, trainer_options_.definitions.schedule_transfer);
    for (int64_t i = 0; i < options_.networks; ++i) {
      trainer_->start(i, {common_.seed + static_cast<uint64_t>(i), trained, common_.epochs});
    }
    if (!is_init_word(common_.init)) trainer_->load_weights(read_safetensors(common_.init));
  }

  void restore(const SafeTensors& checkpoint) {
    if (const std::string& trained = checkpoint.text("dataset_contents"); trained != record_.data) {
      throw DataError("{}: expected the data set '{}', got '{}'", options_.resume, trained, record_.data);
    }
    trainer_->restore(checkpoint, common_.epochs);
    history_ = read_history(checkpoint, options_.networks);
    record_.results = history_.back();
    if (last_epoch() > common_.epochs) {
      throw InvalidArgument("--epochs: expected at least the {} that '{}' has had, got {}", last_epoch(),
                            options_.resume, common_.epochs);
    }
  }

  void report() const {
    report_rounding(setting_, common_);
    if (common_.quiet) return;
    const int64_t waves = trainer_->num_waves();
    say(fmt::format("{} x {} ({} parameters){} on {}: {}", options_.networks, common_.model,
                    trainer_->model().parameters().num_parameters(),
                    waves > 1 ? fmt::format(" in {} waves", waves) : "", trainer_options_.device.name(),
                    describe(trainer_options_.device)));
  }

  int64_t last_epoch() const { return record_.results.empty() ? 0 : record_.results.front().epoch; }

  void train_epoch(Progress& progress) {
    is_torn_ = true;
    record_.results = trainer_->run_epoch();
    is_torn_ = false;
    history_.push_back(record_.results);
    const int64_t epoch = last_epoch();
    epochs_end_ = progress.elapsed_seconds();
    if (first_epoch_end_ == 0) first_epoch_end_ = epochs_end_;
    progress.update(epoch == common_.epochs || SignalWatch::seen() != 0);
    if (epoch % options_.every == 0 || epoch == common_.epochs) save_checkpoint();
  }

  /// Says how far it came, and keeps what was asked for: weights and report of its last epoch, unless it was stopped
  /// in the middle of one.
  int stopped(double images_per_second) {
    std::vector<std::string> kept;
    if (!record_.results.empty()) {
      print_results(options_, record_.results, record_.tests);
      if (!options_.save.empty() && !is_torn_) {
        save_weights();
        kept.push_back(fmt::format("the weights of epoch {} are in {}", last_epoch(), printable(options_.save)));
      }
      Json report = result_json(options_, setting_, trainer_options_, images_per_second, record_.results, record_.tests,
                                history_);
      report["stopped_after"] = last_epoch();
      write_report(common_.json, report);
    }
    if (!options_.checkpoint.empty()) {
      kept.push_back(fmt::format("--resume {} goes on from its last checkpoint", printable(options_.checkpoint)));
    }
    if (kept.empty()) kept.emplace_back("nothing is kept (see --checkpoint)");
    fmt::print("stopped after {} of {} epochs; {}\n", last_epoch(), common_.epochs, fmt::join(kept, "; "));
    return 128 + SignalWatch::seen();  // as shells report a program that a signal ended
  }

  /// Training images of all networks since the epoch `first`, with a share of the one that is running.
  double images_since(int64_t first, double share) const {
    return (static_cast<double>(last_epoch() - first) + share) *
           static_cast<double>(options_.networks * trainer_->epoch_size());
  }

  /// Without the first epoch, in which a tick is captured and convolutions are timed, where there is a second one.
  double steady_images_per_second(int64_t first, double seconds) const {
    if (last_epoch() - first < 2) return images_since(first, 0) / seconds;
    return images_since(first + 1, 0) / (epochs_end_ - first_epoch_end_);
  }

  Line line(int64_t first, double share, double seconds) const {
    const std::vector<EpochResult>& results = record_.results;
    const bool tests = last_epoch() >= common_.epochs && share > 0;
    const double images = images_since(first, tests ? 0 : share);
    const int64_t epoch = last_epoch() + (share > 0 ? 1 : 0);
    Line line{{tests ? "test" : fmt::format("epoch {}/{}", epoch, common_.epochs)},
              {share > 0 ? fmt::format("{:2.0f} %", 100 * share) : "", 4, Colour::kFaint}};
    if (!results.empty()) {
      line.push_back({mean_text("loss", results, &EpochResult::train_loss), 3});
      line.push_back({mean_text("train", results, &EpochResult::train_accuracy), 3});
      line.push_back({mean_text("validation", results, &EpochResult::validation_accuracy), 1});
      const auto num_diverged = std::ranges::count(results, true, &EpochResult::diverged);
      line.push_back({num_diverged > 0 ? fmt::format("{} diverged", num_diverged) : "", 2, Colour::kYellow});
    }
    if (tests) return line;
    line.push_back({fmt::format("{:.0f} images/s", images / seconds), 5, Colour::kFaint});
    const double all =
        images - images_since(last_epoch(), share) +
        static_cast<double>((common_.epochs - last_epoch()) * options_.networks * trainer_->epoch_size());
    line.push_back({eta(seconds, images, all), 2});
    return line;
  }

  void save_checkpoint() {
    if (options_.checkpoint.empty()) return;
    saved_epoch_ = last_epoch();
    record_.rrelu = trainer_->in_force(Technique::kRrelu, 0);
    SafeTensors checkpoint = trainer_->checkpoint();
    checkpoint.metadata.merge(metadata_of(record_));
    add_history(checkpoint, history_);
    write_safetensors(options_.checkpoint, checkpoint);
  }

  void save_weights() {
    record_.rrelu = trainer_->in_force(Technique::kRrelu, 0);
    const auto network = options_.network < 0 ? std::nullopt : std::optional(options_.network);
    SafeTensors weights = export_weights(trainer_->model(), network);
    weights.metadata = metadata_of(record_, network);
    write_safetensors(options_.save, weights);
  }

  const TrainOptions& options_;
  const CommonOptions& common_;
  Setting setting_;
  int64_t num_classes_ = 0;
  int64_t saved_epoch_ = 0;     // of the last checkpoint
  double first_epoch_end_ = 0;  // seconds from the start
  double epochs_end_ = 0;
  bool is_torn_ = false;  // in the middle of an epoch
  TrainerOptions trainer_options_;
  TrainingRecord record_;
  std::vector<std::vector<EpochResult>> history_;
  std::unique_ptr<PopulationTrainer> trainer_;
};

/// What the training would take; nothing is written.
int foresee_training(const TrainOptions& options) {
  const CommonOptions& common = options.common;
  reserve_report(common.json);
  const ModelSpecification model = model_of(common);
  const TrainerOptions trainer = trainer_options(common, options.networks);
  const Setting setting = parse_settings(common.set, trainer.definitions);
  const TrainingData data = load_training_data(common, trainer.device, common.train_on_all);
  report_rounding(setting, common);
  const Foresight foresight = foresee(model, data, trainer, setting, common.seed, common.epochs);
  const double seconds = foresight.seconds_per_epoch * static_cast<double>(common.epochs);
  fmt::print("would train {} x {} on {}, {}, on {}: {}\n", options.networks, printable(common.model), common.dataset,
             counted(common.epochs, "epoch"), trainer.device.name(), describe(trainer.device));
  fmt::print("setting  {}\n", setting_text(setting));
  fmt::print("memory   {}\n", memory_text(foresight));
  fmt::print("time     {}: {}, {}\n", format_duration(seconds), counted(common.epochs, "epoch"), time_text(foresight));
  Json report = report_head("dry-run");
  report.update(running_json(trainer));
  report.update(foresight_json(foresight));
  report.update({{"setting", setting_json(setting)},
                 {"definitions", definitions_json(trainer.definitions)},
                 {"epochs", common.epochs},
                 {"seconds", seconds}});
  write_report(common.json, report);
  return 0;
}

int train(TrainOptions& options, CLI::App& command) {
  options.dataset_contents = take_study_options(command, options.source);
  const std::optional<SafeTensors> resumed = open_checkpoint(options, command);
  check_options(options);
  if (options.common.dry_run) return foresee_training(options);
  return Training(options, command, resumed).run();
}

void add_file_options(CLI::App& command, TrainOptions& options) {
  command.add_option("--save", options.save, "write the weights to this safetensors file, as PyTorch names them");
  command.add_option("--network", options.network, "save only this network, from 0 on (default: all, stacked)")
      ->transform(whole_number(0))
      ->needs("--save");
  command.add_option("--checkpoint", options.checkpoint,
                     "write all that the training needs to go on to this safetensors file");
  command.add_option("--every", options.every, "epochs from checkpoint to checkpoint")
      ->transform(whole_number(1, 1000000))
      ->capture_default_str();
  command.add_option("--resume", options.resume,
                     "go on from this checkpoint, and write it; its options need not be given again");
}

std::shared_ptr<TrainOptions> declare_options(CLI::App& command) {
  auto options = std::make_shared<TrainOptions>();
  command.add_option("--networks", options->networks, "networks trained at once")
      ->transform(whole_number(1, 1000000))
      ->capture_default_str();
  command
      .add_option("--schedule-epochs", options->schedule_epochs,
                  "epochs that the two schedules were made for, when that is not --epochs (0): they are transferred")
      ->transform(whole_number(0, 1000000))
      ->capture_default_str();
  command.add_flag("--train-on-all", options->common.train_on_all, "train on train + validation");
  command.add_option(
      "--profile-ticks", options->profile_ticks,
      "A:B: a profiler that waits for it looks at the ticks A to B, counted from 1 (see murmur profile)");
  add_file_options(command, *options);
  add_source_options(command, options->source);
  command.get_option("--from")->excludes("--resume");
  add_common_options(command, options->common, 5);
  command.get_option("--init")->description(
      "initial weights: scale (N(0, init_scale^2)), he, glorot, lecun, orthogonal, or a safetensors file, of all "
      "networks or of one");
  return options;
}

}  // namespace

std::shared_ptr<void> add_train_options(CLI::App& command) {
  return declare_options(command);
}

Run add_train(CLI::App& app) {
  CLI::App* command = app.add_subcommand("train", "train a population of networks, one seed each, with one setting");
  const auto options = declare_options(*command);
  command->add_flag("--dry-run", options->common.dry_run,
                    "say what it would train, and what memory and time that takes; write nothing");
  return [options, command] { return train(*options, *command); };
}

}  // namespace murmur::app
