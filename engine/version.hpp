#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace murmur {

/// "0.1.0"
std::string_view version();

/// The commit that was configured, abbreviated, with "-dirty" where files had been changed; empty where there was no
/// git repository.
std::string_view commit();

/// "GNU 12.2.0"
std::string_view compiler();

/// The libraries that the engine runs on, as they are loaded: "oneDNN 2.6.0"; in builds with CUDA also "CUDA 13.0" and
/// "cuDNN 9.19.0".
std::vector<std::string> libraries();

}  // namespace murmur
