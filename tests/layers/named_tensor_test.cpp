// Names, shapes and places of a model's tensors: what a file of weights stands on.
#include "murmur/layers/named_tensor.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "murmur/layers/model.hpp"

namespace murmur {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

Model make(const char* model, const ImageSize& size) {
  return Model(parse_model(model), size, 10, kCpu, DType::kF32, 2);
}

std::vector<std::string> names(const Model& model) {
  std::vector<std::string> result;
  for (const NamedTensor& tensor : model.named_tensors()) result.push_back(tensor.name + to_string(tensor.shape));
  return result;
}

TEST(NamedTensors, OfTheNamedModels) {
  EXPECT_THAT(names(make("fc", {28, 28, 1})),
              ElementsAre("linear1.weight[50, 784]", "linear1.bias[50]", "linear2.weight[50, 50]", "linear2.bias[50]",
                          "linear3.weight[10, 50]", "linear3.bias[10]"));
  EXPECT_THAT(names(make("lenet5", {28, 28, 1})),
              ElementsAre("conv1.weight[6, 1, 5, 5]", "conv1.bias[6]", "conv2.weight[16, 6, 5, 5]", "conv2.bias[16]",
                          "linear1.weight[120, 400]", "linear1.bias[120]", "linear2.weight[84, 120]",
                          "linear2.bias[84]", "linear3.weight[10, 84]", "linear3.bias[10]"));
  const std::vector<std::string> vgg3 = names(make("vgg3", {32, 32, 3}));
  const std::vector<std::string> second(vgg3.begin() + 6, vgg3.begin() + 12);
  EXPECT_THAT(second, ElementsAre("conv2.weight[32, 32, 3, 3]", "conv2.bias[32]", "norm2.weight[32]", "norm2.bias[32]",
                                  "norm2.running_mean[32]", "norm2.running_var[32]"));
  EXPECT_THAT(vgg3.back(), "linear2.bias[10]");
  const std::vector<std::string> resnet8 = names(make("resnet8", {32, 32, 3}));
  EXPECT_EQ(std::ranges::count(resnet8, "residual1.conv2.weight[16, 16, 3, 3]"), 1);
  EXPECT_EQ(std::ranges::count(resnet8, "residual1.projection.weight[16, 16, 1, 1]"), 0);
  EXPECT_EQ(std::ranges::count(resnet8, "residual2.projection.weight[32, 16, 1, 1]"), 1);
  EXPECT_EQ(std::ranges::count(resnet8, "residual3.projection_norm.running_var[64]"), 1);
  EXPECT_EQ(std::ranges::count(resnet8, "norm1.weight[16]"), 1);
}

// Every element of the model has exactly one name, none is padding, and nothing is counted twice.
TEST(NamedTensors, AreAllThatTrainingChanges) {
  for (const std::string& name : model_names()) {
    SCOPED_TRACE(name);
    const Model model(parse_model(name), {32, 32, 3}, 10, kCpu, DType::kF32, 2);
    std::set<const void*> elements;
    std::set<std::string> seen;
    int64_t num_parameters = 0;
    for (const NamedTensor& tensor : model.named_tensors()) {
      SCOPED_TRACE(tensor.name);
      EXPECT_TRUE(seen.insert(tensor.name).second);
      const int64_t size = std::accumulate(tensor.shape.begin(), tensor.shape.end(), int64_t{1}, std::multiplies<>());
      ASSERT_EQ(static_cast<int64_t>(tensor.places.size()), size);
      EXPECT_EQ(tensor.values.size(0), 2);
      num_parameters += tensor.is_statistics ? 0 : size;
      for (const int64_t place : tensor.places) {
        ASSERT_GE(place, 0);
        ASSERT_LT(place, tensor.values.network_size());
        ASSERT_TRUE(elements.insert(tensor.values.data<float>() + place).second);
      }
    }
    EXPECT_EQ(num_parameters, model.parameters().num_parameters());
  }
}

TEST(NamedTensors, PlacesFollowTheLayouts) {
  // Two filters of 2 x 2 over 3 channels: OIHW's [0, 1, 0, 0], [0, 1, 0, 1], ... within [2, 2 x 2 x 3].
  const std::vector<int64_t> filters = places_of_filters(2, 3, 2);
  EXPECT_EQ(std::vector<int64_t>(filters.begin() + 4, filters.begin() + 8), (std::vector<int64_t>{1, 4, 7, 10}));
  EXPECT_EQ(filters[12], 12);
  // A linear layer behind 1 x 2 pixels with 3 channels: column (c, y, x) within (y, x, c).
  EXPECT_THAT(places_behind_flatten(1, {1, 2, 3}), ElementsAreArray({0, 3, 1, 4, 2, 5}));
  const Model model = make("conv3k1 flatten linear2 linear", {1, 2, 1});
  const std::vector<NamedTensor> tensors = model.named_tensors();
  EXPECT_EQ(tensors[2].name, "linear1.weight");
  EXPECT_THAT(tensors[2].places, ElementsAreArray({0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11}));
  EXPECT_THAT(tensors[4].places, ElementsAreArray(places_in_order(20)));  // of features: as they are
}

}  // namespace
}  // namespace murmur
