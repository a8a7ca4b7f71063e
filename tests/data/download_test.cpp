#include "murmur/data/download.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <mutex>
#include <thread>

#include "murmur/data/network/digest.hpp"
#include "murmur/data/network/transfer.hpp"
#include "murmur/engine/error.hpp"
#include "tests/data/archives.hpp"
#include "tests/support/http_server.hpp"

namespace murmur::test {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::string text_of(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

/// A small MNIST in the real format, published by a server of the test's own.
class DownloadTest : public ::testing::Test {
 protected:
  DownloadTest() {
    source_ = {.name = "mnist",
               .mirrors = {server_.url() + "first/", server_.url() + "second/"},
               .files = {},
               .num_classes = 10,
               .num_train = 30,
               .num_test = 2,
               .height = 2,
               .width = 4,
               .channels = 1,
               .class_names = "",
               .licence = "",
               .home = ""};
    publish("train-images-idx3-ubyte.gz", gzip(idx(0x803, {30, 2, 4}, noise(240))));
    publish("train-labels-idx1-ubyte.gz", gzip(idx(0x801, {30}, Bytes(30, 7))));
    publish("t10k-images-idx3-ubyte.gz", gzip(idx(0x803, {2, 2, 4}, Bytes(16, 200))));
    publish("t10k-labels-idx1-ubyte.gz", gzip(idx(0x801, {2}, {1, 8})));
  }
  void SetUp() override {
    if (!can_download()) GTEST_SKIP() << "this build cannot download";
  }

  void publish(const std::string& name, const Bytes& bytes, const std::vector<std::string>& members = {}) {
    write_file(folder_ / "published", bytes);
    source_.files.push_back({name, static_cast<int64_t>(bytes.size()), sha256_of(folder_ / "published"), members});
    std::filesystem::remove(folder_ / "published");
    bytes_[name] = text_of(bytes);
    for (const char* mirror : {"first/", "second/"}) server_.serve(mirror + name, {bytes_[name]});
  }

  std::filesystem::path get() {
    DownloadOptions options;
    options.stall_seconds = 1;
    options.mirror = mirror_;
    options.on_progress = [this](const SourceFile& file, int64_t done) {
      EXPECT_GE(done, 0);
      EXPECT_LE(done, file.num_bytes);
      ++num_progress_;
    };
    options.on_note = [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      notes_.push_back(line);
    };
    return download(source_, data_, options);
  }
  std::string error() {
    return message_of<DataError>([&] { get(); });
  }

  void expect_whole() {
    const std::filesystem::path there = data_ / source_.name;
    for (const SourceFile& file : source_.files) {
      if (!file.members.empty()) continue;
      EXPECT_EQ(sha256_of(there / file.name), file.sha256);
    }
    EXPECT_EQ(load_dataset(source_.name, data_).train.num_samples, source_.num_train);
    EXPECT_FALSE(std::filesystem::exists(data_ / (source_.name + ".part")));
    EXPECT_FALSE(std::filesystem::exists(data_ / fmt::format(".{}.lock", source_.name)));
  }

  std::vector<std::string> paths() const {
    std::vector<std::string> result;
    for (const HttpRequest& request : server_.requests()) result.push_back(request.path);
    return result;
  }
  std::vector<int64_t> ranges() const {
    std::vector<int64_t> result;
    for (const HttpRequest& request : server_.requests()) result.push_back(request.first);
    return result;
  }

  const std::string first_file_ = "train-images-idx3-ubyte.gz";
  TemporaryFolder folder_;
  std::filesystem::path data_ = folder_.path() / "data";
  std::filesystem::path part_ = data_ / "mnist.part" / (first_file_ + ".part");
  HttpServer server_;
  DatasetSource source_;
  std::map<std::string, std::string> bytes_;
  std::string mirror_;
  std::mutex mutex_;
  std::vector<std::string> notes_;
  int num_progress_ = 0;
};

TEST_F(DownloadTest, GetsTheFiles) {
  EXPECT_EQ(get(), data_ / "mnist");
  expect_whole();
  EXPECT_THAT(paths(), ElementsAre("first/train-images-idx3-ubyte.gz", "first/train-labels-idx1-ubyte.gz",
                                   "first/t10k-images-idx3-ubyte.gz", "first/t10k-labels-idx1-ubyte.gz"));
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_GT(num_progress_, 0);
  get();
  EXPECT_THAT(paths(), SizeIs(4)) << "it was there";
}

TEST_F(DownloadTest, GoesOnWhereATransferWasCut) {
  server_.serve("first/" + first_file_, {.bytes = bytes_[first_file_], .cut_after = 50, .num_cuts = 2});
  get();
  expect_whole();
  EXPECT_THAT(ranges(), ElementsAre(0, 50, 100, 0, 0, 0));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("it goes on from byte 50"), HasSubstr("it goes on from byte 100")));
}

