#pragma once

#include <stdlib.h>  // setenv: POSIX, not in <cstdlib>

#include <optional>
#include <string>

namespace murmur::test {

/// Sets a variable of the environment (or unsets it) for one test.
class ScopedVariable {
 public:
  ScopedVariable(std::string name, const std::optional<std::string>& value) : name_(std::move(name)) {
    if (const char* before = getenv(name_.c_str()); before != nullptr) before_ = before;
    set(value);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;
  ~ScopedVariable() { set(before_); }

 private:
  void set(const std::optional<std::string>& value) const {
    value ? setenv(name_.c_str(), value->c_str(), 1) : unsetenv(name_.c_str());
  }
  std::string name_;
  std::optional<std::string> before_;
};

/// MURMUR_DATA.
class ScopedMurmurData : public ScopedVariable {
 public:
  explicit ScopedMurmurData(const std::optional<std::string>& value) : ScopedVariable("MURMUR_DATA", value) {}
};

/// XDG_CACHE_HOME.
class ScopedCacheHome : public ScopedVariable {
 public:
  explicit ScopedCacheHome(const std::optional<std::string>& value) : ScopedVariable("XDG_CACHE_HOME", value) {}
};

}  // namespace murmur::test
