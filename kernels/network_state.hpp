#pragma once

#include <cstdint>

#include "murmur/engine/target.hpp"

namespace murmur {

enum class NetworkStatus : int32_t { kIdle, kRunning, kDiverged };

/// What a network knows of its own training; lives on the device as an array [P]. Kernels only read it, but for the
/// loss kernel (sums, divergence) and `advance` at a tick's end, so that nothing changes within a tick.
struct alignas(128) NetworkState {
  uint64_t seed = 0;
  int64_t epoch = 0;        // epochs finished
  int64_t position = 0;     // samples of this epoch (or this evaluation) done before this tick
  int64_t item = 0;         // serial number of this tick's first sample in the network's training
  int64_t update = 0;       // updates done
  int64_t batch_count = 0;  // samples in the gradient that has been accumulated so far
  NetworkStatus status = NetworkStatus::kIdle;
  double loss_sum = 0;  // over the samples of this epoch
  int64_t num_hits = 0;
  int64_t num_samples = 0;

  /// Rows of this tick that hold a sample.
  MURMUR_HD int64_t num_rows(int64_t micro_batch, int64_t epoch_size) const {
    const int64_t left = epoch_size - position;
    return left < 0 ? 0 : (left < micro_batch ? left : micro_batch);
  }
  /// True when this tick fills the batch or ends the epoch: the update kernel then applies the gradient.
  MURMUR_HD bool completes_batch(int64_t micro_batch, int64_t epoch_size, int64_t batch_size) const {
    const int64_t rows = num_rows(micro_batch, epoch_size);
    return rows > 0 && (batch_count + rows >= batch_size || position + rows >= epoch_size);
  }
};

}  // namespace murmur
