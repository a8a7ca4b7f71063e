#include "murmur/data/image.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "murmur/engine/error.hpp"
#include "tests/data/image_files.hpp"

namespace murmur::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ImageTest : public ::testing::Test {
 protected:
  RgbImage read(const Bytes& bytes) const {
    write_file(path_, bytes);
    return read_image(path_);
  }
  static std::string error(const Bytes& bytes) {
    const std::string message = message_of<DataError>([&] { decode_image("name", bytes); });
    EXPECT_THAT(message, StartsWith("name: expected "));
    return message;
  }
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "picture";
};

TEST_F(ImageTest, ReadsPngExactly) {
  const Bytes pixels = noise(5 * 7 * 3);
  const RgbImage image = read(png(5, 7, 3, pixels));
  EXPECT_EQ(image.size, (ImageExtent{5, 7}));
  EXPECT_EQ(image.pixels, pixels);
  EXPECT_EQ(read_image_size(path_), (ImageExtent{5, 7}));
}

TEST_F(ImageTest, ReadsBmpExactly) {
  const Bytes pixels = noise(5 * 7 * 3);
  const RgbImage image = read(bmp(5, 7, 3, pixels));
  EXPECT_EQ(image.size, (ImageExtent{5, 7}));
  EXPECT_EQ(image.pixels, pixels);
}

TEST_F(ImageTest, ReadsBmpWithTheUpperRowFirst) {
  const Bytes pixels = noise(2 * 3 * 3);
  Bytes bytes = bmp(2, 3, 3, pixels);
  for (size_t i = 22; i < 26; ++i) bytes[i] = i == 22 ? 0xfe : 0xff;  // height -2
  const RgbImage image = read(bytes);
  EXPECT_EQ(image.size, (ImageExtent{2, 3}));
  Bytes turned(pixels.begin() + 9, pixels.end());
  turned.insert(turned.end(), pixels.begin(), pixels.begin() + 9);
  EXPECT_EQ(image.pixels, turned);
}

TEST_F(ImageTest, ReadsJpegNearly) {
  Bytes pixels;
  for (int i = 0; i < 16 * 24; ++i) pixels.insert(pixels.end(), {200, 100, 50});
  const RgbImage image = read(jpeg(16, 24, 3, pixels));
  EXPECT_EQ(image.size, (ImageExtent{16, 24}));
  ASSERT_EQ(image.pixels.size(), pixels.size());
  for (size_t i = 0; i < pixels.size(); ++i) EXPECT_LE(std::abs(image.pixels[i] - pixels[i]), 3) << i;
}

