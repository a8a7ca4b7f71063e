#include "murmur/layers/weights.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace murmur {
namespace {

Shape stacked(int64_t num_networks, const Shape& shape) {
  Shape result{num_networks};
  result.insert(result.end(), shape.begin(), shape.end());
  return result;
}

/// The networks [first, first + count) of a tensor in PyTorch's order, [count, ...].
template <class T>
Tensor gather(const NamedTensor& named, int64_t first, int64_t count, const Shape& shape) {
  const std::vector<T> values = named.values.to_vector<T>();
  const int64_t size = named.values.network_size();
  std::vector<T> result;
  result.reserve(named.places.size() * static_cast<size_t>(count));
  for (int64_t network = first; network < first + count; ++network) {
    for (const int64_t place : named.places) result.push_back(values[static_cast<size_t>(network * size + place)]);
  }
  return Tensor::from<T>(result, shape, kCpu);
}

template <class T, class Source>
void scatter(const NamedTensor& named, const std::vector<Source>& source, bool is_plain) {
  std::vector<T> values = named.values.to_vector<T>();
  const size_t size = static_cast<size_t>(named.values.network_size());
  const size_t count = named.places.size();
  for (size_t network = 0; network < static_cast<size_t>(named.values.size(0)); ++network) {
    const Source* from = source.data() + (is_plain ? 0 : network * count);
    for (size_t i = 0; i < count; ++i) {
      values[network * size + static_cast<size_t>(named.places[i])] = static_cast<T>(from[i]);
    }
  }
  named.values.copy_from_host(values.data(), static_cast<int64_t>(values.size() * sizeof(T)));
}

template <class T>
void scatter(const NamedTensor& named, const Tensor& source) {
  const bool is_plain = source.shape() == named.shape;
  if (source.dtype() == DType::kF32) return scatter<T>(named, source.to_vector<float>(), is_plain);
  scatter<T>(named, source.to_vector<double>(), is_plain);
}

/// The file's tensor of this name: f32 or f64, plain or stacked for so many networks (any number where it is not said).
const Tensor& find(const SafeTensors& weights, const NamedTensor& named, std::optional<int64_t> num_networks) {
  const auto found = weights.tensors.find(named.name);
  const bool is_there = found != weights.tensors.end();
  if (is_there) {
    const Tensor& tensor = found->second;
    const bool is_real = tensor.dtype() == DType::kF32 || tensor.dtype() == DType::kF64;
    const bool is_stacked = tensor.num_axes() > 0 && tensor.shape() == stacked(tensor.size(0), named.shape) &&
                            tensor.size(0) == num_networks.value_or(tensor.size(0));
    if (is_real && (is_stacked || tensor.shape() == named.shape)) return tensor;
  }
  const std::string networks = num_networks ? fmt::format("P={}", *num_networks) : "P";
  throw DataError(
      "{}: expected '{}' to be f32 or f64, {} or [{}, {}], got {}", weights.source.string(), named.name,
      to_string(named.shape), networks, fmt::join(named.shape, ", "),
      is_there ? fmt::format("{} {}", name(found->second.dtype()), to_string(found->second.shape())) : "none");
}

/// What files hold besides weights: a checkpoint's training, and a counter of PyTorch's batch norms.
bool is_no_weight(const std::string& name) {
  constexpr std::array<std::string_view, 4> kParts{"optimizer.", "state.", "trial.", "result."};
  return name.ends_with("num_batches_tracked") ||
         std::ranges::any_of(kParts, [&](std::string_view part) { return name.starts_with(part); });
}

void check_names(const SafeTensors& weights, std::span<const NamedTensor> expected) {
  std::set<std::string> names;
  for (const NamedTensor& named : expected) names.insert(named.name);
  for (const auto& [name, tensor] : weights.tensors) {
    if (is_no_weight(name) || names.contains(name)) continue;
    throw DataError("{}: expected the tensors of this model, got one called '{}' too", weights.source.string(), name);
  }
}

}  // namespace

SafeTensors export_weights(const Model& model, std::optional<int64_t> network) {
  SafeTensors result;
  for (const NamedTensor& named : model.named_tensors()) {
    const int64_t num_networks = named.values.size(0);
    if (network && (*network < 0 || *network >= num_networks)) {
      throw InvalidArgument("network: expected one in [0, {}), got {}", num_networks, *network);
    }
    const bool is_plain = network || num_networks == 1;
    const int64_t count = is_plain ? 1 : num_networks;
    const Shape shape = is_plain ? named.shape : stacked(num_networks, named.shape);
    dispatch_dtype(named.values.dtype(), [&](auto zero) {
      using T = decltype(zero);
      result.tensors.emplace(named.name, gather<T>(named, network.value_or(0), count, shape));
    });
  }
  return result;
}

void import_weights(const Model& model, const SafeTensors& weights) {
  const std::vector<NamedTensor> expected = model.named_tensors();
  check_names(weights, expected);
  // All are looked at before the first is changed.
  std::vector<const Tensor*> sources;
  for (const NamedTensor& named : expected) sources.push_back(&find(weights, named, named.values.size(0)));
  for (size_t i = 0; i < expected.size(); ++i) {
    dispatch_dtype(expected[i].values.dtype(), [&](auto zero) { scatter<decltype(zero)>(expected[i], *sources[i]); });
  }
}

float rrelu_of(const SafeTensors& weights) {
  const auto found = weights.metadata.find("rrelu");
  if (found == weights.metadata.end()) return 0;
  try {
    return static_cast<float>(parse_value(technique(Technique::kRrelu), found->second));
  } catch (const InvalidArgument& error) {
    throw DataError("{}: {}", weights.source.string(), error.what());
  }
}

std::optional<int64_t> num_stacked(const Model& model, const SafeTensors& weights) {
  const NamedTensor first = model.named_tensors().front();
  const Tensor& tensor = find(weights, first, {});
  if (tensor.shape() == first.shape) return {};
  return tensor.size(0);
}

}  // namespace murmur
