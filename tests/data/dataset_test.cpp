#include "murmur/data/dataset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "murmur/engine/error.hpp"
#include "tests/data/files.hpp"

namespace murmur::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const Bytes kTrainImages = idx(0x803, {3, 2, 4}, ramp(24));
const Bytes kTrainLabels = idx(0x801, {3}, {9, 0, 5});
const Bytes kTestImages = idx(0x803, {2, 2, 4}, Bytes(16, 200));
const Bytes kTestLabels = idx(0x801, {2}, {1, 8});

constexpr std::array kFileNames = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                   "t10k-labels-idx1-ubyte"};

void write_dataset(const std::filesystem::path& folder) {
  write_file(folder / "train-images-idx3-ubyte", kTrainImages);
  write_file(folder / "train-labels-idx1-ubyte", kTrainLabels);
  write_file(folder / "t10k-images-idx3-ubyte", kTestImages);
  write_file(folder / "t10k-labels-idx1-ubyte", kTestLabels);
}

/// Works in an empty folder, with MURMUR_DATA unset and an empty cache.
class DatasetTest : public ::testing::Test {
 protected:
  DatasetTest() : before_(std::filesystem::current_path()) {
    std::filesystem::create_directories(work_);
    std::filesystem::current_path(work_);
  }
  ~DatasetTest() override { std::filesystem::current_path(before_); }

  std::string error(const std::string& name = "mnist") const {
    return message_of<DataError>([&] { load_dataset(name, data_); });
  }

  TemporaryFolder folder_;
  std::filesystem::path work_ = folder_.path() / "work";
  std::filesystem::path data_ = folder_.path() / "data";

 private:
  std::filesystem::path before_;
  ScopedMurmurData unset_{std::nullopt};
  ScopedCacheHome cache_home_{(folder_.path() / "cache").string()};
};

TEST_F(DatasetTest, KnowsItsNames) {
  EXPECT_THAT(dataset_names(), ElementsAre("mnist", "fashion-mnist", "kmnist", "emnist-balanced", "cifar10", "cifar100",
                                           "svhn", "image-folder"));
}

TEST_F(DatasetTest, KnowsWhatAFolderHas) {
  EXPECT_THAT(datasets_in(data_), ::testing::IsEmpty());
  write_dataset(data_);
  EXPECT_THAT(datasets_in(data_), ElementsAre("mnist", "fashion-mnist", "kmnist"));
  write_file(data_ / "gzip" / "emnist-balanced-test-labels-idx1-ubyte.gz", {1});
  write_file(data_ / "test_batch.bin", {1});
  write_file(data_ / "test.bin", {1});
  write_file(data_ / "test_32x32.mat", {1});
  std::filesystem::create_directory(data_ / "val");
  EXPECT_EQ(datasets_in(data_), dataset_names());
}

TEST_F(DatasetTest, FindsAFolderWithoutReadingIt) {
  EXPECT_EQ(find_dataset("mnist", data_), "");
  write_file(data_ / "train-images-idx3-ubyte", {1});
  EXPECT_EQ(find_dataset("mnist", data_), data_);
  EXPECT_THAT(message_of<InvalidArgument>([] { find_dataset("mnist2", ""); }), HasSubstr("got 'mnist2'"));
}

TEST_F(DatasetTest, RejectsUnknownNameBeforeLookingForFiles) {
  EXPECT_EQ(message_of<InvalidArgument>([] { load_dataset("cifar", "/nowhere"); }),
            "dataset: expected one of mnist, fashion-mnist, kmnist, emnist-balanced, cifar10, cifar100, svhn, "
            "image-folder, got 'cifar'");
}

TEST_F(DatasetTest, ResizesOnlyWhereThereIsNoSizeOfItsOwn) {
  write_dataset(data_);
  EXPECT_EQ(message_of<InvalidArgument>([&] {
              load_dataset("mnist", data_, {.image_size = {8, 9}});
            }),
            "image size: expected none for mnist, whose images have one size; got 8x9");
}