TEST_F(DownloadTest, GoesOnWithWhatAKilledProcessLeft) {
  write_file(part_, Bytes(bytes_[first_file_].begin(), bytes_[first_file_].begin() + 70));
  write_file(data_ / "mnist.part" / ".t10k-labels.123-0.tmp", {1});
  get();
  expect_whole();
  EXPECT_THAT(ranges(), ElementsAre(70, 0, 0, 0));
  EXPECT_FALSE(std::filesystem::exists(data_ / "mnist" / ".t10k-labels.123-0.tmp"));
}

TEST_F(DownloadTest, GoesOnAtAnotherMirror) {
  write_file(part_, Bytes(bytes_[first_file_].begin(), bytes_[first_file_].begin() + 70));
  server_.serve("first/" + first_file_, {.status = 404});
  get();
  expect_whole();
  EXPECT_EQ(paths()[1], "second/" + first_file_);
  EXPECT_EQ(ranges()[1], 70);
}

TEST_F(DownloadTest, BelievesNoMirrorThatSendsOtherBytes) {
  std::string wrong = bytes_[first_file_];
  wrong[100] = static_cast<char>(wrong[100] ^ 1);
  server_.serve("first/" + first_file_, {wrong});
  get();
  expect_whole();
  EXPECT_THAT(notes_, ElementsAre(AllOf(StartsWith(server_.url() + "first/" + first_file_ + ": expected the SHA-256 "),
                                        HasSubstr(source_.files[0].sha256))));
  EXPECT_THAT(ranges(), ElementsAre(0, 0, 0, 0, 0)) << "nothing of the wrong file was kept";
}

TEST_F(DownloadTest, BelievesNoFileOfAnotherSize) {
  for (const bool has_length : {true, false}) {
    for (const std::string& wrong : {std::string("<html>log in first</html>"), bytes_[first_file_] + "more"}) {
      std::filesystem::remove_all(data_);
      notes_.clear();
      server_.serve("first/" + first_file_, {.bytes = wrong, .has_length = has_length});
      get();
      expect_whole();
      EXPECT_THAT(notes_, Not(IsEmpty())) << wrong;
    }
  }
}

TEST_F(DownloadTest, StartsAgainWhereThePartWasOfAnotherFile) {
  source_.mirrors.pop_back();
  for (const size_t size : {size_t{70}, bytes_[first_file_].size(), bytes_[first_file_].size() + 5}) {
    std::filesystem::remove_all(data_);
    write_file(part_, Bytes(size, 42));
    get();
    expect_whole();
  }
}

TEST_F(DownloadTest, StartsAgainWhereAServerHasNoRanges) {
  source_.mirrors.pop_back();
  server_.serve("first/" + first_file_,
                {.bytes = bytes_[first_file_], .has_ranges = false, .cut_after = 50, .num_cuts = 1});
  get();
  expect_whole();
  EXPECT_THAT(ranges(), ElementsAre(0, 50, 0, 0, 0, 0));
  EXPECT_THAT(notes_, Contains(HasSubstr("once more from its start")));
}

