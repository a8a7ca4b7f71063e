// What `murmur info --model` says of memory, and what a training does with less of it.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/app/run.hpp"

namespace murmur {
namespace {

using test::Folder;
using test::ProgramResult;
using test::read_text;
using test::run_murmur;
using ::testing::HasSubstr;

nlohmann::json ask(const std::string& arguments) {
  const Folder folder;
  const std::string file = folder / "memory.json";
  const ProgramResult result = run_murmur("info " + arguments + " --json " + file);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return nlohmann::json::parse(read_text(file)).at("memory");
}

TEST(MemoryInfo, SaysWhatAPopulationOfAGpuThatIsNotHereTakes) {
  const std::string vgg3 = "--model vgg3 --images 32x32x3 --networks 1024 --device cuda ";
  const ProgramResult result = run_murmur("info " + vgg3);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  for (const char* words : {"1024 x vgg3 for images of 32x32x3", "activations", "optimizer", "with transient noise"}) {
    EXPECT_THAT(result.output, HasSubstr(words));
  }
  const nlohmann::json memory = ask(vgg3 + "--memory 80");
  const int64_t parameters = memory["bytes_per_network"]["parameters"];
  EXPECT_EQ(memory["bytes_per_network"]["optimizer"].get<int64_t>() / 2, memory["bytes_per_network"]["gradients"]);
  EXPECT_GT(memory["bytes_per_network"]["activations"].get<int64_t>(), 50 * parameters);
  EXPECT_GT(memory["waves"], 1);
  EXPECT_LT(memory["networks_at_once"], 512);
  EXPECT_EQ(ask(vgg3 + "--memory 1000")["waves"], 1);
}

TEST(MemoryInfo, NamesTheLargestPopulationThatFits) {
  const nlohmann::json memory = ask("--model fc --networks 1000000 --device cpu --memory 4");
  EXPECT_TRUE(memory["waves"].is_null());
  EXPECT_THAT(memory["refusal"].get<std::string>(), HasSubstr("expected "));
  EXPECT_THAT(memory["refusal"].get<std::string>(), HasSubstr("about "));
}

TEST(MemoryInfo, RefusesWhatItCannotRead) {
  for (const char* wrong : {"--model fc --images 28x28", "--model fc --images 0x1x1", "--model fc --images 28x28x1x",
                            "--model nothing", "--networks 3", "--model fc --networks 0", "--model fc --device gpu"}) {
    EXPECT_EQ(run_murmur(std::string("info ") + wrong).exit_code, 2) << wrong;
  }
}

TEST(MemoryInfo, WavesAndDeterminismChangeNoResult) {
  const Folder folder;
  write_dataset(folder);
  const auto networks = [&](const std::string& options) {
    const std::string file = folder / "report.json";
    const ProgramResult result = run_murmur(
        "train --device cpu --quiet --micro-batch 16 --set batch_size=16 --epochs 2 --model 'flatten linear' "
        "--networks 3 --data " +
        folder.path() + " --json " + file + options);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    const nlohmann::json report = nlohmann::json::parse(read_text(file));
    EXPECT_EQ(report["deterministic"], true) << "as on every CPU";
    return report["networks"];
  };
  const nlohmann::json whole = networks("");
  EXPECT_EQ(networks(" --wave 2"), whole);
  EXPECT_EQ(networks(" --wave 1 --deterministic"), whole);
}

TEST(MemoryInfo, ATrainingThatCannotFitEndsBeforeItBegins) {
  const Folder folder;
  write_dataset(folder);
  const ProgramResult result = run_murmur(
      "train --device cpu --quiet --networks 1000000 --model 'flatten linear4096 linear4096 linear' --data " +
      folder.path());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("fit (see --networks, --slots)"));
}

}  // namespace
}  // namespace murmur