TEST_F(DatasetTest, Loads) {
  write_dataset(data_);
  const Dataset dataset = load_dataset("mnist", data_);
  EXPECT_EQ(dataset.name, "mnist");
  EXPECT_EQ(dataset.num_classes, 10);
  EXPECT_EQ(dataset.directory, data_);
  const auto shape = [](const Samples& s) { return std::array{s.num_samples, s.height, s.width, s.channels}; };
  EXPECT_THAT(shape(dataset.train), ElementsAre(3, 2, 4, 1));
  EXPECT_THAT(shape(dataset.test), ElementsAre(2, 2, 4, 1));
  EXPECT_EQ(dataset.train.images, ramp(24));
  EXPECT_EQ(dataset.test.images, Bytes(16, 200));
  EXPECT_THAT(dataset.train.labels, ElementsAre(9, 0, 5));
  EXPECT_THAT(dataset.test.labels, ElementsAre(1, 8));
}

TEST_F(DatasetTest, LoadsEveryFileName) {
  write_file(data_ / "train-images-idx3-ubyte.gz", gzip(kTrainImages));
  write_file(data_ / "train-labels.idx1-ubyte", kTrainLabels);
  write_file(data_ / "t10k-images.idx3-ubyte.gz", gzip(kTestImages));
  write_file(data_ / "t10k-labels-idx1-ubyte", kTestLabels);
  const Dataset dataset = load_dataset("fashion-mnist", data_);
  EXPECT_EQ(dataset.name, "fashion-mnist");
  EXPECT_EQ(dataset.train.images, ramp(24));
  EXPECT_THAT(dataset.train.labels, ElementsAre(9, 0, 5));
  EXPECT_EQ(dataset.test.images, Bytes(16, 200));
  EXPECT_THAT(dataset.test.labels, ElementsAre(1, 8));
}

TEST_F(DatasetTest, PrefersPlainFiles) {
  write_dataset(data_);
  write_file(data_ / "t10k-labels-idx1-ubyte.gz", gzip(idx(0x801, {2}, {4, 4})));
  EXPECT_THAT(load_dataset("mnist", data_).test.labels, ElementsAre(1, 8));
}

// Some archives unpack each file into a folder of the file's name.
TEST_F(DatasetTest, TakesNoFolderForAFile) {
  write_dataset(data_);
  std::filesystem::remove(data_ / "t10k-labels-idx1-ubyte");
  std::filesystem::create_directory(data_ / "t10k-labels-idx1-ubyte");
  write_file(data_ / "t10k-labels-idx1-ubyte.gz", gzip(kTestLabels));
  EXPECT_THAT(load_dataset("mnist", data_).test.labels, ElementsAre(1, 8));
}

TEST_F(DatasetTest, LooksInTheFolderOfItsNameFirst) {
  write_dataset(data_);
  write_dataset(data_ / "mnist");
  EXPECT_EQ(load_dataset("mnist", data_).directory, data_ / "mnist");
  EXPECT_EQ(load_dataset("fashion-mnist", data_).directory, data_);
}

TEST_F(DatasetTest, LooksInTheUsualPlacesInOrder) {
  const ScopedMurmurData environment(data_.string());
  const auto cached = folder_.path() / "cache" / "murmur" / "data" / "mnist";
  write_dataset(cached);
  EXPECT_EQ(load_dataset("mnist", "").directory, cached);
  write_dataset(work_ / "data-mnist");
  EXPECT_EQ(load_dataset("mnist", "").directory, "./data-mnist");
  write_dataset(data_);
  EXPECT_EQ(load_dataset("mnist", "").directory, data_);
  write_dataset(data_ / "mnist");
  EXPECT_EQ(load_dataset("mnist", "").directory, data_ / "mnist");
}

TEST_F(DatasetTest, LooksNowhereElseWhenAFolderIsGiven) {
  const ScopedMurmurData environment((folder_.path() / "other").string());
  write_dataset(folder_.path() / "other");
  write_dataset(work_ / "data-mnist");
  EXPECT_EQ(error(),
            fmt::format("dataset mnist: expected train-images-idx3-ubyte, train-labels-idx1-ubyte, "
                        "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (each plain or .gz), got none of them; "
                        "looked in {0}/mnist (no such folder), {0} (no such folder); to get them: murmur data get "
                        "mnist --data '{0}', or name their folder with --data",
                        data_.string()));
  std::filesystem::create_directory(data_);
  EXPECT_THAT(error("fashion-mnist"),
              AllOf(HasSubstr(data_.string() + "; to get"), HasSubstr("to get them: murmur data get fashion-mnist")));
}

