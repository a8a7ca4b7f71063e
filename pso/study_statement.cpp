#include "murmur/pso/study_statement.hpp"

#include "murmur/engine/error.hpp"

namespace murmur::study_statement {

std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

double number_in(const SQLite::Column& column) {
  if (!column.isText() && !column.isBlob()) return column.getDouble();
  throw InvalidArgument("{}: expected a number, got '{}'", column.getName(), column.getString());
}

void check_key(const char* what, const std::string& key, std::array<const char*, 2> reserved) {
  if (key.empty() || key.size() > kMaxNameLength || key == reserved[0] || key == reserved[1]) {
    throw InvalidArgument("study: expected a {} of 1 to {} bytes other than '{}' and '{}', got '{}'", what,
                          kMaxNameLength, reserved[0], reserved[1], key);
  }
}

}  // namespace murmur::study_statement
