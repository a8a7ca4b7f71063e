#include "murmur/preview/panel_drawing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace murmur {
namespace {

constexpr Colour kBars{70, 110, 170};
constexpr int64_t kHalfWidth = 220, kHalfGap = kPanelWidth - 2 * kHalfWidth;
constexpr int64_t kBarsHeight = 64;
constexpr int64_t kZerosWidth = 3;

/// The axis, its two ends, and 0 where it is between them.
void draw_axis(Canvas& canvas, const Rectangle& bars, const Histograms& axis) {
  const int64_t bottom = bars.y + bars.height;
  canvas.fill({bars.x, bottom, bars.width, 1}, kGrey);
  const std::string low = fmt::format("{:.3g}", axis.low), high = fmt::format("{:.3g}", axis.high);
  canvas.text(bars.x, bottom + 3, low, kGrey);
  canvas.text(bars.x + bars.width - text_width(high), bottom + 3, high, kGrey);
  if (!(axis.low < 0 && axis.high > 0)) return;
  const auto zero = std::llround(-axis.low / (axis.high - axis.low) * static_cast<double>(bars.width));
  canvas.fill({bars.x + zero, bottom, 1, 3}, kGrey);
  const int64_t left = bars.x + zero - text_width("0") / 2;
  const bool is_free = left > bars.x + text_width(low) + 3 && left < bars.x + bars.width - text_width(high) - 9;
  if (is_free) canvas.text(left, bottom + 3, "0", kGrey);
}

/// As high as their share of all values.
void draw_zeros(Canvas& canvas, const Rectangle& bars, const Histograms& axis, double share) {
  if (!(share > 0)) return;
  const double place = -axis.low / (axis.high - axis.low) * static_cast<double>(bars.width - kZerosWidth);
  const auto height = std::max<int64_t>(1, std::llround(share * static_cast<double>(bars.height)));
  canvas.fill({bars.x + std::llround(place), bars.y + bars.height - height, kZerosWidth, height}, kRed);
}

void draw_half(Canvas& canvas, int64_t x, int64_t y, const std::string& title, const Distribution& numbers,
               const Histograms& axis, const std::vector<int64_t>& counts) {
  canvas.text(x, y, title);
  const Rectangle bars{x, y + kLineHeight + 2, kHalfWidth, kBarsHeight};
  canvas.bars(bars, counts, kBars);
  draw_zeros(canvas, bars, axis, numbers.zeros);
  draw_axis(canvas, bars, axis);
  const int64_t below = bars.y + bars.height + kLineHeight + 4;
  canvas.text(x, below, fmt::format("mean {:.4g}, deviation {:.4g}", numbers.mean, numbers.deviation));
  const std::string zeros = fmt::format("zeros {:.4g} %", 100 * numbers.zeros);
  const int64_t next = x + text_width(zeros);
  canvas.text(x, below + kLineHeight, zeros, numbers.zeros > 0 ? kRed : kBlack);
  canvas.text(next, below + kLineHeight,
              numbers.num_not_finite > 0 ? fmt::format(", {} of {} not finite", numbers.num_not_finite, numbers.count)
                                         : fmt::format(" of {}", numbers.count));
}

}  // namespace

void draw_panel(Canvas& canvas, int64_t x, int64_t y, const Panel& panel) {
  canvas.fill({x, y, kPanelWidth, 1}, kLightGrey);
  const int64_t top = y + 4;
  canvas.text(x, top, fmt::format("{}={}: {}", technique(panel.id).key, panel.value, panel.quantity));
  const std::string with = panel.changes ? "with it" : "with it: no change";
  draw_half(canvas, x, top + kLineHeight + 2, "without", panel.before, panel.histograms, panel.histograms.before);
  draw_half(canvas, x + kHalfWidth + kHalfGap, top + kLineHeight + 2, with, panel.after, panel.histograms,
            panel.histograms.after);
}

}  // namespace murmur
