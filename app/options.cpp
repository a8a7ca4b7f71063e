#include "app/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "app/cluster.hpp"
#include "app/progress.hpp"
#include "app/terminal.hpp"
#include "murmur/data/image.hpp"
#include "murmur/engine/counted.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/file.hpp"
#include "murmur/techniques/learning_rate.hpp"

namespace murmur::app {
namespace {

template <class T>
CLI::Validator within(T low, T high, const std::string& expected, const std::string& help) {
  const auto check = [=](std::string& text) -> std::string {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_number = error == std::errc() && end == text.data() + text.size();
    if (!is_number || !(value >= low && value <= high)) return fmt::format("expected {}, got '{}'", expected, text);
    text = fmt::format("{}", value);  // CLI11 takes leading zeros for octal
    return "";
  };
  return {check, help};
}

/// The enumerator of a word that has been checked; nothing for an empty one.
template <class Enum, size_t kCount>
void take_word(const std::string& word, const std::array<std::string_view, kCount>& words, Enum& value) {
  const auto found = std::ranges::find(words, word);
  if (found != words.end()) value = static_cast<Enum>(found - words.begin());
}

}  // namespace

CLI::Validator whole_number(int64_t low, int64_t high) {
  if (high == std::numeric_limits<int64_t>::max()) {
    return within(low, high, fmt::format("a whole number of at least {}", low), "");
  }
  return within(low, high, fmt::format("a whole number from {} to {}", low, high), fmt::format("[{}, {}]", low, high));
}

CLI::Validator number(double low, double high) {
  return within(low, high, fmt::format("a number from {} to {}", low, high), fmt::format("[{}, {}]", low, high));
}

CLI::Validator decimal() {
  const auto check = [](const std::string& text) -> std::string {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return "";
    return fmt::format("expected a number, got '{}'", text);
  };
  return {check, ""};
}

CLI::Validator any_seed() {
  constexpr uint64_t kHigh = std::numeric_limits<uint64_t>::max();
  return within(uint64_t{0}, kHigh, fmt::format("a whole number from 0 to {}", kHigh), "");
}

void check_seeds(uint64_t seed, uint64_t last) {
  const uint64_t most = std::numeric_limits<uint64_t>::max() - last;
  if (seed > most) {
    throw InvalidArgument("--seed: expected at most {}, so that SEED + {} is a seed too, got {}", most, last, seed);
  }
}

void add_reading_options(CLI::App& command, bool& skip_broken, bool& no_cache) {
  command.add_flag("--skip-broken", skip_broken,
                   "leave out images of an image folder that cannot be read, and name them");
  command.add_flag("--no-cache", no_cache, "read an image folder's images anew, and keep nothing for the next time");
}

void add_image_options(CLI::App& command, std::string& image_size, bool& skip_broken, bool& no_cache) {
  command.add_option("--image-size", image_size,
                     "H or HxW: size of an image folder's images (default: that of the first training image)");
  add_reading_options(command, skip_broken, no_cache);
}

void add_data_options(CLI::App& command, CommonOptions& options) {
  command.add_option("--config", options.config,
                     "TOML file with options (without --) and a [set] table; the command line wins");
  command.add_option("--dataset", options.dataset, "data set: " + fmt::format("{}", fmt::join(dataset_names(), ", ")))
      ->capture_default_str();
  command.add_option("--data", options.data, "folder with the data set's files (default: the usual places)");
  add_image_options(command, options.image_size, options.skip_broken, options.no_cache);
  command
      .add_option("--train-images", options.train_images,
                  "use only the first images of the training file (0: all); the split comes after")
      ->transform(whole_number(0))
      ->capture_default_str();
}

void add_definition_options(CLI::App& command, CommonOptions& options) {
  const auto one_of = [](const auto& words) {
    return CLI::IsMember(std::set<std::string>(words.begin(), words.end()));
  };
  command.add_option("--dropconnect-on", options.dropconnect_on, "what dropconnect masks: weights (default), inputs")
      ->check(one_of(kDropconnectOnNames));
  command.add_option("--contrast-per", options.contrast_per, "what shares a contrast factor: image (default), batch")
      ->check(one_of(kContrastPerNames));
  command
      .add_option("--shuffle-window", options.shuffle_window, "shuffle within so many samples (default 0: the epoch)")
      ->transform(whole_number(0));
  command.add_option("--loss-reduction", options.loss_reduction, "an update's gradient is of the mean (default), sum")
      ->check(one_of(kLossReductionNames));
  command
      .add_option("--schedule-transfer", options.schedule_transfer,
                  "what a schedule keeps in other epochs: its number of changes (default), their interval")
      ->check(one_of(kScheduleTransferNames));
  command.add_flag("--paper", options.paper,
                   "the study's own definitions: --dropconnect-on inputs --contrast-per batch --shuffle-window 1024 "
                   "--loss-reduction sum --schedule-transfer interval; these options win");
}

void add_precision_option(CLI::App& command, CommonOptions& options) {
  command.add_flag("--fp32", options.fp32, "matrix products in full float on a GPU too, whose default is TF32");
}

void add_running_options(CLI::App& command, CommonOptions& options) {
  add_precision_option(command, options);
  command.add_flag("--deterministic", options.deterministic,
                   "the same bits in every run on a GPU too: nothing is chosen by the clock, and normal numbers are "
                   "those of a CPU");
  command
      .add_option("--wave", options.wave,
                  "networks that train at once, in memory that the next ones use after them; 0: as many as fit")
      ->transform(whole_number(0))
      ->capture_default_str();
  command.add_flag("--no-graph", options.no_graph, "launch every kernel by itself (for profilers)");
}

nlohmann::json running_json(const TrainerOptions& options) {
  const bool is_gpu = options.device.is_cuda();
  return {{"device", options.device.name()},
          {"device_description", describe(options.device)},
          {"precision", is_gpu && options.allow_tf32 ? "tf32" : "fp32"},
          {"deterministic", options.deterministic || !is_gpu},
          {"ranks", options.maker == nullptr ? 1 : num_ranks()}};
}

void add_common_options(CLI::App& command, CommonOptions& options, int64_t default_epochs) {
  options.epochs = default_epochs;
  add_data_options(command, options);
  command
      .add_option("--model", options.model,
                  fmt::format("model: {}, or layers; see the lists below", fmt::join(model_names(), ", ")))
      ->capture_default_str();
  command.add_option("--epochs", options.epochs, "epochs of a training")
      ->transform(whole_number(1, 1000000))
      ->capture_default_str();
  command.add_option("--seed", options.seed, "network i gets the seed SEED + i")
      ->transform(any_seed())
      ->capture_default_str();
  command.add_option("--set", options.set, "technique=value, repeatable; see the list below")->allow_extra_args(false);
  command.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  command.add_option("--threads", options.threads, "CPU threads (0: one a core)")
      ->transform(whole_number(0, 4096))
      ->capture_default_str();
  command
      .add_option("--micro-batch", options.micro_batch, "rows that every network processes per tick, a multiple of 4")
      ->transform(whole_number(0))
      ->capture_default_str();
  command
      .add_option("--init", options.init, "initial weights: scale (N(0, init_scale^2)), he, glorot, lecun, orthogonal")
      ->capture_default_str();
  add_definition_options(command, options);
  add_running_options(command, options);
  command.add_flag("--quiet", options.quiet, "no progress");
  command.add_option("--json", options.json, "write the results to this file; - is standard output");
  for (CLI::Option* option : command.get_options()) {
    if (option->get_name() != "--set") option->take_last();
  }
  command.footer(technique_help() + model_help());
}

std::string technique_help() {
  std::string text = "techniques (--set key=value), by where they act:\n";
  for (size_t place = 0; place < kPlaces.size(); ++place) {
    text += fmt::format(" {}\n", kPlaces[place]);
    for (const TechniqueInfo& info : techniques()) {
      if (static_cast<size_t>(info.place) != place) continue;
      const std::string range = info.choices.empty() ? fmt::format("[{}, {}]", info.low, info.high)
                                                     : fmt::format("{}", fmt::join(info.choices, "|"));
      const bool has_off = info.id != Technique::kLearningRate;  // its help says what it is where it is not given
      text += fmt::format("  {:<27} {:<30} {}{}\n", info.key, range, info.help,
                          has_off ? fmt::format(" (off: {})", format_value(info, info.off)) : "");
    }
  }
  return text;
}

Setting parse_settings(const std::vector<std::string>& assignments, const Definitions& definitions) {
  Setting setting;
  bool has_rate = false;
  for (const std::string& assignment : assignments) {
    const size_t equals = assignment.find('=');
    if (equals == std::string::npos) throw InvalidArgument("--set: expected technique=value, got '{}'", assignment);
    const TechniqueInfo& info = technique(assignment.substr(0, equals));
    parse_into(setting, info, std::string_view(assignment).substr(equals + 1));
    has_rate = has_rate || info.id == Technique::kLearningRate;
  }
  const auto optimizer = static_cast<Optimizer>(setting[Technique::kOptimizer]);
  if (!has_rate) {
    setting.set(Technique::kLearningRate, default_learning_rate(optimizer, definitions.loss_reduction));
  }
  return setting;
}

void report_rounding(const Setting& setting, const CommonOptions& options) {
  const auto size = static_cast<int64_t>(setting[Technique::kBatchSize]);
  const auto rounded = static_cast<int64_t>(rounded_batch_size(static_cast<double>(size), options.micro_batch));
  if (options.quiet || rounded == size) return;
  // A micro-batch is a multiple of 4; the largest is the fastest.
  int64_t exact = std::min(options.micro_batch, size) / 4 * 4;
  while (exact > 0 && size % exact != 0) exact -= 4;
  say(fmt::format("batch_size {} becomes {}, a multiple of the micro-batch of {}{}", size, rounded, options.micro_batch,
                  exact > 0 ? fmt::format(" (--micro-batch {} makes it exact)", exact) : ""));
}

void report_chance(double accuracy, int64_t num_classes, bool quiet) {
  const double chance = 1 / static_cast<double>(num_classes);
  if (quiet || accuracy >= 2 * chance) return;
  say(
      fmt::format("with accuracy {:.4f} the network has hardly learned ({} classes: {:.4f} by chance); nothing that is "
                  "compared with it means much. Try another learning_rate, more --epochs, or a smaller --micro-batch",
                  accuracy, num_classes, chance));
}

ProfileTicks parse_ticks(const std::string& option, const std::string& text) {
  if (text.empty()) return {};
  ProfileTicks ticks;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, ticks.first);
  const bool has_two = first.ec == std::errc() && first.ptr != end && *first.ptr == ':';
  const auto last = has_two ? std::from_chars(first.ptr + 1, end, ticks.last) : first;
  if (!has_two || last.ec != std::errc() || last.ptr != end || ticks.first < 1 || ticks.last < ticks.first) {
    throw InvalidArgument("{}: expected A:B, ticks counted from 1 with A not above B, got '{}'", option, text);
  }
  return ticks;
}

