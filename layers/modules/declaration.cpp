#include "murmur/layers/modules/declaration.hpp"

#include <fmt/format.h>

#include <utility>

namespace murmur {

Declaration::Declaration(Parameters& parameters, const ImageSize& size, int64_t num_classes)
    : parameters_(parameters), size_(size), num_classes_(num_classes) {
  if (size.elements() > kMaxElements) {
    throw InvalidArgument("model: expected images of at most {} elements, got {} x {} x {}", kMaxElements, size.height,
                          size.width, size.channels);
  }
}

void Declaration::begin(std::string word) {
  ++index_;
  word_ = std::move(word);
}

void Declaration::set_image(const ImageSize& size) {
  size_ = size;
  if (size.elements() > kMaxElements) fail(fmt::format("{} elements or fewer", kMaxElements));
  if (quads_per_walk(size.channels) == 0) {
    fail(fmt::format("at most {} filters, or {} if a multiple of 4", kImageLanes, 4 * kImageLanes));
  }
}

void Declaration::flatten() {
  flattened_ = size_;
  size_ = {1, 1, size_.elements()};
}

void Declaration::fail(const std::string& expected) const {
  throw InvalidArgument("model: layer {} '{}': expected {}, got {} x {} x {}", index_, word_, expected, size_.height,
                        size_.width, size_.channels);
}

void Declaration::expect_image(int64_t height, int64_t width) const {
  if (size_.height < height || size_.width < width) fail(fmt::format("an image of at least {} x {}", height, width));
}

std::string Declaration::numbered(const std::string& kind) {
  return kind + std::to_string(++counts_[kind]);
}

size_t Declaration::add_kernel(const std::string& name, const Shape& shape, std::vector<int64_t> places,
                               int64_t fan_out) {
  const auto size = static_cast<int64_t>(places.size());
  const size_t index = parameters_.add_kernel(shape[0], size / shape[0], fan_out);
  names_.push_back({name + ".weight", shape, std::move(places), index});
  return index;
}

size_t Declaration::add_vector(const std::string& name, int64_t size, double start) {
  const size_t index = parameters_.add_vector(size, start);
  names_.push_back({name, {size}, places_in_order(size), index});
  return index;
}

NormParameters Declaration::add_norm(const std::string& name, int64_t channels) {
  const size_t gamma = add_vector(name + ".weight", channels, 1);
  const size_t beta = add_vector(name + ".bias", channels);
  const size_t statistics = parameters_.add_statistics(channels);
  names_.push_back({name + ".running_mean", {channels}, places_in_order(channels), statistics, true});
  names_.push_back({name + ".running_var", {channels}, places_in_order(channels, padded(channels)), statistics, true});
  return {gamma, beta, statistics};
}

void Declaration::count_flops(int64_t flops) {
  if (forward_flops_ == 0) first_layer_flops_ = flops;
  forward_flops_ += flops;
}

}  // namespace murmur
