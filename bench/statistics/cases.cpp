#include "bench/statistics/cases.hpp"

#include <cmath>
#include <numbers>

#include "murmur/pso/analysis/statistics.hpp"
#include "murmur/pso/random.hpp"
#include "murmur/techniques/noise/activation.hpp"
#include "murmur/techniques/noise/geometry.hpp"
#include "murmur/techniques/noise/gradient.hpp"
#include "murmur/techniques/noise/input.hpp"
#include "murmur/techniques/noise/loss.hpp"
#include "murmur/techniques/noise/weight.hpp"

namespace murmur::bench {
namespace {

constexpr ImageSize kImage{28, 28, 1};
constexpr float kSide = 28;
constexpr float kRotation = 0.1f;
constexpr float kZoom = 0.2f;
constexpr float kTranslation = 0.15f;
constexpr float kContrast = 0.3f;
constexpr float kSigma = 0.2f;
constexpr float kDropped = 0.3f;
constexpr float kEta = 0.01f;
constexpr float kScale = 1 / (1 - kDropped);

/// 1 where the word keeps an element, else 0.
Case mask(std::string name, float dropped) {
  return of_words(std::move(name), "uniform(word) > p", Technique::kDropout, kFeatures, mask_law(dropped),
                  [=](uint32_t word) { return uniform(word) > dropped ? 1.0f : 0.0f; });
}

/// Both uniform numbers of a particle's move in one dimension.
Case search_uniforms() {
  return {"uniform, 52 bits", "pso/random.hpp: swarm_uniforms", kSearch, uniform_law(0, 1), 2, [](const Place& place) {
            const UniformPair u = swarm_uniforms(place.seed, SwarmStream::kMove, place.quad, place.item, place.layer);
            return Quad<float>{static_cast<float>(u.first), static_cast<float>(u.second), 0, 0};
          }};
}

Case resampled_integers() {
  constexpr int64_t kCount = 16;
  constexpr Layout kResample{"resample", "resample", kCount / 4, false};
  return {"integers below 16",
          "pso/analysis: bootstrap_resample",
          kResample,
          integers_law(kCount),
          4,
          [](const Place& place) {
            const std::vector<int64_t> numbers = bootstrap_resample(kCount, place.seed, place.item);
            Quad<float> x;
            for (size_t i = 0; i < 4; ++i) {
              x.v[i] = static_cast<float>(numbers[4 * static_cast<size_t>(place.quad) + i]);
            }
            return x;
          }};
}

/// f(map) of the map of one item's image, when only one technique is on.
template <class F>
Case of_map(std::string name, Law law, int num_values, const noise::GeometryRanges& ranges, F f) {
  return {std::move(name),
          "geometry.hpp: random_map",
          kWhole,
          std::move(law),
          num_values,
          [=](const Place& place) { return f(noise::random_map(ranges, kImage, place.seed, place.item)); }};
}

noise::GeometryRanges all_off() {
  return {TechniqueTable{}, 0};
}

std::vector<Case> geometry_cases() {
  noise::GeometryRanges flip = all_off(), rotation = all_off(), zoom = all_off(), translation = all_off();
  flip.flip = Flip::kBoth;
  rotation.rotation = kRotation;
  zoom.zoom = kZoom;
  translation.translation = kTranslation;
  return {
      of_map("flip", two_valued_law(0, 1, 0.5), 2, flip,
             [](const noise::AffineMap& map) {
               return Quad<float>{map.xx < 0 ? 1.0f : 0.0f, map.yy < 0 ? 1.0f : 0.0f, 0, 0};
             }),
      of_map("rotation", symmetric_law(kRotation), 1, rotation,
             [](const noise::AffineMap& map) {
               return Quad<float>{std::atan2(map.yx, map.xx) / (2 * std::numbers::pi_v<float>), 0, 0, 0};
             }),
      of_map("zoom", symmetric_law(kZoom), 2, zoom,
             [](const noise::AffineMap& map) {
               return Quad<float>{map.xx - 1, map.yy - 1, 0, 0};
             }),
      of_map("translation", symmetric_law(kTranslation), 2, translation,
             [](const noise::AffineMap& map) {
               return Quad<float>{map.x0 / kSide, map.y0 / kSide, 0, 0};
             }),
      of_items("contrast", "geometry.hpp: contrast_factor", symmetric_law(kContrast),
               [](uint64_t seed, int64_t item) { return noise::contrast_factor(kContrast, seed, item) - 1; }),
  };
}

/// Where one sample of an epoch goes, epochs being the items.
Case shuffle(std::string name, int64_t window, int64_t place) {
  constexpr int64_t kEpochSize = 48000;
  const int64_t size = window > 0 ? window : kEpochSize;
  const int64_t first = place / size * size;
  return of_items(std::move(name), "input.hpp: sample_index", integers_law(size), [=](uint64_t seed, int64_t epoch) {
    return static_cast<float>(noise::sample_index(seed, epoch, true, window, kEpochSize, place) - first);
  });
}

std::vector<Case> forward_cases() {
  return {
      shuffle("shuffle", 0, 17),
      shuffle("shuffle, window 1024", 1024, 5000),
      of_normals("input noise", "input.hpp: input_noise", Technique::kInputNoise, kSample, normal_law(0.5, kSigma),
                 [](float n) { return noise::input_noise(0.5f, kSigma, n); }),
      of_words("dropconnect, inputs", "activation.hpp: input_mask", Technique::kDropconnect, kSample,
               mask_law(kDropped), [](uint32_t word) { return noise::input_mask(1.0f, kDropped, word); }),
      of_words("dropout", "activation.hpp: dropout", Technique::kDropout, kFeatures, mask_law(kDropped, kScale),
               [](uint32_t word) { return noise::dropout(1.0f, kDropped, kScale, word); }),
      of_words("dropconnect, next inputs", "activation.hpp: input_mask", Technique::kDropconnect, kFeatures,
               mask_law(kDropped), [](uint32_t word) { return noise::input_mask(1.0f, kDropped, word); }),
      of_normals("activation noise", "activation.hpp: activation_noise", Technique::kActivationNoise, kFeatures,
                 normal_law(0.5, kSigma), [](float n) { return noise::activation_noise(0.5f, kSigma, n); }),
      of_items("loss noise", "loss.hpp: loss_factor", normal_law(1, kSigma),
               [](uint64_t seed, int64_t item) { return noise::loss_factor(kSigma, seed, item); }),
  };
}

/// The noise of an update, divided by the deviation that it is to have: sqrt(eta / (1 + t)^0.55).
template <class F>
Case decayed(std::string name, std::string source, Technique id, F noise_of) {
  return of_normals(std::move(name), std::move(source), id, kParameters, normal_law(0, 1),
                    [=](float n, const Place& place) {
                      const double exact =
                          std::sqrt(static_cast<double>(kEta) * std::pow(1 + static_cast<double>(place.item), -0.55));
                      return noise_of(noise::decayed_deviation(kEta, place.item), n) / static_cast<float>(exact);
                    });
}

std::vector<Case> update_cases() {
  return {
      of_normals("initial weights", "weight.hpp: initial_weight", Technique::kInitScale, kKernel, normal_law(0, kSigma),
                 [](float n) { return noise::initial_weight(kSigma, n); }),
      of_words("gradient dropout", "gradient.hpp: gradient_dropout", Technique::kGradientDropout, kParameters,
               mask_law(kDropped), [](uint32_t word) { return noise::gradient_dropout(1.0f, kDropped, word); }),
      of_words("frozen fraction", "gradient.hpp: freeze", Technique::kFrozenFraction, kFrozenParameters,
               mask_law(kDropped), [](uint32_t word) { return noise::freeze(1.0f, kDropped, word); }),
      decayed("gradient noise", "gradient.hpp: gradient_noise", Technique::kGradientNoise,
              [](float deviation, float n) { return noise::gradient_noise(0.0f, deviation, n); }),
      decayed("weight noise", "weight.hpp: weight_noise", Technique::kWeightNoise,
              [](float deviation, float n) { return noise::weight_noise(0.0f, deviation, n); }),
      of_words("dropconnect, weights", "weight.hpp: dropconnect", Technique::kDropconnect, kParameters,
               mask_law(kDropped, kScale),
               [](uint32_t word) { return noise::dropconnect(1.0f, kDropped, kScale, word); }),
      of_normals("transient weight noise", "weight.hpp: weight_noise", Technique::kTransientWeightNoise, kParameters,
                 normal_law(0.5, kSigma), [](float n) { return noise::weight_noise(0.5f, kSigma, n); }),
      of_normals("multiplicative weight noise", "weight.hpp: transient_slope", Technique::kMultiplicativeWeightNoise,
                 kParameters, normal_law(1, kSigma), [](float n) { return noise::transient_slope(kSigma, n); }),
  };
}

void append(std::vector<Case>& cases, const std::vector<Case>& more) {
  cases.insert(cases.end(), more.begin(), more.end());
}

}  // namespace

std::vector<Case> distribution_cases() {
  return {
      of_words("uniform", "distributions.hpp: uniform", Technique::kDropout, kFeatures, uniform_law(0, 1),
               [](uint32_t word) { return uniform(word); }),
      of_normals("normal", "distributions.hpp: ExactNormals", Technique::kActivationNoise, kFeatures, normal_law(0, 1),
                 [](float n) { return n; }),
      of_normals<FastNormals>("normal, fast", "distributions.hpp: FastNormals", Technique::kActivationNoise, kFeatures,
                              normal_law(0, 1), [](float n) { return n; }),
      mask("mask, p = 0.01", 0.01f),
      mask("mask, p = 0.5", 0.5f),
      mask("mask, p = 0.9", 0.9f),
      search_uniforms(),
      resampled_integers(),
  };
}

std::vector<Case> technique_cases() {
  std::vector<Case> cases = geometry_cases();
  append(cases, forward_cases());
  append(cases, update_cases());
  append(cases, cases_beyond_study());
  return cases;
}

}  // namespace murmur::bench
