#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "murmur/data/dataset.hpp"
#include "murmur/data/image_cache.hpp"
#include "murmur/data/image_list.hpp"
#include "murmur/engine/error.hpp"
#include "tests/data/image_files.hpp"

namespace murmur::test {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A folder of two classes, three training images and a test image each, 2 x 2, every one of a colour of its own: the
/// red value is 10 * label + number.
class ImageFolderTest : public ::testing::Test {
 protected:
  ImageFolderTest() {
    for (uint8_t label = 0; label < 2; ++label) {
      for (uint8_t number = 0; number < 3; ++number) add("train", label, number);
      add("test", label, 5);
    }
  }

  std::filesystem::path file(const std::string& part, uint8_t label, uint8_t number) const {
    return data_ / part / (label == 0 ? "cats" : "dogs") / fmt::format("{}.png", number);
  }
  void add(const std::string& part, uint8_t label, uint8_t number) const {
    write_file(file(part, label, number), plain_png(2, 2, {static_cast<uint8_t>(10 * label + number), 200, 0}));
  }
  Dataset load(ImageExtent size = {}) const { return load_dataset("image-folder", data_, {.image_size = size}); }
  Dataset load_readable() const { return load_dataset("image-folder", data_, {.skip_broken = true}); }
  std::string error() const {
    return message_of<DataError>([&] { load(); });
  }
  static std::vector<int> reds(const Samples& samples) {
    std::vector<int> values;
    const size_t step = samples.images.size() / samples.labels.size();
    for (size_t i = 0; i < samples.labels.size(); ++i) values.push_back(samples.images[i * step]);
    return values;
  }

  TemporaryFolder folder_;
  std::filesystem::path data_ = folder_.path() / "data";
  std::filesystem::path home_ = folder_.path() / "cache-home";
  ScopedCacheHome environment_{home_.string()};
  std::filesystem::path cache_ = cache_path(data_, {});
};

TEST_F(ImageFolderTest, LoadsLabelsAndPixels) {
  const Dataset dataset = load();
  EXPECT_EQ(dataset.name, "image-folder");
  EXPECT_EQ(dataset.num_classes, 2);
  EXPECT_EQ(dataset.directory, data_);
  EXPECT_THAT(dataset.contents, StartsWith("2 classes, 6 + 2 images of 2x2x3, checksum "));
  const auto shape = [](const Samples& s) { return std::vector{s.num_samples, s.height, s.width, s.channels}; };
  EXPECT_THAT(shape(dataset.train), ElementsAre(6, 2, 2, 3));
  EXPECT_THAT(shape(dataset.test), ElementsAre(2, 2, 2, 3));
  EXPECT_THAT(reds(dataset.train), ::testing::UnorderedElementsAre(0, 1, 2, 10, 11, 12));
  EXPECT_THAT(reds(dataset.test), ::testing::UnorderedElementsAre(5, 15));
  for (const Samples* part : {&dataset.train, &dataset.test}) {
    ASSERT_EQ(part->images.size(), part->labels.size() * 12);
    for (size_t i = 0; i < part->labels.size(); ++i) EXPECT_EQ(part->labels[i], reds(*part)[i] / 10);
  }
}

TEST_F(ImageFolderTest, KeepsPixelsExactlyAtTheirOwnSize) {
  const Bytes pixels = noise(2 * 2 * 3);
  for (const char* part : {"train", "test"}) {
    std::filesystem::remove_all(data_ / part);
    write_file(data_ / part / "a" / "x.PNG", png(2, 2, 3, pixels));
    write_file(data_ / part / "b" / "x.bmp", bmp(2, 2, 3, pixels));
  }
  const Dataset dataset = load();
  Bytes both = pixels;
  both.insert(both.end(), pixels.begin(), pixels.end());
  EXPECT_EQ(dataset.train.images, both);
  EXPECT_EQ(dataset.test.images, both);
}

TEST_F(ImageFolderTest, PassesOverWhatIsNoImage) {
  const Dataset before = load();
  write_file(data_ / "train" / "cats" / "notes.txt", ramp(3));
  write_file(data_ / "train" / "cats" / ".hidden.png", ramp(3));
  write_file(data_ / "train" / ".trash" / "x.png", ramp(3));
  write_file(data_ / "train" / "labels.csv", ramp(3));
  const Dataset after = load();
  EXPECT_EQ(after.contents, before.contents);
  EXPECT_EQ(before.num_others, 0);
  EXPECT_EQ(after.num_others, 1) << "in the folders of classes, hidden ones apart";
}

TEST_F(ImageFolderTest, TakesTheRarerNamesOfJpegFiles) {
  for (const char* name : {"a.jfif", "b.JPE"})
    write_file(data_ / "train" / "cats" / name, jpeg(2, 2, 3, Bytes(12, 90)));
  const Dataset dataset = load();
  EXPECT_EQ(dataset.train.num_samples, 8);
  EXPECT_EQ(dataset.num_others, 0);
}

/// Nobody in particular for one test: root can read every folder.
class ScopedNobody {
 public:
  ScopedNobody() {
    if (is_root_ && seteuid(65534) != 0) throw std::runtime_error("seteuid failed");
  }
  ScopedNobody(const ScopedNobody&) = delete;
  ScopedNobody& operator=(const ScopedNobody&) = delete;
  ~ScopedNobody() {
    if (is_root_ && seteuid(0) != 0) abort();
  }

