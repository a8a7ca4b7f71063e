#include "app/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "murmur/data/image.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/search_definition.hpp"

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

void add_common_options(CLI::App& command, CommonOptions& options, int64_t default_epochs) {
  options.epochs = default_epochs;
  command.add_option("--config", options.config,
                     "TOML file with options (without --) and a [set] table; the command line wins");
  command.add_option("--dataset", options.dataset, "data set: " + fmt::format("{}", fmt::join(dataset_names(), ", ")))
      ->capture_default_str();
  command.add_option("--data", options.data, "folder with the data set's files (default: the usual places)");
  command.add_option("--image-size", options.image_size,
                     "H or HxW: size of an image folder's images (default: that of the first training image)");
  command
      .add_option("--train-images", options.train_images,
                  "use only the first images of the training file (0: all); the split comes after")
      ->check(whole_number(0))
      ->capture_default_str();
  command
      .add_option("--model", options.model,
                  fmt::format("model: {}, or layers; see the lists below", fmt::join(model_names(), ", ")))
      ->capture_default_str();
  command.add_option("--epochs", options.epochs, "epochs of a training")
      ->check(whole_number(1, 1000000))
      ->capture_default_str();
  command.add_option("--seed", options.seed, "network i gets the seed SEED + i")
      ->check(any_seed())
      ->capture_default_str();
  command.add_option("--set", options.set, "technique=value, repeatable; see the list below")->allow_extra_args(false);
  command.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  command.add_option("--threads", options.threads, "CPU threads (0: one a core)")
      ->check(whole_number(0, 4096))
      ->capture_default_str();
  command
      .add_option("--micro-batch", options.micro_batch, "rows that every network processes per tick, a multiple of 4")
      ->check(whole_number(0))
      ->capture_default_str();
  command.add_option("--init", options.init, "initial weights: scale (N(0, init_scale^2)), he, glorot")
      ->check(CLI::IsMember({"scale", "he", "glorot"}))
      ->capture_default_str();
  command.add_option("--loss-reduction", options.loss_reduction, "mean (default) or sum (default with --paper)")
      ->check(CLI::IsMember({"mean", "sum"}));
  command.add_flag("--paper", options.paper, "the study's own definitions");
  command.add_flag("--tf32", options.tf32, "allow TF32 in matrix products (GPU)");
  command.add_flag("--no-graph", options.no_graph, "launch every kernel by itself (for profilers)");
  command.add_flag("--quiet", options.quiet, "no progress");
  command.add_option("--json", options.json, "write the results to this file");
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
      text += fmt::format("  {:<27} {:<30} {} (off: {})\n", info.key, range, info.help, format_value(info, info.off));
    }
  }
  return text;
}

Setting parse_settings(const std::vector<std::string>& assignments) {
  Setting setting;
  for (const std::string& assignment : assignments) {
    const size_t equals = assignment.find('=');
    if (equals == std::string::npos) throw InvalidArgument("--set: expected technique=value, got '{}'", assignment);
    const TechniqueInfo& info = technique(assignment.substr(0, equals));
    setting.set(info.id, parse_value(info, assignment.substr(equals + 1)));
  }
  return setting;
}

ModelSpecification model_of(const CommonOptions& options) {
  return parse_model(options.model);
}

TrainerOptions trainer_options(const CommonOptions& options, int64_t num_networks) {
  TrainerOptions result;
  result.device = parse_device(options.device);
  result.num_networks = num_networks;
  result.micro_batch = options.micro_batch;
  result.initialization = parse_initialization(options.init);
  result.paper = options.paper;
  result.shuffle_window = options.paper ? 1024 : 0;
  result.sum_loss = loss_reduction(options) == "sum";
  result.use_graph = !options.no_graph;
  result.allow_tf32 = options.tf32;
  result.num_threads = options.threads;
  return result;
}

std::string loss_reduction(const CommonOptions& options) {
  if (!options.loss_reduction.empty()) return options.loss_reduction;
  return options.paper ? "sum" : "mean";
}

