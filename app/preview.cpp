#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/commands.hpp"
#include "app/json_report.hpp"
#include "app/options.hpp"
#include "app/preview_report.hpp"
#include "murmur/engine/counted.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/preview/sheet.hpp"

namespace murmur::app {
namespace {

struct PreviewOptions {
  CommonOptions common;
  std::string output;
  int64_t num_samples = 4;
  int64_t num_draws = 3;
};

/// Samples are shown where something is to be seen on them, or where there is nothing else.
SheetContents contents_of(const PreviewOptions& options, const TrainingData& data) {
  const CommonOptions& common = options.common;
  const Setting setting = parse_settings(common.set, definitions_of(common));
  const TrainerOptions trainer = trainer_options(common, 1);
  SheetContents contents;
  contents.title = fmt::format("{}, {}, seed {}", common.dataset, common.model, common.seed);
  contents.size = data.size;
  contents.num_samples = options.num_samples;
  const int64_t num_epochs = common.epochs > 0 ? common.epochs : options.num_draws;
  contents.columns = columns_of(setting, options.num_draws, num_epochs);
  const bool has_panels = std::ranges::any_of(
      techniques(), [&](const TechniqueInfo& info) { return has_panel(info) && setting[info.id] != info.off; });
  if (contents.columns.size() == 1 && has_panels) contents.columns.clear();
  check_sheet(contents);  // before the work
  Viewer viewer(data, trainer, common.seed, num_epochs);
  look(viewer, contents.columns, options.num_samples);
  TickObserver observer(model_of(common), data, trainer, common.seed);
  contents.panels = panels(observer, setting);
  return contents;
}

/// "4 samples in 5 columns, 2 panels"
std::string summary(const SheetContents& contents) {
  std::string text;
  if (!contents.columns.empty()) {
    text = fmt::format("{} in {}", counted(contents.num_samples, "sample"), counted(contents.columns.size(), "column"));
  }
  if (!contents.panels.empty()) text += (text.empty() ? "" : ", ") + counted(contents.panels.size(), "panel");
  return text;
}

void run_preview(const PreviewOptions& options) {
  const CommonOptions& common = options.common;
  if (common.json == options.output) {
    throw InvalidArgument("--json: expected another file than --output, got '{}'", options.output);
  }
  const std::string extension = std::filesystem::path(options.output).extension().string();
  if (options.output == "-" || (!extension.empty() && extension != ".png" && extension != ".PNG")) {
    throw InvalidArgument("--output: expected a PNG file, got '{}'", options.output);
  }
  reserve_report(common.json);
  require_writable("--output", options.output);
  parse_settings(common.set, definitions_of(common));  // what is wrong with it is said before data are read
  model_of(common);
  parse_initialization(common.init);
  Dataset dataset = load_data(common);
  report_others(dataset, false);
  const TrainingData data = training_data(std::move(dataset), parse_device(common.device), common.train_on_all);
  const SheetContents contents = contents_of(options, data);
  const Sheet sheet = draw_sheet(contents);
  write_file(options.output, sheet.canvas.png());
  for (const Panel& panel : contents.panels) {
    if (panel.changes) continue;
    fmt::print(stderr, "{}: changes nothing in the first tick of {}\n", technique(panel.id).key, common.model);
  }
  fmt::print("{}: {} x {} pixels, {}\n", options.output, sheet.canvas.width(), sheet.canvas.height(),
             summary(contents));
  nlohmann::json report = report_head("preview");
  report.update(running_json(trainer_options(common, 1)));
  report.update({{"output", options.output},
                 {"dataset", common.dataset},
                 {"model", common.model},
                 {"seed", common.seed},
                 {"micro_batch", common.micro_batch}});
  report.update(sheet_json(contents, sheet));
  write_report(common.json, report);
}

}  // namespace

Run add_preview(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("preview", "a picture of what techniques do to samples, and to the tensors of a first tick");
  auto options = std::make_shared<PreviewOptions>();
  CommonOptions& common = options->common;
  common.device = "cpu";
  add_data_options(*command, common);
  command->add_option("--model", common.model, "model, as of train")->capture_default_str();
  command->add_option("--set", common.set, "technique=value, repeatable; see the list below")->allow_extra_args(false);
  command->add_option("--samples", options->num_samples, "so many images of the training set, a row each")
      ->transform(whole_number(1, 100))
      ->capture_default_str();
  command->add_option("--draws", options->num_draws, "so many columns of what a network sees, spread over the epochs")
      ->transform(whole_number(1, 100))
      ->capture_default_str();
  command->add_option("--epochs", common.epochs, "epochs of the training, which schedules refer to (default: --draws)")
      ->transform(whole_number(1, 1000000));
  command->add_option("--seed", common.seed, "seed of the network that is shown")
      ->transform(any_seed())
      ->capture_default_str();
  command->add_option("--output", options->output, "the picture, a PNG file")->required();
  command->add_option("--json", common.json, "write its numbers to this file; - is standard output");
  command->add_option("--micro-batch", common.micro_batch, "rows of the tick whose tensors are shown, a multiple of 4")
      ->transform(whole_number(0))
      ->capture_default_str();
  command
      ->add_option("--init", common.init, "initial weights: scale (N(0, init_scale^2)), he, glorot, lecun, orthogonal")
      ->capture_default_str();
  add_definition_options(*command, common);
  command->add_flag("--train-on-all", common.train_on_all, "nothing is kept for validation");
  add_precision_option(*command, common);
  command->add_option("--device", common.device, "cpu, cuda, cuda:N or auto")->capture_default_str();
  for (CLI::Option* option : command->get_options()) {
    if (option->get_name() != "--set") option->take_last();
  }
  command->footer(technique_help() + model_help());
  return [options] {
    run_preview(*options);
    return 0;
  };
}

}  // namespace murmur::app
