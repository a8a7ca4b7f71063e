// murmur data: get, info, list.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "murmur/data/download.hpp"
#include "murmur/data/network/transfer.hpp"
#include "tests/app/bmp.hpp"
#include "tests/app/child.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/http_server.hpp"

namespace murmur::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// With a cache of its own, and a mirror on this machine.
class DataCommandTest : public ::testing::Test {
 protected:
  void expect_error(const std::string& arguments, int exit_code, const std::string& words) const {
    const ProgramResult result = run_murmur(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.output;
    EXPECT_THAT(result.output, AllOf(StartsWith("murmur: "), HasSubstr(words)));
    EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
  }
  nlohmann::json report() const { return nlohmann::json::parse(read_text(folder_ / "out.json")); }
  std::string json() const { return " --json " + (folder_ / "out.json"); }

  Folder folder_;
  HttpServer server_;
  ScopedCacheHome cache_{folder_ / "cache"};
  ScopedMurmurData no_data_{std::nullopt};
  ScopedVariable mirror_{"MURMUR_MIRROR", server_.url()};
};

TEST_F(DataCommandTest, ListsWhatThereIs) {
  const ProgramResult result = run_murmur("data list" + json());
  ASSERT_EQ(result.exit_code, 0) << result.output;
  for (const DatasetSource& source : sources()) EXPECT_THAT(result.output, HasSubstr("\n" + source.name + " "));
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("murmur data get svhn"), HasSubstr("73257 + 26032"), HasSubstr("image-folder")));
  const auto sets = report()["data_sets"];
  EXPECT_EQ(sets.size(), sources().size() + 1);
  EXPECT_EQ(sets[0]["files"][0]["urls"][0],
            "https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz");
  EXPECT_EQ(sets[0]["files"][0]["bytes"], 9912422);
  const Folder other;
  write_dataset(other);
  EXPECT_THAT(run_murmur("data list --data " + other.path()).output, HasSubstr("MB  " + other.path()));
}

TEST_F(DataCommandTest, SaysWhatIsInAFolder) {
  const Folder data;
  write_dataset(data);
  const ProgramResult result = run_murmur("data info " + data.path() + json());
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, AllOf(StartsWith("mnist in " + data.path() + "\n"),
                                   HasSubstr("1280 of 4 x 4 x 1: 512 to train on, 128 for validation"),
                                   HasSubstr(", not that of the published images"), HasSubstr("\n  9  9 ")));
  const auto info = report();
  EXPECT_EQ(info["format"], "murmur-data-info-1");
  EXPECT_EQ(info["train"]["images"], 512);
  EXPECT_EQ(info["validation"]["images"], 128);
  EXPECT_EQ(info["test"]["per_class"], std::vector<int>(10, 64));
  EXPECT_EQ(info["published"], false);
  EXPECT_EQ(info["mean"].size(), 1u);
  EXPECT_EQ(info["checksum"].get<std::string>().size(), 8u);
  // The folder's name tells sets with the same file names apart.
  std::filesystem::create_directory(folder_ / "kmnist");
  std::filesystem::copy(data.path(), folder_ / "kmnist");
  EXPECT_THAT(run_murmur("data info " + (folder_ / "kmnist")).output, StartsWith("kmnist in "));
  EXPECT_THAT(run_murmur("data info kmnist --data " + folder_.path()).output, StartsWith("kmnist in "));
  EXPECT_THAT(run_murmur("data info mnist --data " + data.path() + " --json -").output, HasSubstr("\"per_class\": ["));
}

TEST_F(DataCommandTest, KnowsThePublishedImages) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist"))
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  const ProgramResult result = run_murmur("data info fashion-mnist");
  EXPECT_THAT(result.output,
              AllOf(HasSubstr(", that of the published images"), HasSubstr("0.2860"), HasSubstr("Ankle boot")));
  EXPECT_THAT(run_murmur("data get fashion-mnist").output,
              "fashion-mnist: 60000 + 10000 images of 28 x 28 x 1, already in /usr/share/datasets/fashion-mnist\n");
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(DataCommandTest, SaysWhatIsWrong) {
  expect_error("data", 2, "action is required");
  expect_error("data take", 2, "take not in {get,info,list}");
  expect_error("data get", 2, "data get: expected names of data sets or --all, got neither");
  expect_error("data get --all mnist", 2, "data get: expected names of data sets or --all, got both");
  expect_error("data get mnist image-folder", 2,
               "data get: expected one of mnist, fashion-mnist, kmnist, emnist-balanced, "
               "cifar10, cifar100, svhn, got 'image-folder'");
  expect_error("data list mnist", 2, "data list: expected no names, got 'mnist'");
  expect_error("data list --all", 2, "expected no --all");
  expect_error("data info", 2, "data info: expected one data set's name or one folder, got 0 of them");
  expect_error("data info mnist svhn", 2, "got 2 of them");
  expect_error("data info nothing", 2, "data info: expected one of mnist, ");
  expect_error("data info " + folder_.path(), 3,
               folder_.path() + ": expected a folder with the files of one of mnist, ");
  expect_error("data info svhn", 3,
               "; to get them: murmur data get svhn, or name their folder with --data or MURMUR_DATA");
  expect_error("train --dataset kmnist", 3, "to get them: murmur data get kmnist, or name");
  expect_error("data info mnist --image-size 3", 2, "image size: expected none for mnist");
}

