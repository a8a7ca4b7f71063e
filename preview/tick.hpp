#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "murmur/layers/model.hpp"
#include "murmur/preview/subject.hpp"

namespace murmur {

struct NamedValues {
  std::string name;  // for a reader: "output of linear50 dropout", "gradient of linear1.weight"
  std::vector<float> values;
};

/// What a fresh network computes in the first tick of its training, without padding and without rows that have no
/// sample. The parameters are in the order of the layers.
struct Tick {
  std::vector<NamedValues> activations;  // what goes in, and what each layer makes
  std::vector<NamedValues> gradients;    // of each parameter, as its update uses it
  std::vector<NamedValues> weights;      // each parameter as the passes after the update see it, were its gradient 0
  std::vector<float> losses;             // [sample]
};

/// Runs first ticks of a training, on the trainer's own operations and kernels.
class TickObserver {
 public:
  /// `options`: as for Subject, with `initialization`. Throws: as Subject and Model.
  TickObserver(const ModelSpecification& model, const TrainingData& data, const TrainerOptions& options, uint64_t seed);

  /// The optimizer, its rate and the batch size of the setting do not count: gradients are read off the step that plain
  /// SGD makes of them. Throws: what kernels do.
  Tick observe(const Setting& setting);

 private:
  NetworkState start() const;
  void forward(const Step& step, Tick& tick);
  void update(const Step& step, Tick& tick);
  /// The loss of one sample after the other, with all others left out. `values`: the logits without noise.
  std::vector<float> losses(const Step& step, const Activations& logits, const std::vector<float>& values,
                            const Targets& targets);
  /// The parameters, whose values are in an arena as the weights' is.
  std::vector<NamedValues> named(const Tensor& arena, const std::string& prefix, float sign) const;

  Subject subject_;
  Model model_;
  Initialization initialization_;
  uint64_t seed_;
  Tensor everyone_;  // u8 [1]: one
  Tensor target_;    // i32 [1, micro-batch]
};

}  // namespace murmur
