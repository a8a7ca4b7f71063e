#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/app/run.hpp"
#include "tests/app/search_command.hpp"

namespace murmur {
namespace {

using test::Folder;
using test::ProgramResult;
using test::read_text;
using test::run_murmur;
using test::search_command;
using test::write_dataset;
using testing::HasSubstr;

TEST(DryRun, OfATrainingSaysWhatItTakesAndWritesNothing) {
  const Folder folder;
  write_dataset(folder);
  const std::string command =
      "train --device cpu --quiet --model 'flatten linear' --networks 3 --epochs 4 --set dropout=0.25 --set "
      "learning_rate=0.001@warmupcosine:0.1 "
      "--data " +
      folder.path() + " --save " + (folder / "w.safetensors") + " --checkpoint " + (folder / "c.safetensors") +
      " --json " + (folder / "r.json");
  const ProgramResult result = run_murmur(command + " --dry-run");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("would train 3 x flatten linear on fashion-mnist, 4 epochs, on cpu"));
  EXPECT_THAT(result.output, HasSubstr("dropout=0.25"));
  EXPECT_THAT(result.output, HasSubstr("learning_rate=0.001@warmupcosine:0.1")) << "its value is the default";
  EXPECT_THAT(result.output, HasSubstr("for 3 networks of"));
  EXPECT_THAT(result.output, HasSubstr(" of data, 28.0 MiB of the program; "));
  EXPECT_FALSE(std::filesystem::exists(folder / "w.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(folder / "c.safetensors"));
  const nlohmann::json report = nlohmann::json::parse(read_text(folder / "r.json"));
  EXPECT_EQ(report["format"], "murmur-dry-run-1");
  EXPECT_EQ(report["setting"]["dropout"], 0.25);
  EXPECT_EQ(report["setting"].size(), 47u) << "all of them, those that are off too";
  EXPECT_EQ(report["networks"], 3);
  EXPECT_GT(report["bytes_of_networks"], report["bytes_per_network"]);
  EXPECT_EQ(report["bytes_of_data"], 2 * 640 * (4 * 4 + 1)) << "images and labels, to train and to test on";
  EXPECT_EQ(report["bytes"], report["bytes_of_networks"].get<int64_t>() + report["bytes_of_data"].get<int64_t>() +
                                 report["bytes_of_program"].get<int64_t>());
  EXPECT_GT(report["bytes_available"], report["bytes"]);
  EXPECT_GT(report["seconds_per_epoch"], 0);
  EXPECT_DOUBLE_EQ(report["seconds"].get<double>(), 4 * report["seconds_per_epoch"].get<double>());
}

TEST(DryRun, OfASearchLeavesNoStudy) {
  const Folder folder;
  write_dataset(folder);
  const ProgramResult result =
      run_murmur(search_command(folder, "s.db", "--search dropout,optimizer --dry-run --json " + (folder / "r.json")));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("search: fc on fashion-mnist, 2 dimensions, 4 particles in 3 slots, 12 trials"));
  EXPECT_THAT(result.output, HasSubstr("searched dropout from 0 to 0.5\n         optimizer sgd momentum adam\n"));
  EXPECT_THAT(result.output, HasSubstr("time     about "));
  const nlohmann::json report = nlohmann::json::parse(read_text(folder / "r.json"));
  EXPECT_EQ(report["definition"]["model"], "fc");
  EXPECT_GT(report["seconds"], 0);
  EXPECT_EQ(folder.num_files(), 5u) << "the data and the report";
}

/// A study that is there must be this search's, as without --dry-run; it is not touched, and what it has is not trained
/// again.
TEST(DryRun, OfASearchThatGoesOnIsOfItsStudy) {
  const Folder folder;
  write_dataset(folder);
  const std::string command = search_command(folder, "s.db", "--search dropout,optimizer --confirm 0 --repeats 1");
  const std::string dry = " --dry-run --json " + (folder / "r.json");
  const auto report = [&] { return nlohmann::json::parse(read_text(folder / "r.json")); };
  EXPECT_THAT(run_murmur(command + dry).output, HasSubstr("s.db, a new one\n"));
  EXPECT_TRUE(report()["trials_done"].is_null());
  // Baseline and 12 trials of two epochs, then all off and the best trained again once on train + validation.
  const auto num_epochs = [&] {
    return report()["seconds"].get<double>() / report()["seconds_per_epoch"].get<double>() * 3;
  };
  const double final_test = num_epochs() - (1 + 12) * 2;
  EXPECT_GT(final_test, 2 * 2);
  ASSERT_EQ(run_murmur(command).exit_code, 0);
  const std::string study = read_text(folder / "s.db");
  const ProgramResult more = run_murmur(command + dry + " --trials 15");
  EXPECT_EQ(more.exit_code, 0) << more.output;
  EXPECT_THAT(more.output, HasSubstr("s.db, which has 12 trials: the search goes on\n"));
  EXPECT_EQ(report()["trials_done"], 12);
  EXPECT_NEAR(num_epochs(), (15 - 12) * 2 + final_test, 1e-6) << "only what there is still to do";
  const ProgramResult other = run_murmur(command + dry + " --epochs 5");
  EXPECT_EQ(other.exit_code, 3) << other.output;
  EXPECT_THAT(other.output, HasSubstr("epochs"));
  EXPECT_EQ(read_text(folder / "s.db"), study);
}

/// What a dry run refuses is refused as early without one: before the trials, and before there is a study.
TEST(DryRun, ASearchWhoseFinalTestDoesNotFitIsRefusedBeforeItsTrials) {
  const Folder folder;
  write_dataset(folder);
  const std::string command =
      search_command(folder, "s.db", "--confirm 0 --repeats 1000000 --model 'flatten linear4096 linear4096 linear'");
  for (const char* how : {"", " --dry-run"}) {
    const ProgramResult result = run_murmur(command + how);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, HasSubstr("2000000 networks of flatten linear4096 linear4096 linear: expected "));
    EXPECT_FALSE(std::filesystem::exists(folder / "s.db")) << how;
  }
}

TEST(DryRun, LeadingZerosAreNotOctal) {
  const Folder folder;
  write_dataset(folder);
  const ProgramResult result =
      run_murmur("train --dry-run --device cpu --micro-batch 032 --networks 08 --epochs 010 --data " + folder.path());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("would train 8 x fc on fashion-mnist, 10 epochs"));
}