TEST_F(DatasetTest, SaysWhereItLooked) {
  if (std::filesystem::exists("/usr/share/datasets/mnist"))
    GTEST_SKIP() << "this machine has /usr/share/datasets/mnist";
  const auto message = [] { return message_of<DataError>([] { load_dataset("mnist", ""); }); };
  const std::string places = fmt::format(
      "./data-mnist (no such folder), {}/cache/murmur/data/mnist (no such folder), "
      "/usr/local/share/datasets/mnist (no such folder), /usr/share/datasets/mnist (no such folder)",
      folder_.path().string());
  EXPECT_THAT(message(), AllOf(HasSubstr(places), HasSubstr("; MURMUR_DATA is not set; to get them: murmur data get "
                                                            "mnist, or name their folder with --data or MURMUR_DATA")));
  const ScopedMurmurData environment(data_.string());
  EXPECT_THAT(message(),
              AllOf(HasSubstr(fmt::format("{0}/mnist (no such folder), {0} (no such folder), ", data_.string())),
                    HasSubstr(places), ::testing::Not(HasSubstr("is not set"))));
}

TEST_F(DatasetTest, NamesTheMissingFile) {
  for (const char* file : kFileNames) {
    write_dataset(data_);
    std::filesystem::remove(data_ / file);
    EXPECT_EQ(error(), fmt::format("{}: expected the file {} (plain or .gz), got none", data_.string(), file));
  }
}

TEST_F(DatasetTest, LooksNoFurtherThanTheFirstFile) {
  write_dataset(data_);
  for (const char* file : kFileNames) {
    write_file(data_ / "mnist" / file, kTestLabels);
    EXPECT_THAT(error(), StartsWith((data_ / "mnist").string() + ": expected the file "));
    std::filesystem::remove(data_ / "mnist" / file);
  }
}

TEST_F(DatasetTest, RejectsDifferentCounts) {
  write_dataset(data_);
  write_file(data_ / "t10k-labels-idx1-ubyte", idx(0x801, {3}, {1, 8, 8}));
  EXPECT_EQ(error(), fmt::format("{0}/t10k-labels-idx1-ubyte: expected 2 labels, one for each image in "
                                 "{0}/t10k-images-idx3-ubyte, got 3",
                                 data_.string()));
}

TEST_F(DatasetTest, RejectsLabelsOutOfRange) {
  write_dataset(data_);
  write_file(data_ / "train-labels-idx1-ubyte", idx(0x801, {3}, {9, 0, 10}));
  EXPECT_EQ(error(),
            (data_ / "train-labels-idx1-ubyte").string() + ": expected labels from 0 to 9, got 10 for image 2");
}

TEST_F(DatasetTest, RejectsDifferentImageSizes) {
  for (const Bytes& images : {idx(0x803, {2, 2, 5}, ramp(20)), idx(0x803, {2, 3, 4}, ramp(24))}) {
    write_dataset(data_);
    write_file(data_ / "t10k-images-idx3-ubyte", images);
    EXPECT_THAT(error(), StartsWith(data_.string() + ": expected test images of 2x4 as in the training file, got "));
  }
}

TEST_F(DatasetTest, ReportsBadFiles) {
  write_dataset(data_);
  write_file(data_ / "train-images-idx3-ubyte", kTrainLabels);
  EXPECT_THAT(error(), StartsWith((data_ / "train-images-idx3-ubyte").string() + ": expected magic 0x00000803"));
}

TEST(SplitTest, FirstEightyPercentTrainAndTheRestValidate) {
  EXPECT_EQ(training_split(60000, false), (SampleRange{0, 48000}));
  EXPECT_EQ(validation_split(60000, false), (SampleRange{48000, 12000}));
  EXPECT_EQ(training_split(50000, false), (SampleRange{0, 40000}));
  EXPECT_EQ(validation_split(50000, false), (SampleRange{40000, 10000}));
}

