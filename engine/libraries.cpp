#include "murmur/engine/cpu/host.hpp"
#include "murmur/engine/cuda/cudnn_convolution.hpp"
#include "murmur/engine/cuda/device.hpp"
#include "murmur/engine/device.hpp"
#include "murmur/engine/version.hpp"

namespace murmur {

std::vector<std::string> libraries() {
  std::vector<std::string> names{cpu::dnnl_version()};
  if constexpr (kCudaBuild) names.push_back(cuda::toolkit_version());
#if defined(MURMUR_HAS_CUDNN)
  names.push_back(cuda::convolution_library());
#endif
  return names;
}

}  // namespace murmur