 private:
  bool is_root_ = geteuid() == 0;
};

TEST_F(ImageFolderTest, SaysWhatMayNotBeRead) {
  using std::filesystem::perms;
  std::filesystem::permissions(folder_.path(), perms::all);
  for (const auto& folder : {data_ / "train" / "cats", data_ / "train", data_}) {
    std::filesystem::permissions(folder, perms::none);
    {
      const ScopedNobody nobody;
      EXPECT_THAT(error(), AllOf(HasSubstr(folder.string()), HasSubstr("Permission denied")));
    }
    std::filesystem::permissions(folder, perms::all);
  }
}

// Made in another order, the files come back from the file system in another order.
TEST_F(ImageFolderTest, DoesNotDependOnTheOrderOfCreation) {
  const auto other = folder_.path() / "other";
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data_)) {
    if (entry.is_regular_file()) files.push_back(std::filesystem::relative(entry.path(), data_));
  }
  std::sort(files.rbegin(), files.rend());
  for (const auto& path : files) {
    std::filesystem::create_directories((other / path).parent_path());
    std::filesystem::copy_file(data_ / path, other / path);
  }
  const Dataset first = load();
  const Dataset second = load_dataset("image-folder", other);
  EXPECT_EQ(first.train.images, second.train.images);
  EXPECT_EQ(first.train.labels, second.train.labels);
  EXPECT_EQ(first.contents, second.contents);
}

TEST_F(ImageFolderTest, MixesTheClasses) {
  for (uint8_t label = 0; label < 2; ++label) {
    for (int i = 0; i < 200; ++i) {
      write_file(data_ / "train" / (label == 0 ? "cats" : "dogs") / fmt::format("more-{}.png", i),
                 plain_png(2, 2, {label}));
    }
  }
  const std::vector<uint8_t> labels = load().train.labels;
  const auto first = training_split(406, false);
  const auto dogs = std::count(labels.begin() + first.count, labels.end(), 1);
  // 82 of 406 drawn without replacement, half of them dogs: 41 expected, standard deviation 4.1; the bound is 5 of
  // them.
  EXPECT_NEAR(static_cast<double>(dogs), 41, 20);
  EXPECT_FALSE(std::is_sorted(labels.begin(), labels.end()));
}

TEST_F(ImageFolderTest, ResizesToTheFirstTrainingImageOrAsAsked) {
  write_file(file("train", 0, 0), plain_png(3, 5, {0, 200, 0}));
  EXPECT_EQ(load().train.height, 3);
  EXPECT_EQ(load().test.width, 5);
  const Dataset asked = load({4, 1});
  EXPECT_EQ(asked.train.height, 4);
  EXPECT_EQ(asked.train.width, 1);
  EXPECT_EQ(asked.train.images.size(), 6u * 4 * 3);
  EXPECT_THAT(reds(asked.train), ::testing::UnorderedElementsAre(0, 1, 2, 10, 11, 12));
  EXPECT_TRUE(std::filesystem::exists(cache_path(data_, {4, 1})));
}

