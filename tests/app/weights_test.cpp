// What train saves and takes, and predict reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "app/weights_file.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/safetensors.hpp"
#include "tests/app/run.hpp"

namespace murmur {
namespace {

using test::Folder;
using test::ProgramResult;
using test::read_text;
using test::run_murmur;
using test::write_text;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Pair;
using ::testing::StartsWith;

class WeightsFileTest : public ::testing::Test {
 protected:
  WeightsFileTest() { test::write_dataset(folder_, 640, 6); }

  std::string data() const { return " --device cpu --data " + folder_.path(); }
  std::string train() const { return "train --quiet" + data() + " --train-images 480 --micro-batch 32 "; }
  std::string predict(const std::string& rest) const { return "predict" + data() + " " + rest; }

  void expect_success(const std::string& arguments) const {
    const ProgramResult result = run_murmur(arguments);
    EXPECT_EQ(result.exit_code, 0) << arguments << "\n" << result.output;
  }
  void expect_error(const std::string& arguments, int exit_code, const std::string& words) const {
    const ProgramResult result = run_murmur(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << arguments << "\n" << result.output;
    EXPECT_THAT(result.output, AllOf(StartsWith("murmur: "), HasSubstr(words)));
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << result.output;
  }
  nlohmann::json json(const std::string& name) const { return nlohmann::json::parse(read_text(folder_ / name)); }

  /// The rows of a table of predictions, without its header.
  std::vector<std::vector<double>> table(const std::string& name) const {
    std::istringstream text(read_text(folder_ / name));
    std::string line;
    std::getline(text, line);
    EXPECT_EQ(line, "index,label,predicted,p0,p1,p2,p3,p4,p5,p6,p7,p8,p9");
    std::vector<std::vector<double>> rows;
    while (std::getline(text, line)) {
      std::istringstream cells(line);
      rows.emplace_back();
      for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(std::stod(cell));
      EXPECT_EQ(rows.back().size(), 13u);
    }
    return rows;
  }
  static double accuracy(const std::vector<std::vector<double>>& rows) {
    const auto hits = std::ranges::count_if(rows, [](const auto& row) { return row[1] == row[2]; });
    return static_cast<double>(hits) / static_cast<double>(rows.size());
  }

  Folder folder_;
};

/// Runs the program until a file is there, then kills it.
void kill_when_it_wrote(const std::string& file, const std::string& arguments) {
  const std::string command = std::string("exec ") + MURMUR_PROGRAM + " " + arguments + " >/dev/null 2>&1";
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  for (int i = 0; i < 60000 && !std::filesystem::exists(file); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

constexpr const char* kEverything =
    "--set shuffle=on --set flip=horizontal --set rotation=0.05 --set zoom=0.1 --set translation=0.1 --set "
    "contrast=0.1 "
    "--set input_noise=0.2 --set label_smoothing=0.1 --set dropout=0.2 --set dropconnect=0.1 --set frozen_fraction=0.1 "
    "--set activation_noise=0.05 --set loss_noise=0.3 --set weight_noise=1e-5 --set gradient_noise=1e-4 "
    "--set gradient_dropout=0.1 --set learning_rate_schedule=-0.5 --set batch_size=128 --set batch_size_schedule=0.5 "
    "--set transient_weight_noise=0.05 --set multiplicative_weight_noise=0.1 ";

TEST_F(WeightsFileTest, SayWhatTheyAreOf) {
  expect_success(train() + "--epochs 2 --networks 3 --seed 5 --set dropout=0.1 --set optimizer=adam --save " +
                 (folder_ / "w") + " --json " + (folder_ / "json"));
  const SafeTensors weights = read_safetensors(folder_ / "w");
  EXPECT_EQ(weights.tensors.size(), 6u);
  EXPECT_EQ(weights.tensors.at("linear1.weight").shape(), (Shape{3, 50, 36}));
  EXPECT_EQ(weights.tensors.at("linear3.bias").shape(), (Shape{3, 10}));
  EXPECT_THAT(weights.metadata,
              IsSupersetOf({Pair("format", "pt"), Pair("model", "fc"), Pair("dataset", "fashion-mnist"),
                            Pair("image_size", "6x6x1"), Pair("num_classes", "10"), Pair("seeds", "[5,6,7]"),
                            Pair("epochs", "2"), Pair("setting", R"({"dropout":0.1,"optimizer":"adam"})")}));
  EXPECT_THAT(weights.text("program"), StartsWith("murmur "));
  EXPECT_THAT(weights.text("definitions"), HasSubstr(R"("dropconnect_on":"weights")"));
  nlohmann::json accuracies = nlohmann::json::array();
  const nlohmann::json results = json("json");
  for (const auto& network : results["networks"]) accuracies.push_back(network["test_accuracy"]);
  EXPECT_EQ(weights.text("test_accuracy"), accuracies.dump());
  expect_success(train() +
                 "--epochs 2 --networks 3 --seed 5 --set dropout=0.1 --set optimizer=adam --network 1 --save " +
                 (folder_ / "one"));
  const SafeTensors one = read_safetensors(folder_ / "one");
  EXPECT_EQ(one.tensors.at("linear1.weight").shape(), (Shape{50, 36}));
  EXPECT_EQ(one.text("seeds"), "[6]");
  const std::vector<float> all = weights.tensors.at("linear2.weight").to_vector<float>();
  EXPECT_EQ(one.tensors.at("linear2.weight").to_vector<float>(),
            std::vector<float>(all.begin() + 2500, all.begin() + 5000));
}

TEST_F(WeightsFileTest, PredictionsHaveTheAccuracyOfTheTraining) {
  for (const std::string model : {"fc", "'conv8 pool dropout flatten linear'"}) {
    expect_success(
        train() + "--epochs 6 --networks 2 --set optimizer=adam --set learning_rate=0.02 --set batch_size=32 --model " +
        model + " --save " + (folder_ / "w") + " --json " + (folder_ / "json"));
    const auto networks = json("json")["networks"];
    EXPECT_GT(networks[0]["test_accuracy"].get<double>(), 0.2);
    for (const int k : {0, 1}) {
      const std::string choice = "--weights " + (folder_ / "w") + " --network " + std::to_string(k);
      expect_success(predict(choice + " --output " + (folder_ / "p.csv")));
      const auto rows = table("p.csv");
      ASSERT_EQ(rows.size(), 640u);
      EXPECT_EQ(rows[639][0], 639);
      EXPECT_EQ(accuracy(rows), networks[k]["test_accuracy"].get<double>());
      expect_success(predict(choice + " --split validation --output " + (folder_ / "v.csv")));
      ASSERT_EQ(table("v.csv").size(), 96u);  // a fifth of 480
      EXPECT_EQ(table("v.csv")[0][0], 384);
      EXPECT_EQ(accuracy(table("v.csv")), networks[k]["validation_accuracy"].get<double>());
    }
  }
}

// The slopes of an evaluation are those of the training's last update, whose schedule has ended at a fourth.
TEST_F(WeightsFileTest, PredictionsHaveTheSlopesOfTheTraining) {
  expect_success(
      train() +
      "--epochs 4 --networks 2 --set optimizer=adam --set batch_size=32 --model 'conv8 flatten linear9 linear' "
      "--set learning_rate=0.02 --set rrelu=0.8@linear:1:0.25 --save " +
      (folder_ / "w") + " --checkpoint " + (folder_ / "c") + " --json " + (folder_ / "json"));
  EXPECT_EQ(read_safetensors(folder_ / "w").text("rrelu"), "0.2");
  const auto networks = json("json")["networks"];
  for (const std::string file : {"w", "c"}) {
    for (const int k : {0, 1}) {
      expect_success(predict("--weights " + (folder_ / file) + " --network " + std::to_string(k) + " --output " +
                             (folder_ / "p.csv")));
      EXPECT_EQ(accuracy(table("p.csv")), networks[k]["test_accuracy"].get<double>()) << file << k;
    }
  }
  expect_success(predict("--weights " + (folder_ / "w") + " --output " + (folder_ / "p.csv")));
  SafeTensors weights = read_safetensors(folder_ / "w");
  weights.metadata.erase("rrelu");
  write_safetensors(folder_ / "w", weights);
  expect_success(predict("--weights " + (folder_ / "w") + " --output " + (folder_ / "relu.csv")));
  EXPECT_NE(table("p.csv"), table("relu.csv"));
  for (const char* text : {"-0.1", "2", "nan", "much"}) {
    weights.metadata["rrelu"] = text;
    write_safetensors(folder_ / "w", weights);
    expect_error(predict("--weights " + (folder_ / "w")), 3, std::string("expected a number in [0, 1], got '") + text);
  }
}

TEST_F(WeightsFileTest, ManyNetworksAreAnEnsemble) {
  expect_success(train() + "--epochs 2 --networks 2 --save " + (folder_ / "w"));
  const std::string weights = "--weights " + (folder_ / "w");
  for (const std::string k : {"0", "1"}) {
    expect_success(predict(weights + " --network " + k + " --output " + (folder_ / ("p" + k))));
  }
  expect_success(predict(weights + " --output " + (folder_ / "p")));
  const auto both = table("p"), first = table("p0"), second = table("p1");
  for (size_t n = 0; n < both.size(); ++n) {
    double total = 0;
    for (size_t k = 3; k < 13; ++k) {
      EXPECT_NEAR(both[n][k], (first[n][k] + second[n][k]) / 2, 1e-9);
      total += both[n][k];
    }
    EXPECT_NEAR(total, 1, 1e-8);
  }
  // The table goes to standard output, the accuracy to standard error.
  EXPECT_EQ(run_murmur(predict(weights + " 2>/dev/null #")).output, read_text(folder_ / "p"));
  EXPECT_THAT(run_murmur(predict(weights + " 2>&1 >/dev/null #")).output,
              AllOf(StartsWith("accuracy on test: 0."), HasSubstr(", by the mean probabilities of 2 networks")));
}

TEST_F(WeightsFileTest, TrainingStartsFromThem) {
  expect_success(train() + "--epochs 3 --networks 2 --set learning_rate=0.05 --save " + (folder_ / "w"));
  // With a learning rate that moves nothing, what comes out is what went in.
  const std::string still = train() + "--epochs 1 --set learning_rate=1e-5 --set frozen_fraction=1 --init ";
  expect_success(still + (folder_ / "w") + " --networks 2 --save " + (folder_ / "same"));
  const SafeTensors before = read_safetensors(folder_ / "w"), after = read_safetensors(folder_ / "same");
  EXPECT_EQ(after.tensors.at("linear1.weight").to_vector<float>(),
            before.tensors.at("linear1.weight").to_vector<float>());
  expect_success(train() + "--epochs 3 --networks 2 --set learning_rate=0.05 --network 1 --save " + (folder_ / "one"));
  expect_success(still + (folder_ / "one") + " --networks 3 --save " + (folder_ / "three"));
  const std::vector<float> own = before.tensors.at("linear3.weight").to_vector<float>();
  std::vector<float> thrice;
  for (int i = 0; i < 3; ++i) thrice.insert(thrice.end(), own.begin() + 500, own.end());
  EXPECT_EQ(read_safetensors(folder_ / "three").tensors.at("linear3.weight").to_vector<float>(), thrice);
}

TEST_F(WeightsFileTest, ATrainingThatWasKilledGoesOnAsIfNothingHadBeen) {
  for (const std::string optimizer : {"momentum", "adam"}) {
    const std::string options =
        "--every 2 --epochs 40 --networks 3 --set learning_rate=0.01 --set optimizer=" + optimizer + " " + kEverything +
        "--model 'conv5n pool dropout flatten linear9 dropout linear' ";
    expect_success(train() + options + "--save " + (folder_ / "whole") + " --json " + (folder_ / "whole.json"));
    const std::string checkpoint = folder_ / ("checkpoint-" + optimizer);
    kill_when_it_wrote(checkpoint, train() + options + "--checkpoint " + checkpoint);
    std::filesystem::copy_file(checkpoint, folder_ / "copy", std::filesystem::copy_options::overwrite_existing);
    expect_success("train --quiet" + data() + " --resume " + (folder_ / "copy") + " --save " + (folder_ / "resumed") +
                   " --json " + (folder_ / "resumed.json"));
    EXPECT_TRUE(read_text(folder_ / "resumed") == read_text(folder_ / "whole")) << optimizer;
    EXPECT_EQ(json("resumed.json")["networks"], json("whole.json")["networks"]);
  }
}

TEST_F(WeightsFileTest, ATrainingGoesOnAsItWasAskedFor) {
  const std::string checkpoint = folder_ / "c";
  expect_success(train() + "--epochs 2 --networks 2 --set dropout=0.1 --every 5 --checkpoint " + checkpoint);
  const std::string resume = "train --quiet --device cpu --resume " + checkpoint;
  // What has ended can still be saved, and the data need not be named again.
  expect_success(resume + " --networks 2 --epochs 2 --set dropout=0.1 --save " + (folder_ / "w"));
  EXPECT_EQ(read_safetensors(folder_ / "w").text("epochs"), "2");
  const std::string as = ", got ";
  const std::string whose = " (expected: as in '" + checkpoint + "'; got: the command line's)";
  expect_error(resume + " --model lenet5", 2, "--model: expected 'fc'" + as + "'lenet5'");
  expect_error(resume + " --networks 3 --micro-batch 8", 2,
               "--micro-batch: expected '32', got '8'; --networks: expected '2', got '3'" + whose);
  expect_error(resume + " --set dropout=0.2", 2, R"(--set: expected ["dropout=0.1"])" + as + R"(["dropout=0.2"])");
  expect_error(resume + " --paper", 2, "--paper: expected none" + as + "'true'");
  expect_error(resume + " --dataset mnist", 2, "--dataset: expected 'fashion-mnist'" + as + "'mnist'");
  expect_error("train --resume " + (folder_ / "w"), 3, "expected a file of train --checkpoint, got weights alone");
  expect_error("train --resume " + (folder_ / "none"), 3, "none: expected a safetensors file, got none");
  test::write_dataset(folder_, 600, 6);
  expect_error(resume, 3, checkpoint + ": expected the data set '10 classes, 640 + 640 images of 6x6x1, checksum ");
}

TEST_F(WeightsFileTest, ATrainingCanBeMadeLongerAsIfItHadBeenSoFromTheBeginning) {
  const std::string options = "--networks 2 --set optimizer=adam --set dropout=0.1@decay:0.5 ";
  expect_success(train() + options + "--epochs 2 --checkpoint " + (folder_ / "c"));
  expect_success("train --quiet --device cpu --dry-run --epochs 4 --resume " + (folder_ / "c"));
  expect_success("train --quiet --device cpu --epochs 4 --resume " + (folder_ / "c") + " --save " +
                 (folder_ / "longer"));
  expect_success(train() + options + "--epochs 4 --save " + (folder_ / "whole"));
  EXPECT_TRUE(read_text(folder_ / "longer") == read_text(folder_ / "whole"));
  expect_error("train --epochs 3 --resume " + (folder_ / "c"), 2,
               "--epochs: expected at least the 4 that '" + (folder_ / "c") + "' has had, got 3");
  for (const std::string schedule : {"dropout=0.1@early:0.5", "learning_rate_schedule=0.5"}) {
    expect_success(train() + "--epochs 2 --set " + schedule + " --checkpoint " + (folder_ / "s"));
    expect_error("train --epochs 3 --resume " + (folder_ / "s"), 2, "--epochs: expected '2', got '3'");
  }
}

TEST_F(WeightsFileTest, FilesThatDoNotFitAreRefused) {
  const std::string file = folder_ / "w";
  expect_success(train() + "--epochs 1 --networks 2 --save " + file);
  expect_error(train() + "--init " + file + " --networks 3", 3,
               file + ": expected 'linear1.weight' to be f32 or f64, [50, 36] or [P=3, 50, 36], got f32 [2, 50, 36]");
  expect_error(train() + "--model 'flatten linear40 linear' --init " + file, 3, file + ": expected ");
  expect_error(train() + "--init hee", 2,
               "--init: expected scale, he, glorot, lecun, orthogonal or a file with weights, got 'hee'");
  expect_error("search --study x.db --init " + file, 2, "--init");
  expect_error(predict("--weights " + file + " --network 2"), 2,
               "--network: expected one of 2 networks, from 0 on, got 2");
  expect_error(predict("--weights " + file + " --model 'flatten linear40 linear'"), 3, file + ": expected ");
  expect_error(train() + "--networks 2 --save " + file + " --network 2", 2,
               "--network: expected one of 2 networks, from 0 on, got 2");
  expect_error(predict("--weights " + (folder_ / "none")), 3, "none: expected a safetensors file, got none");
  expect_error("predict", 2, "--weights");
  std::string bytes = read_text(file);
  write_text(file, bytes.substr(0, bytes.size() - 1));
  expect_error(predict("--weights " + file), 3, file + ": expected '");
  bytes[7] = '\x10';  // a header of 2^60 bytes
  write_text(file, bytes);
  for (const std::string& command :
       {predict("--weights " + file), train() + "--init " + file, "train --resume " + file}) {
    expect_error(command, 3, file + ": expected a header of at most ");
  }
}

// Epochs without networks, and no epoch at all, are names of nothing.
TEST_F(WeightsFileTest, AHistoryThatIsNoneIsRefused) {
  for (const Shape& shape : {Shape{0, 2}, Shape{int64_t{1} << 61, 0}, Shape{2}, Shape{}}) {
    SafeTensors checkpoint;
    checkpoint.tensors.emplace("result.epoch", Tensor::zeros(shape, DType::kI64, kCpu));
    EXPECT_THROW(app::read_history(checkpoint, 2), DataError) << to_string(shape);
  }
}

TEST_F(WeightsFileTest, WhatCannotBeWrittenIsAnError) {
  for (const std::string option : {"--save", "--checkpoint"}) {
    expect_error(train() + option + " " + (folder_ / "none/w"), 2,
                 option + ": expected a file in a folder that can be written to, got '");
    if (!std::filesystem::exists("/dev/full")) continue;
    expect_error(train() + "--epochs 1 " + option + " /dev/full 2>&1 >/dev/null #", 1,
                 "/dev/full: expected to write the file, got: No space left on device");
  }
  expect_success(train() + "--epochs 1 --save " + (folder_ / "w"));
  expect_error(predict("--weights " + (folder_ / "w") + " --output " + (folder_ / "none/p")), 2,
               "--output: expected a file in a folder that can be written to, got '");
  if (!std::filesystem::exists("/dev/full")) return;
  expect_error(predict("--weights " + (folder_ / "w") + " --output /dev/full 2>&1 >/dev/null #"), 1,
               "/dev/full: expected to write the file, got: No space left on device");
}

}  // namespace
}  // namespace murmur