TEST_F(DownloadTest, GivesUpAServerThatAlwaysBreaksOff) {
  source_.mirrors.pop_back();
  server_.serve("first/" + first_file_, {.bytes = bytes_[first_file_], .has_ranges = false, .cut_after = 50});
  EXPECT_THAT(error(), StartsWith("mnist: expected to get " + first_file_ + ", got: " + server_.url() + "first/"));
  EXPECT_LE(server_.requests().size(), 4u);
  EXPECT_FALSE(std::filesystem::exists(data_ / "mnist"));
}

TEST_F(DownloadTest, LeavesAServerThatStalls) {
  server_.serve("first/" + first_file_, {.bytes = bytes_[first_file_], .cut_after = 0, .stalls = true});
  get();
  expect_whole();
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("too slow")));
  EXPECT_EQ(paths()[1], "second/" + first_file_);
}

TEST_F(DownloadTest, FollowsRedirects) {
  server_.serve("first/" + first_file_, {.redirect = "second/" + first_file_});
  get();
  expect_whole();
  EXPECT_THAT(notes_, IsEmpty());
  server_.serve("first/round", {.redirect = "first/round"});
  std::filesystem::remove_all(data_);
  server_.serve("first/" + first_file_, {.redirect = "first/round"});
  get();
  expect_whole();
}

TEST_F(DownloadTest, SaysWhatEveryMirrorDid) {
  server_.serve("first/" + first_file_, {.status = 404});
  server_.serve("second/" + first_file_, {.status = 503});
  const std::string message = error();
  EXPECT_THAT(message, AllOf(StartsWith("mnist: expected to get train-images-idx3-ubyte.gz, got: "), HasSubstr("404"),
                             HasSubstr("503"), HasSubstr("; without a network: put " + server_.url() + "first/"),
                             HasSubstr(" into " + (data_ / "mnist").string())));
  source_.mirrors = {"http://127.0.0.1:1/"};
  EXPECT_THAT(error(), HasSubstr("http://127.0.0.1:1/train-images-idx3-ubyte.gz: "));
  source_.mirrors = {"nonsense://x/", "not a url"};
  EXPECT_THAT(error(), HasSubstr("nonsense://x/"));
  EXPECT_TRUE(std::filesystem::is_empty(data_)) << "nothing is left where there is nothing to go on with";
  EXPECT_FALSE(std::filesystem::exists(data_ / "mnist"));
}

TEST_F(DownloadTest, TakesAnotherMirrorThatIsNamed) {
  for (const auto& [name, bytes] : bytes_) server_.serve("house/mnist/" + name, {bytes});
  mirror_ = server_.url() + "house";
  get();
  expect_whole();
  EXPECT_THAT(paths(), ::testing::Each(StartsWith("house/mnist/")));
  std::filesystem::remove_all(data_);
  for (const auto& [name, bytes] : bytes_) {
    write_file(folder_ / "disk/mnist" / name, Bytes(bytes.begin(), bytes.end()));
  }
  mirror_ = "file://" + (folder_ / "disk").string() + "/";
  get();
  expect_whole();
}

TEST_F(DownloadTest, KeepsWhatIsThereAndGood) {
  get();
  write_file(data_ / "mnist" / first_file_, {1, 2, 3});
  get();
  expect_whole();
  EXPECT_THAT(paths(), SizeIs(5)) << "only the damaged file";
  std::filesystem::remove(data_ / "mnist" / "t10k-labels-idx1-ubyte.gz");
  get();
  expect_whole();
  EXPECT_THAT(paths(), SizeIs(6));
}

TEST_F(DownloadTest, OverwritesNobodysImages) {
  get();
  write_file(data_ / "mnist" / "t10k-labels-idx1-ubyte", idx(0x801, {3}, {1, 8, 8}));
  write_file(data_ / "mnist" / "t10k-images-idx3-ubyte", idx(0x803, {3, 2, 4}, Bytes(24, 9)));
  const auto before = folder_.contents();
  EXPECT_THAT(error(), AllOf(StartsWith((data_ / "mnist").string() + ": expected the 30 + 2 images of mnist or none"),
                             HasSubstr("30 + 3 images of 2x4x1"), HasSubstr("move them away")));
  EXPECT_EQ(folder_.contents(), before);
}

