#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "bench/statistics/law.hpp"
#include "murmur/engine/random/distributions.hpp"
#include "murmur/engine/random/philox.hpp"
#include "murmur/techniques/technique_table.hpp"

// Random numbers as training draws them: a value is a function of its place, and its place has the coordinates of
// docs/randomness.md.
namespace murmur::bench {

/// Where four random numbers are.
struct Place {
  uint64_t seed = 1;  // the key: that of a network
  uint32_t layer = 0;
  int64_t item = 0;  // a sample's serial number, or an update's
  int64_t quad = 0;  // of the item's elements
};

/// What has a neighbour. kNetwork: the next network of a run, which has the next seed. kSeed: the next in the upper
/// half of the key.
enum class Coordinate : uint8_t { kElement, kItem, kLayer, kNetwork, kSeed };
inline constexpr Coordinate kCoordinates[] = {Coordinate::kElement, Coordinate::kItem, Coordinate::kLayer,
                                              Coordinate::kNetwork, Coordinate::kSeed};

/// The coordinates that a technique's numbers have.
struct Layout {
  std::string_view name;
  std::string_view item;       // what an item is, empty: there are none
  int64_t quads_per_item = 0;  // 0: there is no end of them
  bool has_layers = false;

  bool has(Coordinate coordinate) const;
  std::string_view word(Coordinate coordinate) const;
  uint64_t position(const Place& place) const {
    return static_cast<uint64_t>(place.item * quads_per_item + place.quad);
  }
};

/// A network of 28 x 28 pixels, 50 features and 42,310 parameters: `fc`.
inline constexpr Layout kSample{"sample", "item", 196, false};
inline constexpr Layout kFeatures{"features", "item", 13, true};
inline constexpr Layout kParameters{"parameters", "update", 10578, false};
inline constexpr Layout kFrozenParameters{"parameters, once", "", 0, false};
inline constexpr Layout kKernel{"kernel", "", 0, true};
/// One place an item.
inline constexpr Layout kWhole{"whole item", "item", 1, false};
/// The numbers of a search: quads are particles, layers their dimensions.
inline constexpr Layout kSearch{"search", "move", 64, true};

Place moved(Place place, Coordinate coordinate, int64_t by);

/// The i-th place in the order of training: the quads of an item, item after item. Along `stretched` only every
/// `step`-th is walked on, so that its neighbours up to the step are places of no other.
Place place_at(const Layout& layout, uint64_t seed, int64_t i, Coordinate stretched = Coordinate::kNetwork,
               int64_t step = 1);

/// Numbers that must follow a law and be independent of each other, wherever they are.
struct Case {
  std::string name;
  std::string source;  // where their formula stands
  Layout layout;
  Law law;
  int num_values = 4;  // of a draw: the first ones
  std::function<Quad<float>(const Place&)> draw;
};

/// f(x) or f(x, place) of four words or normals.
template <class X, class F>
Quad<float> each(const Quad<X>& x, const Place& place, const F& f) {
  const auto value = [&](X one) -> float {
    if constexpr (std::is_invocable_v<F, X, const Place&>) {
      return f(one, place);
    } else {
      return f(one);
    }
  };
  return {value(x.v[0]), value(x.v[1]), value(x.v[2]), value(x.v[3])};
}

/// f(word) of one word an element.
template <class F>
Case of_words(std::string name, std::string source, Technique id, const Layout& layout, Law law, F f) {
  return {std::move(name), std::move(source), layout, std::move(law), 4, [=](const Place& place) {
            return each(philox(layout.position(place), make_site(id, place.layer), 0, place.seed), place, f);
          }};
}

/// f(n) of one normal an element.
template <class Normals = ExactNormals, class F>
Case of_normals(std::string name, std::string source, Technique id, const Layout& layout, Law law, F f) {
  return {std::move(name), std::move(source), layout, std::move(law), 4, [=](const Place& place) {
            return each(Normals()(philox(layout.position(place), make_site(id, place.layer), 0, place.seed)), place, f);
          }};
}

/// f(seed, item), one value an item.
template <class F>
Case of_items(std::string name, std::string source, Law law, F f) {
  return {std::move(name), std::move(source), kWhole, std::move(law), 1, [=](const Place& place) {
            return Quad<float>{f(place.seed, place.item), 0, 0, 0};
          }};
}

}  // namespace murmur::bench
