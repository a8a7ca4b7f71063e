#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "murmur/engine/device.hpp"
#include "tests/app/run.hpp"

namespace murmur {
namespace {

using test::Folder;
using test::ProgramResult;
using test::read_text;
using test::run_murmur;
using test::write_dataset;
using test::write_idx;
using test::write_text;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// One plain line that starts with the program's name.
void expect_error(const ProgramResult& result, int exit_code, const std::string& words) {
  EXPECT_EQ(result.exit_code, exit_code) << result.output;
  EXPECT_THAT(result.output, AllOf(StartsWith("murmur: "), HasSubstr(words)));
  EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << result.output;
}

TEST(CommandLine, InfoNamesDevicesModelsAndTechniques) {
  const ProgramResult result = run_murmur("info");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, AllOf(HasSubstr("cpu"), HasSubstr("fc"), HasSubstr("gradient_dropout")));
}

TEST(CommandLine, InfoIsJsonToo) {
  const ProgramResult result = run_murmur("info --json - 2> /dev/null #");
  EXPECT_EQ(result.exit_code, 0);
  const nlohmann::json report = nlohmann::json::parse(result.output);
  EXPECT_EQ(report["format"], "murmur-info-1");
  EXPECT_EQ(report["version"], MURMUR_VERSION);
  EXPECT_EQ(report["command"], "murmur info --json -");
  EXPECT_EQ(report["devices"][0]["name"], "cpu");
  EXPECT_EQ(report["techniques"][0]["off"], "off") << "shuffle's, by its name";
}

TEST(CommandLine, HelpIsEverywhere) {
  for (const char* command : {"--help", "train --help", "predict --help", "search --help", "info --help"}) {
    EXPECT_EQ(run_murmur(command).exit_code, 0) << command;
  }
  for (const char* command : {"train --help", "search --help"}) {
    const std::string help = run_murmur(command).output;
    EXPECT_THAT(help, HasSubstr("label_smoothing"));
    // The techniques are listed by the place where they act, in the order of the places.
    for (const auto& [place, first] : {std::pair{"input", "shuffle"},
                                       {"weight", "init_scale"},
                                       {"activation", "dropout"},
                                       {"gradient", "frozen_fraction"},
                                       {"loss", "label_smoothing"},
                                       {"update", "optimizer"}}) {
      EXPECT_THAT(help, HasSubstr("\n " + std::string(place) + "\n  " + first + " "));
    }
    for (const char* word : {"convN[kK][sS][pP][n]", "norm", "pool[W]", "avgpool[W]", "globalpool", "residualN[sS]",
                             "flatten", "linear[N]", "dropout"}) {
      EXPECT_THAT(help, HasSubstr(std::string("\n  ") + word + " ")) << command;
    }
  }
}

TEST(CommandLine, UsageErrorsExitWith2) {
  expect_error(run_murmur("train --nonsense"), 2,
               "expected options of murmur train, got --nonsense (see murmur train --help)");
  expect_error(run_murmur("train --batch-size 64"), 2, "got --batch-size; did you mean --set batch_size=...?");
  expect_error(run_murmur("train --lr=0.1"), 2, "got --lr; did you mean --set learning_rate=...?");
  expect_error(run_murmur("search --study s.db --n-trials 3"), 2, "got --n-trials; did you mean --trials?");
  expect_error(run_murmur("study show s.db --trail 3"), 2,
               "expected options of murmur study, got --trail; did you mean --trial?");
  expect_error(run_murmur("train 5"), 2, "(see murmur train --help)");
  expect_error(run_murmur(""), 2, "subcommand");
  expect_error(run_murmur("fly"), 2, "fly");
  expect_error(run_murmur("train --set loudness=1"), 2, "unknown technique 'loudness': expected one of shuffle, flip");
  expect_error(run_murmur("train --set dropout"), 2, "expected technique=value, got 'dropout'");
  expect_error(run_murmur("train --set dropout=0.96"), 2, "dropout: expected a number in [0, 0.95], got '0.96'");
  expect_error(run_murmur("train --set dropout=nan"), 2, "dropout: expected a number");
  expect_error(run_murmur("train --set optimizer=lion"), 2, "optimizer: expected one of sgd, momentum, adam");
  expect_error(run_murmur("train --model transformer"), 2, "got 'transformer'");
  expect_error(run_murmur("train --model 'flatten lstm5'"), 2, "layers from convN[kK][sS][pP][n], norm, pool[W], ");
  expect_error(run_murmur("train --model 'flatten linear50'"), 2, "as the last layer");
  expect_error(run_murmur("train --device tpu"), 2, "device: expected auto, cpu, cuda or cuda:N, got 'tpu'");
  expect_error(run_murmur("train --dataset letters"), 2, "letters");
  expect_error(run_murmur("train --epochs 0"), 2, "epochs");
  expect_error(run_murmur("train --networks -1"), 2, "networks");
  expect_error(run_murmur("train --epochs 0x10"), 2, "expected a whole number from 1 to 1000000, got '0x10'");
  expect_error(run_murmur("train --micro-batch 6"), 2, "micro-batch: expected a positive multiple of 4, got 6");
  expect_error(run_murmur("train --set batch_size=64"), 2, "batch_size: expected at least the micro-batch");
  expect_error(run_murmur("train --seed one"), 2, "one");
  expect_error(run_murmur("--seed 1 train"), 2,
               "expected one of info, data, train, predict, search, analyse, ablate, baseline, replay, study, report, "
               "profile, preview first, got '--seed'");
  expect_error(run_murmur("search"), 2, "--study");
  expect_error(run_murmur("search --study x.db --particles 0"), 2, "particles");
}

TEST(CommandLine, NumbersThatAreNoneAreRefused) {
  const std::string kSeeds = "expected a whole number from 0 to 18446744073709551615, got ";
  expect_error(run_murmur("train --seed -1"), 2, "--seed: " + kSeeds + "'-1'");
  expect_error(run_murmur("search --study x.db --seed=-1"), 2, "--seed: " + kSeeds + "'-1'");
  expect_error(run_murmur("train --seed 18446744073709551616"), 2, kSeeds + "'18446744073709551616'");
  expect_error(
      run_murmur("train --seed 18446744073709551615 --networks 2"), 2,
      "--seed: expected at most 18446744073709551614, so that SEED + 1 is a seed too, got 18446744073709551615");
  expect_error(run_murmur("train --train-images -1"), 2,
               "--train-images: expected a whole number of at least 0, got '-1'");
  expect_error(run_murmur("train --epochs 1e3"), 2, "--epochs: expected a whole number from 1 to 1000000, got '1e3'");
  const auto refuse = [](const std::string& rest, const std::string& words) {
    expect_error(run_murmur("search --study x.db --trials 1 " + rest), 2, words);
  };
  refuse("--abort-below nan", "--abort-below: expected a number from 0 to 1, got 'nan'");
  refuse("--abort-below 1.5", "--abort-below: expected a number from 0 to 1, got '1.5'");
  refuse("--inertia-weight 0x1p-1", "--inertia-weight: expected a number, got '0x1p-1'");
  refuse("--inertia-weight inf", "expected inertia_weight in [0, 1000], got inf");
  refuse("--inertia-weight nan", "expected inertia_weight in [0, 1000], got nan");
  refuse("--cognitive-coefficient nan", "expected cognitive_coefficient in [0, 1000], got nan");
  refuse("--social-coefficient nan", "expected social_coefficient in [0, 1000], got nan");
  refuse("--velocity-limit nan", "expected velocity_limit in (0, 1], got nan");
  const Folder folder;
  write_text(folder / "run.toml", "seed = -1\n");
  expect_error(run_murmur("train --config " + (folder / "run.toml")), 2, kSeeds + "'-1'");
}

TEST(CommandLine, AFullDiskIsNoSuccess) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  const Folder folder;
  write_dataset(folder);
  const std::string data = " --quiet --device cpu --epochs 1 --data " + folder.path();
  for (const std::string& command :
       {std::string("--help"), std::string("--version"), std::string("info"), std::string("train --help"),
        "train" + data,
        "search --search dropout --trials 1 --particles 1 --repeats 1 --study " + (folder / "a.db") + data}) {
    // The comment swallows what `run_murmur` appends: standard error alone is read.
    expect_error(run_murmur(command + " 2>&1 >/dev/full #"), 1, "");
  }
}