namespace {

void keep_first(Samples& samples, int64_t count) {
  if (count > samples.num_samples) {
    throw InvalidArgument("--train-images: expected at most {}, the number of training images, got {}",
                          samples.num_samples, count);
  }
  samples.num_samples = count;
  samples.images.resize(static_cast<size_t>(count * samples.height * samples.width * samples.channels));
  samples.labels.resize(static_cast<size_t>(count));
}

}  // namespace

Dataset load_data(const CommonOptions& options) {
  Dataset dataset = load_dataset(options.dataset, options.data, parse_image_size(options.image_size));
  if (options.train_images > 0) keep_first(dataset.train, options.train_images);
  return dataset;
}

void report_others(const Dataset& dataset, bool quiet) {
  if (quiet || dataset.num_others == 0) return;
  fmt::print(stderr, "{}: {} file{} passed over, with extensions of no image format\n", dataset.directory.string(),
             dataset.num_others, dataset.num_others == 1 ? "" : "s");
}

TrainingData training_data(Dataset dataset, Device device, bool train_on_all) {
  const auto images = [device](const Samples& samples) {
    return Tensor::from<uint8_t>(samples.images,
                                 {samples.num_samples, samples.height * samples.width * samples.channels}, device);
  };
  const auto labels = [device](const Samples& samples) {
    return Tensor::from<uint8_t>(samples.labels, {samples.num_samples}, device);
  };
  const Split training = training_split(dataset.train.num_samples, train_on_all);
  const Split validation = validation_split(dataset.train.num_samples, train_on_all);
  TrainingData data;
  data.train_images = images(dataset.train);
  data.train_labels = labels(dataset.train);
  data.test_images = images(dataset.test);
  data.test_labels = labels(dataset.test);
  data.training = {training.first, training.count};
  data.validation = {validation.first, validation.count};
  data.size = {dataset.train.height, dataset.train.width, dataset.train.channels};
  data.num_classes = dataset.num_classes;
  return data;
}

TrainingData load_training_data(const CommonOptions& options, Device device, bool train_on_all) {
  return training_data(load_data(options), device, train_on_all);
}

namespace {

/// What a path leads to: the end of its links, which need not be there yet.
std::filesystem::path follow_links(std::filesystem::path path) {
  constexpr int kMaxLinks = 40;  // as Linux has it
  std::error_code error;
  for (int i = 0; i < kMaxLinks && std::filesystem::is_symlink(path, error); ++i) {
    path = path.parent_path() / std::filesystem::read_symlink(path, error);
  }
  return path;
}

/// A pipe or a device is written into: putting a file in its place would take it away.
bool is_special(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  return std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
}

bool write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  return static_cast<bool>(file);
}

/// Under another name first, so that the file is whole or not there.
bool replace_file(const std::filesystem::path& path, const std::string& text) {
  const std::filesystem::path temporary = fmt::format("{}.{}.tmp", path.string(), getpid());
  if (write_text(temporary, text) && std::rename(temporary.c_str(), path.c_str()) == 0) return true;
  const int reason = errno;
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  errno = reason;
  return false;
}

}  // namespace

void require_writable(const std::string& path) {
  if (path.empty()) return;
  const std::filesystem::path folder = follow_links(path).parent_path();
  const std::string place = is_special(path) ? path : folder.empty() ? "." : folder.string();
  if (std::filesystem::is_directory(path) || access(place.c_str(), W_OK) != 0) {
    throw InvalidArgument("--json: expected a file in a folder that can be written to, got '{}'", path);
  }
}

void write_file(const std::string& path, const std::string& text) {
  if (path == "/dev/stdout") return fmt::print("{}", text);  // in its order, also where that is a file
  errno = 0;
  const bool is_written = is_special(path) ? write_text(path, text) : replace_file(follow_links(path), text);
  if (!is_written) throw Error("{}: expected to write {} bytes, got: {}", path, text.size(), std::strerror(errno));
}

}  // namespace murmur::app