TEST_F(DownloadTest, ReportsWhatItCannotWrite) {
  write_file(data_, {1});
  EXPECT_THAT(error(), StartsWith(data_.string() + ": expected to create the folder, got: "));
  std::filesystem::remove(data_);
  write_file(data_ / "mnist.part", {1});
  EXPECT_THAT(error(), StartsWith((data_ / "mnist.part").string() + ": expected to create the folder, got: "));
  std::filesystem::remove(data_ / "mnist.part");
  std::filesystem::create_directories(part_.parent_path());
  std::filesystem::create_symlink("/dev/null", part_);
  EXPECT_THAT(error(), StartsWith(part_.string() + ": expected to write the file, got: "));
}

// As a full disk: a limit of file sizes.
TEST_F(DownloadTest, GoesOnAfterAFullDisk) {
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  rlimit small = old;
  small.rlim_cur = 60;
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string message = error();
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, before);
  EXPECT_EQ(message, part_.string() + ": expected to write the file, got: File too large");
  EXPECT_FALSE(std::filesystem::exists(data_ / "mnist"));
  EXPECT_THAT(paths(), SizeIs(1)) << "no other mirror has more room";
  get();
  expect_whole();
  EXPECT_EQ(ranges()[1], 60);
}

TEST_F(DownloadTest, TwoAtOnceGetItOnce) {
  server_.serve("first/" + first_file_, {.bytes = bytes_[first_file_], .cut_after = 40, .num_cuts = 1, .stalls = true});
  {
    std::jthread other([&] { get(); });
    get();
  }
  expect_whole();
  EXPECT_THAT(paths(), SizeIs(5)) << "four files, one of them in two pieces";
  EXPECT_THAT(notes_, Contains("waiting for another process that gets mnist"));
}

// Archives ------------------------------------------------------------------------------------------------------------

class ArchiveTest : public DownloadTest {
 protected:
  ArchiveTest() {
    source_.name = "cifar10";
    source_.files.clear();
    source_.num_train = 5;
    source_.num_test = 1;
    source_.height = source_.width = 32;
    source_.channels = 3;
    for (const char* name :
         {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"}) {
      members_.push_back(fmt::format("cifar-10-batches-bin/{}.bin", name));
      entries_.push_back({members_.back(), Bytes(3073, 3)});
    }
    entries_.push_back({"cifar-10-batches-bin/readme.html", {1}});
    entries_.push_back({"../../outside.bin", {1}});
  }

  std::vector<std::string> members_;
  Entries entries_;
};

TEST_F(ArchiveTest, UnpacksWhatIsNeeded) {
  publish("cifar.tar.gz", gzip(tar(entries_)), members_);
  get();
  expect_whole();
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(data_ / "cifar10"), {}), 6)
      << "neither archive nor readme";
  EXPECT_THAT(folder_.contents(), SizeIs(2 + 6));
  get();
  EXPECT_THAT(paths(), SizeIs(1));
}

TEST_F(ArchiveTest, UnpacksZip) {
  publish("cifar.zip", zip(entries_), members_);
  get();
  expect_whole();
}

TEST_F(ArchiveTest, TakesAnArchiveThatWasPutThere) {
  const Bytes archive = gzip(tar(entries_));
  publish("cifar.tar.gz", archive, members_);
  write_file(data_ / "cifar10" / "cifar.tar.gz", archive);
  get();
  expect_whole();
  EXPECT_THAT(paths(), IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(data_ / "cifar10" / "cifar.tar.gz")) << "it is the user's";
}

TEST_F(ArchiveTest, TwoAtOnceGetItOnce) {
  const std::string archive = text_of(gzip(tar(entries_)));
  publish("cifar.tar.gz", Bytes(archive.begin(), archive.end()), members_);
  server_.serve("first/cifar.tar.gz", {.bytes = archive, .cut_after = 40, .num_cuts = 1, .stalls = true});
  {
    std::jthread other([&] { get(); });
    get();
  }
  expect_whole();
  EXPECT_THAT(paths(), SizeIs(2)) << "in two pieces";
}

