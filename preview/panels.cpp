#include "murmur/preview/panels.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

#include "murmur/preview/views.hpp"

namespace murmur {
namespace {

/// What a technique makes of each sample's loss: its loss over the one without.
NamedValues loss_factors(const Tick& tick, const Tick& off) {
  NamedValues result{"loss factor of each sample", {}};
  std::ranges::transform(tick.losses, off.losses, std::back_inserter(result.values),
                         [](float with, float without) { return with == without ? 1.0f : with / without; });
  return result;
}

/// The tensors that techniques of a place may change, those first that tell the most.
std::vector<NamedValues> tensors_of(Place place, const Tick& tick, const Tick& off) {
  std::vector<NamedValues> result;
  const auto append = [&](const std::vector<NamedValues>& tensors) {
    result.insert(result.end(), tensors.begin(), tensors.end());
  };
  switch (place) {
    case Place::kWeight:
      append(tick.weights);
      append(tick.activations);  // where dropconnect masks inputs
      break;
    case Place::kActivation:
      append({tick.activations.begin() + 1, tick.activations.end()});
      break;
    case Place::kGradient:
      append(tick.gradients);
      break;
    case Place::kLoss:
      result.push_back(loss_factors(tick, off));
      append(tick.gradients);
      break;
    case Place::kInput:
    case Place::kUpdate:
      break;
  }
  return result;
}

Panel make_panel(const TechniqueInfo& info, const Setting& setting, const Tick& off, const Tick& on) {
  const std::vector<NamedValues> before = tensors_of(info.place, off, off), after = tensors_of(info.place, on, off);
  const auto differ = [](const NamedValues& a, const NamedValues& b) { return a.values != b.values; };
  size_t which = 0;
  while (which < before.size() && !differ(before[which], after[which])) ++which;
  Panel result;
  result.changes = which < before.size();
  if (!result.changes) which = 0;
  result.id = info.id;
  result.value = format_value(info, setting[info.id]);
  result.quantity = before[which].name;
  result.before = distribution(before[which].values);
  result.after = distribution(after[which].values);
  result.histograms = histograms(before[which].values, after[which].values);
  return result;
}

}  // namespace

bool has_panel(const TechniqueInfo& info) {
  return !shows_in_samples(info) && info.place != Place::kUpdate;
}

std::vector<Panel> panels(TickObserver& observer, const Setting& setting) {
  std::optional<Tick> off;
  std::vector<Panel> result;
  for (const TechniqueInfo& info : techniques()) {
    if (!has_panel(info) || setting[info.id] == info.off) continue;
    if (!off) off = observer.observe(Setting());
    result.push_back(make_panel(info, setting, *off, observer.observe(alone(setting, info.id))));
  }
  return result;
}

}  // namespace murmur
