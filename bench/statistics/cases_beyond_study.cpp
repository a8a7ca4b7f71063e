#include <cmath>

#include "bench/statistics/cases.hpp"
#include "murmur/techniques/noise/activation.hpp"
#include "murmur/techniques/noise/gradient.hpp"
#include "murmur/techniques/noise/input.hpp"
#include "murmur/techniques/noise/loss.hpp"
#include "murmur/techniques/noise/regions.hpp"

namespace murmur::bench {
namespace {

constexpr ImageSize kImage{28, 28, 1};
constexpr float kSigma = 0.2f;
constexpr float kDropped = 0.3f;
constexpr float kScale = 1 / (1 - kDropped);
// Of a smaller one more would round to 1, in a float, than a test of 10^7 values lets pass: 1.6 % of Beta(0.2, 0.2).
constexpr float kBeta = 0.8f;
constexpr int64_t kNumClasses = 10;

/// Ten logits; 16 channels of a pixel; DropBlock's places around 28 x 28 pixels; one place an item and a layer.
constexpr Layout kLogits{"logits", "item", 3, false};
constexpr Layout kChannels{"channels", "item", 4, true};
constexpr Layout kBlocks{"blocks", "item", 30 * 30 * 4, true};
constexpr Layout kBranch{"branch", "item", 1, true};

Law salt_and_pepper_law(float p) {
  const double kept = keep_probability(p);
  const double not_pepper = keep_probability(p / 2);
  return Law("0, 0.5 or 1", {{0, 1 - not_pepper}, {0.5, kept}, {1, not_pepper - kept}});
}

/// The classes, when a label stays with probability `stays` and each of the others is as likely.
Law label_law(int32_t label, double stays) {
  std::vector<Atom> atoms;
  for (int32_t k = 0; k < kNumClasses; ++k) {
    atoms.push_back({static_cast<double>(k), k == label ? stays : (1 - stays) / (kNumClasses - 1)});
  }
  return Law("ten classes, one of them more often", std::move(atoms));
}

std::vector<Case> input_cases() {
  return {
      of_normals("multiplicative input noise", "input.hpp: multiplicative_input_noise",
                 Technique::kMultiplicativeInputNoise, kSample, normal_law(0.5, 0.5 * kSigma),
                 [](float n) { return noise::multiplicative_input_noise(0.5f, kSigma, n); }),
      of_words("uniform input noise", "input.hpp: uniform_input_noise", Technique::kUniformInputNoise, kSample,
               symmetric_law(kSigma), [](uint32_t word) { return noise::uniform_input_noise(0.0f, kSigma, word); }),
      of_words("salt and pepper", "input.hpp: salt_and_pepper", Technique::kSaltAndPepper, kSample,
               salt_and_pepper_law(kDropped),
               [](uint32_t word) { return noise::salt_and_pepper(0.5f, kDropped, word); }),
      of_items("label noise", "input.hpp: noisy_label", label_law(3, keep_probability(kDropped)),
               [](uint64_t seed, int64_t sample) {
                 return static_cast<float>(noise::noisy_label(3, kDropped, kNumClasses, seed, sample));
               }),
      of_items("disturb label", "input.hpp: disturbed_label",
               label_law(3, keep_probability(kDropped) + (1 - keep_probability(kDropped)) / kNumClasses),
               [](uint64_t seed, int64_t item) {
                 return static_cast<float>(noise::disturbed_label(3, kDropped, kNumClasses, seed, item));
               }),
  };
}

Case beta(std::string name, Technique id) {
  return of_items(std::move(name), "regions.hpp: symmetric_beta",
                  beta_law(static_cast<double>(kBeta), static_cast<double>(kBeta)),
                  [=](uint64_t seed, int64_t item) { return noise::symmetric_beta(kBeta, id, seed, item); });
}

Case partner(std::string name, Technique id) {
  constexpr int64_t kEpochSize = 1000;
  return of_items(std::move(name), "regions.hpp: mixing_partner", integers_law(kEpochSize),
                  [=](uint64_t seed, int64_t item) {
                    return static_cast<float>(noise::mixing_partner(id, kEpochSize, seed, item));
                  });
}

std::vector<Case> region_cases() {
  return {
      {"cutout", "regions.hpp: cutout_box", kWhole, integers_law(28), 2,
       [](const Place& place) {
         const noise::Box pixel = noise::cutout_box(1, kImage, place.seed, place.item);
         return Quad<float>{static_cast<float>(pixel.left), static_cast<float>(pixel.top), 0, 0};
       }},
      of_items("random erasing", "regions.hpp: erased_box", two_valued_law(0, 1, 1 - keep_probability(kDropped)),
               [](uint64_t seed, int64_t item) {
                 return noise::erased_box(kDropped, kImage, seed, item).is_empty() ? 0.0f : 1.0f;
               }),
      {"random crop", "regions.hpp: crop_offset", kWhole, integers_law(9), 2,
       [](const Place& place) {
         const noise::Offset offset = noise::crop_offset(4, place.seed, place.item);
         return Quad<float>{static_cast<float>(offset.x + 4), static_cast<float>(offset.y + 4), 0, 0};
       }},
      beta("mixup", Technique::kMixup),
      partner("mixup, partner", Technique::kMixup),
      beta("cutmix", Technique::kCutmix),
      partner("cutmix, partner", Technique::kCutmix),
      of_items("cutmix, or mixup", "regions.hpp: prefers_mixup", two_valued_law(0, 1, 0.5),
               [](uint64_t seed, int64_t item) { return noise::prefers_mixup(seed, item) ? 1.0f : 0.0f; }),
  };
}

std::vector<Case> activation_cases() {
  const float centres = noise::dropblock_centres(kDropped);
  const double deviation = std::sqrt(0.3 / 0.7);
  return {
      of_words("spatial dropout", "activation.hpp: dropout", Technique::kSpatialDropout, kChannels,
               mask_law(kDropped, kScale), [](uint32_t word) { return noise::dropout(1.0f, kDropped, kScale, word); }),
      of_normals("gaussian dropout", "activation.hpp: gaussian_dropout", Technique::kGaussianDropout, kFeatures,
                 normal_law(1, deviation),
                 [](float n) { return noise::gaussian_dropout(1.0f, noise::gaussian_dropout_sigma(kDropped), n); }),
      of_words("rrelu, slopes", "activation.hpp: random_slope", Technique::kRrelu, kFeatures, uniform_law(0.15, 0.4),
               [](uint32_t word) { return noise::random_slope(0.4f, word); }),
      // nine places that are no centres leave a pixel
      of_words("dropblock", "activation.hpp: dropblock_centres", Technique::kDropblock, kBlocks,
               two_valued_law(0, 1, std::pow(0.7, 1.0 / 9)),
               [=](uint32_t word) { return uniform(word) > centres ? 1.0f : 0.0f; }),
      {"stochastic depth", "activation.hpp: branch_factor", kBranch, mask_law(kDropped, kScale), 1,
       [](const Place& place) {
         const uint32_t site = make_site(Technique::kStochasticDepth, place.layer);
         const Quad<uint32_t> words = philox(kBranch.position(place), site, 0, place.seed);
         return Quad<float>{noise::branch_factor(kDropped, words.v[0]), 0, 0, 0};
       }},
  };
}

std::vector<Case> gradient_cases() {
  return {
      of_normals("multiplicative gradient noise", "gradient.hpp: multiplicative_gradient_noise",
                 Technique::kMultiplicativeGradientNoise, kParameters, normal_law(1, kSigma),
                 [](float n) { return noise::multiplicative_gradient_noise(1.0f, kSigma, n); }),
      of_words("gradient mask", "gradient.hpp: gradient_mask", Technique::kGradientMask, kParameters,
               mask_law(kDropped, kScale),
               [](uint32_t word) { return noise::gradient_mask(1.0f, kDropped, kScale, word); }),
      of_words("update dropout", "gradient.hpp: update_dropout", Technique::kUpdateDropout, kParameters,
               mask_law(kDropped), [](uint32_t word) { return noise::update_dropout(1.0f, 0.0f, kDropped, word); }),
      // sqrt(2 r / N) of rate 0.005 and 10,000 samples is 0.001
      of_normals("optimizer, sgld", "gradient.hpp: langevin_deviation", Technique::kOptimizer, kParameters,
                 normal_law(0, 1e-3),
                 [](float n) { return noise::gradient_noise(0.0f, noise::langevin_deviation(0.005f, 10000), n); }),
  };
}

std::vector<Case> loss_cases() {
  return {
      of_items("exponential loss", "loss.hpp: exponential_factor", exponential_law(1),
               [](uint64_t seed, int64_t item) { return noise::exponential_factor(1, seed, item); }),
      of_items("loss dropout", "loss.hpp: loss_dropout_factor", mask_law(kDropped, kScale),
               [](uint64_t seed, int64_t item) { return noise::loss_dropout_factor(kDropped, seed, item); }),
      of_normals("logit noise", "loss.hpp: logit_noise", Technique::kLogitNoise, kLogits, normal_law(0.5, kSigma),
                 [](float n) { return noise::logit_noise(0.5f, kSigma, n); }),
  };
}

}  // namespace

std::vector<Case> cases_beyond_study() {
  std::vector<Case> cases = input_cases();
  for (const std::vector<Case>& more : {region_cases(), activation_cases(), gradient_cases(), loss_cases()}) {
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return cases;
}

}  // namespace murmur::bench
