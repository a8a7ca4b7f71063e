#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace murmur {

/// Features or filters of a layer, at most.
inline constexpr int64_t kMaxLayerSize = 65536;

/// Reads a word of a specification piece by piece: letters, then numbers.
class WordReader {
 public:
  explicit WordReader(std::string_view word) : word_(word), rest_(word) {}

  bool done() const { return rest_.empty(); }
  bool at_number() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
  bool take(std::string_view prefix);
  /// Throws: InvalidArgument: "model: expected 1 to 65536 filters, got 'conv0'".
  int64_t number(const char* what, int64_t low, int64_t high);
  /// A number with a letter before it, or nothing. Throws: as `number`.
  std::optional<int64_t> option(std::string_view letter, const char* what, int64_t low, int64_t high);

 private:
  std::string_view word_;
  std::string_view rest_;
};

}  // namespace murmur
