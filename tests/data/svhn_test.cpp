#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "murmur/data/dataset.hpp"
#include "murmur/data/mat.hpp"
#include "murmur/engine/error.hpp"
#include "tests/data/files.hpp"

namespace murmur::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint32_t kUint8Class = 9;
constexpr uint32_t kDoubleClass = 6;
constexpr uint32_t kStructClass = 2;

void put(Bytes& bytes, uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<uint8_t>(number >> shift & 0xff));
}

void append(Bytes& bytes, const Bytes& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

/// A data element with its tag, and padding to eight bytes; up to four bytes go into the tag where `is_small`.
Bytes element(uint32_t type, const Bytes& data, bool is_small = false) {
  Bytes bytes;
  if (is_small) {
    put(bytes, static_cast<uint32_t>(data.size()) << 16 | type);
    append(bytes, data);
    bytes.resize(8);
    return bytes;
  }
  put(bytes, type);
  put(bytes, static_cast<uint32_t>(data.size()));
  append(bytes, data);
  bytes.resize((bytes.size() + 7) / 8 * 8);
  return bytes;
}

/// A variable of a MATLAB file: its values are of `type`.
Bytes matrix(const std::string& name, uint32_t kind, const std::vector<uint32_t>& shape, uint32_t type,
             const Bytes& values) {
  Bytes flags;
  put(flags, kind);
  put(flags, 0);
  Bytes sizes;
  for (const uint32_t size : shape) put(sizes, size);
  Bytes contents = element(6, flags);
  append(contents, element(5, sizes));
  append(contents, element(1, Bytes(name.begin(), name.end()), name.size() <= 4));
  append(contents, element(type, values));
  return element(14, contents);
}

Bytes packed(const Bytes& variable) {
  uLongf size = compressBound(variable.size());
  Bytes bytes(size);
  compress(bytes.data(), &size, variable.data(), variable.size());
  bytes.resize(size);
  Bytes whole;
  put(whole, 15);
  put(whole, static_cast<uint32_t>(size));
  append(whole, bytes);
  return whole;
}

Bytes mat(const std::vector<Bytes>& variables, const std::string& text = "MATLAB 5.0 MAT-file, Platform: GLNXA64") {
  Bytes bytes(text.begin(), text.end());
  bytes.resize(124, ' ');
  append(bytes, {0, 1, 'I', 'M'});
  for (const Bytes& variable : variables) append(bytes, variable);
  return bytes;
}

uint8_t pixel(size_t image, size_t y, size_t x, size_t channel) {
  return static_cast<uint8_t>(image * 91 + y * 17 + x * 5 + channel * 60);
}

/// The array X of the images numbered from `first` on, 2 high and 3 wide, the first index fastest.
Bytes images(size_t first, uint32_t count, const std::vector<uint32_t>& shape) {
  Bytes values;
  for (size_t n = first; n < first + count; ++n) {
    for (size_t c = 0; c < 3; ++c) {
      for (size_t x = 0; x < 3; ++x) {
        for (size_t y = 0; y < 2; ++y) values.push_back(pixel(n, y, x, c));
      }
    }
  }
  return matrix("X", kUint8Class, shape, 2, values);
}

Bytes labels(const Bytes& values) {
  return matrix("y", kUint8Class, {static_cast<uint32_t>(values.size()), 1}, 2, values);
}

class SvhnTest : public ::testing::Test {
 protected:
  SvhnTest() {
    write_file(train_, mat({packed(images(0, 4, {2, 3, 3, 4})), packed(labels({1, 10, 9, 2}))}));
    write_file(test_, mat({packed(images(7, 2, {2, 3, 3, 2})), packed(labels({3, 10}))}));
  }
  Dataset load() const { return load_dataset("svhn", data_); }
  std::string error() const {
    return message_of<DataError>([&] { load(); });
  }

  TemporaryFolder folder_;
  std::filesystem::path data_ = folder_.path() / "data";
  std::filesystem::path train_ = data_ / "train_32x32.mat";
  std::filesystem::path test_ = data_ / "test_32x32.mat";
};

void expect_svhn(const Samples& samples, size_t first) {
  ASSERT_EQ(samples.images.size(), static_cast<size_t>(samples.num_samples) * 18);
  size_t at = 0;
  for (size_t n = first; n < first + static_cast<size_t>(samples.num_samples); ++n) {
    for (size_t y = 0; y < 2; ++y) {
      for (size_t x = 0; x < 3; ++x) {
        for (size_t c = 0; c < 3; ++c) ASSERT_EQ(samples.images[at++], pixel(n, y, x, c)) << n << y << x << c;
      }
    }
  }
}

TEST_F(SvhnTest, LoadsImagesUprightAndTenAsZero) {
  const Dataset dataset = load();
  EXPECT_EQ(dataset.name, "svhn");
  EXPECT_EQ(dataset.num_classes, 10);
  EXPECT_EQ(dataset.directory, data_);
  EXPECT_EQ(dataset.train.height, 2);
  EXPECT_EQ(dataset.train.width, 3);
  EXPECT_EQ(dataset.train.channels, 3);
  EXPECT_THAT(dataset.train.labels, ElementsAre(1, 0, 9, 2));
  EXPECT_THAT(dataset.test.labels, ElementsAre(3, 0));
  expect_svhn(dataset.train, 0);
  expect_svhn(dataset.test, 7);
}

TEST_F(SvhnTest, ReadsEveryFormThatMatlabWrites) {
  Bytes doubles;
  for (const double label : {4.0, 10.0}) {
    Bytes bytes(8);
    std::memcpy(bytes.data(), &label, 8);
    append(doubles, bytes);
  }
  const Bytes other = matrix("info", kStructClass, {1, 1}, 2, Bytes(300));
  // Not packed, labels in doubles in a row, other variables around, and in another order.
  write_file(test_, mat({other, matrix("y", kDoubleClass, {1, 2}, 9, doubles), packed(other),
                         images(7, 2, {2, 3, 3, 2}), other}));
  EXPECT_THAT(load().test.labels, ElementsAre(4, 0));
  expect_svhn(load().test, 7);
  // Doubles whose values have room in bytes are stored as such; one image has no fourth size; a value in its tag.
  Bytes one = matrix("y", kDoubleClass, {1, 1}, 2, {6});
  one.resize(one.size() - 16);
  append(one, element(2, {6}, true));
  one[4] = static_cast<uint8_t>(one.size() - 8);
  write_file(test_, mat({images(7, 1, {2, 3, 3}), one}));
  EXPECT_THAT(load().test.labels, ElementsAre(6));
  expect_svhn(load().test, 7);
  write_file(test_, gzip(mat({packed(images(7, 1, {2, 3, 3})), one})));
  expect_svhn(load().test, 7);
}

TEST_F(SvhnTest, NamesTheMissingFile) {
  std::filesystem::remove(test_);
  EXPECT_EQ(error(), data_.string() + ": expected the file test_32x32.mat, got none");
  write_file(test_, mat({packed(labels({3, 10}))}));
  EXPECT_EQ(error(), test_.string() + ": expected an array 'X', got none");
  std::filesystem::remove_all(data_);
  EXPECT_THAT(error(), AllOf(StartsWith("dataset svhn: expected train_32x32.mat, test_32x32.mat, got none of them"),
                             HasSubstr("to get them: murmur data get svhn --data '")));
}

TEST_F(SvhnTest, RejectsOtherContents) {
  const auto expect = [&](const std::vector<Bytes>& variables, const std::string& words) {
    write_file(test_, mat(variables));
    EXPECT_THAT(error(), AllOf(StartsWith(test_.string() + ": expected "), HasSubstr(words)));
  };
  expect({images(7, 2, {2, 3, 3, 2}), labels({3})}, "2 labels in y, one for each image in X, got 1");
  expect({images(7, 2, {2, 3, 3, 2}), labels({3, 11})}, "labels from 1 to 10, got 11 for image 1");
  expect({images(7, 2, {2, 3, 3, 2}), labels({0, 1})}, "labels from 1 to 10, got 0 for image 0");
  expect({images(7, 2, {3, 2, 6, 1}), labels({1, 1})}, "X to be [height, width, 3, N], got [3, 2, 6, 1]");
  expect({images(7, 2, {2, 18}), labels({1, 1})}, "X to be [height, width, 3, N], got [2, 18]");
  expect({images(7, 2, {2, 3, 3, 3}), labels({1, 1})}, "54 numbers in 'X' as its sizes 2x3x3x3 say, got 36 bytes");
  expect({images(7, 2, {2, 3, 0, 2}), labels({1, 1})}, "to have 1 to 2147483648 elements, got 2x3x0x2");
  expect({images(7, 2, {0x7fffffff, 0x7fffffff, 3, 2}), labels({1, 1})}, "elements, got 2147483647x2147483647x3x2");
  expect({matrix("X", kStructClass, {2, 3, 3, 2}, 2, Bytes(36)), labels({1, 1})}, "'X' to be numbers");
  expect({images(7, 2, {2, 3, 3, 2}), matrix("y", kDoubleClass, {2, 1}, 3, {1, 0, 0, 1})},
         "whole numbers from 0 to 255 in 'y', got 256");
  expect({images(7, 2, {2, 3, 3, 2}), matrix("y", kDoubleClass, {1, 1}, 7, {0, 0, 0xc0, 0x7f})}, "whole numbers");
  write_file(test_, mat({packed(images(7, 2, {3, 2, 3, 2})), packed(labels({3, 10}))}));
  EXPECT_EQ(error(), data_.string() + ": expected test images of 2x3 as in the training file, got 3x2");
}

TEST_F(SvhnTest, RejectsOtherFormats) {
  write_file(test_, mat({}, "MATLAB 7.3 MAT-file, Platform: GLNXA64"));
  EXPECT_THAT(error(), HasSubstr("-v7.3 (HDF5); save it with -v7"));
  write_file(test_, noise(1000));
  EXPECT_EQ(error(), test_.string() + ": expected a MATLAB file of level 5, little-endian, got another one or none");
  write_file(test_, {1, 2, 3});
  EXPECT_THAT(error(), StartsWith(test_.string() + ": expected 128 bytes more"));
}

// Every prefix of the file, packed and not: one line, and no more memory than there is data for.
TEST_F(SvhnTest, RejectsFilesThatEndEarly) {
  for (const bool is_packed : {true, false}) {
    const Bytes x = images(7, 2, {2, 3, 3, 2});
    const Bytes y = labels({3, 10});
    const Bytes whole = is_packed ? mat({packed(x), packed(y)}) : mat({x, y});
    for (size_t size = 1; size < whole.size(); ++size) {
      write_file(test_, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
      const bool lacks_padding_only = !is_packed && size >= whole.size() - 6;
      if (lacks_padding_only) continue;
      EXPECT_THAT(error(), StartsWith(test_.string() + ": expected ")) << size;
    }
  }
}

// What is packed has a checksum; elsewhere a flipped bit may be an image's.
TEST_F(SvhnTest, SurvivesDamage) {
  const Dataset good = load();
  for (const bool is_packed : {true, false}) {
    const Bytes x = images(7, 2, {2, 3, 3, 2});
    const Bytes y = labels({3, 10});
    const Bytes whole = is_packed ? mat({packed(x), packed(y)}) : mat({x, y});
    for (size_t at = 128; at < whole.size(); ++at) {
      for (const int mask : {0x01, 0x80, 0xff}) {
        Bytes damaged = whole;
        damaged[at] = static_cast<uint8_t>(damaged[at] ^ mask);
        write_file(test_, damaged);
        try {
          const Dataset dataset = load();
          EXPECT_EQ(dataset.test.images == good.test.images || !is_packed, true) << at;
        } catch (const DataError& error) {
          EXPECT_THAT(error.what(), HasSubstr(": expected ")) << at;
        }
      }
    }
  }
}

}  // namespace
}  // namespace murmur::test