TEST_F(ImageFolderTest, HasOneChannelWhereEveryTrainingImageIsGrey) {
  for (uint8_t label = 0; label < 2; ++label) {
    for (uint8_t number = 0; number < 3; ++number) {
      write_file(file("train", label, number), plain_png(2, 2, {static_cast<uint8_t>(10 * label + number)}));
    }
  }
  write_file(file("train", 0, 1), plain_png(2, 2, {1, 1, 1}));  // grey though saved in colour
  const Dataset grey = load();
  EXPECT_EQ(grey.train.channels, 1);
  EXPECT_EQ(grey.test.channels, 1);
  EXPECT_THAT(reds(grey.train), ::testing::UnorderedElementsAre(0, 1, 2, 10, 11, 12));
  EXPECT_EQ(grey.test.images.size(), 2u * 4);
  EXPECT_THAT(reds(grey.test),
              Each(::testing::AllOf(::testing::Ge(118), ::testing::Le(122))));  // luma of 5..15, 200, 0
  write_file(file("train", 0, 1), plain_png(2, 2, {1, 1, 2}));
  EXPECT_EQ(load().train.channels, 3);
}

// The cache -----------------------------------------------------------------------------------------------------------

Bytes read_all(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST_F(ImageFolderTest, UsesTheCache) {
  Dataset first = load();
  ASSERT_TRUE(std::filesystem::exists(cache_));
  // Other pixels than the files have: only a load from the cache sees them.
  first.train.images.front() ^= 1;
  first.test.images.back() ^= 1;
  ASSERT_TRUE(write_cache(cache_, fingerprint(list_images(data_), {}), first));
  const Dataset second = load();
  EXPECT_EQ(first.train.images, second.train.images);
  EXPECT_EQ(first.train.labels, second.train.labels);
  EXPECT_EQ(first.test.images, second.test.images);
  EXPECT_EQ(first.test.labels, second.test.labels);
  EXPECT_EQ(first.num_classes, second.num_classes);
  EXPECT_EQ(second.name, "image-folder");
  EXPECT_EQ(second.directory, data_);
}

// As `cp -p` and `rsync -t` do it: same name, size and time of modification.
TEST_F(ImageFolderTest, NoticesAnImageThatTookAnothersPlaceAndTime) {
  const auto path = file("train", 0, 0);
  load();
  const auto time = std::filesystem::last_write_time(path);
  const Bytes pixels = read_all(path);
  const Bytes other = plain_png(2, 2, {9, 200, 0});
  ASSERT_EQ(pixels.size(), other.size());
  write_file(path, other);
  std::filesystem::last_write_time(path, time);
  EXPECT_THAT(reds(load().train), ::testing::Contains(9));
  write_file(folder_.path() / "swap", pixels);
  std::filesystem::last_write_time(folder_.path() / "swap", time);
  std::filesystem::rename(folder_.path() / "swap", path);
  EXPECT_THAT(reds(load().train), ::testing::Not(::testing::Contains(9)));
}

TEST_F(ImageFolderTest, RebuildsTheCacheWhenTheFolderChanges) {
  load();
  Bytes cache = read_all(cache_);
  const auto expect_rebuilt = [&](const char* what) {
    const Dataset dataset = load();
    EXPECT_NE(read_all(cache_), cache) << what;
    cache = read_all(cache_);
    return dataset;
  };
  add("train", 1, 7);
  EXPECT_THAT(reds(expect_rebuilt("added").train), ::testing::Contains(17));
  std::filesystem::remove(file("train", 1, 7));
  EXPECT_THAT(reds(expect_rebuilt("removed").train), ::testing::Not(::testing::Contains(17)));
  std::filesystem::rename(file("test", 0, 5), data_ / "test" / "cats" / "renamed.png");
  expect_rebuilt("renamed");
  std::filesystem::last_write_time(file("test", 1, 5),
                                   std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  expect_rebuilt("touched");
  load();
  EXPECT_EQ(read_all(cache_), cache) << "not changed";
}

TEST_F(ImageFolderTest, BelievesNoDamagedCache) {
  const Dataset good = load();
  const Bytes cache = read_all(cache_);
  const auto expect_rebuilt = [&](const Bytes& damaged) {
    write_file(cache_, damaged);
    const Dataset dataset = load();
    EXPECT_EQ(dataset.train.images, good.train.images);
    EXPECT_EQ(dataset.train.labels, good.train.labels);
    EXPECT_EQ(dataset.test.images, good.test.images);
    EXPECT_EQ(read_all(cache_), cache);
  };
  for (size_t i = 0; i < cache.size(); ++i) {
    Bytes damaged = cache;
    damaged[i] ^= 0x10;
    expect_rebuilt(damaged);
  }
  for (size_t size = 0; size < cache.size(); size += 7) {
    expect_rebuilt(Bytes(cache.begin(), cache.begin() + static_cast<ptrdiff_t>(size)));
  }
  Bytes longer = cache;
  longer.push_back(0);
  expect_rebuilt(longer);
}

TEST_F(ImageFolderTest, KeepsTheCacheOutsideOfTheFolder) {
  const std::string before = load().contents;
  EXPECT_EQ(cache_.parent_path(), home_ / "murmur" / "images");
  EXPECT_THAT(cache_.filename().string(), AllOf(StartsWith("data-"), ::testing::EndsWith("-native")));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(cache_.parent_path()), {}), 1);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(data_), {}), 2) << "train and test";
  std::filesystem::remove_all(home_);
  write_file(home_, {1});  // no folder can be made there now
  EXPECT_EQ(load().contents, before);
  const ScopedCacheHome unset(std::nullopt);
  const ScopedVariable no_home("HOME", std::nullopt);
  EXPECT_EQ(cache_path(data_, {}), "");
  EXPECT_EQ(load().contents, before);
}

