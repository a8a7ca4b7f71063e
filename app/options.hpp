#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "murmur/data/dataset.hpp"
#include "murmur/layers/population_trainer.hpp"
#include "murmur/layers/schedule.hpp"
#include "murmur/layers/specification.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/techniques/techniques.hpp"

namespace murmur::app {

/// What `train` and `search` share: the data, the model, the device and the definitions.
struct CommonOptions {
  std::string config;
  std::string dataset = "fashion-mnist";
  std::string data;
  std::string image_size;
  std::string model = "fc";
  std::string device = "auto";
  std::string init = "scale";
  std::string dropconnect_on, contrast_per, loss_reduction,
      schedule_transfer;        // empty: the default, or what --paper says
  int64_t shuffle_window = -1;  // -1: likewise
  std::string json;
  std::vector<std::string> set;
  int64_t epochs = 0;
  int64_t train_images = 0;  // 0: all
  int64_t micro_batch = 128;
  uint64_t seed = 1;
  int threads = 0;
  bool paper = false;
  bool train_on_all = false;
  bool no_graph = false;
  bool fp32 = false;
  bool deterministic = false;
  int64_t wave = 0;
  bool quiet = false;
  bool dry_run = false;  // of train and search
  bool skip_broken = false;
  bool no_cache = false;
};

/// Checks of an option's text before it is converted: a number within these bounds, so never NaN. What CLI11 checks is
/// the converted number, and it converts -1 to an unsigned one without a word.
CLI::Validator whole_number(int64_t low, int64_t high = std::numeric_limits<int64_t>::max());
CLI::Validator number(double low, double high);
/// A number whose bounds something else checks; CLI11 would take hexadecimal ones, too.
CLI::Validator decimal();
CLI::Validator any_seed();

/// Throws unless SEED + `last` is a seed too.
void check_seeds(uint64_t seed, uint64_t last);

/// --image-size, --skip-broken and --no-cache: how an image folder is read.
void add_image_options(CLI::App& command, std::string& image_size, bool& skip_broken, bool& no_cache);
/// --skip-broken and --no-cache alone.
void add_reading_options(CLI::App& command, bool& skip_broken, bool& no_cache);
/// --config and what says which images there are.
void add_data_options(CLI::App& command, CommonOptions& options);
/// What the techniques mean: --dropconnect-on and the like, and --paper, which has the study's set of them.
void add_definition_options(CLI::App& command, CommonOptions& options);
void add_common_options(CLI::App& command, CommonOptions& options, int64_t default_epochs);
/// --fp32, of commands that train or predict.
void add_precision_option(CLI::App& command, CommonOptions& options);
/// The same, and what else says how a training runs and not what it trains: --deterministic, --wave, --no-graph.
void add_running_options(CLI::App& command, CommonOptions& options);

/// How a training runs, for a report: "device", "device_description", "precision" of matrix products ("tf32" or "fp32";
/// a CPU has fp32 alone) and "deterministic", true where another run gives the same bits (with --deterministic, and on
/// a CPU always).
nlohmann::json running_json(const TrainerOptions& options);

/// `--help`'s list of techniques, made from the technique table.
std::string technique_help();

/// The setting that `--set` describes, over everything off; a learning rate that it does not name is the default one of
/// its optimizer with these definitions. Throws: InvalidArgument.
Setting parse_settings(const std::vector<std::string>& assignments, const Definitions& definitions);

/// One line on standard error where the batch size is rounded, with the micro-batch that leaves it as it is.
void report_rounding(const Setting& setting, const CommonOptions& options);

/// One line on standard error where `accuracy` is hardly better than guessing: such a baseline says nothing.
void report_chance(double accuracy, int64_t num_classes, bool quiet);

/// "3:4", ticks counted from 1; empty: none. Throws: InvalidArgument, naming the option.
ProfileTicks parse_ticks(const std::string& option, const std::string& text);

ModelSpecification model_of(const CommonOptions& options);
TrainerOptions trainer_options(const CommonOptions& options, int64_t num_networks);

/// The standard definitions, or with --paper the study's, and over them the options of their own.
Definitions definitions_of(const CommonOptions& options);

/// What the options say of a search: how its trials are trained, and over which setting.
SearchDefinition definition_of(const CommonOptions& options);

/// Loads the data set that the options name.
Dataset load_data(const CommonOptions& options);

/// A line on standard error where files of an image folder were passed over, and one where images were left out.
void report_others(const Dataset& dataset, bool quiet);

/// Loads the data set and puts it on the device.
TrainingData load_training_data(const CommonOptions& options, Device device, bool train_on_all);

/// Throws unless the option's file, which is written when the work is done, can be: its folder exists and may be
/// written to. An empty path is no file.
void require_writable(const std::string& option, const std::string& path);

/// murmur::write_file, which also keeps the order of what is printed where the path is that of standard output.
void write_file(const std::string& path, const std::string& text);

}  // namespace murmur::app
