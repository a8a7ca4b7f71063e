#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What Nsight Systems and Nsight Compute say of a profile, read from their CSV and shown as one table.
namespace murmur::app {

/// All launches of one kernel. What a profiler does not say is not there.
struct KernelProfile {
  std::string kernel;  // "Update<float, FastNormals>", or the library's own name
  int64_t num_launches = 0;
  double total_us = 0;
  std::optional<double> num_bytes;       // read from and written to device memory, of all launches
  std::optional<int64_t> num_registers;  // a thread
  std::optional<double>
      occupancy_percent;  // warps that were active, of those that an SM can have; mean over the launches
};

/// What ran on the GPU of what was launched within an NVTX range.
struct RangeProfile {
  std::string range;
  int64_t num_instances = 0;
  double total_us = 0;
};

struct ProfileReport {
  std::vector<KernelProfile> kernels;  // the one that takes most time first
  std::vector<RangeProfile> ranges;    // likewise; within each other, so their times do not add up
};

/// "Update<float, FastNormals>" of "void murmur::cuda::run_kernel<murmur::cuda::<unnamed>::Update<float,
/// murmur::FastNormals>>(...)"; of the libraries' kernels their name without namespaces, arguments and parameters.
std::string kernel_name(std::string_view demangled);

/// Of `nsys stats --format csv`, reports cuda_gpu_kern_sum and nvtx_gpu_proj_sum; other lines are passed over.
/// Throws: DataError where no table of kernels is there.
ProfileReport read_nsys_csv(std::string_view text);

/// Of `ncu --import FILE --csv --page raw`: one row a launch. Throws: DataError likewise.
ProfileReport read_ncu_csv(std::string_view text);

/// Only kernels whose name the regular expression matches somewhere. Throws: InvalidArgument for a wrong expression.
void keep_kernels(ProfileReport& report, const std::string& expression);

/// Columns that no kernel has a value for are left out. `copy_gb_per_second`: 0 where it is not known.
std::string profile_table(const ProfileReport& report, double copy_gb_per_second);
nlohmann::json profile_json(const ProfileReport& report, double copy_gb_per_second);

}  // namespace murmur::app
