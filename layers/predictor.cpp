#include "murmur/layers/predictor.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "murmur/engine/profiling.hpp"
#include "murmur/kernels/advance.hpp"
#include "murmur/layers/weights.hpp"

namespace murmur {
namespace {

/// Of one sample and network; NaN where an output is, or is +infinity.
std::vector<double> softmax(std::span<const double> logits) {
  const double largest = *std::ranges::max_element(logits);
  std::vector<double> result;
  double total = 0;
  for (const double z : logits) total += result.emplace_back(std::exp(z - largest));
  for (double& value : result) value /= total;
  return result;
}

/// The first of the largest.
int64_t argmax(std::span<const double> values) {
  return std::ranges::max_element(values) - values.begin();
}

std::vector<double> to_doubles(const Tensor& tensor) {
  if (tensor.dtype() == DType::kF64) return tensor.to_vector<double>();
  const std::vector<float> values = tensor.to_vector<float>();
  return {values.begin(), values.end()};
}

}  // namespace

Predictor::Predictor(const ModelSpecification& model, const ImageSize& size, int64_t num_classes,
                     const TrainerOptions& options)
    : options_(options),
      size_(size),
      num_classes_(num_classes),
      stream_(make_stream(options.device, options.num_threads)),
      choices_(*stream_),
      model_(model, size, num_classes, options.device, options.dtype, options.num_networks),
      state_(Tensor::zeros({options.num_networks, static_cast<int64_t>(sizeof(NetworkState))}, DType::kU8,
                           options.device)),
      rrelu_(Tensor::zeros({options.num_networks}, DType::kF32, options.device)),
      arena_(options.device) {}

void Predictor::load_weights(const SafeTensors& weights) {
  const std::vector<float> rrelu(static_cast<size_t>(options_.num_networks), rrelu_of(weights));
  import_weights(model_, weights);
  rrelu_.copy_from_host(rrelu.data(), static_cast<int64_t>(rrelu.size() * sizeof(float)));
}

template <class T>
void Predictor::run(const Tensor& images, int64_t first, const Tensor& result) {
  const int64_t networks = options_.num_networks, count = result.size(1), rows = options_.micro_batch;
  const Tensor labels = Tensor::zeros({images.size(0)}, DType::kU8, options_.device);
  const SampleSource source{images, labels, first, size_};
  StepArgs args;
  args.state = reinterpret_cast<NetworkState*>(state_.raw());
  args.rrelu = rrelu_.data<float>();
  args.num_networks = networks;
  args.micro_batch = rows;
  args.epoch_size = count;
  for (int64_t position = 0; position < count; position += rows) {
    arena_.reset();
    const Step step{*stream_, arena_, args, options_.dtype, false, options_.allow_tf32, &choices_};
    const Activations output = model_.logits(step, input_batch(step, source, model_.masks_input(step)));
    advance(*stream_, args);
    stream_->synchronize();
    const std::vector<T> values = output.x.value().to_vector<T>();  // [P, padded, m]
    const int64_t width = output.x.value().size(1);
    for (int64_t network = 0; network < networks; ++network) {
      for (int64_t row = 0; row < std::min(rows, count - position); ++row) {
        T* target = result.data<T>() + (network * count + position + row) * num_classes_;
        for (int64_t k = 0; k < num_classes_; ++k) {
          target[k] = values[static_cast<size_t>((network * width + k) * rows + row)];
        }
      }
    }
  }
}

Tensor Predictor::logits(const Tensor& images, int64_t first, int64_t count) {
  const ProfileRange range("predict");
  std::vector<NetworkState> states(static_cast<size_t>(options_.num_networks));
  for (NetworkState& state : states) state.status = NetworkStatus::kRunning;
  state_.copy_from_host(states.data(), static_cast<int64_t>(states.size() * sizeof(NetworkState)));
  Tensor result = Tensor::zeros({options_.num_networks, count, num_classes_}, options_.dtype, kCpu);
  dispatch_dtype(options_.dtype, [&](auto zero) { run<decltype(zero)>(images, first, result); });
  return result;
}

Predictions Predictor::predict(const Tensor& images, int64_t first, int64_t count) {
  const std::vector<double> all = to_doubles(logits(images, first, count));
  const auto classes = static_cast<size_t>(num_classes_);
  const auto samples = static_cast<size_t>(count), networks = static_cast<size_t>(options_.num_networks);
  Predictions result{num_classes_, std::vector<double>(samples * classes), std::vector<int64_t>(samples),
                     options_.num_networks};
  for (size_t n = 0; n < samples; ++n) {
    const std::span<double> mean(&result.probabilities[n * classes], classes);
    for (size_t network = 0; network < networks; ++network) {
      const std::vector<double> own = softmax(std::span(&all[(network * samples + n) * classes], classes));
      for (size_t k = 0; k < classes; ++k) mean[k] += own[k] / static_cast<double>(networks);
    }
    // A difference between outputs may be lost in their softmax.
    const std::span<const double> first_logits(&all[n * classes], classes);
    const bool is_number = std::ranges::all_of(mean, [](double p) { return std::isfinite(p); });
    result.labels[n] = !is_number ? -1 : networks == 1 ? argmax(first_logits) : argmax(mean);
  }
  return result;
}

}  // namespace murmur
