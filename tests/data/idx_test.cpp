#include "murmur/data/idx.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "murmur/engine/error.hpp"
#include "tests/data/files.hpp"

namespace murmur::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class IdxTest : public ::testing::Test {
 protected:
  std::filesystem::path file(const Bytes& bytes) const {
    const auto path = folder_.path() / "file-under-test";
    write_file(path, bytes);
    return path;
  }
  static std::string images_error(const std::filesystem::path& path) {
    const std::string message = message_of<DataError>([&] { read_idx_images(path); });
    EXPECT_THAT(message, StartsWith(path.string() + ": expected "));
    return message;
  }
  std::string images_error(const Bytes& bytes) const { return images_error(file(bytes)); }
  std::string labels_error(const Bytes& bytes) const {
    const auto path = file(bytes);
    const std::string message = message_of<DataError>([&] { read_idx_labels(path); });
    EXPECT_THAT(message, StartsWith(path.string() + ": expected "));
    return message;
  }
  TemporaryFolder folder_;
};

const Bytes kImages = idx(0x803, {2, 3, 4}, ramp(24));
const Bytes kLabels = idx(0x801, {5}, {7, 0, 9, 3, 3});

TEST_F(IdxTest, ReadsImages) {
  const IdxImages images = read_idx_images(file(kImages));
  EXPECT_EQ(images.num_images, 2);
  EXPECT_EQ(images.height, 3);
  EXPECT_EQ(images.width, 4);
  EXPECT_EQ(images.pixels, ramp(24));
}

TEST_F(IdxTest, ReadsLabels) {
  EXPECT_EQ(read_idx_labels(file(kLabels)), (Bytes{7, 0, 9, 3, 3}));
}

TEST_F(IdxTest, ReadsGzipWhateverTheName) {
  EXPECT_EQ(read_idx_images(file(gzip(kImages))).pixels, ramp(24));
  EXPECT_EQ(read_idx_labels(file(gzip(kLabels))), (Bytes{7, 0, 9, 3, 3}));
  const auto unpacked = folder_.path() / "plain-after-all.gz";
  write_file(unpacked, kImages);
  EXPECT_EQ(read_idx_images(unpacked).pixels, ramp(24));
}

TEST_F(IdxTest, ReadsSizesWithMoreThanOneByte) {
  const IdxImages images = read_idx_images(file(idx(0x803, {1, 3, 0x10203}, ramp(3 * 0x10203))));
  EXPECT_EQ(images.width, 0x10203);
}

// Longer than any buffer on the way: the first block of the payload and the packed bytes read at once.
TEST_F(IdxTest, ReadsManyBlocks) {
  const Bytes pixels = noise(5'000'000);
  const Bytes bytes = idx(0x803, {5000, 10, 100}, pixels);
  EXPECT_EQ(read_idx_images(file(bytes)).pixels, pixels);
  EXPECT_EQ(read_idx_images(file(gzip(bytes))).pixels, pixels);
}

TEST_F(IdxTest, ReadsGzipOfSeveralMembers) {
  Bytes bytes = gzip(Bytes(kImages.begin(), kImages.begin() + 20));
  for (const Bytes& part : {Bytes(kImages.begin() + 20, kImages.end()), Bytes{}}) {
    const Bytes member = gzip(part);
    bytes.insert(bytes.end(), member.begin(), member.end());
  }
  EXPECT_EQ(read_idx_images(file(bytes)).pixels, ramp(24));
}

// The second member starts where a new block of packed bytes is read.
TEST_F(IdxTest, ReadsGzipMembersOnBlockBoundary) {
  constexpr size_t kBlock = 1 << 16;
  const Bytes whole = idx(0x803, {2, 1, 50000}, noise(100000));
  std::ptrdiff_t length = kBlock - 64;
  const auto first = [&] { return gzip(Bytes(whole.begin(), whole.begin() + length)); };
  while (first().size() < kBlock) ++length;
  Bytes bytes = first();
  ASSERT_EQ(bytes.size(), kBlock);
  const Bytes second = gzip(Bytes(whole.begin() + length, whole.end()));
  bytes.insert(bytes.end(), second.begin(), second.end());
  EXPECT_EQ(read_idx_images(file(bytes)).pixels, noise(100000));
}

