#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "murmur/data/dataset.hpp"
#include "murmur/engine/error.hpp"
#include "tests/data/files.hpp"

namespace murmur::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// The value that the test images have at a place; different in every record, channel and pixel nearby.
uint8_t value(size_t record, size_t channel, size_t pixel) {
  return static_cast<uint8_t>((record * 101 + channel * 37 + pixel * 3 + pixel / 32) % 256);
}

/// Records as in the file: label bytes, then the red, green and blue planes. `first` numbers the first record.
Bytes records(size_t first, const std::vector<Bytes>& labels) {
  Bytes bytes;
  for (size_t i = 0; i < labels.size(); ++i) {
    bytes.insert(bytes.end(), labels[i].begin(), labels[i].end());
    for (size_t channel = 0; channel < 3; ++channel) {
      for (size_t pixel = 0; pixel < 1024; ++pixel) bytes.push_back(value(first + i, channel, pixel));
    }
  }
  return bytes;
}

void expect_images(const Samples& samples, size_t first) {
  ASSERT_EQ(samples.images.size(), static_cast<size_t>(samples.num_samples) * 3072);
  for (size_t i = 0; i < static_cast<size_t>(samples.num_samples); ++i) {
    for (size_t pixel = 0; pixel < 1024; ++pixel) {
      for (size_t channel = 0; channel < 3; ++channel) {
        ASSERT_EQ(samples.images[(i * 1024 + pixel) * 3 + channel], value(first + i, channel, pixel))
            << "image " << i << ", pixel " << pixel << ", channel " << channel;
      }
    }
  }
}

void write_cifar10(const std::filesystem::path& folder) {
  for (size_t batch = 1; batch <= 5; ++batch) {
    const auto label = static_cast<uint8_t>(batch);
    write_file(folder / fmt::format("data_batch_{}.bin", batch),
               records(2 * batch - 2, {{label}, {static_cast<uint8_t>(9 - label)}}));
  }
  write_file(folder / "test_batch.bin", records(50, {{9}, {0}, {3}}));
}

void write_cifar100(const std::filesystem::path& folder) {
  write_file(folder / "train.bin", records(0, {{19, 99}, {0, 7}}));
  write_file(folder / "test.bin", records(20, {{3, 0}}));
}

class CifarTest : public ::testing::Test {
 protected:
  std::string error(const std::string& name = "cifar10") const {
    return message_of<DataError>([&] { load_dataset(name, data_); });
  }
  TemporaryFolder folder_;
  std::filesystem::path data_ = folder_.path() / "data";
};

TEST_F(CifarTest, LoadsCifar10InTheOrderOfItsFiles) {
  write_cifar10(data_);
  const Dataset dataset = load_dataset("cifar10", data_);
  EXPECT_EQ(dataset.name, "cifar10");
  EXPECT_EQ(dataset.num_classes, 10);
  EXPECT_EQ(dataset.directory, data_);
  EXPECT_THAT(dataset.train.labels, ElementsAre(1, 8, 2, 7, 3, 6, 4, 5, 5, 4));
  EXPECT_THAT(dataset.test.labels, ElementsAre(9, 0, 3));
  for (const Samples* part : {&dataset.train, &dataset.test}) {
    EXPECT_EQ(part->num_samples, static_cast<int64_t>(part->labels.size()));
    EXPECT_EQ(part->height, 32);
    EXPECT_EQ(part->width, 32);
    EXPECT_EQ(part->channels, 3);
  }
  expect_images(dataset.train, 0);
  expect_images(dataset.test, 50);
}

TEST_F(CifarTest, LoadsTheFineLabelsOfCifar100) {
  write_cifar100(data_);
  const Dataset dataset = load_dataset("cifar100", data_);
  EXPECT_EQ(dataset.num_classes, 100);
  EXPECT_THAT(dataset.train.labels, ElementsAre(99, 7));
  EXPECT_THAT(dataset.test.labels, ElementsAre(0));
  expect_images(dataset.train, 0);
  expect_images(dataset.test, 20);
}

TEST_F(CifarTest, LooksInTheFolderOfTheArchive) {
  write_cifar10(data_ / "cifar-10-batches-bin");
  write_cifar100(data_ / "cifar100" / "cifar-100-binary");
  EXPECT_EQ(load_dataset("cifar10", data_).directory, data_ / "cifar-10-batches-bin");
  EXPECT_EQ(load_dataset("cifar100", data_).directory, data_ / "cifar100" / "cifar-100-binary");
}

