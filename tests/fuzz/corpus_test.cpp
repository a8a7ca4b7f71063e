// Every input of the corpora and of the findings, in the ordinary builds: what was found once stays fixed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/targets.hpp"

namespace murmur::fuzz {
namespace {

std::vector<std::filesystem::path> files_of(const char* target) {
  std::vector<std::filesystem::path> files;
  for (const char* kind : {"corpus", "regressions"}) {
    const auto folder = std::filesystem::path(MURMUR_SOURCE_DIR) / "tests/fuzz" / kind / target;
    if (!std::filesystem::exists(folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

std::vector<uint8_t> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class CorpusTest : public testing::TestWithParam<Target> {};

TEST_P(CorpusTest, EveryInputIsAnsweredOrRefused) {
  const std::vector<std::filesystem::path> files = files_of(GetParam().name);
  ASSERT_FALSE(files.empty()) << "expected seeds of " << GetParam().name;
  for (const auto& file : files) {
    const std::vector<uint8_t> whole = read(file);
    EXPECT_NO_THROW(GetParam().run(whole)) << file;
    // And what a cut or a flipped bit makes of it.
    for (size_t i = 1; i <= 8; ++i) {
      const size_t at = whole.size() * i / 9;
      EXPECT_NO_THROW(GetParam().run(Input(whole).first(at))) << file << " cut at " << at;
      std::vector<uint8_t> damaged = whole;
      if (at < damaged.size()) damaged[at] ^= static_cast<uint8_t>(1u << (i % 8));
      EXPECT_NO_THROW(GetParam().run(damaged)) << file << " with bit " << i % 8 << " of byte " << at << " flipped";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, CorpusTest, testing::ValuesIn(kTargets),
                         [](const auto& test) { return std::string(test.param.name); });

// Every folder of inputs has a target: one that is renamed does not leave its findings behind.
TEST(Corpus, HasNoFolderWithoutATarget) {
  for (const char* kind : {"corpus", "regressions"}) {
    const auto folder = std::filesystem::path(MURMUR_SOURCE_DIR) / "tests/fuzz" / kind;
    if (!std::filesystem::exists(folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      EXPECT_TRUE(std::ranges::any_of(kTargets, [&](const Target& target) { return name == target.name; })) << name;
    }
  }
}

}  // namespace
}  // namespace murmur::fuzz
