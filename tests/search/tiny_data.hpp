#pragma once

#include <cstdint>
#include <vector>

#include "murmur/layers/population_trainer.hpp"

namespace murmur {

/// Images of 4 x 4 whose label's pixel is bright: some settings learn that in an epoch, some never.
inline TrainingData tiny_data() {
  constexpr int64_t kCount = 720;
  std::vector<uint8_t> images;
  std::vector<uint8_t> labels;
  for (int64_t i = 0; i < kCount; ++i) {
    const auto label = static_cast<uint8_t>((i * 7 + i / 10) % 10);
    std::vector<uint8_t> image(16, static_cast<uint8_t>(i % 50));
    image[label] = 250;
    images.insert(images.end(), image.begin(), image.end());
    labels.push_back(label);
  }
  TrainingData data;
  data.train_images = data.test_images = Tensor::from<uint8_t>(images, {kCount, 16}, Device());
  data.train_labels = data.test_labels = Tensor::from<uint8_t>(labels, {kCount}, Device());
  data.training = {0, 640};
  data.validation = {640, 80};
  data.size = {4, 4, 1};
  data.num_classes = 10;
  return data;
}

}  // namespace murmur
