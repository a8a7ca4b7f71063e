// Techniques that follow a schedule: the table that the end of an update writes, and the copy of the weights, which an
// update writes for the next one.
#include <gtest/gtest.h>

#include <cmath>

#include "murmur/kernels/advance.hpp"
#include "murmur/kernels/update.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/population.hpp"

namespace murmur {
namespace {

class ScheduleTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(ScheduleTest);

constexpr int64_t kScheduledRows = 128;
constexpr int64_t kScheduledEpoch = 600;  // ticks of 128, 128, 128, 128, 88

/// The factor of an update by its definition. `x`: the share of the training that is over.
double factor(const NoiseSchedule& schedule, double x, int64_t update) {
  const double a = static_cast<double>(schedule.a), b = static_cast<double>(schedule.b);
  switch (schedule.shape) {
    case ScheduleShape::kConstant:
      return 1;
    case ScheduleShape::kEarly:
      return x < a ? 1 : 0;
    case ScheduleShape::kLate:
      return x < a ? 0 : 1;
    case ScheduleShape::kLinear:
      return a + (b - a) * x;
    case ScheduleShape::kCosine:
      return b + (a - b) * (1 + std::cos(M_PI * x)) / 2;
    case ScheduleShape::kDecay:
      return std::pow(1 + static_cast<double>(update), -a);
    case ScheduleShape::kWarmup:
      return std::min(1.0, x / a);
    case ScheduleShape::kWarmupCosine:
      return x < a ? x / a : (1 + std::cos(M_PI * (x - a) / (1 - a))) / 2;
  }
  return 1;
}

/// The table and the lists of a population on a device, and what is in both.
class Scheduled {
 public:
  Scheduled(int64_t num_networks, int64_t num_items, Device device)
      : population(num_networks, device),
        num_items_(num_items),
        lists_(static_cast<size_t>(num_networks * kMaxScheduled)),
        table_(table_of_off_values(num_networks)),
        device_lists_(
            Tensor::zeros({static_cast<int64_t>(lists_.size() * sizeof(ScheduledTechnique))}, DType::kU8, device)),
        device_table_(table_, device) {}

  void set(Technique id, int64_t network, double value) { table_[index(id, network)] = static_cast<float>(value); }
  void set(Technique id, int64_t network, double value, const NoiseSchedule& schedule) {
    set(id, network, value);
    ScheduledTechnique* list = lists_.data() + network * kMaxScheduled;
    while (list->technique >= 0) ++list;
    *list = {static_cast<int32_t>(id), static_cast<float>(value), 1.0f / static_cast<float>(num_items_), schedule};
  }
  /// What kernels see.
  StepArgs upload() {
    device_lists_.copy_from_host(lists_.data(), static_cast<int64_t>(lists_.size() * sizeof(ScheduledTechnique)));
    device_table_.set(table_);
    StepArgs step = population.upload(kScheduledRows, kScheduledEpoch);
    step.techniques = {device_table_.data(), population.num_networks()};
    step.schedules = {reinterpret_cast<const ScheduledTechnique*>(device_lists_.raw()), device_table_.data(),
                      population.num_networks()};
    return step;
  }
  /// The end of a tick; then the table is what the kernel has made of it.
  void advance(Stream& stream, const StepArgs& step) {
    murmur::advance(stream, step);
    stream.synchronize();
    population.download();
    table_ = device_table_.values();
    EXPECT_TRUE(device_table_.guards_intact());
  }

  float get(Technique id, int64_t network) const { return table_[index(id, network)]; }
  const std::vector<float>& table() const { return table_; }
  /// What a technique should be in the update that comes next.
  double expected(Technique id, int64_t network, double before) const {
    const NetworkState& state = population.states[static_cast<size_t>(network)];
    for (int i = 0; i < kMaxScheduled; ++i) {
      const ScheduledTechnique& scheduled = lists_[static_cast<size_t>(network * kMaxScheduled + i)];
      if (scheduled.technique != static_cast<int32_t>(id)) continue;
      const double progress = static_cast<double>(state.item) / static_cast<double>(num_items_);
      return static_cast<double>(scheduled.value) * factor(scheduled.schedule, progress, state.update);
    }
    return before;
  }

  test::Population population;

 private:
  size_t index(Technique id, int64_t network) const {
    return static_cast<size_t>(static_cast<int64_t>(id) * population.num_networks() + network);
  }

