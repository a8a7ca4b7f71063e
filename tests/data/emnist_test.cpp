#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "murmur/data/dataset.hpp"
#include "murmur/engine/error.hpp"
#include "tests/data/files.hpp"

namespace murmur::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

void write_emnist(const std::filesystem::path& folder) {
  // Two images of 2 rows and 3 columns as published: upright they are 3 high and 2 wide.
  write_file(folder / "emnist-balanced-train-images-idx3-ubyte.gz",
             gzip(idx(0x803, {2, 2, 3}, {1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16})));
  write_file(folder / "emnist-balanced-train-labels-idx1-ubyte.gz", gzip(idx(0x801, {2}, {46, 0})));
  write_file(folder / "emnist-balanced-test-images-idx3-ubyte.gz", gzip(idx(0x803, {1, 2, 3}, {9, 8, 7, 6, 5, 4})));
  write_file(folder / "emnist-balanced-test-labels-idx1-ubyte.gz", gzip(idx(0x801, {1}, {10})));
}

TEST(EmnistTest, StandsUpright) {
  const TemporaryFolder folder;
  write_emnist(folder.path());
  const Dataset dataset = load_dataset("emnist-balanced", folder.path());
  EXPECT_EQ(dataset.num_classes, 47);
  EXPECT_EQ(dataset.train.height, 3);
  EXPECT_EQ(dataset.train.width, 2);
  EXPECT_EQ(dataset.train.channels, 1);
  EXPECT_THAT(dataset.train.images, ElementsAre(1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16));
  EXPECT_THAT(dataset.test.images, ElementsAre(9, 6, 8, 5, 7, 4));
  EXPECT_THAT(dataset.train.labels, ElementsAre(46, 0));
  ASSERT_EQ(dataset.class_names.size(), 47u);
  EXPECT_EQ(dataset.class_names[10], "A");
  EXPECT_EQ(dataset.class_names[46], "t");
}

TEST(EmnistTest, LooksInTheFolderOfTheArchive) {
  const TemporaryFolder folder;
  write_emnist(folder / "emnist-balanced" / "gzip");
  EXPECT_EQ(load_dataset("emnist-balanced", folder.path()).directory, folder / "emnist-balanced" / "gzip");
}

TEST(EmnistTest, RejectsOtherLabelsAndMissingFiles) {
  const TemporaryFolder folder;
  const auto error = [&] { return message_of<DataError>([&] { load_dataset("emnist-balanced", folder.path()); }); };
  write_emnist(folder.path());
  write_file(folder / "emnist-balanced-test-labels-idx1-ubyte", idx(0x801, {1}, {47}));
  EXPECT_THAT(error(), HasSubstr("expected labels from 0 to 46, got 47 for image 0"));
  std::filesystem::remove(folder / "emnist-balanced-train-images-idx3-ubyte.gz");
  EXPECT_EQ(error(), folder.path().string() +
                         ": expected the file emnist-balanced-train-images-idx3-ubyte (plain or .gz), got none");
}

}  // namespace
}  // namespace murmur::test