TEST_F(DataCommandTest, SaysWhereToPutWhatItCannotGet) {
  if (!can_download()) {
    expect_error(
        "data get mnist", 3,
        "mnist: expected a build with libcurl, libarchive and OpenSSL to download, got one without: put https://");
    return;
  }
  const std::string there = folder_ / "cache/murmur/data/kmnist";
  const ProgramResult result = run_murmur("data get kmnist --quiet" + json());
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(
      result.output,
      AllOf(StartsWith("murmur: kmnist: expected to get train-images-idx3-ubyte.gz, got: " + server_.url() + "kmnist/"),
            HasSubstr("404"), HasSubstr("; without a network: put https://codh.rois.ac.jp/"),
            HasSubstr(" into " + there)));
  EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
  EXPECT_THAT(report()["data_sets"][0]["error"].get<std::string>(), StartsWith("kmnist: expected to get "));
  EXPECT_FALSE(std::filesystem::exists(there));
}

TEST_F(DataCommandTest, TriesTheOtherSetsToo) {
  if (!can_download()) GTEST_SKIP() << "this build cannot download";
  const ProgramResult result = run_murmur("data get kmnist svhn kmnist" + json());
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(report()["data_sets"].size(), 2u);
  std::vector<std::string> paths;
  for (const HttpRequest& request : server_.requests()) paths.push_back(request.path);
  EXPECT_THAT(paths, AllOf(Contains("kmnist/train-images-idx3-ubyte.gz"), Contains("svhn/train_32x32.mat")));
}

// Files of the right size: the table's sums are what they are measured by.
TEST_F(DataCommandTest, GoesOnAfterAKillAndBelievesNoWrongSum) {
  if (!can_download()) GTEST_SKIP() << "this build cannot download";
  const std::string name = "t10k-labels-idx1-ubyte.gz";
  const std::string wrong(9912422, 'x');
  server_.serve("mnist/train-images-idx3-ubyte.gz",
                {.bytes = wrong, .cut_after = 5000000, .num_cuts = 1, .stalls = true});
  const std::string part = folder_ / "data/mnist.part/train-images-idx3-ubyte.gz.part";
  const std::string get = "data get mnist --data " + (folder_ / "data");
  {
    Child child(get, folder_ / "log");
    std::error_code error;
    ASSERT_TRUE(becomes_true([&] { return std::filesystem::file_size(part, error) == 5000000; }));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "data/mnist"));
    child.end(SIGKILL);
  }
  EXPECT_EQ(run_murmur("train --dataset mnist --data " + (folder_ / "data")).exit_code, 3)
      << "nothing to be taken for whole";
  const ProgramResult result = run_murmur(get);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(
      result.output,
      AllOf(HasSubstr("expected the SHA-256 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609, got "),
            HasSubstr("once more from its start")));
  const std::vector<HttpRequest> requests = server_.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[1].first, 5000000);
  EXPECT_EQ(requests[2].first, 0);
  EXPECT_FALSE(std::filesystem::exists(part));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "data/mnist"));
}

TEST_F(DataCommandTest, TwoWaitForEachOther) {
  if (!can_download()) GTEST_SKIP() << "this build cannot download";
  server_.serve("kmnist/train-images-idx3-ubyte.gz",
                {.bytes = std::string(18165135, 'x'), .cut_after = 1000, .num_cuts = 1, .stalls = true});
  Child first("data get kmnist", folder_ / "first");
  ASSERT_TRUE(becomes_true([&] { return !server_.requests().empty(); }));
  Child second("data get kmnist", folder_ / "second");
  ASSERT_TRUE(becomes_true(
      [&] { return read_text(folder_ / "second").find("waiting for another process") != std::string::npos; }));
  EXPECT_EQ(server_.requests().size(), 1u);
  first.end(SIGKILL);
  ASSERT_TRUE(becomes_true([&] { return server_.requests().size() > 1; }));
  EXPECT_EQ(server_.requests()[1].first, 1000);
  second.end(SIGKILL);
}

TEST_F(DataCommandTest, NeedsAPlace) {
  const ScopedCacheHome no_cache(std::nullopt);
  const ScopedVariable no_home("HOME", std::nullopt);
  expect_error("data get kmnist", 3,
               "data sets: expected HOME, XDG_CACHE_HOME, MURMUR_DATA or --data to say where they go, got none");
}

TEST_F(DataCommandTest, SaysWhatIsInAnImageFolder) {
  for (const char* part : {"train", "val"}) {
    for (const char* name : {"b", "a"}) {
      std::filesystem::create_directories((folder_ / "images/") + part + "/" + name);
      for (int i = 0; i < (*name == 'a' ? 1 : 4); ++i) {
        write_text((folder_ / "images/") + part + "/" + name + "/" + std::to_string(i) + ".bmp", bmp(2, "abc"));
      }
    }
  }
  write_text(folder_ / "images/train/a/x.bmp", "no image");
  expect_error("data info " + (folder_ / "images"), 3, "x.bmp: expected a PNG, JPEG or BMP image");
  const ProgramResult result = run_murmur("data info --skip-broken " + (folder_ / "images") + json());
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, AllOf(HasSubstr("left out    1: "), HasSubstr("\n  1  b ")));
  EXPECT_EQ(report()["skipped"].size(), 1u);
  EXPECT_EQ(report()["class_names"], (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(report()["test"]["per_class"], (std::vector<int>{1, 4}));
  EXPECT_EQ(report()["published"], nullptr);
}

}  // namespace
}  // namespace murmur::test
