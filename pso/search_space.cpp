#include "murmur/pso/search_space.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/random.hpp"
#include "murmur/pso/swarm.hpp"

namespace murmur {
namespace {

/// One member of every searched row of the technique table.
template <class T>
std::vector<T> column(const std::vector<Technique>& ids, T TechniqueInfo::*member) {
  std::vector<T> values;
  values.reserve(ids.size());
  for (const Technique id : ids) values.push_back(technique(id).*member);
  return values;
}

double encode_value(const TechniqueInfo& info, double value) {
  const double raw = encode(info, value);
  // The upper bound itself means off, so the smallest value that is not off sits just below it.
  const bool bound_is_off = info.decode == Decode::kNegativePowerOff && value != info.off;
  const double high = bound_is_off ? std::nextafter(info.raw_high, info.raw_low) : info.raw_high;
  return std::clamp(raw, info.raw_low, high);
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

const TechniqueInfo& SearchSpace::info(int64_t dimension) const {
  if (dimension < 0 || dimension >= num_dimensions()) {
    throw InvalidArgument("search space: expected a dimension below {}, got {}", num_dimensions(), dimension);
  }
  return technique(techniques_[static_cast<size_t>(dimension)]);
}

std::vector<double> SearchSpace::low() const {
  return column(techniques_, &TechniqueInfo::raw_low);
}

std::vector<double> SearchSpace::high() const {
  return column(techniques_, &TechniqueInfo::raw_high);
}

std::vector<double> SearchSpace::off() const {
  return column(techniques_, &TechniqueInfo::raw_off);
}

std::vector<std::string_view> SearchSpace::keys() const {
  return column(techniques_, &TechniqueInfo::key);
}

std::vector<bool> SearchSpace::sparse() const {
  return column(techniques_, &TechniqueInfo::sparse);
}

Setting SearchSpace::decode(std::span<const double> position, const Setting& base) const {
  if (position.size() != techniques_.size()) {
    throw InvalidArgument("search space: expected a position of {} dimensions, got {}", techniques_.size(),
                          position.size());
  }
  Setting setting = base;
  for (size_t i = 0; i < techniques_.size(); ++i) {
    const TechniqueInfo& row = technique(techniques_[i]);
    if (!std::isfinite(position[i])) {
      throw InvalidArgument("search space: expected a finite position of '{}', got {}", row.key, position[i]);
    }
    setting.set(techniques_[i], murmur::decode(row, position[i]));
  }
  return setting;
}

std::vector<double> SearchSpace::encode(const Setting& setting) const {
  std::vector<double> position;
  position.reserve(techniques_.size());
  for (const Technique id : techniques_) position.push_back(encode_value(technique(id), setting[id]));
  return position;
}

std::vector<std::vector<double>> sparse_initial_positions(const SearchSpace& space, int64_t num_particles,
                                                          uint64_t seed, int64_t num_kept) {
  if (num_kept < 0) throw InvalidArgument("sparse initialisation: expected num_kept >= 0, got {}", num_kept);
  std::vector<std::vector<double>> positions =
      uniform_initial_positions(space.low(), space.high(), num_particles, seed);
  for (int64_t particle = 0; particle < num_particles; ++particle) {
    // A random order of the sparse dimensions, from one random number each: its first num_kept stay.
    std::vector<std::pair<double, int64_t>> order;
    for (int64_t d = 0; d < space.num_dimensions(); ++d) {
      if (!space.info(d).sparse) continue;
      order.emplace_back(swarm_uniforms(seed, SwarmStream::kSparse, particle, 0, d).first, d);
    }
    std::sort(order.begin(), order.end());
    for (size_t i = static_cast<size_t>(num_kept); i < order.size(); ++i) {
      const int64_t d = order[i].second;
      positions[static_cast<size_t>(particle)][static_cast<size_t>(d)] = space.info(d).raw_off;
    }
  }
  return positions;
}

}  // namespace murmur
