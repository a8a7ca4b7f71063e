#pragma once

#include <string>
#include <vector>

#include "murmur/preview/distribution.hpp"
#include "murmur/preview/tick.hpp"

namespace murmur {

/// A tensor of a training's first tick without and with one technique, everything else being off.
struct Panel {
  Technique id{};
  std::string value;     // as a user writes it
  std::string quantity;  // the tensor: "output of linear50 dropout", "loss factor of each sample"
  bool changes = true;   // false: the technique has changed nothing, and the tensor is just one that it could have
  Distribution before, after;
  Histograms histograms;
};

/// A panel for each technique that is set and acts within a tick, in the order of the table: of the first tensor of its
/// place that it changes. Those that show in samples, and those of the update itself have none.
/// Throws: as TickObserver::observe.
std::vector<Panel> panels(TickObserver& observer, const Setting& setting);

/// True of a technique that gets a panel.
bool has_panel(const TechniqueInfo& info);

}  // namespace murmur
