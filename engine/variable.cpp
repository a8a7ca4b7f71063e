#include "murmur/engine/variable.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "murmur/engine/profiling.hpp"

namespace murmur {

Variable Variable::constant(Tensor value) {
  auto node = std::make_shared<Node>();
  node->value = std::move(value);
  return Variable(std::move(node));
}

Variable Variable::parameter(Tensor value, Tensor grad) {
  if (value.shape() != grad.shape()) {
    throw ShapeError("parameter: expected a gradient {}, got {}", to_string(value.shape()), to_string(grad.shape()));
  }
  auto node = std::make_shared<Node>();
  node->value = std::move(value);
  node->grad = std::move(grad);
  node->requires_grad = true;
  node->has_grad = true;
  return Variable(std::move(node));
}

Variable Variable::result(const char* operation, Tensor value, std::vector<Variable> inputs, Backward backward) {
  auto node = std::make_shared<Node>();
  node->operation = operation;
  node->value = std::move(value);
  node->requires_grad = std::ranges::any_of(inputs, [](const Variable& input) { return input.requires_grad(); });
  if (node->requires_grad) {
    node->inputs = std::move(inputs);
    node->backward = std::move(backward);
  }
  return Variable(std::move(node));
}

Variable::Target Variable::grad_target(Arena& arena) const {
  const Tensor& value = node_->value;
  if (!node_->grad.defined()) node_->grad = arena.zeros(value.shape(), value.network_stride(), value.dtype());
  return {node_->grad, std::exchange(node_->has_grad, true)};
}

void Variable::take_grad(Tensor grad) const {
  if (node_->has_grad) throw Error("{}: expected no gradient before an operation in place, got one", node_->operation);
  node_->grad = std::move(grad);
  node_->has_grad = true;
}

void backward(const Variable& root) {
  // Depth first: `order` lists producers before consumers, until it is reversed.
  std::vector<Variable> order;
  std::unordered_set<const void*> seen;
  const std::function<void(const Variable&)> visit = [&](const Variable& variable) {
    if (!variable.requires_grad() || !seen.insert(variable.node_.get()).second) return;
    for (const Variable& input : variable.node_->inputs) visit(input);
    order.push_back(variable);
  };
  visit(root);
  std::ranges::reverse(order);
  for (const Variable& variable : order) {
    const Variable::Backward run = std::exchange(variable.node_->backward, nullptr);
    if (!run) continue;
    const ProfileRange range(variable.operation());
    run(variable);
    variable.node_->inputs.clear();
  }
}

}  // namespace murmur