TEST_F(CifarTest, ReadsGzip) {
  write_cifar10(data_);
  std::filesystem::remove(data_ / "data_batch_2.bin");
  write_file(data_ / "data_batch_2.bin.gz", gzip(records(2, {{2}, {7}})));
  write_file(data_ / "test_batch.bin.gz", gzip(records(70, {{1}})));  // the plain one counts
  const Dataset dataset = load_dataset("cifar10", data_);
  expect_images(dataset.train, 0);
  expect_images(dataset.test, 50);
}

TEST_F(CifarTest, NamesTheMissingFile) {
  for (const char* file : {"data_batch_1.bin", "data_batch_3.bin", "data_batch_5.bin", "test_batch.bin"}) {
    write_cifar10(data_);
    std::filesystem::remove(data_ / file);
    EXPECT_EQ(error(), fmt::format("{}: expected the file {} (plain or .gz), got none", data_.string(), file));
  }
  write_file(data_ / "test.bin", records(0, {{3, 0}}));
  EXPECT_EQ(error("cifar100"), data_.string() + ": expected the file train.bin (plain or .gz), got none");
}

TEST_F(CifarTest, SaysWhereToGetIt) {
  EXPECT_THAT(error(),
              AllOf(StartsWith("dataset cifar10: expected data_batch_1.bin to data_batch_5.bin, test_batch.bin "),
                    HasSubstr("to get them: murmur data get cifar10 ")));
  EXPECT_THAT(error("cifar100"), AllOf(HasSubstr("train.bin, test.bin"), HasSubstr("murmur data get cifar100 ")));
}

TEST_F(CifarTest, RejectsFilesOfTheWrongSize) {
  write_cifar10(data_);
  const std::string path = (data_ / "data_batch_4.bin").string();
  const Bytes good = records(0, {{1}, {2}});
  write_file(path, Bytes(good.begin(), good.end() - 1));
  EXPECT_EQ(error(), path +
                         ": expected whole records of 3073 bytes, got 6145 bytes (1 records and 3072 bytes): file "
                         "truncated?");
  write_file(path, Bytes(100));
  EXPECT_THAT(error(), StartsWith(path + ": expected whole records of 3073 bytes, got 100 bytes"));
  write_file(path, gzip({}));
  EXPECT_THAT(error(), StartsWith(path + ": expected whole records of 3073 bytes, got 0 bytes"));
  write_file(path, {});
  EXPECT_EQ(error(), path + ": expected data, got an empty file");
  const Bytes packed = gzip(good);
  write_file(path, Bytes(packed.begin(), packed.end() - 9));
  EXPECT_THAT(error(), StartsWith(path + ": expected the end of the gzip stream"));
}

TEST_F(CifarTest, RejectsABatchThatWasCutBetweenRecords) {
  write_cifar10(data_);
  write_file(data_ / "data_batch_4.bin", records(6, {{4}}));
  EXPECT_EQ(error(), (data_ / "data_batch_4.bin").string() +
                         ": expected 2 records as in data_batch_1.bin, got 1: file truncated?");
}

TEST_F(CifarTest, RejectsLabelsOutOfRange) {
  write_cifar10(data_);
  write_file(data_ / "data_batch_5.bin", records(0, {{9}, {10}}));
  EXPECT_EQ(error(), (data_ / "data_batch_5.bin").string() + ": expected labels from 0 to 9, got 10 for image 1");
  write_cifar100(data_);
  write_file(data_ / "train.bin", records(0, {{0, 99}, {0, 0}, {4, 100}}));
  EXPECT_EQ(error("cifar100"),
            (data_ / "train.bin").string() + ": expected fine labels from 0 to 99, got 100 for image 2");
  write_file(data_ / "train.bin", records(0, {{20, 0}}));
  EXPECT_EQ(error("cifar100"),
            (data_ / "train.bin").string() + ": expected coarse labels from 0 to 19, got 20 for image 0");
}

// More than one block of reading.
TEST_F(CifarTest, ReadsManyRecords) {
  write_cifar10(data_);
  const std::vector<Bytes> labels(1000, Bytes{6});
  write_file(data_ / "test_batch.bin", records(0, labels));
  const Dataset plain = load_dataset("cifar10", data_);
  EXPECT_EQ(plain.test.num_samples, 1000);
  expect_images(plain.test, 0);
  write_file(data_ / "test_batch.bin", gzip(records(0, labels)));
  EXPECT_EQ(load_dataset("cifar10", data_).test.images, plain.test.images);
}

}  // namespace
}  // namespace murmur::test
