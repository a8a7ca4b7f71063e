#include "murmur/layers/model.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "murmur/engine/error.hpp"
#include "tests/fuzz/support.hpp"

namespace murmur::fuzz {
namespace {

/// Whether a network of it is made in no time: sizes of one or two digits.
bool is_small(const ModelSpecification& model) {
  const auto has_small_numbers = [](const std::string& word) {
    size_t num_digits = 0;
    return std::ranges::none_of(word, [&](char c) {
      num_digits = c >= '0' && c <= '9' ? num_digits + 1 : 0;
      return num_digits > 2;
    });
  };
  constexpr size_t kMostWords = 8;
  return model.words.size() <= kMostWords && std::ranges::all_of(model.words, has_small_numbers);
}

}  // namespace

void model(Input input) {
  accepts<InvalidArgument>([&] {
    const ModelSpecification specification = parse_model(text_of(input));
    const ModelSpecification again = parse_model(fmt::format("{}", fmt::join(specification.words, " ")));
    require(again.words == specification.words, "the words of a model to be a model");
    if (!is_small(specification)) return;
    const Model made(specification, {8, 8, 3}, 5, kCpu, DType::kF32, 1);
    for (const NamedTensor& named : made.named_tensors()) {
      int64_t size = 1;
      for (const int64_t axis : named.shape) size *= axis;
      require(static_cast<int64_t>(named.places.size()) == size, "a place for each element");
      require(*std::ranges::max_element(named.places) < named.values.network_size(), "places within the values");
    }
  });
}

}  // namespace murmur::fuzz
