#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "app/commands.hpp"
#include "app/options.hpp"
#include "app/saved_options.hpp"
#include "murmur/engine/safetensors.hpp"
#include "murmur/layers/predictor.hpp"
#include "murmur/layers/weights.hpp"

namespace murmur::app {
namespace {

struct PredictOptions {
  CommonOptions common;
  std::string weights;
  std::string split = "test";
  std::string output = "-";
  int64_t network = -1;  // -1: all, the mean of their probabilities
};

/// The samples that are predicted.
struct Part {
  Tensor images, labels;
  SampleRange range;
};

Part part_of(const TrainingData& data, const std::string& split) {
  if (split == "test") return {data.test_images, data.test_labels, {0, data.test_images.size(0)}};
  const SampleRange range = split == "training" ? data.training : data.validation;
  if (range.count == 0) {
    throw InvalidArgument("--split: expected test or training, as nothing was kept for validation, got {}", split);
  }
  return {data.train_images, data.train_labels, range};
}

/// The weights of one network out of stacked ones.
SafeTensors select(const SafeTensors& weights, const ModelSpecification& model, const TrainingData& data,
                   int64_t num_networks, int64_t network) {
  if (network >= num_networks) {
    throw InvalidArgument("--network: expected one of {} networks, from 0 on, got {}", num_networks, network);
  }
  const Model all(model, data.size, data.num_classes, kCpu, DType::kF32, num_networks);
  import_weights(all, weights);
  SafeTensors result = export_weights(all, network);
  result.metadata = weights.metadata;
  return result;
}

Predictions predict(const PredictOptions& options, const SafeTensors& weights, const TrainingData& data,
                    const Part& part) {
  const ModelSpecification model = model_of(options.common);
  const Model one(model, data.size, data.num_classes, kCpu, DType::kF32, 1);
  const int64_t num_networks = num_stacked(one, weights).value_or(1);
  const bool selects = options.network >= 0;
  Predictor predictor(model, data.size, data.num_classes, trainer_options(options.common, selects ? 1 : num_networks));
  predictor.load_weights(
      selects && num_stacked(one, weights) ? select(weights, model, data, num_networks, options.network) : weights);
  return predictor.predict(part.images, part.range.first, part.range.count);
}

/// index,label,predicted,p0,p1,...: a line a sample, with its place in the file of images.
std::string to_csv(const Predictions& predictions, const std::vector<uint8_t>& labels, int64_t first) {
  std::string text = "index,label,predicted";
  const auto out = std::back_inserter(text);
  for (int64_t k = 0; k < predictions.num_classes; ++k) fmt::format_to(out, ",p{}", k);
  text += '\n';
  for (size_t n = 0; n < predictions.labels.size(); ++n) {
    const size_t index = static_cast<size_t>(first) + n;
    fmt::format_to(out, "{},{},{}", index, labels[index], predictions.labels[n]);
    for (int64_t k = 0; k < predictions.num_classes; ++k) {
      const size_t place = n * static_cast<size_t>(predictions.num_classes) + static_cast<size_t>(k);
      fmt::format_to(out, ",{:.9g}", predictions.probabilities[place]);
    }
    text += '\n';
  }
  return text;
}

void run_predict(PredictOptions& options, CLI::App& command) {
  const SafeTensors weights = read_safetensors(options.weights);
  if (const auto saved = weights.metadata.find("options"); saved != weights.metadata.end()) {
    take_saved_options(command, saved->second, options.weights);
  }
  if (options.output != "-") require_writable("--output", options.output);
  Dataset dataset = load_data(options.common);
  report_others(dataset, false);
  const Device device = parse_device(options.common.device);
  const TrainingData data = training_data(std::move(dataset), device, options.common.train_on_all);
  const Part part = part_of(data, options.split);
  const Predictions predictions = predict(options, weights, data, part);
  const std::vector<uint8_t> labels = part.labels.to_vector<uint8_t>();
  int64_t hits = 0;
  for (size_t n = 0; n < predictions.labels.size(); ++n) {
    hits += predictions.labels[n] == labels[static_cast<size_t>(part.range.first) + n] ? 1 : 0;
  }
  write_file(options.output == "-" ? "/dev/stdout" : options.output, to_csv(predictions, labels, part.range.first));
  // Not among the lines of the table, where that goes to standard output.
  const std::string of_several =
      predictions.num_networks > 1
          ? fmt::format(", by the mean probabilities of {} networks; --network N takes one", predictions.num_networks)
          : "";
  fmt::print(options.output == "-" ? stderr : stdout, "accuracy on {}: {:.4f} ({} of {}){}\n", options.split,
             static_cast<double>(hits) / static_cast<double>(part.range.count), hits, part.range.count, of_several);
}

}  // namespace

Run add_predict(CLI::App& app) {
  CLI::App* command = app.add_subcommand("predict", "what trained networks say of each image, as a table");
  auto options = std::make_shared<PredictOptions>();
  CommonOptions& common = options->common;
  command->add_option("--weights", options->weights, "safetensors file of train --save or --checkpoint, or of PyTorch")
      ->required();
  command->add_option("--split", options->split, "test, validation or training images")
      ->check(CLI::IsMember({"test", "validation", "training"}))
      ->capture_default_str();
  command
      ->add_option("--output", options->output,
                   "CSV file: index,label,predicted,p0,p1,... (-: standard output, the accuracy on standard error)")
      ->capture_default_str();
  command
      ->add_option("--network", options->network,
                   "use this one of stacked networks, from 0 on (default: the mean of all probabilities)")
      ->transform(whole_number(0));
  add_data_options(*command, common);
  command->add_option("--model", common.model, "model, as of train")->capture_default_str();
  command->add_option("--micro-batch", common.micro_batch, "rows at a time, a multiple of 4")
      ->transform(whole_number(0))
      ->capture_default_str();
  command->add_flag("--train-on-all", common.train_on_all, "nothing was kept for validation");
  add_precision_option(*command, common);
  command->add_option("--device", common.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  command->add_option("--threads", common.threads, "CPU threads (0: one a core)")
      ->transform(whole_number(0, 4096))
      ->capture_default_str();
  for (CLI::Option* option : command->get_options()) option->take_last();
  command->footer("What is not said comes from the file of weights, where it has been written by murmur.\n");
  return [options, command] {
    run_predict(*options, *command);
    return 0;
  };
}

}  // namespace murmur::app