TEST_F(ImageTest, MakesGreyThreeEqualChannelsAndDropsAlpha) {
  EXPECT_THAT(read(png(1, 2, 1, {10, 250})).pixels, ElementsAre(10, 10, 10, 250, 250, 250));
  EXPECT_THAT(read(png(1, 2, 4, {1, 2, 3, 0, 4, 5, 6, 128})).pixels, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(read(png(1, 2, 2, {7, 0, 8, 255})).pixels, ElementsAre(7, 7, 7, 8, 8, 8));
}

TEST_F(ImageTest, ReadsLinesOfPixels) {
  const Bytes pixels = noise(3 * 999);
  EXPECT_EQ(read(png(1, 999, 3, pixels)).pixels, pixels);
  EXPECT_EQ(read(png(999, 1, 3, pixels)).pixels, pixels);
}

TEST_F(ImageTest, RejectsWhatIsNoImage) {
  EXPECT_THAT(error(noise(1000)), HasSubstr("expected a PNG, JPEG or BMP image, got: "));
  EXPECT_THAT(error({'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0, 0, 0}), HasSubstr("got: "));
  EXPECT_THAT(error({}), HasSubstr("expected a PNG, JPEG or BMP image, got: "));
  EXPECT_THAT(error({0x89}), HasSubstr("expected a PNG, JPEG or BMP image, got: "));
}

TEST_F(ImageTest, RejectsZeroSizes) {
  EXPECT_THAT(error(png_header(0, 7)), HasSubstr("got: "));
  EXPECT_THAT(error(png_header(7, 0)), HasSubstr("got: "));
  Bytes empty = bmp(2, 2, 3, Bytes(12));
  empty[18] = 0;
  EXPECT_THAT(error(empty), HasSubstr("expected an image of at least 1x1, got 2x0"));
}

TEST_F(ImageTest, RejectsHugeSizesBeforeDecoding) {
  EXPECT_THAT(error(png_header(8193, 8192)), HasSubstr("of at most 67108864 pixels, got 8193x8192"));
  EXPECT_THAT(error(png_header(65535, 65535)), HasSubstr("got: Image too large"));
  EXPECT_THAT(error(png_header(1 << 30, 1)), HasSubstr("got: "));
  EXPECT_THAT(error(png_header(8192, 8192)), ::testing::Not(HasSubstr("of at most")));
  Bytes huge = bmp(2, 2, 3, Bytes(12));
  huge[20] = huge[24] = 1;  // 65538 x 65538
  EXPECT_THAT(error(huge), HasSubstr("of at most 67108864 pixels, got 65538x65538"));
}

TEST_F(ImageTest, RejectsEveryTruncation) {
  const Bytes pixels = noise(12 * 12 * 3);
  for (const Bytes& whole : {png(12, 12, 3, pixels), jpeg(12, 12, 3, pixels), bmp(12, 12, 3, pixels)}) {
    ASSERT_EQ(read(whole).size, (ImageExtent{12, 12}));
    // The last four bytes of a PNG file are a checksum that says nothing about pixels.
    const size_t end = whole[0] == 0x89 ? whole.size() - 4 : whole.size();
    for (size_t size = 0; size < end; ++size) error(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)));
  }
}

// stb_image 2.27 would write beyond its table.
TEST_F(ImageTest, RejectsHuffmanTablesThatAreTooLong) {
  Bytes bytes = jpeg(8, 8, 3, noise(8 * 8 * 3));
  const Bytes marker = {0xff, 0xc4};
  const auto table = std::search(bytes.begin(), bytes.end(), marker.begin(), marker.end());
  ASSERT_NE(table, bytes.end());
  std::fill(table + 5, table + 21, 0xff);
  EXPECT_THAT(error(bytes), HasSubstr("expected Huffman tables of at most 256 codes, got a damaged one"));
}

// stb_image would take what was in its memory for them.
TEST_F(ImageTest, RejectsAJpegWhoseTablesAreMissing) {
  const Bytes whole = jpeg(8, 8, 3, noise(8 * 8 * 3));
  const auto find = [&](uint8_t second) {
    const Bytes marker = {0xff, second};
    return static_cast<size_t>(std::search(whole.begin(), whole.end(), marker.begin(), marker.end()) - whole.begin());
  };
  const size_t huffman = find(0xc4) + 4, quantization = find(0xdb) + 4, scan = find(0xda);
  constexpr size_t kDc = 17 + 12, kAc = 17 + 162;
  for (const size_t table :
       {huffman, huffman + kDc, huffman + kDc + kAc, huffman + 2 * kDc + kAc, quantization, quantization + 65}) {
    Bytes bytes = whole;
    bytes[table] |= 2;
    EXPECT_EQ(error(bytes), fmt::format("name: expected a scan of the image's components after its tables, got another "
                                        "at byte {}",
                                        scan + 2));
  }
  Bytes bytes = whole;
  bytes[scan + 9] = bytes[scan + 7];  // the scan's third component is the second once more
  EXPECT_EQ(error(bytes), "name: expected a scan of each component, got fewer");
}

// 64 MB of zeros in 64 KB, which the header says nothing of.
TEST_F(ImageTest, GivesNoMoreMemoryThanTheHeaderAllows) {
  const Bytes zeros(size_t{64} << 20);
  uLongf size = compressBound(zeros.size());
  Bytes packed(size);
  ASSERT_EQ(compress2(packed.data(), &size, zeros.data(), zeros.size(), Z_BEST_COMPRESSION), Z_OK);
  Bytes bytes = png_header(1, 1);
  bytes.resize(bytes.size() - 12);  // its empty IDAT
  const auto append = [&](uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(number >> shift & 0xff));
  };
  append(static_cast<uint32_t>(size));
  bytes.insert(bytes.end(), {'I', 'D', 'A', 'T'});
  bytes.insert(bytes.end(), packed.begin(), packed.begin() + static_cast<ptrdiff_t>(size));
  append(0);  // the decoder looks at no checksum
  bytes.insert(bytes.end(), {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82});
  EXPECT_EQ(error(bytes), "name: expected data of 1x1 pixels as in the header, got more");
}

// Each can take as long as the whole image.
TEST_F(ImageTest, RejectsAJpegOfHundredsOfScans) {
  const Bytes whole = jpeg(8, 8, 3, noise(8 * 8 * 3));
  const Bytes marker = {0xff, 0xda};
  const auto scan = std::search(whole.begin(), whole.end(), marker.begin(), marker.end());
  Bytes bytes(whole.begin(), scan);
  for (int i = 0; i < 257; ++i) bytes.insert(bytes.end(), scan, whole.end() - 2);
  bytes.insert(bytes.end(), {0xff, 0xd9});
  EXPECT_EQ(error(bytes), "name: expected at most 256 scans, got more");
}

TEST_F(ImageTest, RejectsAJpegWithoutAScan) {
  const Bytes whole = jpeg(8, 8, 3, noise(8 * 8 * 3));
  const Bytes marker = {0xff, 0xda};
  Bytes bytes(whole.begin(), std::search(whole.begin(), whole.end(), marker.begin(), marker.end()));
  bytes.insert(bytes.end(), {0xff, 0xd9});
  EXPECT_THAT(error(bytes), HasSubstr("got the end of the image"));
}

// A thumbnail has an end marker of its own.
TEST_F(ImageTest, TakesNoThumbnailsEndForItsOwn) {
  const Bytes whole = jpeg(8, 8, 3, noise(8 * 8 * 3));
  Bytes bytes(whole.begin(), whole.begin() + 2);
  bytes.insert(bytes.end(), {0xff, 0xe1, 0, 8, 0xff, 0xda, 0, 0, 0xff, 0xd9});
  bytes.insert(bytes.end(), whole.begin() + 2, whole.end());
  EXPECT_EQ(decode_image("name", bytes).pixels, decode_image("name", whole).pixels);
  bytes.pop_back();
  EXPECT_THAT(error(bytes), HasSubstr("expected a whole JPEG image"));
}

// Damage that a decoder cannot see is possible; a crash or another kind of error is not.
TEST_F(ImageTest, SurvivesEveryDamagedByte) {
  const Bytes pixels = noise(6 * 6 * 3);
  for (const Bytes& whole : {png(6, 6, 3, pixels), jpeg(6, 6, 3, pixels), bmp(6, 6, 3, pixels)}) {
    for (size_t i = 0; i < whole.size(); ++i) {
      for (const int mask : {0xff, 0x80, 0x01}) {
        Bytes damaged = whole;
        damaged[i] = static_cast<uint8_t>(damaged[i] ^ mask);
        try {
          const RgbImage image = decode_image("name", damaged);
          ASSERT_EQ(static_cast<int64_t>(image.pixels.size()), image.size.height * image.size.width * 3);
        } catch (const DataError&) {
          continue;
        }
      }
    }
  }
}

TEST_F(ImageTest, NamesTheFile) {
  EXPECT_THAT(message_of<DataError>([&] { read_image(path_); }), StartsWith(path_.string() + ": expected a file"));
  write_file(path_, {});
  EXPECT_EQ(message_of<DataError>([&] { read_image(path_); }), path_.string() + ": expected data, got an empty file");
  write_file(path_, noise(10));
  EXPECT_THAT(message_of<DataError>([&] { read_image(path_); }), StartsWith(path_.string() + ": expected a PNG"));
}

Bytes grey(const Bytes& values) {
  Bytes pixels;
  for (const uint8_t value : values) pixels.insert(pixels.end(), 3, value);
  return pixels;
}

// Derived by hand: the weights of the pixels are 1 - distance / radius over their sum.
TEST(ResizeTest, InterpolatesWhereItGrows) {
  EXPECT_EQ(resized({{1, 2}, grey({0, 100})}, {1, 4}).pixels, grey({0, 25, 75, 100}));
  EXPECT_EQ(resized({{2, 1}, grey({0, 100})}, {4, 1}).pixels, grey({0, 25, 75, 100}));
}

TEST(ResizeTest, AveragesWhereItShrinks) {
  // centre 1, radius 2: (0.75 * 0 + 0.75 * 100 + 0.25 * 200) / 1.75 = 71.4; the other (25 + 150 + 30) / 1.75 = 117.1
  EXPECT_EQ(resized({{1, 4}, grey({0, 100, 200, 40})}, {1, 2}).pixels, grey({71, 117}));
  EXPECT_EQ(resized({{4, 1}, grey({0, 100, 200, 40})}, {2, 1}).pixels, grey({71, 117}));
}

TEST(ResizeTest, KeepsChannelsApart) {
  const RgbImage image = resized({{1, 2}, {0, 10, 200, 100, 30, 0}}, {2, 4});
  EXPECT_EQ(image.size, (ImageExtent{2, 4}));
  const Bytes row = {0, 10, 200, 25, 15, 150, 75, 25, 50, 100, 30, 0};
  EXPECT_EQ(Bytes(image.pixels.begin(), image.pixels.begin() + 12), row);
  EXPECT_EQ(Bytes(image.pixels.begin() + 12, image.pixels.end()), row);
}

TEST(ResizeTest, KeepsOneColourAndTheSameSize) {
  for (const ImageExtent size : {ImageExtent{1, 1}, ImageExtent{3, 50}, ImageExtent{64, 7}, ImageExtent{200, 300}}) {
    const RgbImage image = resized({{20, 31}, Bytes(20 * 31 * 3, 255)}, size);
    EXPECT_EQ(image.pixels, Bytes(static_cast<size_t>(size.height * size.width * 3), 255));
  }
  const Bytes pixels = noise(9 * 8 * 3);
  EXPECT_EQ(resized({{9, 8}, pixels}, {9, 8}).pixels, pixels);
}

TEST(ResizeTest, TakesLinesOfPixels) {
  EXPECT_EQ(resized({{1, 60000}, Bytes(60000 * 3, 77)}, {4, 4}).pixels, Bytes(4 * 4 * 3, 77));
  EXPECT_EQ(resized({{60000, 1}, Bytes(60000 * 3, 77)}, {4, 4}).pixels, Bytes(4 * 4 * 3, 77));
}

TEST(ImageSizeTest, Parses) {
  EXPECT_EQ(parse_image_size(""), ImageExtent{});
  EXPECT_EQ(parse_image_size("32"), (ImageExtent{32, 32}));
  EXPECT_EQ(parse_image_size("32x48"), (ImageExtent{32, 48}));
  EXPECT_EQ(parse_image_size("1x4096"), (ImageExtent{1, 4096}));
  for (const char* text : {"0", "-1", "x", "32x", "x32", "32x0", "4097", "32X32", "32 x 32", "32x32x3", "3.5", " 3",
                           "99999999999999999999", "8x99999999999999999999"}) {
    EXPECT_EQ(message_of<InvalidArgument>([&] { parse_image_size(text); }),
              fmt::format("image size: expected H or HxW with sides from 1 to 4096, got '{}'", text));
  }
}

}  // namespace
}  // namespace murmur::test
