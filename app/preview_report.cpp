#include "app/preview_report.hpp"

#include "app/json_report.hpp"
#include "murmur/pso/setting_json.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

Json distribution_json(const Distribution& numbers) {
  return {{"count", numbers.count},
          {"not_finite", numbers.num_not_finite},
          {"mean", finite_or_null(numbers.mean)},
          {"deviation", finite_or_null(numbers.deviation)},
          {"zeros", finite_or_null(numbers.zeros)},
          {"minimum", finite_or_null(numbers.minimum)},
          {"maximum", finite_or_null(numbers.maximum)}};
}

Json columns_json(const SheetContents& contents, const Sheet& sheet) {
  Json result = Json::array();
  for (size_t c = 0; c < contents.columns.size(); ++c) {
    const Column& column = contents.columns[c];
    Json samples = Json::array();
    for (size_t row = 0; row < column.views.size(); ++row) {
      const Rectangle& place = sheet.places[row * contents.columns.size() + c];
      Json sample = distribution_json(distribution(column.views[row].pixels));
      sample.update({{"x", place.x}, {"y", place.y}, {"class", column.views[row].label}});
      samples.push_back(std::move(sample));
    }
    result.push_back({{"name", column.name},
                      {"value", column.value},
                      {"epoch", column.epoch + 1},
                      {"setting", setting_json(column.setting, SettingPart::kNotOff)},
                      {"samples", std::move(samples)}});
  }
  return result;
}

Json panel_json(const Panel& panel) {
  Json before = distribution_json(panel.before), after = distribution_json(panel.after);
  before["bins"] = panel.histograms.before;
  after["bins"] = panel.histograms.after;
  return {{"technique", technique(panel.id).key}, {"value", panel.value},
          {"quantity", panel.quantity},           {"changes", panel.changes},
          {"low", panel.histograms.low},          {"high", panel.histograms.high},
          {"before", std::move(before)},          {"after", std::move(after)}};
}

}  // namespace

Json sheet_json(const SheetContents& contents, const Sheet& sheet) {
  Json panels = Json::array();
  for (const Panel& panel : contents.panels) panels.push_back(panel_json(panel));
  return {{"width", sheet.canvas.width()},
          {"height", sheet.canvas.height()},
          {"scale", sheet.scale},
          {"columns", columns_json(contents, sheet)},
          {"panels", std::move(panels)}};
}

}  // namespace murmur::app
