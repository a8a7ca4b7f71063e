#include "murmur/distributed/messages.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

using Json = nlohmann::json;

/// As a message travels between processes.
Json travelled(const Json& message) {
  return Json::from_cbor(Json::to_cbor(message));
}

/// Remembers what it was told.
class RecordingTrainer final : public Trainer {
 public:
  int64_t num_networks() const override { return 3; }
  int64_t epoch_size() const override { return 1; }
  void start(int64_t slot, const Trial& trial) override { trials.emplace_back(slot, trial); }
  void stop(int64_t slot) override { stopped.push_back(slot); }
  bool is_running(int64_t slot) const override { return slot != 1; }
  std::vector<EpochResult> run_epoch() override { return {}; }
  std::vector<Evaluation> evaluate_test() override { return {}; }

  std::vector<std::pair<int64_t, Trial>> trials;
  std::vector<int64_t> stopped;
};

TEST(Messages, ATrialKeepsAllItsBits) {
  Trial trial{std::numeric_limits<uint64_t>::max(), {}, 7};
  for (const TechniqueInfo& info : techniques()) {
    if (info.choices.empty()) trial.setting.set(info.id, info.low + (info.high - info.low) / 3);
  }
  trial.setting.set(Technique::kOptimizer, 2);
  RecordingTrainer trainer;
  obey(trainer, travelled({stop_json(2), start_json(2, trial)}));
  ASSERT_EQ(trainer.trials.size(), 1u);
  EXPECT_EQ(trainer.stopped, std::vector<int64_t>{2});
  EXPECT_EQ(trainer.trials[0].first, 2);
  EXPECT_EQ(trainer.trials[0].second.seed, trial.seed);
  EXPECT_EQ(trainer.trials[0].second.setting, trial.setting);
  EXPECT_EQ(trainer.trials[0].second.num_epochs, 7);
}

TEST(Messages, ResultsKeepAllTheirBitsAndNaN) {
  const RecordingTrainer trainer;
  const double third = 1.0 / 3, nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<EpochResult> sent{
      {4, third, 0.1, 2e-300, 0.7, false}, {9, 1, 1, 1, 1, false}, {5, nan, 0, nan, 0.1, true}};
  std::vector<EpochResult> got(3);
  parse_results(travelled(results_json(trainer, sent)), got);
  EXPECT_EQ(got[0].epoch, 4);
  EXPECT_EQ(got[0].train_loss, third);
  EXPECT_EQ(got[0].train_accuracy, 0.1);
  EXPECT_EQ(got[0].validation_loss, 2e-300);
  EXPECT_EQ(got[0].validation_accuracy, 0.7);
  EXPECT_FALSE(got[0].diverged);
  EXPECT_EQ(got[1].epoch, 0) << "an empty slot";
  EXPECT_TRUE(std::isnan(got[2].train_loss) && std::isnan(got[2].validation_loss) && got[2].diverged);
  std::vector<Evaluation> tests(3);
  parse_tests(travelled(tests_json(trainer, std::vector<Evaluation>{{third, 0.5}, {1, 1}, {nan, 0.25}})), tests);
  EXPECT_EQ(tests[0].loss, third);
  EXPECT_TRUE(std::isnan(tests[2].loss));
  EXPECT_EQ(tests[2].accuracy, 0.25);
}

TEST(Messages, ATrainerIsAskedForWithAllThatItsResultsDependOn) {
  TrainingData data;
  data.training = {3, 100};
  data.validation = {103, 20};
  TrainerOptions options;
  options.device = {DeviceType::kCuda, 1};
  options.micro_batch = 32;
  options.dtype = DType::kF64;
  options.initialization = Initialization::kHe;
  options.definitions = Definitions::paper();
  options.use_graph = false;
  options.allow_tf32 = true;
  options.num_threads = 3;
  options.wave = 2;
  options.deterministic = true;
  const TrainerRequest request =
      parse_trainer(travelled(trainer_json(parse_model("flatten linear"), data, options, 5)));
  EXPECT_EQ(request.model.text, "flatten linear");
  EXPECT_EQ(request.training, data.training);
  EXPECT_EQ(request.validation, data.validation);
  EXPECT_EQ(request.options.device, options.device);
  EXPECT_EQ(request.options.num_networks, 5);
  EXPECT_EQ(request.options.micro_batch, 32);
  EXPECT_EQ(request.options.dtype, DType::kF64);
  EXPECT_EQ(request.options.initialization, Initialization::kHe);
  EXPECT_EQ(request.options.definitions, options.definitions);
  EXPECT_FALSE(request.options.use_graph);
  EXPECT_TRUE(request.options.allow_tf32);
  EXPECT_EQ(request.options.num_threads, 3);
  EXPECT_EQ(request.options.wave, 2);
  EXPECT_TRUE(request.options.deterministic);
}

TEST(Messages, AnErrorIsThrownAgainAsItsOwnKind) {
  const auto again = [](const std::exception& error) { throw_if_error(travelled(error_json(error)), "rank 2 on a"); };
  EXPECT_THROW(again(InvalidArgument("x")), InvalidArgument);
  EXPECT_THROW(again(DataError("x")), DataError);
  EXPECT_THROW(again(StudyError("x")), StudyError);
  EXPECT_THROW(again(DeviceUnavailable("x")), DeviceUnavailable);
  EXPECT_THROW(again(OutOfGpuMemory("x")), GpuError);
  EXPECT_THROW(again(std::bad_alloc()), Error);
  EXPECT_THROW(again(std::runtime_error("x")), Error);
  try {
    again(DataError("no images"));
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "rank 2 on a: no images");
  }
  throw_if_error(Json::object(), "rank 1");
}

}  // namespace
}  // namespace murmur
