// What every module goes through by having a row in the table: its example trains, alone and beside others, and says
// what does not fit. (gradient_test.cpp checks its gradients.)
#include <gmock/gmock.h>

#include <set>

#include "murmur/layers/modules/table.hpp"
#include "tests/support/training.hpp"

namespace murmur {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::ThrowsMessage;

class EveryModule : public ::testing::TestWithParam<std::tuple<Device, const ModuleInfo*>> {
 protected:
  void SetUp() override { MURMUR_NEED_DEVICE(device()); }
  static Device device() { return std::get<0>(GetParam()); }
  static const ModuleInfo& info() { return *std::get<1>(GetParam()); }
  static std::string example() { return std::string(info().example); }
  static PopulationTrainer trainer(const TrainerOptions& options) {
    return PopulationTrainer(parse_model(example()), test::small_data(device(), info().example_size), options);
  }
};

INSTANTIATE_TEST_SUITE_P(Devices, EveryModule,
                         ::testing::Combine(::testing::Values(kCpu, test::kGpu),
                                            ::testing::ValuesIn(modules().begin(), modules().end())),
                         [](const auto& test_info) {
                           return test::test_name(std::get<0>(test_info.param)) + "_" +
                                  std::string(std::get<1>(test_info.param)->word);
                         });

TEST_P(EveryModule, IsInItsExampleAndInTheHelp) {
  const ModelSpecification model = parse_model(example());
  EXPECT_THAT(model.words, ::testing::Contains(StartsWith(std::string(info().word))));
  EXPECT_THAT(std::string(info().form), StartsWith(std::string(info().word)));
  EXPECT_THAT(model_help(), HasSubstr(std::string(info().form)));
  EXPECT_THAT(model_help(), HasSubstr(std::string(info().help)));
}

TEST_P(EveryModule, RefusesWhatFollowsItsWord) {
  const std::string word = std::string(info().word) + "?";
  EXPECT_THAT([&] { parse_model("conv8 " + word + " flatten linear"); },
              ThrowsMessage<InvalidArgument>(HasSubstr("got '" + word + "'")));
}

TEST_P(EveryModule, SaysWhereAnImageIsTooSmall) {
  if (info().too_small.empty()) return;
  const ModelSpecification model = parse_model(info().too_small);
  EXPECT_THAT(
      [&] {
        Model(model, {2, 2, 1}, 5, device(), DType::kF32, 1);
      },
      ThrowsMessage<InvalidArgument>(HasSubstr("expected an image of at least")));
}

TEST_P(EveryModule, NetworksTogetherAreEachAlone) {
  for (const bool paper : {false, true}) {
    if (paper && emulates_gpu()) continue;  // slow there
    TrainerOptions options = test::small_options(device(), 3);
    if (paper) options.definitions = Definitions::paper();
    const test::TechniqueCase everything = test::technique_cases().back();
    const std::vector<Trial> trials{everything.trial(1), test::kBaseline.trial(2), everything.trial(3)};
    PopulationTrainer population = trainer(options);
    test::run_trials(population, {test::kBaseline.trial(8), everything.trial(9)}, 1);  // the slots have been used
    const std::vector<test::Outcome> together = test::run_trials(population, trials);
    options.num_networks = 1;
    for (size_t i = 0; i < trials.size(); ++i) {
      PopulationTrainer alone = trainer(options);
      test::expect_same(together[i], test::run_trials(alone, {trials[i]}).front(),
                        test::device_tolerance(device(), trials[i]));
    }
  }
}

TEST_P(EveryModule, NamesEveryParameterOnce) {
  const Model model(parse_model(example()), info().example_size, 5, device(), DType::kF32, 2);
  std::set<std::string> names;
  int64_t num_parameters = 0;
  for (const NamedTensor& tensor : model.named_tensors()) {
    EXPECT_TRUE(names.insert(tensor.name).second) << tensor.name;
    const std::set<int64_t> places(tensor.places.begin(), tensor.places.end());
    EXPECT_EQ(places.size(), tensor.places.size()) << tensor.name;
    EXPECT_LT(*places.rbegin(), tensor.values.network_size()) << tensor.name;
    if (!tensor.is_statistics) num_parameters += static_cast<int64_t>(places.size());
  }
  EXPECT_EQ(num_parameters, model.parameters().num_parameters());
}

}  // namespace
}  // namespace murmur