  int64_t num_items_;
  std::vector<ScheduledTechnique> lists_;
  std::vector<float> table_;
  Tensor device_lists_;
  test::GuardedArray<float> device_table_;
};

// The progress is an item below 2^24 times a rounded reciprocal: off by 1.2e-7. The factor's slope in it is at most
// 1 / 0.3, of the warm-up: 4e-7. A cosine is off by 1.1e-7, and by half a step of its angle, 1e-7; powf by 4 units in
// the last place, 5e-7; three operations follow: less than 1e-6 in all. Values are at most 1.
TEST_P(ScheduleTest, TheEndOfAnUpdateBringsTheTableUpToTheNext) {
  constexpr int64_t kNetworks = 4, kNumItems = 1024;  // a power of two: 512 items are exactly one half
  Scheduled scheduled(kNetworks, kNumItems, device());
  using enum ScheduleShape;
  const std::vector<std::pair<Technique, NoiseSchedule>> schedules{{Technique::kDropout, {kEarly, 0.5f}},
                                                                   {Technique::kInputNoise, {kLate, 0.5f}},
                                                                   {Technique::kLabelSmoothing, {kLinear, 1, 0.25f}},
                                                                   {Technique::kDropconnect, {kCosine, 0.2f, 0.9f}},
                                                                   {Technique::kWeightNoise, {kDecay, 0.55f}},
                                                                   {Technique::kLearningRate, {kWarmup, 0.3f}},
                                                                   {Technique::kLogitNoise, {kWarmupCosine, 0.4f}},
                                                                   {Technique::kWeightDecay, {kConstant}}};
  for (int64_t p = 0; p < kNetworks; ++p) {
    scheduled.set(Technique::kBatchSize, p, p == 1 ? 256 : 128);
    scheduled.set(Technique::kGradientNoise, p, 0.125);  // not scheduled
    for (const auto& [id, schedule] : schedules) {
      // Networks have other lists: of all, all, every second and none of these.
      const bool has = p < 2 || (p == 2 && static_cast<int>(id) % 2 == 0);
      scheduled.set(id, p, 0.75);
      if (has) scheduled.set(id, p, 0.5 + 0.1 * static_cast<double>(p), schedule);
    }
    NetworkState& state = scheduled.population.states[static_cast<size_t>(p)];
    state.item = 0;
    state.update = 3;
  }
  scheduled.population.states[3].status = NetworkStatus::kDiverged;
  for (int tick = 0; tick < 5; ++tick) {
    SCOPED_TRACE(::testing::Message() << "tick " << tick);
    const std::vector<float> before = scheduled.table();
    scheduled.advance(stream(), scheduled.upload());
    for (const TechniqueInfo& info : techniques()) {
      for (int64_t p = 0; p < kNetworks; ++p) {
        const double was =
            static_cast<double>(before[static_cast<size_t>(info.id) * kNetworks + static_cast<size_t>(p)]);
        const bool updated = p != 1 || tick % 2 == 1 || tick == 4;  // 256 samples, or the epoch's end
        const double expected = updated ? scheduled.expected(info.id, p, was) : was;
        EXPECT_NEAR(static_cast<double>(scheduled.get(info.id, p)), expected, expected == was ? 0 : 1e-6)
            << info.key << " of network " << p;
      }
    }
  }
}

TEST_P(ScheduleTest, WithoutListsTheTableStays) {
  Scheduled scheduled(2, 1024, device());
  scheduled.set(Technique::kDropout, 0, 0.5, {ScheduleShape::kLinear, 1, 0});
  StepArgs step = scheduled.upload();
  step.schedules = {};
  const std::vector<float> before = scheduled.table();
  scheduled.advance(stream(), step);
  EXPECT_TRUE(test::same_bits(scheduled.table(), before));
}

/// Updates of networks whose weights have transient noise: after each, `copy` must have the noise of the next one with
/// the magnitudes that will then be in force, and the next gradient must pass through that very noise.
class TransientRun {
 public:
  static constexpr int64_t kNetworks = 3, kQuads = 270, kStride = 4 * kQuads;  // more than one tile

  TransientRun(Stream& stream, Scheduled& scheduled)
      : stream_(stream),
        scheduled_(scheduled),
        weights_(test::random_values<double>(kNetworks * kStride, 1, 1, 2)),
        weight_(weights_, stream.device()),
        grad_(weights_.size(), 0.0, stream.device()),
        copy_(weights_.size(), 5.0, stream.device()),
        kinds_(std::vector<uint8_t>(kQuads, static_cast<uint8_t>(WeightKind::kNoisyAndDropped)), stream.device()),
        selected_(std::vector<uint8_t>(kNetworks, 1), stream.device()) {}

  /// The copies of the first updates.
  void start() {
    const UpdateArgs<double> args = make_args();
    copy_weights(stream_, CopyWeightsArgs<double>{args, selected_.data()});
    stream_.synchronize();
    expect_copies();
  }

  void tick() {
    // Every element of the copy's gradient is 1 for each sample; the sum of the losses, so that nothing rescales it.
    std::vector<double> gradient = grad_.values();
    for (double& g : gradient) g += 1;
    grad_.set(gradient);
    UpdateArgs<double> args = make_args();
    const std::vector<NetworkState> before = scheduled_.population.states;
    const std::vector<double> slopes = all_slopes();  // those in force
    update(stream_, args);
    scheduled_.advance(stream_, args.step);
    const std::vector<double> after = weight_.values();
    for (size_t i = 0; i < after.size(); ++i) {
      const size_t p = i / kStride;
      const bool updated = scheduled_.population.states[p].update > before[p].update;
      const double expected = weights_[i] - (updated ? kRate * gradient[i] * slopes[i] : 0);
      ASSERT_NEAR(after[i], expected, 1e-12) << "network " << p << ", element " << i % kStride;
    }
    weights_ = after;
    expect_copies();
  }

