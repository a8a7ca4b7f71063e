// murmur preview: the file, its numbers, and what it refuses.
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "murmur/data/image.hpp"
#include "tests/app/run.hpp"

namespace murmur::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class PreviewTest : public ::testing::Test {
 protected:
  PreviewTest() { write_dataset(folder_); }

  ProgramResult preview(const std::string& options) const {
    return run_murmur("preview --dataset mnist --data " + folder_.path() + " --output " + sheet() + " " + options);
  }
  /// Its numbers, of a run that must end well.
  Json numbers(const std::string& options) const {
    const ProgramResult result = preview("--json " + folder_ / "out.json" + " " + options);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return Json::parse(read_text(folder_ / "out.json"));
  }
  std::string sheet() const { return folder_ / "sheet.png"; }

  Folder folder_;
};

TEST_F(PreviewTest, WritesAPictureOfTheSizeThatItSays) {
  const Json report = numbers("--set input_noise=0.2 --set rotation=0.1 --set dropout=0.5");
  const RgbImage image = read_image(sheet());
  EXPECT_EQ(image.size.width, report["width"].get<int64_t>());
  EXPECT_EQ(image.size.height, report["height"].get<int64_t>());
  EXPECT_EQ(report["format"], "murmur-preview-1");
  EXPECT_EQ(report["columns"].size(), 1 + 2 + 3u);
  EXPECT_EQ(report["columns"][0]["samples"].size(), 4u);
  EXPECT_EQ(report["panels"].size(), 1u);
  EXPECT_EQ(folder_.num_files(), 4 + 2u);  // and nothing else
}

TEST_F(PreviewTest, OriginalsAreTheFilesPixels) {
  const Json report = numbers("--samples 3 --train-on-all --set input_noise=0.2");
  const RgbImage image = read_image(sheet());
  const std::string images = read_text(folder_ / "train-images-idx3-ubyte").substr(16);
  const std::string labels = read_text(folder_ / "train-labels-idx1-ubyte").substr(8);
  const auto scale = report["scale"].get<size_t>();
  const Json& samples = report["columns"][0]["samples"];
  for (size_t row = 0; row < 3; ++row) {
    const size_t sample = row * 640 / 3;
    EXPECT_EQ(samples[row]["class"], labels[sample]);
    for (size_t pixel = 0; pixel < 16; ++pixel) {
      const size_t x = samples[row]["x"].get<size_t>() + pixel % 4 * scale + scale / 2;
      const size_t y = samples[row]["y"].get<size_t>() + pixel / 4 * scale + scale / 2;
      const auto width = static_cast<size_t>(image.size.width);
      EXPECT_EQ(image.pixels[(y * width + x) * 3], static_cast<uint8_t>(images[sample * 16 + pixel])) << row << pixel;
    }
  }
}

TEST_F(PreviewTest, TheSameSeedIsTheSameFile) {
  const std::string options = "--set input_noise=0.2 --set dropout=0.5 --seed ";
  const auto file = [&](const std::string& more) {
    EXPECT_EQ(preview(options + more).exit_code, 0);
    return read_text(sheet());
  };
  const std::string first = file("1");
  EXPECT_EQ(file("1"), first);
  EXPECT_NE(file("2"), first);
}

TEST_F(PreviewTest, ShareOfZerosUnderDropout) {
  const Json panel =
      numbers("--micro-batch 512 --model \"flatten linear64 dropout linear\" --set dropout=0.5")["panels"][0];
  EXPECT_EQ(panel["technique"], "dropout");
  EXPECT_EQ(panel["quantity"], "output of linear64 dropout");
  const auto count = panel["before"]["count"].get<double>();
  const auto before = panel["before"]["zeros"].get<double>(), after = panel["after"]["zeros"].get<double>();
  EXPECT_EQ(count, 512 * 64);
  // Of the n that a ReLU has let pass half fall: k - n / 2 is within 6 sqrt(n / 4), but for a chance of 2 exp(-18).
  const double n = count * (1 - before), k = count * (after - before);
  EXPECT_GT(n, 1000);
  EXPECT_NEAR(k, n / 2, 6 * std::sqrt(n / 4));
  // E of what is kept and doubled is what it was.
  EXPECT_NEAR(panel["after"]["mean"].get<double>(), panel["before"]["mean"].get<double>(),
              6 * panel["after"]["deviation"].get<double>() / std::sqrt(count));
}

TEST_F(PreviewTest, MomentsOfTheInput) {
  const Json columns = numbers("--samples 1 --draws 1 --set input_noise=2")["columns"];
  ASSERT_EQ(columns.size(), 2u);
  // The first image is all 0 but for one pixel of 250.
  const Json &original = columns[0]["samples"][0], &noisy = columns[1]["samples"][0];
  EXPECT_NEAR(original["mean"].get<double>(), 250 / 255.0 / 16, 1e-7);
  EXPECT_NEAR(original["zeros"].get<double>(), 15 / 16.0, 1e-12);
  EXPECT_NEAR(noisy["mean"].get<double>(), 250 / 255.0 / 16, 6 * 2 / std::sqrt(16.0));
  EXPECT_GT(noisy["deviation"].get<double>(), 1);
  EXPECT_EQ(columns[1]["setting"], (Json{{"input_noise", 2.0}}));
}