TEST_F(IdxTest, RejectsWhatIsNoFile) {
  EXPECT_THAT(images_error(folder_.path() / "missing"), HasSubstr("expected a file, got an error: No such file"));
  EXPECT_THAT(images_error(folder_.path()), HasSubstr("expected a file, got a directory"));
  const auto pipe = folder_.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(images_error(pipe), HasSubstr("expected a regular file"));
  EXPECT_THAT(images_error(Bytes{}), HasSubstr("expected data, got an empty file"));
}

TEST_F(IdxTest, RejectsUnreadableFile) {
  if (geteuid() == 0) GTEST_SKIP() << "root can read every file";
  const auto path = file(kImages);
  std::filesystem::permissions(path, std::filesystem::perms::none);
  EXPECT_THAT(images_error(path), HasSubstr("expected a readable file, got an error: Permission denied"));
}

TEST_F(IdxTest, RejectsTruncatedHeader) {
  for (const int length : {1, 3, 4, 9, 15}) {
    SCOPED_TRACE(length);
    const Bytes start(kImages.begin(), kImages.begin() + length);
    const std::string expected = fmt::format("expected a header of 16 bytes, got {}", length);
    EXPECT_THAT(images_error(start), HasSubstr(expected));
    EXPECT_THAT(images_error(gzip(start)), HasSubstr(expected));
  }
  EXPECT_THAT(labels_error(Bytes(kLabels.begin(), kLabels.begin() + 7)), HasSubstr("header of 8 bytes, got 7"));
  EXPECT_THAT(images_error(gzip({})), HasSubstr("expected a header of 16 bytes, got 0"));
}

TEST_F(IdxTest, NamesSwappedFiles) {
  EXPECT_THAT(images_error(kLabels), HasSubstr("expected magic 0x00000803 (images), got 0x00000801 (labels: are the "
                                               "images and labels files swapped?)"));
  EXPECT_THAT(labels_error(kImages), HasSubstr("expected magic 0x00000801 (labels), got 0x00000803 (images: are the "
                                               "images and labels files swapped?)"));
}

TEST_F(IdxTest, RejectsOtherMagics) {
  const auto error = [&](uint32_t magic) { return images_error(idx(magic, {2, 3, 4}, ramp(24))); };
  EXPECT_THAT(error(0x903), HasSubstr("expected magic 0x00000803 (images), got 0x00000903 (elements int8 in 3 dim"));
  EXPECT_THAT(error(0xb03), HasSubstr("(elements int16 in 3 dimensions)"));
  EXPECT_THAT(error(0xc03), HasSubstr("(elements int32 in 3 dimensions)"));
  EXPECT_THAT(error(0xd03), HasSubstr("(elements float32 in 3 dimensions)"));
  EXPECT_THAT(error(0xe03), HasSubstr("(elements float64 in 3 dimensions)"));
  EXPECT_THAT(error(0x804), HasSubstr("(elements uint8 in 4 dimensions)"));
  EXPECT_THAT(error(0xa03), HasSubstr("got 0x00000a03 (not an IDX file)"));
  EXPECT_THAT(error(0x03080000), HasSubstr("got 0x03080000 (not an IDX file)"));
}

TEST_F(IdxTest, RejectsZeroSizes) {
  EXPECT_THAT(images_error(idx(0x803, {0, 28, 28}, {})), HasSubstr("expected sizes of at least 1, got 0x28x28"));
  EXPECT_THAT(images_error(idx(0x803, {2, 0, 28}, {})), HasSubstr("expected sizes of at least 1, got 2x0x28"));
  EXPECT_THAT(images_error(idx(0x803, {2, 28, 0}, {})), HasSubstr("expected sizes of at least 1, got 2x28x0"));
  EXPECT_THAT(labels_error(idx(0x801, {0}, {})), HasSubstr("expected sizes of at least 1, got 0"));
}