TEST_F(ImageFolderTest, DoesWithoutACache) {
  const LoadOptions without{.use_cache = false};
  load_dataset("image-folder", data_, without);
  EXPECT_FALSE(std::filesystem::exists(home_));
  Dataset other = load();
  other.train.images.front() ^= 1;  // only a load from the cache sees it
  ASSERT_TRUE(write_cache(cache_, fingerprint(list_images(data_), {}), other));
  EXPECT_EQ(load().train.images, other.train.images);
  EXPECT_NE(load_dataset("image-folder", data_, without).train.images, other.train.images);
}

// Validation ----------------------------------------------------------------------------------------------------------

TEST_F(ImageFolderTest, TestsOnValWhereThereIsNoTest) {
  const Dataset tested = load();
  std::filesystem::rename(data_ / "test", data_ / "val");
  const Dataset dataset = load();
  EXPECT_EQ(dataset.num_validation, 0);
  EXPECT_EQ(dataset.test.images, tested.test.images);
  EXPECT_EQ(dataset.contents, tested.contents);
}

TEST_F(ImageFolderTest, ValidatesOnValWhereThereIsATest) {
  for (uint8_t label = 0; label < 2; ++label) add("val", label, 8);
  add("val", 1, 9);
  for (int i = 0; i < 2; ++i) {  // the second time from the cache
    const Dataset dataset = load();
    EXPECT_EQ(dataset.num_validation, 3);
    EXPECT_EQ(dataset.train.num_samples, 9);
    const std::vector<int> values = reds(dataset.train);
    EXPECT_THAT(std::vector(values.begin(), values.begin() + 6), ::testing::UnorderedElementsAre(0, 1, 2, 10, 11, 12));
    EXPECT_THAT(std::vector(values.begin() + 6, values.end()), ::testing::UnorderedElementsAre(8, 18, 19));
    EXPECT_THAT(reds(dataset.test), ::testing::UnorderedElementsAre(5, 15));
    EXPECT_THAT(dataset.contents, StartsWith("2 classes, 6 + 3 + 2 images of 2x2x3, checksum "));
    EXPECT_THAT(dataset.class_names, ElementsAre("cats", "dogs"));
    const TrainingData data = training_data(dataset, kCpu);
    EXPECT_EQ(data.training, (SampleRange{0, 6}));
    EXPECT_EQ(data.validation, (SampleRange{6, 3}));
  }
  std::filesystem::rename(data_ / "val" / "dogs", data_ / "val" / "cows");
  EXPECT_EQ(error(), (data_ / "val").string() + ": expected the 2 classes of train, got 2: no 'dogs'");
  std::filesystem::remove_all(data_ / "val" / "cows");
  std::filesystem::create_directory(data_ / "val" / "dogs");
  EXPECT_THAT(error(), StartsWith((data_ / "val" / "dogs").string() + ": expected images ("));
}