TEST_F(PreviewTest, ConvolutionsAndColours) {
  EXPECT_EQ(numbers("--model \"conv4 pool dropout flatten linear\" --set dropout=0.5")["panels"][0]["quantity"],
            "output of conv4 pool dropout");
  const Folder images;
  for (const char* part : {"train", "test"}) {
    for (const char* name : {"a", "b"}) {
      const auto path = std::filesystem::path(images.path()) / part / name;
      std::filesystem::create_directories(path);
      // The sheet of above is a picture like another.
      std::filesystem::copy_file(sheet(), path / "1.png");
    }
  }
  const ProgramResult result =
      run_murmur("preview --dataset image-folder --data " + images.path() +
                 " --no-cache --image-size 9x7 --train-on-all --samples 2 --set translation=0.2 --output " +
                 images / "out.png" + " --model \"conv4k3 globalpool flatten linear\" --set activation_noise=0.1");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("2 samples in 4 columns, 1 panel"));
}

TEST_F(PreviewTest, SaysWhatActsOnNothing) {
  const ProgramResult result = preview("--model \"flatten linear8 linear\" --set dropout=0.5");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("dropout: changes nothing in the first tick of flatten linear8 linear"));
}

TEST_F(PreviewTest, NumbersGoToStandardOutput) {
  const ProgramResult result = run_murmur("preview --dataset mnist --data " + folder_.path() + " --output " + sheet() +
                                          " --json - 2> /dev/null #");
  EXPECT_EQ(Json::parse(result.output)["columns"].size(), 1u);
}

TEST_F(PreviewTest, ReadsOptionsFromAFile) {
  write_text(folder_ / "run.toml", "seed = 4\nsamples = 2\n[set]\nflip = \"both\"\n");
  const Json report = numbers("--config " + folder_ / "run.toml");
  EXPECT_EQ(report["seed"], 4);
  EXPECT_EQ(report["columns"][1]["value"], "both");
  EXPECT_EQ(report["columns"][0]["samples"].size(), 2u);
}

TEST_F(PreviewTest, RefusesBadOptions) {
  const auto expect = [&](const std::string& options, const std::string& message, int code = 2) {
    const ProgramResult result = preview(options);
    EXPECT_EQ(result.exit_code, code) << options;
    EXPECT_THAT(result.output, AllOf(HasSubstr(message), Not(HasSubstr("terminate")))) << options;
    EXPECT_EQ(count_of(result.output, "\n"), 1u) << result.output;
    EXPECT_FALSE(std::filesystem::exists(sheet())) << options;
  };
  expect("--samples 0", "expected a whole number from 1 to 100, got '0'");
  expect("--samples -3", "expected a whole number");
  expect("--draws 1e3", "expected a whole number");
  expect("--json " + sheet(), "--json: expected another file than --output, got '");
  expect("--train-images 20 --samples 17", "samples: expected from 1 to 16, the number of training images, got 17");
  expect("--set nonsense=1", "unknown technique 'nonsense'");
  expect("--set dropout=2", "dropout: expected a number in [0, 0.95], got '2'");
  expect("--set dropout", "--set: expected technique=value, got 'dropout'");
  expect("--model fc2", "model: expected");
  expect("--model \"conv4k9p0 flatten linear\"", "expected");
  expect("--init best", "expected");
  expect("--micro-batch 3", "micro-batch: expected a positive multiple of 4, got 3");
  expect("--device gpu", "expected");
  expect("--dataset none", "dataset: expected one of");
  expect("--data /nonexistent", "dataset mnist: expected", 3);
  expect("--samples 100 --draws 100 --set flip=both", "picture: expected");
  expect("--json /nonexistent/out.json", "--json: expected a file in a folder that can be written to");
}

TEST_F(PreviewTest, RefusesPlacesThatCannotBeWritten) {
  const auto output = [&](const std::string& path) {
    return run_murmur("preview --dataset mnist --data " + folder_.path() + " --output " + path);
  };
  for (const std::string& path : {std::string("/nonexistent/sheet.png"), folder_.path()}) {
    const ProgramResult result = output(path);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, HasSubstr("--output: expected a file in a folder that can be written to"));
  }
  for (const std::string& path : {std::string("-"), folder_ / "sheet.jpg"}) {
    EXPECT_THAT(output(path).output, HasSubstr("--output: expected a PNG file, got '" + path + "'"));
  }
  EXPECT_EQ(run_murmur("preview").exit_code, 2);
  const ProgramResult full = output("/dev/full");
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_THAT(full.output, HasSubstr("/dev/full: expected to write the file, got: No space left on device"));
}

/// What was there is replaced as a whole, or stays.
TEST_F(PreviewTest, TheOldFileStaysUntilTheNewOneIsWhole) {
  write_text(sheet(), "old");
  EXPECT_EQ(preview("--samples 500").exit_code, 2);
  EXPECT_EQ(run_murmur("preview --dataset mnist --data " + folder_.path() + " --samples 100 --output " + sheet(),
                       "ulimit -f 1;")
                .exit_code,
            1);  // a file may have 1024 bytes at most
  EXPECT_EQ(read_text(sheet()), "old");
  EXPECT_EQ(preview("").exit_code, 0);
  EXPECT_NE(read_text(sheet()), "old");
  EXPECT_EQ(folder_.num_files(), 4 + 1u);
}

}  // namespace
}  // namespace murmur::test
