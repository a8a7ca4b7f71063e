#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "murmur/engine/convolution.hpp"
#include "murmur/engine/stream.hpp"

namespace murmur {

enum class ConvolutionMethod : uint8_t {
  kAutomatic,      // the faster one
  kLibrary,        // oneDNN, cuDNN
  kMatrixProduct,  // im2col and a matrix product
};

/// "library", "matrix_product"
const char* name(ConvolutionMethod method);

/// A convolution whose time is asked for.
struct ConvolutionCase {
  ConvolutionPass pass = ConvolutionPass::kForward;
  ConvolutionShape shape;
  int64_t num_networks = 1;
  bool allow_tf32 = false;
};

/// What ConvolutionChoices stands on; tests put their own numbers here.
struct ConvolutionTimer {
  /// Device, driver and library: what is measured on one holds for no other.
  std::string machine;
  /// Makes the library ready.
  std::function<ConvolutionPlan(const ConvolutionCase&, const PlanWish&)> plan;
  std::function<double(const ConvolutionCase&, ConvolutionMethod)> seconds;
  /// Is told once that the library cannot do a convolution, and why.
  std::function<void(const std::string& line)> report{};
};

/// How a method is chosen.
enum class ConvolutionPolicy : uint8_t {
  kFastest,        // by the clock
  kDeterministic,  // the library's first plan wherever it has one: the same in every process
};

/// The method of each convolution on one stream; by default the faster one. Both are timed once, when the convolution
/// is first asked for, and remembered in a file, with the library's plan: later processes run the same one. Populations
/// of more than kMostTimedNetworks are taken for one of so many. On a stream that captures nothing can be timed, so it
/// is noted as open until settle().
class ConvolutionChoices {
 public:
  /// $XDG_CACHE_HOME/murmur/convolutions, or the same in ~/.cache; empty where there is no home.
  static std::filesystem::path default_file();

  /// The file need not exist, and an empty path is none; what cannot be read is measured again, what cannot be written
  /// is lost.
  explicit ConvolutionChoices(Stream& stream, ConvolutionPolicy policy = ConvolutionPolicy::kFastest,
                              std::filesystem::path file = default_file());
  ConvolutionChoices(const Stream& stream, ConvolutionPolicy policy, std::filesystem::path file,
                     ConvolutionTimer timer);

  /// kLibrary (ready to run on the stream) or kMatrixProduct; kMatrixProduct for what is open.
  ConvolutionMethod faster(const ConvolutionCase& asked);
  bool has_open() const { return !open_.empty(); }
  /// Times what is open. Throws: Error while the stream captures.
  void settle();

 private:
  ConvolutionMethod settle(const ConvolutionCase& convolution);
  ConvolutionMethod settle_without_clock(const ConvolutionCase& convolution);
  void report(const std::string& key, const std::string& reason);

  const Stream& stream_;
  ConvolutionPolicy policy_;
  std::filesystem::path file_;
  ConvolutionTimer timer_;
  std::map<std::string, ConvolutionMethod> settled_;
  std::map<std::string, ConvolutionCase> open_;
  bool has_reported_ = false;
};

}  // namespace murmur
