#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace murmur {

/// Reads what this program once wrote into a study, an object of named values. Others may have changed it since: every
/// member throws StudyError (`study 'PATH': WHOSE: expected ..., got ...`) where a value is not there or is none of
/// its type.
class Stored {
 public:
  /// `whose` values they are: "trial 7".
  Stored(const std::filesystem::path& path, std::string whose, nlohmann::json object);

  bool has(const std::string& key) const { return object_.contains(key); }
  /// 0 to 2^53: slots, epochs, places in an order.
  int64_t count(const std::string& key) const;
  double number(const std::string& key) const;
  std::string text(const std::string& key) const;
  uint64_t seed(const std::string& key) const;
  const nlohmann::json& array(const std::string& key) const;
  /// Any value; null where there is none.
  const nlohmann::json& at(const std::string& key) const;

  [[noreturn]] void fail(const std::string& key, const char* expected) const;

 private:
  std::string path_, whose_;
  nlohmann::json object_;
};

}  // namespace murmur
