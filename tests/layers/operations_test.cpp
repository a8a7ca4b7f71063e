#include "murmur/layers/operations.hpp"

#include <gmock/gmock.h>

#include "tests/support/devices.hpp"
#include "tests/support/step.hpp"

namespace murmur {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class OperationsTest : public test::DeviceTest {
 protected:
  Variable zeros(const Shape& shape) const { return Variable::constant(Tensor::zeros(shape, DType::kF64, device())); }
};
MURMUR_ON_EVERY_DEVICE(OperationsTest);

// P = 2 networks, m = 12 rows, 5 features (padded 8).
TEST_P(OperationsTest, LinearChecksItsShapes) {
  test::StepFixture fixture(stream(), 2, 12);
  const Step step = fixture.begin();
  const auto refuse = [&](const Activations& input, const Shape& weight, const char* message) {
    EXPECT_THAT([&] { linear(step, input, zeros(weight)); }, ThrowsMessage<ShapeError>(HasSubstr(message)));
  };
  const Activations x{zeros({2, 8, 12}), Layout::kFeatureMajor, 5};
  EXPECT_NO_THROW(linear(step, x, zeros({2, 3, 5})));
  refuse(x, {2, 3, 6}, "linear: weight must be [2, 3, 5], got [2, 3, 6]");
  refuse(x, {1, 3, 5}, "linear: weight must be [2, 3, 5], got [1, 3, 5]");
  refuse(x, {2, 15}, "linear: weight must be [P=2, out, 5], got [2, 15]");
  refuse({zeros({2, 8, 16}), Layout::kFeatureMajor, 5}, {2, 3, 5}, "linear: input must be [2, 8, 12], got [2, 8, 16]");
  refuse({zeros({2, 8, 12}), Layout::kSampleMajor, 5}, {2, 3, 5}, "linear: input must be [2, 12, 8], got [2, 8, 12]");
  refuse({zeros({2, 5, 12}), Layout::kFeatureMajor, 5}, {2, 3, 5}, "linear: input must be [2, 8, 12], got [2, 5, 12]");
}

TEST_P(OperationsTest, ActivationChecksItsShapes) {
  test::StepFixture fixture(stream(), 2, 12);
  const Step step = fixture.begin();
  const auto run = [&](const Shape& input, const Shape& bias) {
    activation(step, {zeros(input), Layout::kFeatureMajor, 5}, zeros(bias), {});
  };
  EXPECT_NO_THROW(run({2, 8, 12}, {2, 8}));
  EXPECT_THAT(
      [&] {
        run({2, 8, 8}, {2, 8});
      },
      ThrowsMessage<ShapeError>(HasSubstr("activation: input must be [2, 8, 12], got [2, 8, 8]")));
  EXPECT_THAT(
      [&] {
        run({2, 8, 12}, {2, 5});
      },
      ThrowsMessage<ShapeError>(HasSubstr("activation: bias must be [2, 8], got [2, 5]")));
}

TEST_P(OperationsTest, CrossEntropyChecksItsShapes) {
  test::StepFixture fixture(stream(), 2, 12);
  Step step = fixture.begin();
  step.training = false;
  const auto run = [&](const Shape& logits, const Shape& bias, const Shape& targets) {
    cross_entropy(step, {zeros(logits), Layout::kFeatureMajor, 5}, zeros(bias),
                  {Tensor::zeros(targets, DType::kI32, device())});
  };
  EXPECT_NO_THROW(run({2, 8, 12}, {2, 8}, {2, 12}));
  EXPECT_THAT(
      [&] {
        run({3, 8, 12}, {2, 8}, {2, 12});
      },
      ThrowsMessage<ShapeError>(HasSubstr("cross_entropy: logits must be [2, 8, 12], got [3, 8, 12]")));
  EXPECT_THAT(
      [&] {
        run({2, 8, 12}, {2, 4}, {2, 12});
      },
      ThrowsMessage<ShapeError>(HasSubstr("cross_entropy: bias must be [2, 8], got [2, 4]")));
  EXPECT_THAT(
      [&] {
        run({2, 8, 12}, {2, 8}, {12, 2});
      },
      ThrowsMessage<ShapeError>(HasSubstr("cross_entropy: targets must be [2, 12], got [12, 2]")));
}

TEST_P(OperationsTest, OtherPrecisionsAreRefused) {
  test::StepFixture fixture(stream(), 2, 12);
  Step step = fixture.begin();
  step.dtype = DType::kI32;
  const Activations x{zeros({2, 8, 12}), Layout::kFeatureMajor, 5};
  EXPECT_THAT(
      [&] {
        linear(step, x, zeros({2, 3, 5}));
      },
      ThrowsMessage<InvalidArgument>(HasSubstr("expected f32 or f64, got i32")));
  step.dtype = DType::kF32;  // the tensors are f64
  EXPECT_THAT(
      [&] {
        linear(step, x, zeros({2, 3, 5}));
      },
      ThrowsMessage<InvalidArgument>(HasSubstr("expected dtype f32, got f64")));
}

// The tensors of a step that is built anew are those of the last one: nothing is allocated while training.
TEST_P(OperationsTest, AStepBuiltAnewUsesTheSameMemory) {
  test::StepFixture fixture(stream(), 2, 12);
  const auto run = [&] {
    const Step step = fixture.begin();
    const Activations y = linear(step, {zeros({2, 8, 12}), Layout::kFeatureMajor, 5}, zeros({2, 3, 5}));
    return std::pair{y.x.value().raw(), step.arena.used_bytes()};
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace murmur
