#include "murmur/preview/sheet.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "murmur/preview/panel_drawing.hpp"

namespace murmur {
namespace {

constexpr int64_t kMargin = 8;
constexpr int64_t kGap = 6;
constexpr int64_t kSideWanted = 84;  // of a sample, in pixels of the sheet: small ones are enlarged

/// "class 3", "class 3, 7: 0.25"
std::string class_text(const View& view) {
  if (view.share >= 1) return fmt::format("class {}", view.label);
  return fmt::format("class {}, {}: {:.2f}", view.label, view.second_label, 1 - view.share);
}

/// A label that is not the sample's own is marked.
Colour class_colour(const Setting& setting, const View& view, const View& original) {
  const bool is_disturbed = setting[Technique::kLabelNoise] > 0 || setting[Technique::kDisturbLabel] > 0;
  return is_disturbed && view.label != original.label ? kRed : kGrey;
}

/// Where the parts of a sheet are.
class SheetPlan {
 public:
  explicit SheetPlan(const SheetContents& contents) : size_(contents.size) {
    if (!contents.columns.empty()) place_samples(contents);
    width_ = std::max({lefts_.empty() ? 0 : right_ - kGap, text_width(contents.title) + kMargin,
                       contents.panels.empty() ? 0 : kPanelWidth + kMargin}) +
             kMargin;
    height_ = top_ + static_cast<int64_t>(contents.panels.size()) * (kPanelHeight + kGap) + kMargin - kGap;
  }

  int64_t width() const { return width_; }
  int64_t height() const { return height_; }
  int64_t scale() const { return scale_; }
  int64_t header_top() const { return kMargin + kLineHeight + kGap; }
  int64_t left(size_t column) const { return lefts_[column]; }
  Rectangle sample(size_t row, size_t column) const {
    const int64_t top = header_top() + 2 * kLineHeight + static_cast<int64_t>(row) * row_height();
    return {lefts_[column], top, size_.width * scale_, size_.height * scale_};
  }
  int64_t panel_top(size_t panel) const { return top_ + static_cast<int64_t>(panel) * (kPanelHeight + kGap); }

 private:
  int64_t row_height() const { return size_.height * scale_ + kLineHeight + kGap; }

  void place_samples(const SheetContents& contents) {
    const int64_t side = std::max(size_.height, size_.width);
    scale_ = std::max<int64_t>(1, (kSideWanted + side - 1) / side);
    right_ = kMargin;
    for (const Column& column : contents.columns) {
      lefts_.push_back(right_);
      int64_t width = std::max({size_.width * scale_, text_width(column.name), text_width(column.value)});
      for (const View& view : column.views) width = std::max(width, text_width(class_text(view)));
      right_ += width + kGap;
    }
    top_ += 2 * kLineHeight + contents.num_samples * row_height() + (contents.panels.empty() ? 0 : kGap);
  }

  ImageSize size_;
  int64_t scale_ = 1;
  std::vector<int64_t> lefts_;                  // of the columns
  int64_t right_ = 0;                           // of the last one, with a gap
  int64_t top_ = kMargin + kLineHeight + kGap;  // of the panels
  int64_t width_ = 0, height_ = 0;
};

void draw_samples(const SheetContents& contents, const SheetPlan& plan, Sheet& sheet) {
  const std::vector<Column>& columns = contents.columns;
  for (size_t column = 0; column < columns.size(); ++column) {
    sheet.canvas.text(plan.left(column), plan.header_top(), columns[column].name);
    sheet.canvas.text(plan.left(column), plan.header_top() + kLineHeight, columns[column].value, kGrey);
  }
  for (size_t row = 0; row < static_cast<size_t>(contents.num_samples); ++row) {
    for (size_t column = 0; column < columns.size(); ++column) {
      const View& view = columns[column].views.at(row);
      const Rectangle place = plan.sample(row, column);
      sheet.canvas.image(place.x, place.y, plan.scale(), contents.size, to_bytes(view.pixels));
      sheet.canvas.text(place.x, place.y + place.height + 2, class_text(view),
                        class_colour(columns[column].setting, view, columns.front().views.at(row)));
      sheet.places.push_back(place);
    }
  }
}

}  // namespace

void check_sheet(const SheetContents& contents) {
  const SheetPlan plan(contents);
  check_size(plan.width(), plan.height());
}

Sheet draw_sheet(const SheetContents& contents) {
  const SheetPlan plan(contents);
  Sheet sheet{Canvas(plan.width(), plan.height()), plan.scale(), {}};
  sheet.canvas.text(kMargin, kMargin, contents.title);
  draw_samples(contents, plan, sheet);
  for (size_t i = 0; i < contents.panels.size(); ++i) {
    draw_panel(sheet.canvas, kMargin, plan.panel_top(i), contents.panels[i]);
  }
  return sheet;
}

}  // namespace murmur