TEST(DryRun, OfABaselineSaysHowManyTrainings) {
  const Folder folder;
  write_dataset(folder);
  const ProgramResult result = run_murmur(
      "baseline --device cpu --micro-batch 32 --levels 1 --sparse-random 2 --seeds 3 "
      "--epochs 4 --dry-run --data " +
      folder.path() + " --json " + (folder / "r.json"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const nlohmann::json report = nlohmann::json::parse(read_text(folder / "r.json"));
  EXPECT_THAT(result.output, HasSubstr("baseline: fc on fashion-mnist, " + report["settings"].dump() +
                                       " settings with 3 seeds each, 4 epochs, on cpu"));
  EXPECT_THAT(result.output, HasSubstr("time     about "));
  EXPECT_GT(report["settings"], 22 + 2);
  EXPECT_NEAR(report["seconds"].get<double>(),
              report["settings"].get<double>() * 3 * 4 * report["seconds_per_epoch"].get<double>() /
                  report["networks"].get<double>(),
              1e-9);
}

TEST(DryRun, WhatDoesNotFitIsRefused) {
  const Folder folder;
  write_dataset(folder);
  const ProgramResult result = run_murmur(
      "train --dry-run --device cpu --quiet --networks 1000000 --model 'flatten linear4096 linear4096 linear' --data " +
      folder.path());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, HasSubstr("fit (see --networks, --slots)"));
}

}  // namespace
}  // namespace murmur
