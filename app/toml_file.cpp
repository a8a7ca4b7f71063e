#include "app/toml_file.hpp"

#include <stdexcept>

#include "murmur/engine/error.hpp"

namespace murmur::app {

void refuse_toml(const char* assertion) {
  throw std::logic_error(assertion);
}

toml::table parse_toml(const std::string& text, const std::string& where) {
  try {
    return toml::parse(text, where);
  } catch (const toml::parse_error& error) {
    throw InvalidArgument("{}:{}: expected TOML, got: {}", where, error.source().begin.line, error.description());
  } catch (const std::logic_error& error) {
    throw InvalidArgument("{}: expected TOML, got what its reader does not expect ({})", where, error.what());
  }
}

}  // namespace murmur::app
