// What a training asks of a GPU: golden numbers, which a change of the host's side moves, and rules that hold for all.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "murmur/engine/error.hpp"
#include "murmur/engine/timing.hpp"
#include "murmur/layers/population_trainer.hpp"
#include "tests/cuda_stub/stub_counts.hpp"

namespace murmur {
namespace {

using test::Counts;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

const Device kGpu{DeviceType::kCuda, 0};
/// Of a network and an epoch: its state up and down in training and validation, the values of its techniques.
constexpr int64_t kBytesDown = 2 * static_cast<int64_t>(sizeof(NetworkState));
constexpr int64_t kBytesUp = kBytesDown + kNumTechniques * static_cast<int64_t>(sizeof(float));
constexpr int64_t kRows = 128, kTicks = 10, kEvaluationTicks = 2;

TrainingData black_images(const ImageSize& size) {
  TrainingData data;
  const auto images = [&](int64_t count) { return Tensor::zeros({count, size.elements()}, DType::kU8, kGpu); };
  const auto labels = [&](int64_t count) { return Tensor::zeros({count}, DType::kU8, kGpu); };
  constexpr int64_t kTrain = kRows * kTicks, kOthers = kRows * kEvaluationTicks;
  data.train_images = images(kTrain + kOthers);
  data.train_labels = labels(kTrain + kOthers);
  data.test_images = images(kOthers);
  data.test_labels = labels(kOthers);
  data.training = {0, kTrain};
  data.validation = {kTrain, kOthers};
  data.size = size;
  data.num_classes = 10;
  return data;
}

Trial noisy_trial(uint64_t seed) {
  Trial trial;
  trial.seed = seed;
  trial.num_epochs = 10;
  trial.setting.set(Technique::kInputNoise, 0.1);
  trial.setting.set(Technique::kDropout, 0.1);
  return trial;
}

/// The default options, but for one.
template <class T>
TrainerOptions with(T TrainerOptions::*option, T value) {
  TrainerOptions options;
  options.*option = value;
  return options;
}

PopulationTrainer make_trainer(const std::string& model, int64_t num_networks, TrainerOptions options = {}) {
  options.device = kGpu;
  options.num_networks = num_networks;
  const ImageSize size = model == "vgg3" ? ImageSize{32, 32, 3} : ImageSize{28, 28, 1};
  PopulationTrainer trainer(parse_model(model), black_images(size), options);
  for (int64_t slot = 0; slot < num_networks; ++slot) trainer.start(slot, noisy_trial(static_cast<uint64_t>(slot)));
  return trainer;
}

/// The counters of work: kernels, products, convolutions, copies and fills, whether launched or replayed.
Counts work_of(const Counts& counts) {
  Counts work;
  for (const auto& [name, number] : counts) {
    if (name.starts_with("work ")) work[name.substr(5)] = number;
  }
  return work;
}

/// Of so many ticks: several are launched at once where a tick has few nodes.
int64_t launches(int64_t ticks, int64_t nodes) {
  const int64_t at_once = std::clamp<int64_t>(512 / nodes, 1, 16);
  return ticks / at_once + ticks % at_once;
}

struct Golden {
  std::string model;
  int64_t num_networks;
  int64_t tick_nodes, evaluation_nodes;  // of the two graphs, or of those of all waves
  int64_t clears;                        // of the arena's chunks: twice an epoch
  int64_t mebibytes;                     // that the trainer holds after the first epoch, data and cuBLAS's 32 included
  int64_t waves = 1;
};

void PrintTo(const Golden& golden, std::ostream* stream) {
  *stream << golden.model << " P=" << golden.num_networks;
}

/// (1,024 vgg3 at once are 165 GiB: the stub's 80 hold them in three waves.)
class GoldenNumbers : public test::StubTest, public ::testing::WithParamInterface<Golden> {};

INSTANTIATE_TEST_SUITE_P(
    Models, GoldenNumbers,
    ::testing::Values(Golden{"fc", 1, 16, 8, 2, 49}, Golden{"fc", 16, 16, 8, 4, 65},
                      Golden{"fc", 1024, 16, 8, 16, 1218}, Golden{"lenet5", 1, 34, 14, 2, 50},
                      Golden{"lenet5", 16, 109, 44, 16, 187}, Golden{"lenet5", 1024, 5149, 2060, 34, 9519},
                      Golden{"vgg3", 1, 77, 30, 26, 214}, Golden{"vgg3", 16, 332, 120, 46, 2684},
                      Golden{"vgg3", 256, 4412, 1560, 68, 42313}, Golden{"vgg3", 1024, 17588, 6216, 148, 62248, 3}),
    [](const auto& test_info) { return test_info.param.model + "_" + std::to_string(test_info.param.num_networks); });

TEST_P(GoldenNumbers, OfATickAndAnEpoch) {
  const Golden& golden = GetParam();
  PopulationTrainer trainer = make_trainer(golden.model, golden.num_networks);
  const Counts first = test::counts_of([&] { trainer.run_epoch(); });
  // Whatever a library does for the first time, it has done before the capture.
  for (const char* what : {"allocations in a capture", "kernels loaded in a capture", "heuristics in a capture",
                           "plans made in a capture", "handles made in a capture", "invalid calls in a capture",
                           "cuDNN handles that change their stream in a capture"}) {
    EXPECT_EQ(test::at(first, what), 0) << what;
  }
  set_slow("gemm", 0);
  const Counts epoch = test::counts_of([&] { trainer.run_epoch(); });
  EXPECT_EQ(test::at(epoch, "cudaGraphLaunch"),
            golden.waves * (launches(kTicks, golden.tick_nodes / golden.waves) +
                            launches(kEvaluationTicks, golden.evaluation_nodes / golden.waves)));
  EXPECT_EQ(test::at(epoch, "nodes launched"), kTicks * golden.tick_nodes + kEvaluationTicks * golden.evaluation_nodes);
  EXPECT_EQ(test::at(epoch, "synchronisations"), 1);
  EXPECT_EQ(test::at(epoch, "copies to device"), 3);
  EXPECT_EQ(test::at(epoch, "copies to host"), 2);
  EXPECT_EQ(test::at(epoch, "bytes copied to device"), golden.num_networks * kBytesUp);
  EXPECT_EQ(test::at(epoch, "bytes copied to host"), golden.num_networks * kBytesDown);
  EXPECT_EQ(test::at(epoch, "copies of pageable memory"), 0);
  EXPECT_EQ(test::at(epoch, "cudaMemsetAsync"), golden.clears);
  EXPECT_EQ(test::stub_count("live bytes") >> 20, golden.mebibytes);
  for (const char* what : {"cudaMalloc", "cudaFree", "cudaHostAlloc", "cudaMemset", "cudaStreamBeginCapture",
                           "kernel launches", "plans", "cudaDeviceSynchronize"}) {
    EXPECT_EQ(test::at(epoch, what), 0) << what;
  }
  EXPECT_EQ(test::counts_of([&] { trainer.run_epoch(); }), epoch) << "one epoch is as the other";
  Counts evaluation = test::counts_of([&] { trainer.evaluate_test(); });
  EXPECT_EQ(test::at(evaluation, "nodes launched"), kEvaluationTicks * golden.evaluation_nodes);
  evaluation = test::counts_of([&] { trainer.evaluate_test(); });
  EXPECT_EQ(test::at(evaluation, "synchronisations"), 1);
  EXPECT_EQ(test::at(evaluation, "cudaMalloc"), 0);
}

class StubTrainer : public test::StubTest {};

TEST_F(StubTrainer, SmallGraphsAreLaunchedSixteenAtOnce) {
  const std::unique_ptr<Stream> stream = make_stream(kGpu);
  const std::shared_ptr<void> memory = allocate(kGpu, 1024);
  Capture capture(*stream);
  for (int i = 0; i < 3; ++i) stream->clear(memory.get(), 1024);
  const std::unique_ptr<Graph> graph = capture.finish();
  const auto launch = [&](int64_t count) {
    return test::counts_of([&] {
      graph->launch(count);
      stream->synchronize();
    });
  };
  const Counts first = launch(40);
  EXPECT_EQ(test::at(first, "cudaGraphLaunch"), 2 + 8);
  EXPECT_EQ(test::at(first, "nodes launched"), 40 * 3);
  EXPECT_EQ(test::at(first, "cudaGraphInstantiate"), 1);
  EXPECT_EQ(test::at(launch(16), "cudaGraphInstantiate"), 0);
  EXPECT_EQ(test::at(launch(15), "cudaGraphLaunch"), 15);
}

TEST_F(StubTrainer, DeterministicTrainersTimeNothing) {
  const auto counts = [](bool deterministic) {
    return test::counts_of(
        [&] { make_trainer("lenet5", 4, with(&TrainerOptions::deterministic, deterministic)).run_epoch(); });
  };
  const Counts timed = counts(false);
  const Counts fixed = counts(true);
  // lenet5 has five passes of convolutions; each takes its first plan, tried once, and each of both ticks is captured.
  EXPECT_EQ(test::at(fixed, "cudaStreamBeginCapture"), 5 + 2);
  EXPECT_GT(test::at(timed, "cudaStreamBeginCapture"), 5 + 2);
  EXPECT_GT(test::at(fixed, "convolution"), 0);
  EXPECT_GT(test::at(timed, "kernel Update<float, murmur::FastNormals>"), 0);
  EXPECT_GT(test::at(fixed, "kernel Update<float, murmur::ExactNormals>"), 0);
  EXPECT_EQ(test::at(fixed, "kernel Update<float, murmur::FastNormals>"), 0);
}

TEST_F(StubTrainer, WavesShareTheMemoryOfActivations) {
  const auto held = [](int64_t wave) {
    PopulationTrainer trainer = make_trainer("lenet5", 64, with(&TrainerOptions::wave, wave));
    trainer.run_epoch();
    return static_cast<double>(test::stub_count("live bytes"));
  };
  const double whole = held(0);
  const double half = held(32);
  const double quarter = held(16);
  // What a wave leaves out is the activations of half of the networks, then of a quarter.
  EXPECT_NEAR(whole - half, 2 * (half - quarter), 0.1 * (whole - half));
  EXPECT_LT(quarter, whole / 2);
}

TEST_F(StubTrainer, RefillingASlotNeedsNoCaptureAndNoMemory) {
  PopulationTrainer trainer = make_trainer("lenet5", 4);
  trainer.run_epoch();
  const Counts usual = test::counts_of([&] { trainer.run_epoch(); });
  const Counts refilled = test::counts_of([&] {
    trainer.stop(1);
    trainer.stop(2);
    trainer.start(1, noisy_trial(17));
    trainer.run_epoch();
  });
  EXPECT_EQ(test::at(refilled, "cudaStreamBeginCapture"), 0);
  EXPECT_EQ(test::at(refilled, "cudaMalloc"), 0);
  EXPECT_EQ(test::at(refilled, "synchronisations"), 1);
  EXPECT_EQ(test::at(refilled, "nodes launched"), test::at(usual, "nodes launched"));
  EXPECT_EQ(test::at(refilled, "copies to device"), test::at(usual, "copies to device") + 1) << "who is fresh";
}

TEST_F(StubTrainer, StoppingCopiesNothing) {
  PopulationTrainer trainer = make_trainer("fc", 16);
  trainer.run_epoch();
  EXPECT_THAT(test::counts_of([&] {
                for (int64_t slot = 0; slot < 16; ++slot) trainer.stop(slot);
              }),
              IsEmpty());
}

TEST_F(StubTrainer, AGraphDoesWhatItsLaunchesDo) {
  for (const char* model : {"fc", "lenet5", "vgg3"}) {
    PopulationTrainer by_graph = make_trainer(model, 3),
                      one_by_one = make_trainer(model, 3, with(&TrainerOptions::use_graph, false));
    by_graph.run_epoch();
    one_by_one.run_epoch();
    const Counts graph = work_of(test::counts_of([&] { by_graph.run_epoch(); }));
    EXPECT_EQ(graph, work_of(test::counts_of([&] { one_by_one.run_epoch(); }))) << model;
    EXPECT_EQ(graph.at("Advance"), kTicks + kEvaluationTicks);
    EXPECT_EQ(graph.at("Update<float, murmur::FastNormals>"), kTicks);
  }
}

TEST_F(StubTrainer, ConvolutionsAreTimedOnceForAllProcessesAndPopulations) {
  const auto plans_of = [&](int64_t num_networks) {
    return test::counts_of([&] { make_trainer("lenet5", num_networks).run_epoch(); });
  };
  const Counts first = plans_of(16);
  EXPECT_GT(test::at(first, "plans"), 5);
  std::ifstream file(choices());
  const std::string stored{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(stored, HasSubstr(" library\n"));
  EXPECT_THAT(stored, HasSubstr("\tengine "));
  for (const int64_t num_networks : {16, 40, 1000}) {
    const Counts later = plans_of(num_networks);
    EXPECT_EQ(test::at(later, "plans"), 5) << "one a convolution";
    EXPECT_EQ(test::at(later, "cudaStreamBeginCapture"), 2) << "training and validation, no timing";
    EXPECT_EQ(test::at(later, "allocations in a capture"), 0);
  }
}

/// A network may have more parameters than cudaMemcpy2D takes between two rows (2^31 - 1 bytes).
TEST_F(StubTrainer, NetworksThatAreFarApartAreCopied) {
  const Tensor tensor = Tensor::zeros({2, 3}, int64_t{1} << 29, DType::kF32, kGpu);
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  tensor.copy_from_host(values.data(), static_cast<int64_t>(values.size() * sizeof(float)));
  std::vector<float> read(values.size());
  tensor.copy_to_host(read.data());
  EXPECT_EQ(read, values);
}

TEST_F(StubTrainer, AFailureInATickLeavesTheStreamAsItWas) {
  const std::unique_ptr<Stream> stream = make_stream(kGpu);
  EXPECT_THAT(
      [&] {
        Capture capture(*stream);
        throw Error("in the middle of a tick");
      },
      ThrowsMessage<Error>("in the middle of a tick"));
  EXPECT_FALSE(stream->is_capturing());
  EXPECT_THROW(replay_seconds(*stream, [] { throw Error("in a timing"); }), Error);
  EXPECT_FALSE(stream->is_capturing());
  EXPECT_EQ(test::at(test::counts_of([&] { stream->synchronize(); }), "synchronisations"), 1);
}

TEST_F(StubTrainer, AFailedAllocationIsNoFailureOfTheNextLaunch) {
  PopulationTrainer trainer = make_trainer("fc", 2);
  fail("malloc", 1);
  EXPECT_THROW(Tensor::zeros({1024}, DType::kF32, kGpu), OutOfGpuMemory);
  fail("malloc", 0);
  EXPECT_NO_THROW(trainer.run_epoch());
}

TEST_F(StubTrainer, OutOfMemorySaysHowManyNetworksFit) {
  setenv("MURMUR_STUB_MEMORY", "1000000000", 1);
  const auto message_of = [](const std::string& model, int64_t num_networks) -> std::string {
    try {
      PopulationTrainer trainer = make_trainer(model, num_networks);
      trainer.run_epoch();
    } catch (const OutOfGpuMemory& error) {
      return error.what();
    }
    return "";
  };
  const std::string too_large = message_of("vgg3", 1024);
  EXPECT_TRUE(too_large.starts_with("1024 networks of ")) << too_large;
  EXPECT_EQ(too_large.find("about "), too_large.rfind("about ")) << "said once: " << too_large;
  const std::string message = message_of("fc", 30000);
  const size_t about = message.find("about ");
  ASSERT_NE(about, std::string::npos) << message;
  const int64_t fit = std::stoll(message.substr(about + 6));
  EXPECT_EQ(message_of("fc", fit * 9 / 10), "") << message;
  unsetenv("MURMUR_STUB_MEMORY");
}

TEST_F(StubTrainer, AMissingSublibraryIsSaidOnce) {
  fail("cudnn_create", 1);
  testing::internal::CaptureStderr();
  make_trainer("lenet5", 2).run_epoch();
  const std::string said = testing::internal::GetCapturedStderr();
  fail("cudnn_create", 0);
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  EXPECT_THAT(said, HasSubstr("a sublibrary is missing"));
  EXPECT_THAT(said, HasSubstr("matrix products do it"));
}

}  // namespace
}  // namespace murmur
