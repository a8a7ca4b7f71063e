#pragma once

#include <string>

namespace murmur::cpu {

/// Cores this process may use (its affinity mask, not the machine's count).
int num_cores();

/// One line: model, cores, instruction set of this build.
std::string describe_host();

/// "oneDNN 2.6.0": the one that is loaded.
std::string dnnl_version();

}  // namespace murmur::cpu