TEST_F(ArchiveTest, RejectsWhatIsNoArchive) {
  publish("cifar.tar.gz", noise(3000), members_);
  EXPECT_THAT(error(), AllOf(HasSubstr("cifar.tar.gz: expected an archive"), HasSubstr(", got")));
  EXPECT_FALSE(std::filesystem::exists(data_ / "cifar10"));
}

TEST_F(ArchiveTest, RejectsAnArchiveThatEndsEarly) {
  const Bytes whole = tar(entries_);
  for (const size_t size : {whole.size() / 3, whole.size() / 2 + 100}) {
    source_.files.clear();
    std::filesystem::remove_all(data_);
    publish("cifar.tar.gz", gzip(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))), members_);
    EXPECT_THAT(error(), HasSubstr("cifar.tar.gz: expected an archive"));
    EXPECT_FALSE(std::filesystem::exists(data_ / "cifar10"));
  }
}

TEST_F(ArchiveTest, RejectsAnArchiveWithoutAFile) {
  entries_.erase(entries_.begin() + 2);
  publish("cifar.tar.gz", gzip(tar(entries_)), members_);
  EXPECT_THAT(error(), HasSubstr("expected an archive with cifar-10-batches-bin/data_batch_3.bin, got one without"));
}

TEST_F(ArchiveTest, UnpacksNoLinks) {
  const std::string target = "/etc/passwd";
  entries_[2] = {members_[2] + "@", Bytes(target.begin(), target.end())};
  publish("cifar.tar.gz", gzip(tar(entries_)), members_);
  EXPECT_THAT(error(), HasSubstr("expected 'cifar-10-batches-bin/data_batch_3.bin' to be a file"));
}

TEST_F(ArchiveTest, RejectsOtherContents) {
  entries_[5].second = Bytes(3073 * 2, 3);
  publish("cifar.tar.gz", gzip(tar(entries_)), members_);
  EXPECT_THAT(error(), AnyOf(HasSubstr("5 + 2 images"), HasSubstr("expected the images of cifar10")));
}

// The table -----------------------------------------------------------------------------------------------------------

TEST(SourcesTest, AreWellFormed) {
  for (const DatasetSource& source : sources()) {
    EXPECT_THAT(dataset_names(), Contains(source.name));
    EXPECT_FALSE(source.mirrors.empty());
    for (const std::string& mirror : source.mirrors) {
      EXPECT_THAT(mirror, AllOf(AnyOf(StartsWith("https://"), StartsWith("http://")), ::testing::EndsWith("/")));
    }
    for (const SourceFile& file : source.files) {
      EXPECT_GT(file.num_bytes, 0);
      EXPECT_THAT(file.sha256, ::testing::MatchesRegex("[0-9a-f]+"));
      EXPECT_THAT(file.sha256, SizeIs(64));
    }
    EXPECT_EQ(std::ranges::count(source.class_names, ',') + 1, source.num_classes) << source.name;
    EXPECT_FALSE(source.licence.empty());
    EXPECT_FALSE(source.home.empty());
    EXPECT_EQ(find_source(source.name), &source);
  }
  EXPECT_EQ(find_source("image-folder"), nullptr);
}

TEST(DigestTest, IsThatOfTheStandard) {
  if (!can_download()) GTEST_SKIP() << "this build cannot download";
  const TemporaryFolder folder;
  const auto sum = [&](const Bytes& bytes) {
    write_file(folder / "file", bytes);
    return sha256_of(folder / "file");
  };
  // FIPS 180-4's examples, and a file of more than one block of reading.
  EXPECT_EQ(sum({'a', 'b', 'c'}), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sum({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sum(Bytes(3000000)), "35bce4eae54ec8e6cc2868baa8d157914d6ae2858811b4cc0c078c94460fa26f");
  EXPECT_THAT(message_of<DataError>([&] { sha256_of(folder / "none"); }), HasSubstr("expected a readable file"));
}

}  // namespace
}  // namespace murmur::test
