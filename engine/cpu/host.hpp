#pragma once

#include <string>

namespace murmur::cpu {

/// Cores this process may use (its affinity mask, not the machine's count).
int num_cores();

/// One line: model, cores, instruction set of this build.
std::string describe_host();

}  // namespace murmur::cpu
