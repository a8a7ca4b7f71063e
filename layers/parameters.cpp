#include "murmur/layers/parameters.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>

#include "murmur/engine/profiling.hpp"
#include "murmur/kernels/initialize.hpp"

namespace murmur {
namespace {

/// 0 stands for the technique init_scale, and orthogonal kernels start as standard normals.
double kernel_scale(Initialization initialization, int64_t fan_out, int64_t fan_in) {
  switch (initialization) {
    case Initialization::kScale:
      return 0;
    case Initialization::kHe:
      return std::sqrt(2.0 / static_cast<double>(fan_in));
    case Initialization::kGlorot:
      return std::sqrt(2.0 / static_cast<double>(fan_in + fan_out));
    case Initialization::kLecun:
      return std::sqrt(1.0 / static_cast<double>(fan_in));
    case Initialization::kOrthogonal:
      return 1;
  }
  return 0;
}

}  // namespace

size_t Parameters::add_kernel(int64_t out, int64_t in, int64_t fan_out) {
  entries_.push_back({{out, in}, stride_, out * in, fan_out > 0 ? fan_out : out, 0, WeightKind::kNoisyAndDropped});
  stride_ += padded(out * in);
  num_parameters_ += out * in;
  return entries_.size() - 1;
}

void Parameters::spare_last_kernel() {
  const auto last =
      std::find_if(entries_.rbegin(), entries_.rend(), [](const Entry& entry) { return entry.fan_out > 0; });
  if (last != entries_.rend()) last->kind = WeightKind::kNoisy;
}

size_t Parameters::add_vector(int64_t size, double start) {
  entries_.push_back({{padded(size)}, stride_, size, 0, start, WeightKind::kExact});
  stride_ += padded(size);
  num_parameters_ += size;
  return entries_.size() - 1;
}

size_t Parameters::add_statistics(int64_t size) {
  statistics_sizes_.push_back(padded(size));
  return statistics_sizes_.size() - 1;
}

void Parameters::allocate(Device device, DType dtype, int64_t num_networks, bool with_moments) {
  weight_ = Tensor::zeros({num_networks, stride_}, dtype, device);
  grad_ = Tensor::zeros({num_networks, stride_}, dtype, device);
  moment1_ = moment2_ = Tensor();
  if (with_moments) {
    moment1_ = Tensor::zeros({num_networks, stride_}, dtype, device);
    moment2_ = Tensor::zeros({num_networks, stride_}, dtype, device);
  }
  variables_.clear();
  for (const Entry& entry : entries_) {
    Shape shape{num_networks};
    shape.insert(shape.end(), entry.shape.begin(), entry.shape.end());
    variables_.push_back(Variable::parameter(weight_.view(entry.offset, shape), grad_.view(entry.offset, shape)));
  }
  statistics_.clear();
  for (const int64_t size : statistics_sizes_) {
    statistics_.push_back(Tensor::zeros({num_networks, 2, size}, dtype, device));
  }
}

void Parameters::initialize(const Step& step, Initialization initialization, const Tensor& selected) const {
  const ProfileRange range("initialize");
  dispatch_dtype(step.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto fill_with = [&](const Tensor& tensor, int64_t offset, int64_t size, double value) {
      fill(step.stream, FillArgs<T>{step.args.num_networks,
                                    {tensor.data<T>() + offset, tensor.network_stride()},
                                    size,
                                    static_cast<T>(value),
                                    selected.data<uint8_t>()});
    };
    for (const Tensor& arena : {weight_, grad_, moment1_, moment2_}) fill_with(arena, 0, stride_, 0);
    for (const Tensor& statistics : statistics_) {
      fill_with(statistics, 0, statistics.size(2), 0);
      fill_with(statistics, statistics.size(2), statistics.size(2), 1);
    }
    uint32_t layer = 0;
    for (size_t i = 0; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      if (entry.shape.size() == 1) {
        if (entry.start != 0) fill_with(variables_[i].value(), 0, entry.shape[0], entry.start);
        continue;
      }
      InitializeArgs<T> args;
      args.step = step.args;
      args.layer = layer++;
      args.scale = kernel_scale(initialization, entry.fan_out, entry.shape[1]);
      args.num_elements = entry.shape[0] * entry.shape[1];
      args.weight = per_network<T>(variables_[i].value());
      args.selected = selected.data<uint8_t>();
      murmur::initialize(step.stream, args);
      if (initialization != Initialization::kOrthogonal) continue;
      orthogonalize(step.stream, OrthogonalizeArgs<T>{step.args.num_networks, entry.shape[0], entry.shape[1],
                                                      args.weight, args.selected});
    }
  });
}

