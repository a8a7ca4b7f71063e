#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "murmur/pso/study.hpp"
#include "tests/app/bmp.hpp"
#include "tests/app/run.hpp"
#include "tests/support/environment.hpp"

namespace murmur {
namespace {

using test::bmp;
using test::Folder;
using test::ProgramResult;
using test::read_text;
using test::run_murmur;
using test::ScopedCacheHome;
using test::write_text;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// Two classes, dark and bright, forty images each to train on.
void write_image_folder(const Folder& folder) {
  for (const char* part : {"train", "test"}) {
    for (const char* name : {"dark", "bright"}) {
      const std::filesystem::path path = std::filesystem::path(folder.path()) / part / name;
      std::filesystem::create_directories(path);
      for (int i = 0; i < 40; ++i) {
        const auto value = static_cast<char>((*name == 'd' ? 20 : 160) + i);
        write_text((path / (std::to_string(i) + ".bmp")).string(), bmp(4, {value, value, '\x40'}));
      }
    }
  }
}

std::string options(const Folder& folder, const std::string& dataset) {
  return " --device cpu --quiet --micro-batch 16 --set batch_size=16 --dataset " + dataset + " --data " +
         folder.path() + " --json " + (folder / "out.json");
}

double test_accuracy(const Folder& folder) {
  return nlohmann::json::parse(read_text(folder / "out.json"))["networks"][0]["test_accuracy"].get<double>();
}

void expect_error(const ProgramResult& result, int exit_code, const std::string& words) {
  EXPECT_EQ(result.exit_code, exit_code) << result.output;
  EXPECT_THAT(result.output, AllOf(StartsWith("murmur: "), HasSubstr(words)));
  EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << result.output;
}

TEST(Datasets, TrainsOnAnImageFolder) {
  const Folder folder;
  const ScopedCacheHome cache(folder / "cache");
  write_image_folder(folder);
  const auto num_caches = [&](const std::string& size) {
    const std::filesystem::directory_iterator files(folder / "cache/murmur/images");
    return std::count_if(begin(files), end(files),
                         [&](const auto& file) { return file.path().filename().string().ends_with(size); });
  };
  const std::string train = "train --epochs 10 --set learning_rate=0.01 --set optimizer=adam";
  const ProgramResult result = run_murmur(train + options(folder, "image-folder"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_GT(test_accuracy(folder), 0.9);
  write_text(folder / "run.toml", "image-size = \"3x2\"\n");
  ASSERT_EQ(run_murmur(train + options(folder, "image-folder") + " --config " + (folder / "run.toml")).exit_code, 0);
  EXPECT_EQ(num_caches("-3x2"), 1);
  write_text(folder / "run.toml", "image-size = 2\n");
  ASSERT_EQ(run_murmur(train + options(folder, "image-folder") + " --config " + (folder / "run.toml")).exit_code, 0);
  EXPECT_EQ(num_caches("-2x2"), 1);
}

TEST(Datasets, TrainsOnCifar) {
  const Folder folder;
  for (const char* file :
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"}) {
    std::string bytes;
    for (int i = 0; i < 40; ++i) {
      const auto label = static_cast<char>(i % 10);
      bytes += label + std::string(3072, static_cast<char>(25 * label));
      bytes[bytes.size() - 1 - static_cast<size_t>(label) * 200] = static_cast<char>(i);
    }
    write_text(folder / (std::string(file) + ".bin"), bytes);
  }
  const ProgramResult result = run_murmur("train --epochs 2" + options(folder, "cifar10"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  std::string fine;
  for (int i = 0; i < 200; ++i) {
    fine +=
        std::string{static_cast<char>(i % 20), static_cast<char>(i % 100)} + std::string(3072, static_cast<char>(i));
  }
  write_text(folder / "train.bin", fine);
  write_text(folder / "test.bin", fine);
  const ProgramResult hundred = run_murmur("train --epochs 2" + options(folder, "cifar100"));
  ASSERT_EQ(hundred.exit_code, 0) << hundred.output;
  std::filesystem::remove(folder / "data_batch_2.bin");
  expect_error(run_murmur("train" + options(folder, "cifar10")), 3, "expected the file data_batch_2.bin");
}

TEST(Datasets, SaysWhatIsWrong) {
  const Folder folder;
  const ScopedCacheHome cache(folder / "cache");
  write_image_folder(folder);
  expect_error(run_murmur("train --image-size 0" + options(folder, "image-folder")), 2,
               "image size: expected H or HxW with sides from 1 to 4096, got '0'");
  expect_error(run_murmur("train --image-size 8" + options(folder, "mnist")), 2,
               "image size: expected none for mnist, whose images have one size; got 8x8");
  write_text(folder / "train/dark/7.bmp", "BM, but no more");
  expect_error(run_murmur("train" + options(folder, "image-folder")), 3,
               "train/dark/7.bmp: expected a PNG, JPEG or BMP");
  std::filesystem::remove_all(folder / "test");
  expect_error(run_murmur("search --study x.db" + options(folder, "image-folder")), 3, "/test: expected a folder");
}

TEST(Datasets, LeavesOutBrokenImagesWhereItIsAsked) {
  const Folder folder;
  const ScopedCacheHome cache(folder / "cache");
  write_image_folder(folder);
  write_text(folder / "train/dark/7.bmp", "BM, but no more");
  write_text(folder / "train/dark/\x1b[31m.bmp", "no image");
  const std::string train =
      "train --epochs 1 --device cpu --micro-batch 16 --dataset image-folder --data " + folder.path();
  expect_error(run_murmur(train), 3, "2 of 161 images cannot be read: ");
  const ProgramResult skipped = run_murmur(train + " --skip-broken --no-cache");
  EXPECT_EQ(skipped.exit_code, 0) << skipped.output;
  EXPECT_THAT(skipped.output,
              AllOf(HasSubstr(folder.path() + ": 2 images left out: "), HasSubstr("dark/7.bmp: expected"),
                    HasSubstr("\\x1b[31m.bmp: expected"), Not(HasSubstr("\x1b"))));
  EXPECT_FALSE(std::filesystem::exists(folder / "cache")) << "--no-cache";
  write_text(folder / "run.toml", "skip-broken = true\nno-cache = true\n");
  EXPECT_EQ(run_murmur(train + " --config " + (folder / "run.toml")).exit_code, 0);
  // A study knows its images by their checksum, and they are those of a folder without the broken ones.
  const std::string search = "search --study " + (folder / "a.db") +
                             " --particles 2 --trials 2 --epochs 1 --repeats 1 " + options(folder, "image-folder");
  ASSERT_EQ(run_murmur(search + " --skip-broken").exit_code, 0);
  const std::string replay = "replay --trial best --quiet --study " + (folder / "a.db") + " --data " + folder.path();
  expect_error(run_murmur(replay), 3, "--skip-broken leaves them out");
  EXPECT_EQ(run_murmur(replay + " --skip-broken").exit_code, 0);
  std::filesystem::remove(folder / "train/dark/7.bmp");
  std::filesystem::remove(folder / "train/dark/\x1b[31m.bmp");
  EXPECT_EQ(run_murmur(replay).exit_code, 0);
}

TEST(Datasets, ValidatesOnAFolderVal) {
  const Folder folder;
  const ScopedCacheHome cache(folder / "cache");
  write_image_folder(folder);
  std::filesystem::create_directory(folder / "val");
  for (const char* name : {"dark", "bright"}) {
    std::filesystem::create_directory((folder / "val/") + name);
    for (int i = 0; i < 7; ++i) {
      std::filesystem::rename((folder / "test/") + name + "/" + std::to_string(i) + ".bmp",
                              (folder / "val/") + name + "/" + std::to_string(i) + ".bmp");
    }
  }
  const std::string train =
      "train --epochs 3 --set optimizer=adam --set learning_rate=0.01 --save " + (folder / "w.safetensors");
  ASSERT_EQ(run_murmur(train + options(folder, "image-folder") + " --train-images 60").exit_code, 0);
  expect_error(run_murmur(train + options(folder, "image-folder") + " --train-images 81"), 2,
               "--train-images: expected at most 80, the number of training images, got 81");
  const auto predicted = [&](const std::string& split) {
    const ProgramResult result = run_murmur("predict --weights " + (folder / "w.safetensors") + " --split " + split +
                                            " --output " + (folder / "p.csv"));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return test::count_of(read_text(folder / "p.csv"), "\n") - 1;
  };
  EXPECT_EQ(predicted("training"), 60u);
  EXPECT_EQ(predicted("validation"), 14u);
  EXPECT_EQ(predicted("test"), 66u);
}

TEST(Datasets, SaysHowManyFilesItPassesOver) {
  const Folder folder;
  const ScopedCacheHome cache(folder / "cache");
  write_image_folder(folder);
  write_text(folder / "train/dark/notes", "no image");
  const std::string train =
      "train --device cpu --micro-batch 16 --epochs 1 --dataset image-folder --data " + folder.path();
  EXPECT_THAT(run_murmur(train).output, HasSubstr(folder.path() + ": 1 file passed over"));
  EXPECT_THAT(run_murmur(train + " --quiet").output, Not(HasSubstr("passed over")));
}

// Its name does not say which images an image folder holds.
TEST(Datasets, AStudyGoesOnOnlyWithTheSameImages) {
  const Folder folder;
  const ScopedCacheHome cache(folder / "cache");
  write_image_folder(folder);
  const std::string search = "search --study " + (folder / "a.db") +
                             " --particles 2 --trials 3 --epochs 1 --repeats 1 " + options(folder, "image-folder");
  ASSERT_EQ(run_murmur(search).exit_code, 0);
  const auto attributes = Study::open_read_only(folder / "a.db").attributes();
  EXPECT_EQ(attributes.at("dataset"), "image-folder");
  EXPECT_THAT(attributes.at("dataset_contents").get<std::string>(), StartsWith("2 classes, 80 + 80 images of 4x4x3, "));
  ASSERT_EQ(run_murmur(search).exit_code, 0);
  expect_error(run_murmur(search + " --image-size 2"), 3, "images of 4x4x3, checksum ");
  write_text(folder / "train/dark/7.bmp", bmp(4, "xyz"));
  expect_error(run_murmur(search), 3, "expected dataset_contents = ");
}

}  // namespace
}  // namespace murmur
