#include "murmur/engine/cpu/host.hpp"

#include <dnnl.h>
#include <fmt/format.h>
#include <sched.h>

#include <fstream>

namespace murmur::cpu {

int num_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}

std::string describe_host() {
  std::string model = "unknown processor";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  }
#if defined(__AVX512F__)
  constexpr const char* kInstructions = "AVX-512";
#elif defined(__AVX2__)
  constexpr const char* kInstructions = "AVX2";
#else
  constexpr const char* kInstructions = "baseline instructions";
#endif
  return fmt::format("{}, {} cores, built for {}", model, num_cores(), kInstructions);
}

std::string dnnl_version() {
  const dnnl_version_t* loaded = ::dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", loaded->major, loaded->minor, loaded->patch);
}

}  // namespace murmur::cpu
