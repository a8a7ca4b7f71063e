#pragma once

#include <cstdint>
#include <optional>

#include "murmur/engine/safetensors.hpp"
#include "murmur/layers/model.hpp"

namespace murmur {

/// The parameters and running statistics of a model under the names and in the layouts of PyTorch: those of all
/// networks stacked, [P, ...], as torch.func.stack_module_state has them; of one network, or where P = 1, plain.
/// Throws: InvalidArgument where there is no such network.
SafeTensors export_weights(const Model& model, std::optional<int64_t> network = {});

/// Puts weights into a model: stacked ones, or plain ones into every network. What a checkpoint has besides and
/// PyTorch's num_batches_tracked are passed over.
/// Throws: DataError, naming the tensor that is missing, too much, or of another shape, expected and got.
void import_weights(const Model& model, const SafeTensors& weights);

/// What `rrelu` was in force when training ended, by the metadata of a file of weights; 0 where they say nothing.
/// Throws: DataError.
float rrelu_of(const SafeTensors& weights);

/// The number of networks that weights are of, and nothing where they are those of one, plain. `model`: one of the same
/// architecture, with any number. Throws: DataError where they are not of this architecture.
std::optional<int64_t> num_stacked(const Model& model, const SafeTensors& weights);

}  // namespace murmur
