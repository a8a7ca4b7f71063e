#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "murmur/engine/arena.hpp"
#include "murmur/engine/tensor.hpp"

namespace murmur {

/// A tensor, its gradient, and the operation that made it. Define by run: an operation computes its value and returns a
/// Variable that remembers its inputs and how to send a gradient back to them. Copies are the same variable.
class Variable {
 public:
  /// Sends output.grad() back to the operation's inputs; device-free, written once per operation.
  using Backward = std::function<void(const Variable& output)>;

  Variable() = default;
  /// Data that needs no gradient.
  static Variable constant(Tensor value);
  /// A parameter: gradients add up in `grad` over ticks until someone clears it.
  static Variable parameter(Tensor value, Tensor grad);
  /// What an operation made. It needs a gradient where one of its inputs does; `backward` is dropped otherwise.
  static Variable result(const char* operation, Tensor value, std::vector<Variable> inputs, Backward backward);

  bool defined() const { return node_ != nullptr; }
  const Tensor& value() const { return node_->value; }
  bool requires_grad() const { return node_->requires_grad; }
  /// The gradient; undefined before the first one arrived.
  const Tensor& grad() const { return node_->grad; }
  const char* operation() const { return node_->operation; }

  /// Where an operation writes a gradient for this variable: allocated like the value when first asked for.
  /// `accumulate` says whether to add to what is there (a parameter, or a second consumer) or to overwrite it.
  struct Target {
    Tensor grad;
    bool accumulate;
  };
  Target grad_target(Arena& arena) const;
  /// Gives this variable a gradient that was computed in place. Throws: Error when it has one.
  void take_grad(Tensor grad) const;

 private:
  struct Node {
    const char* operation = "leaf";
    Tensor value;
    Tensor grad;
    bool requires_grad = false;
    bool has_grad = false;
    std::vector<Variable> inputs;
    Backward backward;
  };
  explicit Variable(std::shared_ptr<Node> node) : node_(std::move(node)) {}
  std::shared_ptr<Node> node_;

  friend void backward(const Variable& root);
};

/// Runs the backward of every operation that `root` came from, consumers first. The root's own gradient is what its
/// operation defines it to be (a loss: 1 for every sample). A tape is walked once; its inputs are then let go.
void backward(const Variable& root);

}  // namespace murmur