TEST(CommandLine, CudaWithoutGpuExitsWith4) {
  if (num_cuda_devices() > 0) GTEST_SKIP() << "this machine has a GPU";
  expect_error(run_murmur("train --device cuda"), 4, "device cuda:0: expected a ");
}

TEST(CommandLine, BadDataExitsWith3) {
  const Folder folder;
  expect_error(run_murmur("train --data " + folder.path()), 3, folder.path());
  write_dataset(folder);
  const std::string labels = folder / "train-labels-idx1-ubyte";
  const std::string good = read_text(labels);
  write_text(labels, good.substr(0, 100));
  expect_error(run_murmur("train --data " + folder.path()), 3, labels);
  write_text(labels, read_text(folder / "train-images-idx3-ubyte"));
  expect_error(run_murmur("train --data " + folder.path()), 3, "images");
  EXPECT_EQ(folder.num_files(), 4u) << "an error must leave no file behind";
}

TEST(CommandLine, TrainWritesWhatItSays) {
  const Folder folder;
  write_dataset(folder);
  const std::string common = "train --device cpu --data " + folder.path() +
                             " --epochs 6 --set learning_rate=0.05 --set optimizer=adam --micro-batch 32 --set "
                             "batch_size=32 --seed 7 --json " +
                             (folder / "out.json");
  ASSERT_EQ(run_murmur(common + " --networks 3").exit_code, 0);
  const auto together = nlohmann::json::parse(read_text(folder / "out.json"));
  ASSERT_EQ(together["networks"].size(), 3u);
  EXPECT_EQ(together["device"], "cpu");
  EXPECT_GT(together["images_per_second"].get<double>(), 0);
  for (const auto& network : together["networks"]) EXPECT_GT(network["test_accuracy"].get<double>(), 0.9);
  // --seed S gives network i the seed S + i: network 1 of three is network 0 of a run of its own with the next seed
  ASSERT_EQ(run_murmur(common + " --networks 1 --seed 8").exit_code, 0);
  const auto alone = nlohmann::json::parse(read_text(folder / "out.json"));
  EXPECT_EQ(alone["networks"][0], together["networks"][1]);
}