// Broken images -------------------------------------------------------------------------------------------------------

TEST_F(ImageFolderTest, NamesAllBrokenImages) {
  write_file(data_ / "train" / "cats" / "x.png", noise(50));
  write_file(data_ / "test" / "dogs" / "y.png", {});
  std::filesystem::create_symlink("nowhere", data_ / "train" / "dogs" / "z.jpg");
  EXPECT_THAT(error(),
              AllOf(StartsWith("3 of 11 images cannot be read: " + (data_ / "test" / "dogs" / "y.png").string() +
                               ": expected data, got an empty file; " + (data_ / "train" / "cats" / "x.png").string() +
                               ": expected a PNG"),
                    HasSubstr("z.jpg: expected a file or a folder, got an error: "),
                    ::testing::EndsWith("; --skip-broken leaves them out")));
  for (int i = 0; i < 30; ++i) write_file(data_ / "train" / "cats" / fmt::format("bad-{:02}.png", i), noise(50));
  EXPECT_THAT(error(), AllOf(StartsWith("33 of 41 images cannot be read: "), HasSubstr("bad-00.png: "),
                             HasSubstr("bad-29.png: "), HasSubstr("; --skip-broken leaves them out"),
                             ::testing::Not(HasSubstr(" more; "))));
  EXPECT_FALSE(std::filesystem::exists(cache_));
}

TEST_F(ImageFolderTest, SkipsBrokenImagesAsIfTheyWereNotThere) {
  add("val", 0, 8);
  add("val", 1, 8);
  const Dataset good = load();
  EXPECT_THAT(good.skipped, ::testing::IsEmpty());
  const std::vector<std::filesystem::path> broken = {
      data_ / "test" / "dogs" / "0.png", data_ / "train" / "cats" / "0a.png", data_ / "train" / "dogs" / "9.png",
      data_ / "val" / "cats" / "1.png"};
  write_file(broken[0], {});
  // The first of all: it must not say the size either.
  write_file(broken[1], png_header(7, 7));
  std::filesystem::create_symlink("nowhere", broken[2]);
  write_file(broken[3], noise(99));
  EXPECT_THAT(error(), StartsWith("4 of 14 images cannot be read: "));
  for (int i = 0; i < 2; ++i) {  // the second time from the cache
    const Dataset dataset = load_readable();
    EXPECT_EQ(dataset.contents, good.contents);
    EXPECT_EQ(dataset.train.images, good.train.images);
    EXPECT_EQ(dataset.num_validation, good.num_validation);
    ASSERT_EQ(dataset.skipped.size(), 4u);
    for (size_t k = 0; k < 4; ++k) {
      EXPECT_EQ(dataset.skipped[k].path, broken[k].string());
      EXPECT_THAT(dataset.skipped[k].reason, StartsWith(broken[k].string() + ": expected "));
    }
    EXPECT_TRUE(std::filesystem::exists(cache_));
  }
  EXPECT_THAT(error(), StartsWith("4 of 14 images cannot be read: ")) << "that cache is of another question";
}

TEST_F(ImageFolderTest, LeavesNoClassWithoutImages) {
  for (uint8_t number = 0; number < 3; ++number) write_file(file("train", 1, number), noise(50));
  EXPECT_THAT(message_of<DataError>([&] { load_readable(); }),
              StartsWith((data_ / "train" / "dogs").string() + ": expected images ("));
  for (uint8_t number = 0; number < 3; ++number) write_file(file("train", 0, number), noise(50));
  EXPECT_THAT(message_of<DataError>([&] { load_readable(); }),
              StartsWith((data_ / "train" / "cats").string() + ": expected images ("));
}

// Bad folders ---------------------------------------------------------------------------------------------------------

