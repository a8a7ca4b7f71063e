#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace murmur {

/// What `dropconnect` masks: the weights of a layer, rescaled (Wan et al. 2013), or its inputs, not rescaled (the
/// study's).
enum class DropconnectOn : uint8_t { kWeights, kInputs };
/// What shares one factor of `contrast`: an image, or all that a network sees between two updates (the study's).
enum class ContrastPer : uint8_t { kImage, kBatch };
/// The gradient of an update: of the mean, or of the sum (the study's) of its samples' losses.
enum class LossReduction : uint8_t { kMean, kSum };
/// What a schedule keeps when its setting is trained for other epochs than it was found with: the number of its
/// changes, or the interval between them in epochs (the study's).
enum class ScheduleTransfer : uint8_t { kNumber, kInterval };

/// Their words, in the order of the enumerators.
inline constexpr std::array<std::string_view, 2> kDropconnectOnNames{"weights", "inputs"};
inline constexpr std::array<std::string_view, 2> kContrastPerNames{"image", "batch"};
inline constexpr std::array<std::string_view, 2> kLossReductionNames{"mean", "sum"};
inline constexpr std::array<std::string_view, 2> kScheduleTransferNames{"number", "interval"};

/// What the techniques mean, where the study and the standard differ. All kernels of a step read the same ones.
struct Definitions {
  DropconnectOn dropconnect_on = DropconnectOn::kWeights;
  ContrastPer contrast_per = ContrastPer::kImage;
  int64_t shuffle_window = 0;  // samples move within blocks of this many; 0: within the whole epoch
  LossReduction loss_reduction = LossReduction::kMean;
  ScheduleTransfer schedule_transfer = ScheduleTransfer::kNumber;

  constexpr bool operator==(const Definitions&) const = default;
  /// Source: Altarabichi et al., Information Sciences 667, 2024, and the code that its authors published.
  static constexpr Definitions paper() {
    return {DropconnectOn::kInputs, ContrastPer::kBatch, 1024, LossReduction::kSum, ScheduleTransfer::kInterval};
  }
};

}  // namespace murmur
