// The picture: what is drawn stands where it was asked for, and the file holds it.
#include "murmur/preview/canvas.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "murmur/data/image.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr Colour kCrimson{250, 10, 20};

RgbImage decoded(const Canvas& canvas) {
  const std::string file = canvas.png();
  return decode_image("sheet.png", {reinterpret_cast<const uint8_t*>(file.data()), file.size()});
}

int64_t num_inked(const Canvas& canvas) {
  int64_t count = 0;
  for (int64_t y = 0; y < canvas.height(); ++y) {
    for (int64_t x = 0; x < canvas.width(); ++x) count += canvas.at(x, y) == kWhite ? 0 : 1;
  }
  return count;
}

TEST(Canvas, IsWhiteAtFirst) {
  EXPECT_EQ(num_inked(Canvas(3, 5)), 0);
}

TEST(Canvas, FillsItsPixelsOnly) {
  Canvas canvas(7, 5);
  canvas.fill({2, 1, 3, 2}, kCrimson);
  EXPECT_EQ(num_inked(canvas), 6);
  EXPECT_EQ(canvas.at(2, 1), kCrimson);
  EXPECT_EQ(canvas.at(4, 2), kCrimson);
  EXPECT_EQ(canvas.at(5, 2), kWhite);
  EXPECT_EQ(canvas.at(4, 3), kWhite);
}

TEST(Canvas, LeavesOutWhatIsOutside) {
  Canvas canvas(4, 4);
  canvas.fill({-2, -2, 3, 3}, kCrimson);
  canvas.fill({3, 3, 100, 100}, kCrimson);
  canvas.fill({1, 1, -1, 2}, kCrimson);
  canvas.fill({10, 10, 2, 2}, kCrimson);
  canvas.text(-60, -3, "outside");
  EXPECT_EQ(num_inked(canvas), 2);
  EXPECT_EQ(canvas.at(0, 0), kCrimson);
  EXPECT_EQ(canvas.at(3, 3), kCrimson);
}

TEST(Canvas, EnlargesImagesByWholePixels) {
  Canvas canvas(20, 20);
  const std::vector<uint8_t> grey{10, 20, 30, 40, 50, 60};  // 2 x 3
  canvas.image(1, 2, 4, {2, 3, 1}, grey);
  for (int64_t y = 0; y < 8; ++y) {
    for (int64_t x = 0; x < 12; ++x) {
      const uint8_t value = grey[static_cast<size_t>(y / 4 * 3 + x / 4)];
      ASSERT_EQ(canvas.at(1 + x, 2 + y), (Colour{value, value, value})) << x << " " << y;
    }
  }
  EXPECT_EQ(num_inked(canvas), 96);
}

TEST(Canvas, ShowsColoursAndTheFirstOfOtherChannels) {
  Canvas canvas(4, 1);
  const std::vector<uint8_t> colours{1, 2, 3, 4, 5, 6};
  canvas.image(0, 0, 1, {1, 2, 3}, colours);
  canvas.image(2, 0, 1, {1, 2, 2}, std::vector<uint8_t>{7, 8, 9, 10});
  EXPECT_EQ(canvas.at(0, 0), (Colour{1, 2, 3}));
  EXPECT_EQ(canvas.at(1, 0), (Colour{4, 5, 6}));
  EXPECT_EQ(canvas.at(2, 0), (Colour{7, 7, 7}));
  EXPECT_EQ(canvas.at(3, 0), (Colour{9, 9, 9}));
  EXPECT_THROW(canvas.image(0, 0, 1, {1, 3, 3}, colours), ShapeError);
}