TEST_F(ImageFolderTest, RejectsMissingParts) {
  std::filesystem::rename(data_ / "test", data_ / "tests");
  EXPECT_EQ(error(),
            (data_ / "test").string() + ": expected a folder with one folder of images for each class, got none");
  std::filesystem::rename(data_ / "tests", data_ / "test");
  std::filesystem::remove_all(data_ / "train");
  EXPECT_EQ(error(),
            (data_ / "train").string() + ": expected a folder with one folder of images for each class, got none");
  std::filesystem::remove_all(data_);
  EXPECT_THAT(
      error(),
      AllOf(StartsWith("dataset image-folder: expected the folders train and test or val with a folder of "
                       "images (.png, .jpg, .jpeg, .jpe, .jfif, .bmp) for each class, got none of them; looked in"),
            HasSubstr("to get them: make one folder a class in DIR/train and in DIR/test or DIR/val, or name")));
}

TEST_F(ImageFolderTest, RejectsTooFewAndTooManyClasses) {
  std::filesystem::remove_all(data_ / "train" / "dogs");
  EXPECT_EQ(error(), (data_ / "train").string() + ": expected 2 to 256 folders, one for each class, got 1");
  std::filesystem::remove_all(data_ / "train" / "cats");
  EXPECT_EQ(error(), (data_ / "train").string() + ": expected 2 to 256 folders, one for each class, got 0");
  for (int i = 0; i < 257; ++i) std::filesystem::create_directories(data_ / "train" / fmt::format("{:03}", i));
  EXPECT_EQ(error(), (data_ / "train").string() + ": expected 2 to 256 folders, one for each class, got 257");
}

TEST_F(ImageFolderTest, Takes256Classes) {
  std::filesystem::remove_all(data_);
  for (int i = 0; i < 256; ++i) {
    for (const char* part : {"train", "test"}) {
      write_file(data_ / part / fmt::format("{:03}", i) / "x.png", plain_png(1, 1, {static_cast<uint8_t>(i)}));
    }
  }
  const Dataset dataset = load();
  EXPECT_EQ(dataset.num_classes, 256);
  EXPECT_EQ(dataset.train.images, dataset.train.labels);
  EXPECT_EQ(std::set<uint8_t>(dataset.train.labels.begin(), dataset.train.labels.end()).size(), 256u);
}

TEST_F(ImageFolderTest, RejectsClassesThatDiffer) {
  std::filesystem::rename(data_ / "test" / "dogs", data_ / "test" / "Dogs");
  EXPECT_EQ(error(), (data_ / "test").string() + ": expected the 2 classes of train, got 2: no 'dogs'");
  std::filesystem::rename(data_ / "test" / "Dogs", data_ / "test" / "dogs");
  std::filesystem::create_directory(data_ / "test" / "cows");
  EXPECT_EQ(error(), (data_ / "test").string() + ": expected the 2 classes of train, got 3: 'cows' is not in train");
  std::filesystem::remove_all(data_ / "test");
  std::filesystem::create_directory(data_ / "test");
  EXPECT_EQ(error(), (data_ / "test").string() + ": expected the 2 classes of train, got 0: no 'cats'");
}

TEST_F(ImageFolderTest, RejectsClassesWithoutImages) {
  for (const char* part : {"test", "train"}) {
    std::filesystem::remove_all(data_ / part / "dogs");
    write_file(data_ / part / "dogs" / "notes.txt", {1});
    EXPECT_EQ(error(),
              (data_ / part / "dogs").string() + ": expected images (.png, .jpg, .jpeg, .jpe, .jfif, .bmp), got none");
  }
}

TEST_F(ImageFolderTest, NamesTheBadImage) {
  const auto expect_named = [&](const Bytes& bytes, const std::string& words) {
    for (const char* part : {"train", "test"}) {
      const auto path = data_ / part / "cats" / "0bad.jpg";
      write_file(path, bytes);
      EXPECT_THAT(error(), AllOf(StartsWith(path.string() + ": expected "), HasSubstr(words)));
      std::filesystem::remove(path);
    }
    EXPECT_FALSE(std::filesystem::exists(cache_));
  };
  expect_named({}, "got an empty file");
  expect_named(noise(500), "expected a PNG, JPEG or BMP image, got: ");
  expect_named(png_header(0, 3), "got: ");
  expect_named(png_header(10000, 10000), "at most 67108864 pixels, got 10000x10000");
}