TEST(CommandLine, SaysWhatABatchSizeBecomes) {
  const Folder folder;
  write_dataset(folder);
  const std::string common = "train --device cpu --epochs 1 --data " + folder.path() + " --micro-batch ";
  EXPECT_THAT(
      run_murmur(common + "64 --set batch_size=100").output,
      HasSubstr("batch_size 100 becomes 128, a multiple of the micro-batch of 64 (--micro-batch 20 makes it exact)"));
  EXPECT_THAT(run_murmur(common + "64 --set batch_size=101").output,
              HasSubstr("batch_size 101 becomes 128, a multiple of the micro-batch of 64\n"));
  EXPECT_THAT(run_murmur(common + "64 --set batch_size=128").output, ::testing::Not(HasSubstr("becomes")));
}

TEST(CommandLine, SaysThatANetworkHasNotLearned) {
  const Folder folder;
  write_dataset(folder);
  const std::string common =
      "train --device cpu --epochs 5 --micro-batch 32 --init he --data " + folder.path() + " --set learning_rate=";
  EXPECT_THAT(run_murmur(common + "1e-8").output,
              HasSubstr("the network has hardly learned (10 classes: 0.1000 by chance)"));
  EXPECT_THAT(run_murmur(common + "1e-2 --set optimizer=adam").output, ::testing::Not(HasSubstr("hardly learned")));
}

TEST(CommandLine, JsonHoldsTheSettings) {
  const Folder folder;
  write_dataset(folder);
  const auto json = [&](const std::string& rest) {
    const ProgramResult result = run_murmur("train --quiet --device cpu --epochs 1 --micro-batch 64 --data " +
                                            folder.path() + " --json " + (folder / "out.json") + rest);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return nlohmann::json::parse(read_text(folder / "out.json"));
  };
  const auto plain = json("");
  EXPECT_EQ(plain["set"], (nlohmann::json{{"learning_rate", 0.1}}));  // what suits the mean loss
  EXPECT_EQ(json(" --set optimizer=momentum")["set"]["learning_rate"], 0.01);
  EXPECT_EQ(json(" --set learning_rate=0.3")["set"]["learning_rate"], 0.3);
  EXPECT_EQ(plain["train_images"], 0);
  const nlohmann::json standard{{"dropconnect_on", "weights"},
                                {"contrast_per", "image"},
                                {"shuffle_window", 0},
                                {"loss_reduction", "mean"},
                                {"schedule_transfer", "number"}};
  EXPECT_EQ(plain["definitions"], standard);
  const auto other = json(" --set dropout=0.25 --set optimizer=adam --paper --init he --train-images 320");
  EXPECT_EQ(other["set"], (nlohmann::json{{"dropout", 0.25}, {"optimizer", "adam"}}));
  EXPECT_EQ(other["train_images"], 320);
  EXPECT_EQ(other["micro_batch"], 64);
  nlohmann::json study{{"dropconnect_on", "inputs"},
                       {"contrast_per", "batch"},
                       {"shuffle_window", 1024},
                       {"loss_reduction", "sum"},
                       {"schedule_transfer", "interval"}};
  EXPECT_EQ(other["definitions"], study);
  EXPECT_EQ(other["init"], "he");
  // Each definition has an option of its own, which wins over --paper.
  study["shuffle_window"] = 7;
  study["loss_reduction"] = "mean";
  EXPECT_EQ(json(" --shuffle-window 7 --paper --loss-reduction mean")["definitions"], study);
  nlohmann::json one = standard;
  one["dropconnect_on"] = "inputs";
  EXPECT_EQ(json(" --dropconnect-on inputs")["definitions"], one);
  one = standard;
  one["contrast_per"] = "batch";
  EXPECT_EQ(json(" --contrast-per batch")["definitions"], one);
}

