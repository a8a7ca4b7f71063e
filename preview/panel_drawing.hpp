#pragma once

#include "murmur/preview/canvas.hpp"
#include "murmur/preview/panels.hpp"

namespace murmur {

inline constexpr int64_t kPanelWidth = 452, kPanelHeight = 138;

/// A panel with its upper left corner at (x, y).
void draw_panel(Canvas& canvas, int64_t x, int64_t y, const Panel& panel);

}  // namespace murmur