void Parameters::enable_copy() {
  if (has_copy()) return;
  const int64_t num_networks = weight_.size(0);
  copy_ = Tensor::zeros({num_networks, stride_}, weight_.dtype(), weight_.device());
  std::vector<uint8_t> kinds(static_cast<size_t>(stride_ / 4));
  for (const Entry& entry : entries_) {
    const int64_t size = std::accumulate(entry.shape.begin(), entry.shape.end(), int64_t{1}, std::multiplies<>());
    std::fill_n(kinds.begin() + entry.offset / 4, num_quads(size), static_cast<uint8_t>(entry.kind));
    Shape shape{num_networks};
    shape.insert(shape.end(), entry.shape.begin(), entry.shape.end());
    copies_.push_back(Variable::parameter(copy_.view(entry.offset, shape), grad_.view(entry.offset, shape)));
  }
  kinds_ = Tensor::from<uint8_t>(kinds, {static_cast<int64_t>(kinds.size())}, weight_.device());
}

void Parameters::enable_clipping() {
  if (!has_clipping()) norms_ = Tensor::zeros({weight_.size(0)}, DType::kF64, weight_.device());
}

Tensor Parameters::without_padding(const Tensor& arena) const {
  Tensor result = arena.to(kCpu);
  const auto element_bytes = static_cast<size_t>(size_bytes(arena.dtype()));
  auto* const bytes = static_cast<std::byte*>(result.raw());
  for (int64_t network = 0; network < arena.size(0); ++network) {
    for (const Entry& entry : entries_) {
      const auto first = static_cast<size_t>(network * stride_ + entry.offset + entry.size) * element_bytes;
      std::fill_n(bytes + first, static_cast<size_t>(padded(entry.size) - entry.size) * element_bytes, std::byte{0});
    }
  }
  return result;
}

int64_t Parameters::statistics_bytes() const {
  int64_t bytes = 0;
  for (const Tensor& tensor : statistics_) bytes += tensor.network_stride() * size_bytes(tensor.dtype());
  return bytes;
}

Parameters Parameters::networks(int64_t first, int64_t count) const {
  Parameters result = *this;
  const auto narrow = [&](Tensor& tensor) {
    if (tensor.defined()) tensor = tensor.networks(first, count);
  };
  for (Tensor* tensor :
       {&result.weight_, &result.grad_, &result.moment1_, &result.moment2_, &result.copy_, &result.norms_}) {
    narrow(*tensor);
  }
  for (Tensor& tensor : result.statistics_) narrow(tensor);
  for (auto* variables : {&result.variables_, &result.copies_}) {
    for (Variable& variable : *variables) {
      variable = Variable::parameter(variable.value().networks(first, count), variable.grad().networks(first, count));
    }
  }
  return result;
}

template <class T>
UpdateArgs<T> Parameters::update_args(const Step& step) const {
  UpdateArgs<T> args;
  args.step = step.args;
  args.weight = weight_.data<T>();
  args.grad = grad_.data<T>();
  args.moment1 = moment1_.data<T>();
  args.moment2 = moment2_.data<T>();
  args.stride = stride_;
  if (has_copy()) {
    args.copy = copy_.data<T>();
    args.kinds = reinterpret_cast<const WeightKind*>(kinds_.data<uint8_t>());
  }
  if (has_clipping()) args.norms = norms_.data<double>();
  return args;
}

void Parameters::refresh_copy(const Step& step, const Tensor& selected) const {
  dispatch_dtype(step.dtype, [&](auto zero) {
    using T = decltype(zero);
    copy_weights(step.stream, CopyWeightsArgs<T>{update_args<T>(step), selected.data<uint8_t>()});
  });
}

void Parameters::update(const Step& step) const {
  const ProfileRange range("update");
  dispatch_dtype(step.dtype, [&](auto zero) {
    using T = decltype(zero);
    const UpdateArgs<T> args = update_args<T>(step);
    if (has_clipping()) gradient_norm(step.stream, args);
    murmur::update(step.stream, args);
  });
}

}  // namespace murmur