// Threads end in any order: the message must not.
TEST_F(ImageFolderTest, NamesTheSameBadImageEveryTime) {
  for (int i = 0; i < 100; ++i) {
    write_file(data_ / "train" / "dogs" / fmt::format("bad-{}.png", i), noise(static_cast<size_t>(10 + i)));
  }
  const std::string first = error();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(error(), first);
}

TEST_F(ImageFolderTest, RejectsImagesItWouldLose) {
  const auto cats = data_ / "train" / "cats";
  write_file(cats / "x.webp", {1});
  EXPECT_EQ(error(), (cats / "x.webp").string() + ": expected images in the formats PNG, JPEG or BMP, got '.webp'");
  std::filesystem::remove(cats / "x.webp");
  write_file(cats / "more" / "x.png", {1});
  EXPECT_EQ(error(), (cats / "more").string() + ": expected image files in a class's folder, got a folder");
}

TEST_F(ImageFolderTest, RejectsLinksThatLeadNowhere) {
  for (const char* target : {"loop.png", "nowhere.png"}) {
    for (const auto& link : {data_ / "train" / "cats" / "loop.png", data_ / "train" / "loop.png"}) {
      std::filesystem::create_symlink(target, link);
      EXPECT_THAT(error(), StartsWith(link.string() + ": expected a file or a folder, got an error: ")) << target;
      std::filesystem::remove(link);
    }
  }
}

TEST_F(ImageFolderTest, DoesNotWalkInCircles) {
  std::filesystem::create_directory_symlink("..", data_ / "train" / "cats" / "up");
  EXPECT_THAT(error(), HasSubstr("up: expected image files in a class's folder, got a folder"));
  std::filesystem::remove(data_ / "train" / "cats" / "up");
  std::filesystem::create_directory_symlink(".", data_ / "train" / "again");
  std::filesystem::create_directory_symlink(".", data_ / "test" / "again");
  EXPECT_THAT(error(), HasSubstr("expected image files in a class's folder, got a folder"));
}

TEST_F(ImageFolderTest, FollowsLinksToImagesAndFolders) {
  const auto linked = folder_.path() / "linked";
  for (const char* part : {"train", "test"}) std::filesystem::create_directories(linked / part);
  for (const char* part : {"train", "test"}) {
    std::filesystem::create_directory_symlink(data_ / part / "cats", linked / part / "cats");
    std::filesystem::create_directories(linked / part / "dogs");
  }
  std::filesystem::create_symlink(file("train", 1, 2), linked / "train" / "dogs" / "x.png");
  std::filesystem::create_symlink(file("test", 1, 5), linked / "test" / "dogs" / "x.png");
  EXPECT_THAT(reds(load_dataset("image-folder", linked).train), ::testing::UnorderedElementsAre(0, 1, 2, 12));
}

TEST_F(ImageFolderTest, RejectsMoreThanFitsIntoMemory) {
  // 4096 x 4096 x 3 bytes an image: 50 MB; many links to one file take no space here.
  const int64_t num_links = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / (4096 * 4096 * 3) + 1;
  for (int64_t i = 0; i < num_links; ++i) {
    std::filesystem::create_symlink("0.png", data_ / "train" / "cats" / fmt::format("link-{}.png", i));
  }
  EXPECT_THAT(message_of<DataError>([&] {
                load({4096, 4096});
              }),
              AllOf(StartsWith(data_.string() + ": expected images that fit into "), HasSubstr("smaller image size")));
}

TEST_F(ImageFolderTest, RejectsAPipeForAnImage) {
  const auto path = data_ / "train" / "cats" / "pipe.png";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(error(), StartsWith(path.string() + ": expected "));
}

TEST_F(ImageFolderTest, TakesImagesOfOneRow) {
  write_file(file("train", 0, 0), plain_png(1, 300, {0, 200, 0}));
  const Dataset dataset = load();
  EXPECT_EQ(dataset.train.height, 1);
  EXPECT_EQ(dataset.train.width, 300);
}

}  // namespace
}  // namespace murmur::test