TEST(SplitTest, RoundsTrainingDown) {
  EXPECT_EQ(training_split(9, false), (SampleRange{0, 7}));
  EXPECT_EQ(validation_split(9, false), (SampleRange{7, 2}));
  EXPECT_EQ(training_split(2, false), (SampleRange{0, 1}));
  EXPECT_EQ(validation_split(2, false), (SampleRange{1, 1}));
}

TEST(SplitTest, ValidatesOnAPartOfItsOwn) {
  EXPECT_EQ(training_split(100, false, 7), (SampleRange{0, 93}));
  EXPECT_EQ(validation_split(100, false, 7), (SampleRange{93, 7}));
  EXPECT_EQ(training_split(100, true, 7), (SampleRange{0, 100}));
  EXPECT_EQ(validation_split(100, true, 7), (SampleRange{100, 0}));
  EXPECT_EQ(message_of<InvalidArgument>([] { training_split(7, false, 7); }),
            "split: expected at least 8 samples, got 7");
}

TEST(SplitTest, KeepsTheFirstImagesAndAllForValidation) {
  Dataset dataset{"own", 5, {5, 1, 2, 1, ramp(10), {0, 1, 2, 3, 4}}, {1, 1, 2, 1, {0, 0}, {0}}};
  dataset.num_validation = 2;
  Dataset other = dataset;
  keep_first(dataset, 1);
  EXPECT_EQ(dataset.train.num_samples, 3);
  EXPECT_THAT(dataset.train.labels, ElementsAre(0, 3, 4));
  EXPECT_THAT(dataset.train.images, ElementsAre(0, 1, 6, 7, 8, 9));
  other.num_validation = 0;
  keep_first(other, 4);
  EXPECT_THAT(other.train.labels, ElementsAre(0, 1, 2, 3));
  keep_first(other, 4);
  EXPECT_EQ(other.train.num_samples, 4);
  for (const int64_t count : {0, 5}) {
    EXPECT_EQ(message_of<InvalidArgument>([&] { keep_first(other, count); }),
              fmt::format("training images: expected from 1 to 4, the number that there are, got {}", count));
  }
}

TEST(SplitTest, TrainsOnAll) {
  EXPECT_EQ(training_split(60000, true), (SampleRange{0, 60000}));
  EXPECT_EQ(validation_split(60000, true), (SampleRange{60000, 0}));
  EXPECT_EQ(training_split(1, true), (SampleRange{0, 1}));
}

TEST(SplitTest, RejectsTooFewSamples) {
  EXPECT_EQ(message_of<InvalidArgument>([] { training_split(1, false); }), "split: expected at least 2 samples, got 1");
  EXPECT_EQ(message_of<InvalidArgument>([] { validation_split(-5, false); }),
            "split: expected at least 2 samples, got -5");
  EXPECT_EQ(message_of<InvalidArgument>([] { training_split(0, true); }), "split: expected at least 1 samples, got 0");
}

TEST_F(DatasetTest, LoadsTheRealFashionMnist) {
  const std::filesystem::path installed = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(installed)) GTEST_SKIP() << "dataset-fashion-mnist is not installed: no " << installed;
  const Dataset dataset = load_dataset("fashion-mnist", "");
  EXPECT_EQ(dataset.directory, installed);
  EXPECT_THAT(dataset.class_names, ElementsAre("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                                               "Sneaker", "Bag", "Ankle boot"));
  EXPECT_EQ(dataset.train.num_samples, 60000);
  EXPECT_EQ(dataset.test.num_samples, 10000);
  for (const Samples* part : {&dataset.train, &dataset.test}) {
    EXPECT_EQ(part->height, 28);
    EXPECT_EQ(part->width, 28);
    EXPECT_EQ(part->channels, 1);
    EXPECT_EQ(static_cast<int64_t>(part->images.size()), part->num_samples * 28 * 28);
    ASSERT_EQ(static_cast<int64_t>(part->labels.size()), part->num_samples);
    std::array<int64_t, 10> histogram{};
    for (const uint8_t label : part->labels) ++histogram.at(label);
    EXPECT_THAT(histogram, ::testing::Each(part->num_samples / 10));
  }
  EXPECT_THAT(Bytes(dataset.train.labels.begin(), dataset.train.labels.begin() + 5), ElementsAre(9, 0, 0, 3, 0));
}

}  // namespace
}  // namespace murmur::test