TEST_F(IdxTest, RejectsHugeClaimsWithoutAllocating) {
  constexpr uint32_t kMost = 0xffffffff;
  const Bytes claim = idx(0x803, {kMost, 28, 28}, ramp(100));
  EXPECT_THAT(images_error(claim), HasSubstr("expected 4294967295x28x28 bytes after the header, got at most 100: "));
  EXPECT_THAT(images_error(gzip(claim)), HasSubstr("expected 4294967295x28x28 bytes after the header, got at most"));
  // The first product is 0 in 64 bits; the second needs 96.
  EXPECT_THAT(images_error(idx(0x803, {1u << 31, 1u << 31, 4}, ramp(9))), HasSubstr("got at most 9: "));
  EXPECT_THAT(images_error(idx(0x803, {kMost, kMost, kMost}, ramp(9))),
              HasSubstr("expected 4294967295x4294967295x4294967295 bytes after the header, got at most 9: "));
  EXPECT_THAT(labels_error(idx(0x801, {kMost}, ramp(9))),
              HasSubstr("expected 4294967295 bytes after the header, got "));
}

// Only a file of gigabytes keeps a claim of 2^64 in bounds until its last size; this one takes no disk space.
TEST_F(IdxTest, RejectsOverflowingClaimOfHugeFile) {
  const auto path = file(idx(0x803, {1u << 31, 4, 1u << 31}, {}));
  std::filesystem::resize_file(path, 16 + (uintmax_t{1} << 33));
  EXPECT_THAT(images_error(path), HasSubstr("expected 2147483648x4x2147483648 bytes after the header, got at most "
                                            "8589934592: "));
}

TEST_F(IdxTest, RejectsTruncatedPayload) {
  EXPECT_THAT(images_error(idx(0x803, {2, 3, 4}, ramp(23))), HasSubstr("expected 2x3x4 bytes after the header, got at "
                                                                       "most 23: file truncated or header damaged"));
  EXPECT_THAT(images_error(idx(0x803, {2, 3, 4}, {})), HasSubstr("got at most 0: "));
  EXPECT_THAT(images_error(gzip(idx(0x803, {2, 3, 4}, ramp(23)))),
              HasSubstr("expected 24 bytes after the header, got 23: file truncated"));
  EXPECT_THAT(labels_error(gzip(idx(0x801, {5}, ramp(4)))), HasSubstr("expected 5 bytes after the header, got 4: "));
}

TEST_F(IdxTest, RejectsTrailingBytes) {
  Bytes longer = kImages;
  longer.push_back(0);
  EXPECT_THAT(images_error(longer), HasSubstr("expected 24 bytes after the header, got more"));
  EXPECT_THAT(images_error(gzip(longer)), HasSubstr("expected 24 bytes after the header, got more"));
  Bytes packed = gzip(kImages);
  packed.push_back(0);
  EXPECT_THAT(images_error(packed), HasSubstr("got the end of the file after 40 unpacked bytes"));
  packed.push_back('x');
  EXPECT_THAT(images_error(packed), HasSubstr("got corrupt data after 40 unpacked bytes (incorrect header check)"));
}

TEST_F(IdxTest, RejectsEveryTruncationOfGzip) {
  const Bytes whole = gzip(kImages);
  for (size_t length = 2; length < whole.size(); ++length) {
    SCOPED_TRACE(length);
    EXPECT_THAT(images_error(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))),
                HasSubstr("expected the end of the gzip stream, got the end of the file after "));
  }
}

TEST_F(IdxTest, RejectsGzipWithWrongChecksumOrLength) {
  const Bytes whole = gzip(kImages);
  for (size_t back = 1; back <= 8; ++back) {  // four bytes of CRC-32, four of the unpacked length
    SCOPED_TRACE(back);
    Bytes bytes = whole;
    bytes[bytes.size() - back] ^= 0x10;
    EXPECT_THAT(images_error(bytes),
                HasSubstr(back > 4 ? "got corrupt data after 40 unpacked bytes (incorrect data check)"
                                   : "got corrupt data after 40 unpacked bytes (incorrect length"));
  }
}

// A bit flipped in the pixels of a stored (not compressed) block unpacks well; only the checksum can tell.
TEST_F(IdxTest, RejectsGzipWithFlippedPixel) {
  const Bytes pixels = noise(2048);
  Bytes bytes = gzip(idx(0x803, {2, 32, 32}, pixels));
  ASSERT_EQ(read_idx_images(file(bytes)).pixels, pixels);
  bytes[bytes.size() - 100] ^= 0x01;
  EXPECT_THAT(images_error(bytes), HasSubstr("got corrupt data after 2064 unpacked bytes (incorrect data check)"));
}

}  // namespace
}  // namespace murmur::test