 private:
  static constexpr double kRate = 0.0625;

  UpdateArgs<double> make_args() {
    for (int64_t p = 0; p < kNetworks; ++p) scheduled_.set(Technique::kLearningRate, p, kRate);
    UpdateArgs<double> args;
    args.step = scheduled_.upload();
    args.step.definitions.loss_reduction = LossReduction::kSum;
    args.weight = weight_.data();
    args.grad = grad_.data();
    args.stride = kStride;
    args.copy = copy_.data();
    args.kinds = reinterpret_cast<const WeightKind*>(kinds_.data());
    return args;
  }

  test::Address address(int64_t p, Technique id) const {
    return {scheduled_.population.states[static_cast<size_t>(p)].seed, id, 0};
  }
  uint64_t update_of(int64_t p) const {
    return static_cast<uint64_t>(scheduled_.population.states[static_cast<size_t>(p)].update);
  }

  /// (1 + sigma n) m / (1 - p) of the update that the states count, with the magnitudes in the table. The magnitudes
  /// are floats, and each is used as it is: all operations are in double, a few roundings.
  double slope(int64_t p, uint64_t element) const {
    const double sigma = static_cast<double>(scheduled_.get(Technique::kMultiplicativeWeightNoise, p));
    const float drop = scheduled_.get(Technique::kDropconnect, p);
    double result = 1;
    if (sigma > 0) {
      result += sigma * address(p, Technique::kMultiplicativeWeightNoise).normal_of(update_of(p), kQuads, element);
    }
    if (!(drop > 0)) return result;
    const bool kept = address(p, Technique::kDropconnect).keeps(update_of(p), kQuads, element, drop);
    return kept ? result / (1 - static_cast<double>(drop)) : 0;
  }
  std::vector<double> all_slopes() const {
    std::vector<double> slopes;
    for (int64_t p = 0; p < kNetworks; ++p) {
      for (uint64_t i = 0; i < kStride; ++i) slopes.push_back(slope(p, i));
    }
    return slopes;
  }

  /// Weights and factors stay below 100: their roundings below 1e-12.
  void expect_copies() {
    const std::vector<double> copies = copy_.values(), slopes = all_slopes();
    for (int64_t p = 0; p < kNetworks; ++p) {
      const double sigma = static_cast<double>(scheduled_.get(Technique::kTransientWeightNoise, p));
      for (int64_t i = 0; i < kStride; ++i) {
        const auto at = static_cast<size_t>(p * kStride + i);
        const double noise = sigma > 0 ? sigma * address(p, Technique::kTransientWeightNoise)
                                                     .normal_of(update_of(p), kQuads, static_cast<uint64_t>(i))
                                       : 0;
        ASSERT_NEAR(copies[at], (weights_[at] + noise) * slopes[at], 1e-12) << "network " << p << ", element " << i;
      }
    }
    EXPECT_TRUE(copy_.guards_intact() && weight_.guards_intact());
  }

  Stream& stream_;
  Scheduled& scheduled_;
  std::vector<double> weights_;
  test::GuardedArray<double> weight_, grad_, copy_;
  test::GuardedArray<uint8_t> kinds_, selected_;
};

TEST_P(ScheduleTest, TheCopyOfTheWeightsHasTheNoiseThatWillBeInForce) {
  Scheduled scheduled(TransientRun::kNetworks, 3 * kScheduledEpoch, device());
  using enum ScheduleShape;
  for (int64_t p = 0; p < TransientRun::kNetworks; ++p) {
    scheduled.set(Technique::kBatchSize, p, p == 1 ? 256 : 128);
    NetworkState& state = scheduled.population.states[static_cast<size_t>(p)];
    state.item = kScheduledEpoch;
    state.update = 5;
  }
  for (int64_t p = 0; p < 2; ++p) {
    scheduled.set(Technique::kMultiplicativeWeightNoise, p, 0.5, {kLinear, 1, 0});
    scheduled.set(Technique::kDropconnect, p, 0.6, {kCosine, 0, 1});
    scheduled.set(Technique::kTransientWeightNoise, p, 0.3, {kDecay, 0.5f});
  }
  // One is constant, and one begins where the other ends.
  scheduled.set(Technique::kMultiplicativeWeightNoise, 2, 0.5);
  scheduled.set(Technique::kDropconnect, 2, 0.4, {kLate, 0.5f});
  scheduled.set(Technique::kTransientWeightNoise, 2, 0.2, {kEarly, 0.45f});
  TransientRun run(stream(), scheduled);
  run.start();
  for (int tick = 0; tick < 5; ++tick) {
    SCOPED_TRACE(::testing::Message() << "tick " << tick);
    run.tick();
  }
}

}  // namespace
}  // namespace murmur
