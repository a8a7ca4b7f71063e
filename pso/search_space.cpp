#include "murmur/pso/search_space.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

/// One member of every searched row of the table of dimensions.
template <class T>
std::vector<T> column(const std::vector<Technique>& ids, T Dimension::*member) {
  std::vector<T> values;
  values.reserve(ids.size());
  for (const Technique id : ids) values.push_back(dimension(id).*member);
  return values;
}

double encode_value(const Dimension& row, double value) {
  const double raw = encode(row, value);
  // The upper bound itself means off, so the smallest value that is not off sits just below it.
  const bool bound_is_off = row.decode == Decode::kNegativePowerOff && value != technique(row.id).off;
  const double high = bound_is_off ? std::nextafter(row.raw_high, row.raw_low) : row.raw_high;
  return std::clamp(raw, row.raw_low, high);
}

}  // namespace

SearchSpace::SearchSpace(std::vector<Technique> techniques) : techniques_(std::move(techniques)) {
  if (techniques_.empty()) throw InvalidArgument("search space: expected at least one technique, got none");
  for (size_t i = 0; i < techniques_.size(); ++i) {
    if (static_cast<int>(techniques_[i]) >= kNumTechniques) {
      throw InvalidArgument("search space: expected a technique number below {}, got {}", kNumTechniques,
                            static_cast<int>(techniques_[i]));
    }
    if (std::find(techniques_.begin(), techniques_.begin() + static_cast<std::ptrdiff_t>(i), techniques_[i]) !=
        techniques_.begin() + static_cast<std::ptrdiff_t>(i)) {
      throw InvalidArgument("search space: expected each technique once, got '{}' twice",
                            technique(techniques_[i]).key);
    }
  }
}

SearchSpace SearchSpace::all() {
  std::vector<Technique> ids;
  for (const TechniqueInfo& info : murmur::techniques().first<kNumStudyTechniques>()) ids.push_back(info.id);
  return SearchSpace(std::move(ids));
}

std::vector<double> SearchSpace::low() const {
  return column(techniques_, &Dimension::raw_low);
}

std::vector<double> SearchSpace::high() const {
  return column(techniques_, &Dimension::raw_high);
}

std::vector<double> SearchSpace::off() const {
  return column(techniques_, &Dimension::raw_off);
}

std::vector<std::string_view> SearchSpace::keys() const {
  std::vector<std::string_view> keys;
  for (const Technique id : techniques_) keys.push_back(technique(id).key);
  return keys;
}

std::vector<bool> SearchSpace::sparse() const {
  return column(techniques_, &Dimension::sparse);
}

Setting SearchSpace::decode(std::span<const double> position, const Setting& base) const {
  if (position.size() != techniques_.size()) {
    throw InvalidArgument("search space: expected a position of {} dimensions, got {}", techniques_.size(),
                          position.size());
  }
  Setting setting = base;
  for (size_t i = 0; i < techniques_.size(); ++i) {
    if (!std::isfinite(position[i])) {
      throw InvalidArgument("search space: expected a finite position of '{}', got {}", technique(techniques_[i]).key,
                            position[i]);
    }
    setting.set(techniques_[i], murmur::decode(dimension(techniques_[i]), position[i]));
  }
  return setting;
}

std::vector<double> SearchSpace::encode(const Setting& setting) const {
  std::vector<double> position;
  position.reserve(techniques_.size());
  for (const Technique id : techniques_) position.push_back(encode_value(dimension(id), setting[id]));
  return position;
}

nlohmann::json SearchSpace::to_json() const {
  nlohmann::json array = nlohmann::json::array();
  for (const Technique id : techniques_) array.push_back(dimension_json(dimension(id)));
  return array;
}

}  // namespace murmur
