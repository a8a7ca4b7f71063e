#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace murmur {

/// Root of every exception that murmur throws. The message states the operation, what was expected and what was got, in
/// one line: `linear: weight must be [P=8, 50, 784], got [8, 50, 783]`.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;

  template <class First, class... Rest>
  explicit Error(fmt::format_string<First, Rest...> format, First&& first, Rest&&... rest)
      : std::runtime_error(fmt::format(format, std::forward<First>(first), std::forward<Rest>(rest)...)) {}
};

/// Tensor shapes that do not fit an operation.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// A value, option or name outside of what is allowed.
class InvalidArgument : public Error {
 public:
  using Error::Error;
};

/// A data file that is missing, unreadable, or not what it should be.
class DataError : public Error {
 public:
  using Error::Error;
};

/// A study (or checkpoint) file that is missing, unreadable, locked, or not a study.
class StudyError : public Error {
 public:
  using Error::Error;
};

/// A device that was asked for and that this machine or this build does not have.
class DeviceUnavailable : public Error {
 public:
  using Error::Error;
};

/// Whatever fails on a GPU that is there: what the three below have in common.
class GpuError : public Error {
 public:
  using Error::Error;
};

/// A failed call of the CUDA runtime, or a failed kernel.
class CudaError : public GpuError {
 public:
  using GpuError::GpuError;
};

/// Less free memory on a GPU than was asked for.
class OutOfGpuMemory : public CudaError {
 public:
  using CudaError::CudaError;
};

/// A population of which a GPU's memory cannot hold what lasts; says how many networks fit.
class PopulationTooLarge : public OutOfGpuMemory {
 public:
  using OutOfGpuMemory::OutOfGpuMemory;
};

/// A failed call of cuBLAS.
class CublasError : public GpuError {
 public:
  using GpuError::GpuError;
};

/// A failed call of cuDNN.
class CudnnError : public GpuError {
 public:
  using GpuError::GpuError;
};

}  // namespace murmur
