#include "murmur/preview/tick.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace murmur {
namespace {

/// Of the first rows of the micro-batch.
std::vector<float> without_padding(const Activations& activations, int64_t num_rows) {
  const Tensor& x = activations.x.value();  // sample-major [1, m, padded D] or feature-major [1, padded F, m]
  const std::vector<float> values = x.to_vector<float>();
  const bool is_sample_major = activations.layout == Layout::kSampleMajor;
  const int64_t per_row = is_sample_major ? x.size(2) : 1, per_feature = is_sample_major ? 1 : x.size(2);
  std::vector<float> result;
  result.reserve(static_cast<size_t>(num_rows * activations.num_features));
  for (int64_t row = 0; row < num_rows; ++row) {
    for (int64_t feature = 0; feature < activations.num_features; ++feature) {
      result.push_back(values[static_cast<size_t>(row * per_row + feature * per_feature)]);
    }
  }
  return result;
}

/// With it an update is w - g, of every tick.
Setting with_plain_steps(Setting setting) {
  setting.set(Technique::kOptimizer, static_cast<double>(Optimizer::kSgd));
  setting.set(Technique::kLearningRate, 1);
  setting.set(Technique::kBatchSize, 1);
  return setting;
}

void copy_to(const Tensor& tensor, const std::vector<float>& values) {
  tensor.copy_from_host(values.data(), static_cast<int64_t>(values.size() * sizeof(float)));
}

}  // namespace

TickObserver::TickObserver(const ModelSpecification& model, const TrainingData& data, const TrainerOptions& options,
                           uint64_t seed)
    : subject_(data, options),
      model_(model, data.size, data.num_classes, options.device, DType::kF32, 1),
      initialization_(options.initialization),
      seed_(seed),
      everyone_(Tensor::from<uint8_t>(std::vector<uint8_t>{1}, {1}, options.device)),
      target_(Tensor::zeros({1, options.micro_batch}, DType::kI32, options.device)) {
  // Where no technique wants them, the copy is the weights, and nothing is clipped.
  model_.parameters().enable_copy();
  model_.parameters().enable_clipping();
}

NetworkState TickObserver::start() const {
  NetworkState state;
  state.seed = seed_;
  state.status = NetworkStatus::kRunning;
  return state;
}

Tick TickObserver::observe(const Setting& setting) {
  subject_.set(with_plain_steps(setting));
  subject_.set(start());
  const Step step = subject_.step();
  model_.parameters().initialize(step, initialization_, everyone_);
  model_.parameters().refresh_copy(step, everyone_);
  Tick tick;
  forward(step, tick);
  update(step, tick);
  return tick;
}

void TickObserver::forward(const Step& step, Tick& tick) {
  const int64_t num_rows = start().num_rows(subject_.micro_batch(), subject_.epoch_size());
  const auto keep = [&](const std::string& name, const Activations& x) {
    subject_.synchronize();
    tick.activations.push_back({name, without_padding(x, num_rows)});
  };
  const Batch batch = input_batch(step, subject_.source(), model_.masks_input(step));
  keep("the input", batch.input);
  Activations logits;  // the last layer's, whose bias the loss adds
  std::vector<float> values;
  const Variable loss =
      model_.loss(step, model_.parameters(), batch, [&](std::string_view words, const Activations& x) {
        keep(fmt::format("output of {}", words), x);
        if (!x.bias.defined()) return;
        logits = x;
        values = x.x.value().to_vector<float>();
      });
  tick.losses = losses(step, logits, values, batch.targets);
  backward(loss);
  subject_.synchronize();
}

std::vector<float> TickObserver::losses(const Step& step, const Activations& logits, const std::vector<float>& values,
                                        const Targets& targets) {
  Step evaluation = step;
  evaluation.training = false;  // no gradients; the techniques stay in force
  Targets one = targets;
  one.labels = target_;
  const std::vector<int32_t> labels = targets.labels.to_vector<int32_t>();
  std::vector<float> result;
  for (size_t row = 0; row < labels.size(); ++row) {
    if (labels[row] < 0) continue;
    std::vector<int32_t> only(labels.size(), -1);
    only[row] = labels[row];
    target_.copy_from_host(only.data(), static_cast<int64_t>(only.size() * sizeof(int32_t)));
    subject_.set(start());
    copy_to(logits.x.value(), values);  // noise on them is put in their place
    cross_entropy(evaluation, logits, logits.bias, one);
    result.push_back(static_cast<float>(subject_.state().loss_sum));
  }
  return result;
}

void TickObserver::update(const Step& step, Tick& tick) {
  const Parameters& parameters = model_.parameters();
  const std::vector<float> weights = parameters.weight().to_vector<float>();
  // A loss that is not finite ends a training. Here it is to be seen what it would have done.
  subject_.set(start());
  // 0 - g has all digits of g; and the update has cleared the gradient when the second one comes.
  copy_to(parameters.weight(), std::vector<float>(weights.size()));
  parameters.update(step);
  subject_.synchronize();
  tick.gradients = named(parameters.weight(), "gradient of ", -1);
  copy_to(parameters.weight(), weights);
  parameters.update(step);
  subject_.synchronize();
  tick.weights = named(parameters.copy(), "", 1);
}

std::vector<NamedValues> TickObserver::named(const Tensor& arena, const std::string& prefix, float sign) const {
  const std::vector<float> values = arena.to_vector<float>();
  const auto* begin = model_.parameters().weight().data<float>();
  std::vector<NamedValues> result;
  for (const NamedTensor& parameter : model_.named_tensors()) {
    if (parameter.is_statistics) continue;
    const int64_t offset = parameter.values.data<float>() - begin;
    NamedValues& named = result.emplace_back(NamedValues{prefix + parameter.name, {}});
    named.values.reserve(parameter.places.size());
    for (const int64_t place : parameter.places) {
      named.values.push_back(sign * values[static_cast<size_t>(offset + place)]);
    }
  }
  return result;
}

}  // namespace murmur
