#pragma once

#include <string>
#include <vector>

#include "murmur/preview/canvas.hpp"
#include "murmur/preview/panels.hpp"
#include "murmur/preview/views.hpp"

namespace murmur {

/// What a sheet shows.
struct SheetContents {
  std::string title;
  ImageSize size;               // of the samples
  int64_t num_samples = 0;      // rows: views of each column
  std::vector<Column> columns;  // none: no samples
  std::vector<Panel> panels;
};

/// A sheet, and where on it the samples are.
struct Sheet {
  Canvas canvas;
  int64_t scale = 1;              // a sample's pixel is a square of so many
  std::vector<Rectangle> places;  // [row x number of columns + column]
};

/// Throws: InvalidArgument where the samples, which need not have been looked at, would be too large a picture.
void check_sheet(const SheetContents& contents);

/// The samples as a table, a row each with their classes below, and under it the panels: a histogram without and one
/// with the technique on one axis, each as high as its largest bar, a thin bar for the share of zeros, and the numbers.
/// Throws: as check_sheet.
Sheet draw_sheet(const SheetContents& contents);

}  // namespace murmur
