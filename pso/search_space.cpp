#include "murmur/pso/search_space.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/dimension_json.hpp"

namespace murmur {
namespace {

std::vector<Dimension> study_dimensions(const std::vector<Technique>& ids) {
  std::vector<Dimension> dimensions;
  for (const Technique id : ids) {
    if (static_cast<int>(id) >= kNumTechniques) {
      throw InvalidArgument("search space: expected a technique number below {}, got {}", kNumTechniques,
                            static_cast<int>(id));
    }
    dimensions.push_back(study_dimension(id));
  }
  return dimensions;
}

/// One member of every dimension.
template <class T>
std::vector<T> column(const std::vector<Dimension>& dimensions, T Dimension::*member) {
  std::vector<T> values;
  values.reserve(dimensions.size());
  for (const Dimension& dimension : dimensions) values.push_back(dimension.*member);
  return values;
}

}  // namespace

SearchSpace::SearchSpace(const std::vector<Technique>& techniques) : SearchSpace(study_dimensions(techniques)) {}

SearchSpace::SearchSpace(std::vector<Dimension> dimensions) : dimensions_(std::move(dimensions)) {
  if (dimensions_.empty()) throw InvalidArgument("search space: expected at least one technique, got none");
  for (const Dimension& dimension : dimensions_) {
    if (std::ranges::count(dimensions_, key_of(dimension), key_of) > 1) {
      throw InvalidArgument("search space: expected each technique once, got '{}' twice", key_of(dimension));
    }
    const Dimension* parent = dimension.only ? find(dimension.only->technique) : nullptr;
    if (parent != nullptr && parent->only) {
      throw InvalidArgument("search space: expected '{}', which '{}' depends on, to depend on nothing itself",
                            key_of(*parent), key_of(dimension));
    }
  }
}

SearchSpace SearchSpace::all() {
  std::vector<Technique> ids;
  for (const TechniqueInfo& info : murmur::techniques().first<kNumStudyTechniques>()) ids.push_back(info.id);
  return SearchSpace(ids);
}

const Dimension* SearchSpace::find(Technique id) const {
  const auto found = std::ranges::find_if(
      dimensions_, [&](const Dimension& dimension) { return dimension.id == id && !is_schedule(dimension); });
  return found == dimensions_.end() ? nullptr : &*found;
}

std::vector<double> SearchSpace::low() const {
  return column(dimensions_, &Dimension::raw_low);
}

std::vector<double> SearchSpace::high() const {
  return column(dimensions_, &Dimension::raw_high);
}

std::vector<double> SearchSpace::off() const {
  std::vector<double> positions;
  for (const Dimension& dimension : dimensions_) positions.push_back(off_position(dimension));
  return positions;
}

std::vector<std::string> SearchSpace::keys() const {
  std::vector<std::string> keys;
  for (const Dimension& dimension : dimensions_) keys.push_back(key_of(dimension));
  return keys;
}

std::vector<bool> SearchSpace::sparse() const {
  return column(dimensions_, &Dimension::sparse);
}

Setting SearchSpace::decode(std::span<const double> position, const Setting& base) const {
  if (position.size() != dimensions_.size()) {
    throw InvalidArgument("search space: expected a position of {} dimensions, got {}", dimensions_.size(),
                          position.size());
  }
  Setting setting = base;
  for (size_t i = 0; i < dimensions_.size(); ++i) {
    if (!std::isfinite(position[i])) {
      throw InvalidArgument("search space: expected a finite position of '{}', got {}", key_of(dimensions_[i]),
                            position[i]);
    }
    set_value(setting, dimensions_[i], murmur::decode(dimensions_[i], position[i]));
  }
  for (const Dimension& dimension : dimensions_) {
    if (!is_schedule(dimension) && !exists(dimension, setting)) setting.set(dimension.id, base[dimension.id]);
  }
  // Whether a technique is on is known now.
  for (const Dimension& dimension : dimensions_) {
    if (is_schedule(dimension) && !exists(dimension, setting)) {
      setting.set_schedule(dimension.id, base.schedule(dimension.id));
    }
  }
  return setting;
}

std::vector<double> SearchSpace::encode(const Setting& setting) const {
  std::vector<double> position;
  position.reserve(dimensions_.size());
  for (const Dimension& dimension : dimensions_) {
    position.push_back(murmur::encode(dimension, value_of(setting, dimension)));
  }
  return position;
}

bool SearchSpace::exists(const Dimension& dimension, const Setting& setting) {
  if (is_schedule(dimension) && setting[dimension.id] == technique(dimension.id).off) return false;
  if (!dimension.only) return true;
  const std::vector<double>& values = dimension.only->values;
  return std::ranges::find(values, setting[dimension.only->technique]) != values.end();
}

nlohmann::json SearchSpace::to_json() const {
  nlohmann::json array = nlohmann::json::array();
  for (const Dimension& dimension : dimensions_) array.push_back(dimension_json(dimension));
  return array;
}

SearchSpace SearchSpace::from_json(const nlohmann::json& array) {
  if (!array.is_array()) throw InvalidArgument("expected search_space = an array, got {}", array.dump());
  std::vector<Dimension> dimensions;
  for (const nlohmann::json& entry : array) dimensions.push_back(parse_dimension_json(entry));
  return SearchSpace(std::move(dimensions));
}

}  // namespace murmur