TEST(Canvas, DrawsBarsOnTheirBase) {
  Canvas canvas(6, 10);
  const std::vector<int64_t> counts{1000, 0, 1};
  canvas.bars({0, 0, 6, 10}, counts, kCrimson);
  EXPECT_EQ(canvas.at(0, 0), kCrimson);  // the largest is as high as the rectangle
  EXPECT_EQ(canvas.at(2, 9), kWhite);    // none
  EXPECT_EQ(canvas.at(4, 9), kCrimson);  // few show, too
  EXPECT_EQ(num_inked(canvas), 2 * 10 + 2);
  canvas.bars({0, 0, 6, 10}, std::vector<int64_t>{0, 0}, kBlack);
  canvas.bars({0, 0, 6, 10}, {}, kBlack);
  EXPECT_EQ(num_inked(canvas), 2 * 10 + 2);
}

TEST(Canvas, TextStaysWithinItsWidthAndLine) {
  const std::string line = "multiplicative_weight_noise=0.25: gjpqy|(%) ~";
  const int64_t width = text_width(line);
  EXPECT_GT(width, 100);
  for (const Rectangle& ink : inked(line)) {
    EXPECT_GE(ink.x, 0);
    EXPECT_LE(ink.x + ink.width, width);
    EXPECT_GE(ink.y, 0);
    EXPECT_LE(ink.y + ink.height, kLineHeight);
  }
}

TEST(Canvas, EveryLetterLooksDifferent) {
  const auto picture = [](char letter) {
    Canvas canvas(12, 12);
    canvas.text(0, 0, std::string(1, letter));
    return canvas.png();
  };
  const std::string letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=.,:-+%_()";
  for (size_t i = 0; i < letters.size(); ++i) {
    const bool is_o = letters[i] == 'O' || letters[i] == '0';  // they are one in this font
    for (size_t j = 0; j < i && !is_o; ++j)
      EXPECT_NE(picture(letters[i]), picture(letters[j])) << letters[i] << letters[j];
  }
}

TEST(Canvas, OtherLettersAreQuestionMarks) {
  EXPECT_EQ(text_width("\xc3\xa9\x01\x7f"), text_width("????"));
  EXPECT_EQ(inked("\xff").size(), inked("?").size());
  EXPECT_TRUE(inked("").empty());
  EXPECT_EQ(text_width(""), 0);
}

TEST(Canvas, TheFileHoldsEveryPixel) {
  Canvas canvas(9, 6);
  canvas.fill({1, 1, 3, 3}, kCrimson);
  canvas.fill({5, 0, 4, 6}, {1, 200, 3});
  const RgbImage image = decoded(canvas);
  ASSERT_EQ(image.size, (ImageExtent{6, 9}));
  for (int64_t y = 0; y < 6; ++y) {
    for (int64_t x = 0; x < 9; ++x) {
      const uint8_t* pixel = &image.pixels[static_cast<size_t>((y * 9 + x) * 3)];
      EXPECT_EQ(canvas.at(x, y), (Colour{pixel[0], pixel[1], pixel[2]}));
    }
  }
}

TEST(Canvas, GreyFilesAreSmallerAndTheSamePicture) {
  Canvas grey(64, 64), coloured(64, 64);
  for (int64_t i = 0; i < 64; ++i) {
    const auto value = static_cast<uint8_t>(i * 37 % 256);
    for (Canvas* canvas : {&grey, &coloured}) canvas->fill({i, 0, 1, 64}, {value, value, value});
  }
  coloured.fill({0, 0, 1, 1}, kCrimson);
  EXPECT_LT(grey.png().size(), coloured.png().size());
  EXPECT_EQ(decoded(grey).pixels[3 * 5], 5 * 37 % 256);
  EXPECT_EQ(grey.png(), grey.png());
}

TEST(Canvas, RefusesSizesThatAreNone) {
  EXPECT_THROW(Canvas(0, 5), InvalidArgument);
  EXPECT_THROW(Canvas(5, -1), InvalidArgument);
  EXPECT_THROW(Canvas(int64_t{1} << 40, int64_t{1} << 40), InvalidArgument);
  EXPECT_THROW(Canvas(4, 4).at(4, 0), std::out_of_range);
  EXPECT_THROW(Canvas(4, 4).at(0, -1), std::out_of_range);
}

}  // namespace
}  // namespace murmur