TEST(CommandLine, ConfigFileIsReadAndTheCommandLineWins) {
  const Folder folder;
  write_dataset(folder);
  const std::string config = folder / "run.toml";
  write_text(config, "device = \"cpu\"\nepochs = 2\nnetworks = 2\nquiet = true\nmicro-batch = 32\ndata = \"" +
                         folder.path() + "\"\n[set]\nlearning_rate = 0.01\noptimizer = \"adam\"\n");
  ASSERT_EQ(run_murmur("train --config " + config + " --epochs 1 --json " + (folder / "out.json")).exit_code, 0);
  const auto result = nlohmann::json::parse(read_text(folder / "out.json"));
  EXPECT_EQ(result["epochs"], 1);
  EXPECT_EQ(result["networks"].size(), 2u);
  write_text(config, "epochs = 2\nnets = 2\n");
  expect_error(run_murmur("train --config " + config), 2, "--nets");
  write_text(config, "epochs = \n");
  expect_error(run_murmur("train --config " + config), 2, config + ":1: expected TOML");
  expect_error(run_murmur("train --config " + (folder / "none.toml")), 2, "none.toml");
  expect_error(run_murmur("train --config " + folder.path()), 2,
               "--config: expected a TOML file, got the folder '" + folder.path() + "'");
  write_text(config, "config = \"other.toml\"\n");
  expect_error(run_murmur("train --config " + config), 2, config + ":1: expected options, got another 'config'");
}

TEST(CommandLine, AConfigFileMayStandBeforeTheCommandAndBeAPipe) {
  const Folder folder;
  write_text(folder / "run.toml", "seed = \"one\"\n");
  for (const std::string& path : {"--config " + (folder / "run.toml"), "--config=" + (folder / "run.toml")}) {
    expect_error(run_murmur(path + " train"), 2, "got 'one'");
  }
  expect_error(run_murmur("train --config /dev/stdin", "echo 'seed = \"one\"' |"), 2, "got 'one'");
  expect_error(run_murmur("--config " + (folder / "run.toml")), 2,
               "expected one of info, data, train, predict, search, analyse, ablate, baseline, replay, study, report, "
               "profile, preview first");
}

TEST(CommandLine, JsonGoesToTheEndOfLinksAndIntoPipes) {
  const Folder folder;
  write_dataset(folder);
  const auto train = [&](const std::string& json) {
    return run_murmur("train --quiet --device cpu --epochs 1 --train-images 320 --data " + folder.path() + " --json " +
                      json);
  };
  std::filesystem::create_directory(folder / "elsewhere");
  std::filesystem::create_symlink("elsewhere/second", folder / "first");
  std::filesystem::create_symlink("out.json", folder / "elsewhere/second");
  for (const char* when : {"new", "replaced"}) {
    ASSERT_EQ(train(folder / "first").exit_code, 0) << when;
    EXPECT_TRUE(std::filesystem::is_symlink(folder / "first")) << when;
    EXPECT_TRUE(std::filesystem::is_symlink(folder / "elsewhere/second")) << when;
    EXPECT_EQ(nlohmann::json::parse(read_text(folder / "elsewhere/out.json"))["epochs"], 1) << when;
  }
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int end = open(pipe.c_str(), O_RDWR | O_NONBLOCK);  // the writer needs not wait
  ASSERT_EQ(train(pipe).exit_code, 0);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  std::string text(65536, '\0');
  const auto count = read(end, text.data(), text.size());
  close(end);
  ASSERT_GT(count, 0);
  EXPECT_EQ(nlohmann::json::parse(text.substr(0, static_cast<size_t>(count)))["epochs"], 1);
  // What was printed before must not be lost.
  ASSERT_EQ(train("/dev/stdout > " + (folder / "printed")).exit_code, 0);
  EXPECT_THAT(read_text(folder / "printed"), AllOf(HasSubstr("train loss"), HasSubstr("images_per_second")));
}

TEST(CommandLine, JsonThatCannotBeWrittenIsSaidBeforeTheWork) {
  const Folder folder;
  expect_error(run_murmur("train --data " + folder.path() + " --json /no/such/folder/x.json"), 2, "--json");
}

}  // namespace
}  // namespace murmur