ModelSpecification model_of(const CommonOptions& options) {
  return parse_model(options.model);
}

TrainerOptions trainer_options(const CommonOptions& options, int64_t num_networks) {
  TrainerOptions result;
  result.device = parse_device(options.device);
  result.num_networks = num_networks;
  result.micro_batch = options.micro_batch;
  // Anything else is a file of weights, which replace those that are drawn.
  if (is_initialization(options.init)) result.initialization = parse_initialization(options.init);
  result.definitions = definitions_of(options);
  result.use_graph = !options.no_graph;
  result.allow_tf32 = !options.fp32;
  result.deterministic = options.deterministic;
  result.wave = options.wave;
  result.num_threads = options.threads;
  result.on_ticks = Progress::on_ticks;
  result.maker = ranks();
  return result;
}

Definitions definitions_of(const CommonOptions& options) {
  Definitions result = options.paper ? Definitions::paper() : Definitions{};
  take_word(options.dropconnect_on, kDropconnectOnNames, result.dropconnect_on);
  take_word(options.contrast_per, kContrastPerNames, result.contrast_per);
  take_word(options.loss_reduction, kLossReductionNames, result.loss_reduction);
  take_word(options.schedule_transfer, kScheduleTransferNames, result.schedule_transfer);
  if (options.shuffle_window >= 0) result.shuffle_window = options.shuffle_window;
  return result;
}

