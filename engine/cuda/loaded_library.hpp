#pragma once

#include <dlfcn.h>

#include <string>

namespace murmur::cuda {

/// A shared library that is loaded by the first look for one of its functions and stays loaded. It is looked for where
/// the dynamic linker looks: LD_LIBRARY_PATH, the program's run path, the system's folders. Throws E, an error that
/// takes a format, where it or the function is not found.
template <typename E>
class LoadedLibrary {
 public:
  LoadedLibrary(std::string title, std::string file)
      : title_(std::move(title)), file_(std::move(file)), handle_(dlopen(file_.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) throw E("{}: expected {}, got {}", title_, file_, dlerror());
  }
  template <typename Function>
  Function* function(const char* name) const {
    void* const address = dlsym(handle_, name);
    if (address == nullptr) throw E("{}: expected {} in {}, got {}", title_, name, file_, dlerror());
    return reinterpret_cast<Function*>(address);
  }

 private:
  std::string title_, file_;
  void* handle_;
};

}  // namespace murmur::cuda

/// Calls the function of this name in a library with the arguments, which have the types of its parameters; it is
/// looked for once.
#define MURMUR_CALL_LOADED(library, name, ...)                                    \
  [](auto... arguments) {                                                         \
    using Function = decltype(name(arguments...))(decltype(arguments)...);        \
    static auto* const function = (library)().template function<Function>(#name); \
    return function(arguments...);                                                \
  }(__VA_ARGS__)
