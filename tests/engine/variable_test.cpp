#include "murmur/engine/variable.hpp"

#include <gmock/gmock.h>

#include <string>

namespace murmur {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// Autograd is free of devices, so plain arithmetic on the host stands for kernels. Every backward logs its name.
class VariableTest : public ::testing::Test {
 protected:
  static Tensor tensor(double value) { return Tensor::from<double>(std::vector<double>{value}, {1, 1}, kCpu); }
  static double& at(const Tensor& tensor) { return *tensor.data<double>(); }
  Variable parameter(double value) {
    return Variable::parameter(tensor(value), Tensor::zeros({1, 1}, DType::kF64, kCpu));
  }

  void send(const Variable& variable, double grad) {
    if (!variable.requires_grad()) return;
    const Variable::Target target = variable.grad_target(arena_);
    at(target.grad) = target.accumulate ? at(target.grad) + grad : grad;
  }

  Variable multiply(const char* name, const Variable& a, const Variable& b) {
    return Variable::result(name, tensor(at(a.value()) * at(b.value())), {a, b}, [=, this](const Variable& output) {
      order_ += name;
      send(a, at(output.grad()) * at(b.value()));
      send(b, at(output.grad()) * at(a.value()));
    });
  }

  /// The end of a tape: sends 1 to its input.
  Variable root(const Variable& x) {
    return Variable::result("root", Tensor(), {x}, [=, this](const Variable&) {
      order_ += "root ";
      send(x, 1);
    });
  }

  Arena arena_{kCpu};
  std::string order_;
};

TEST_F(VariableTest, AChainIsTheProductRule) {
  const Variable a = parameter(2), b = parameter(3), c = parameter(5);
  backward(root(multiply("ab.c ", multiply("a.b ", a, b), c)));
  EXPECT_EQ(at(a.grad()), 15);
  EXPECT_EQ(at(b.grad()), 10);
  EXPECT_EQ(at(c.grad()), 6);
  EXPECT_EQ(order_, "root ab.c a.b ");
}

TEST_F(VariableTest, TwoConsumersAddUp) {
  const Variable x = parameter(7);
  const Variable square = multiply("square ", x, x);                           // x^2
  backward(root(multiply("product ", square, multiply("cube ", square, x))));  // x^5
  EXPECT_EQ(at(x.grad()), 5 * 7 * 7 * 7 * 7);
  // A producer runs once, after all of its consumers.
  EXPECT_EQ(order_, "root product cube square ");
}

TEST_F(VariableTest, ParametersAddUpOverTapesAndIntermediatesDoNot) {
  const Variable x = parameter(3), y = parameter(4);
  for (int tick = 1; tick <= 3; ++tick) {
    const Variable product = multiply("product ", x, y);
    EXPECT_FALSE(product.grad().defined());
    backward(root(product));
    EXPECT_EQ(at(product.grad()), 1);
    EXPECT_EQ(at(x.grad()), 4 * tick);
    EXPECT_EQ(at(y.grad()), 3 * tick);
  }
}

TEST_F(VariableTest, DataNeedsNoGradient) {
  const Variable data = Variable::constant(tensor(2)), more = Variable::constant(tensor(3));
  const Variable product = multiply("constants ", data, more);
  EXPECT_FALSE(product.requires_grad());
  const Variable x = parameter(5);
  const Variable y = multiply("mixed ", product, x);
  EXPECT_TRUE(y.requires_grad());
  backward(root(y));
  EXPECT_EQ(at(x.grad()), 6);
  EXPECT_FALSE(product.grad().defined());
  EXPECT_FALSE(data.grad().defined());
  EXPECT_EQ(order_, "root mixed ");  // the backward of constants never runs
}

TEST_F(VariableTest, ATapeIsWalkedOnce) {
  const Variable x = parameter(3);
  const Variable end = root(multiply("square ", x, x));
  backward(end);
  backward(end);
  EXPECT_EQ(at(x.grad()), 6);
  EXPECT_EQ(order_, "root square ");
}

TEST_F(VariableTest, GradientsInPlaceAreTakenOnce) {
  const Variable x = parameter(3);
  const Variable y = multiply("y", x, x);
  const Tensor grad = tensor(8);
  y.take_grad(grad);
  EXPECT_EQ(y.grad().raw(), grad.raw());
  EXPECT_TRUE(y.grad_target(arena_).accumulate);
  EXPECT_THAT([&] { y.take_grad(grad); }, ThrowsMessage<Error>(HasSubstr("y: expected no gradient before")));
  EXPECT_THROW(x.take_grad(grad), Error);  // a parameter's gradient adds up, and is never replaced
}

TEST_F(VariableTest, AGradientIsShapedLikeItsValue) {
  const Variable x = Variable::result("x", Tensor::zeros({2, 3}, 4, DType::kF32, kCpu), {parameter(1)}, nullptr);
  const Variable::Target target = x.grad_target(arena_);
  EXPECT_FALSE(target.accumulate);
  EXPECT_EQ(target.grad.shape(), x.value().shape());
  EXPECT_EQ(target.grad.network_stride(), 4);
  EXPECT_EQ(target.grad.dtype(), DType::kF32);
  EXPECT_THAT(
      [] {
        Variable::parameter(tensor(1), Tensor::zeros({1, 2}, DType::kF64, kCpu));
      },
      ThrowsMessage<ShapeError>(HasSubstr("expected a gradient [1, 1], got [1, 2]")));
}

}  // namespace
}  // namespace murmur