SearchDefinition definition_of(const CommonOptions& options) {
  SearchDefinition search;
  search.dataset = options.dataset;
  search.train_images = options.train_images;
  search.model = options.model;
  search.num_epochs = options.epochs;
  search.micro_batch = options.micro_batch;
  search.initialization = parse_initialization(options.init);
  search.definitions = definitions_of(options);
  search.seed = options.seed;
  search.base = parse_settings(options.set, search.definitions);
  return search;
}

Dataset load_data(const CommonOptions& options) {
  Dataset dataset = load_dataset(options.dataset, options.data,
                                 {parse_image_size(options.image_size), options.skip_broken, !options.no_cache});
  const int64_t most = dataset.train.num_samples - dataset.num_validation;
  if (options.train_images > most) {
    throw InvalidArgument("--train-images: expected at most {}, the number of training images, got {}", most,
                          options.train_images);
  }
  if (options.train_images > 0) keep_first(dataset, options.train_images);
  return dataset;
}

void report_others(const Dataset& dataset, bool quiet) {
  const std::string folder = printable(dataset.directory.string());
  if (!quiet && dataset.num_others > 0) {
    fmt::print(stderr, "{}: {} passed over, with extensions of no image format\n", folder,
               counted(dataset.num_others, "file"));
  }
  if (!quiet && !dataset.skipped.empty()) {
    fmt::print(stderr, "{}: {} left out: {}\n", folder, counted(dataset.skipped.size(), "image"),
               printable(list_of(dataset.skipped)));
  }
}

TrainingData load_training_data(const CommonOptions& options, Device device, bool train_on_all) {
  return training_data(load_data(options), device, train_on_all);
}

void require_writable(const std::string& option, const std::string& path) {
  if (path.empty() || is_writable(path)) return;
  throw InvalidArgument("{}: expected a file in a folder that can be written to, got '{}'", option, path);
}

void write_file(const std::string& path, const std::string& text) {
  if (path == "/dev/stdout") return fmt::print("{}", text);  // in its order, also where that is a file
  murmur::write_file(path, text);
}

}  // namespace murmur::app
