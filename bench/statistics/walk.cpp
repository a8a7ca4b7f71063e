#include "bench/statistics/walk.hpp"

#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "bench/statistics/case.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/random/philox.hpp"
#include "murmur/techniques/technique_table.hpp"

namespace murmur::bench {
namespace {

constexpr uint32_t kSite = make_site(Technique::kDropout, 1);
constexpr uint64_t kNumLayers = uint64_t{1} << 24;  // of 32 bits of site, 8 are the technique's
constexpr uint64_t kNumSites = uint64_t{1} << 32;
constexpr uint64_t kNumNetworks = 64;

Address by_element(uint64_t seed, uint64_t i) {
  return {seed, kSite, i};
}

/// Positions that are so far apart.
template <uint64_t kStride>
Address by_stride(uint64_t seed, uint64_t i) {
  return {seed, kSite, i * kStride};
}

Address by_layer(uint64_t seed, uint64_t i) {
  return {seed, make_site(Technique::kDropout, static_cast<uint32_t>(i % kNumLayers)), i / kNumLayers};
}

/// All 256 techniques that a site has room for, of one layer after the other.
Address by_technique(uint64_t seed, uint64_t i) {
  const auto technique = static_cast<uint32_t>(i % 256);
  const auto layer = static_cast<uint32_t>(i / 256 % kNumLayers);
  return {seed, technique << 24 | layer, i / kNumSites};
}

Address by_network(uint64_t seed, uint64_t i) {
  return {seed + i % kNumNetworks, kSite, i / kNumNetworks};
}

Address by_seed(uint64_t seed, uint64_t i) {
  return {seed + i, kSite, 0};
}

Address by_upper_seed(uint64_t seed, uint64_t i) {
  return {seed + (i << 32), kSite, i >> 32};
}

constexpr Walk kWalks[] = {
    {"element", "all four words of a quad, quad after quad", 4, by_element},
    {"item", "the first word of the same quad of item after item, which have 196 quads", 1,
     by_stride<uint64_t{kSample.quads_per_item}>},
    {"update", "the first word of the same quad of update after update, which have 10,578 quads", 1,
     by_stride<uint64_t{kParameters.quads_per_item}>},
    {"epoch", "the first word of positions that are 2^32 apart", 1, by_stride<uint64_t{1} << 32>},
    {"layer", "the first word of layer after layer", 1, by_layer},
    {"technique", "the first word of technique after technique, 256 of each layer", 1, by_technique},
    {"network", "the first word of 64 networks in turn, quad after quad", 1, by_network},
    {"seed", "the first word of seed after seed", 1, by_seed},
    {"upper-seed", "the first word of seeds that are 2^32 apart", 1, by_upper_seed},
};

}  // namespace

std::span<const Walk> walks() {
  return kWalks;
}

const Walk& walk(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Walk& one : kWalks) {
    if (one.name == name) return one;
    names.push_back(one.name);
  }
  throw InvalidArgument("--layout: expected one of {}, got '{}'", fmt::join(names, ", "), name);
}

Quad<uint32_t> philox_10(uint64_t position, uint32_t site, uint32_t reserved, uint64_t key) {
  return philox(position, site, reserved, key);
}

void read_words(const Walk& walk, uint64_t seed, uint64_t first, std::span<uint32_t> words, Generator generator) {
  const auto num_words = static_cast<size_t>(walk.num_words);
  for (size_t i = 0; i < words.size(); i += num_words) {
    const Address address = walk.at(seed, (first + i) / num_words);
    const Quad<uint32_t> four = generator(address.position, address.site, 0, address.seed);
    for (size_t j = 0; j < num_words && i + j < words.size(); ++j) words[i + j] = four.v[j];
  }
}

}  // namespace murmur::bench
