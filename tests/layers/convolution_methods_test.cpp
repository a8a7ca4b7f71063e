// A convolution by the library against im2col and a matrix product, and the choice between them.
#include "murmur/layers/convolution_operation.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "murmur/layers/image_activation.hpp"
#include "murmur/layers/image_layout.hpp"
#include "murmur/layers/operations.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/population.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using enum ConvolutionMethod;
using enum ConvolutionPass;

// Dense samples; the weights of the first do not fill whole quads.
constexpr ConvolutionShape kGrey{5, 12, 12, 1, 6, 5, 1, 2};
constexpr ConvolutionShape kStrided{3, 8, 8, 16, 20, 3, 2, 1};
// What has blocks of 16 channels on a CPU: behind an image, by Winograd's algorithm, and without it.
constexpr ConvolutionShape kFirst{5, 8, 6, 3, 32, 3, 1, 1};
constexpr ConvolutionShape kWinograd{5, 9, 7, 32, 48, 3, 1, 1};
constexpr ConvolutionShape kUnpadded{2, 6, 6, 16, 16, 3, 1, 0};
constexpr ConvolutionShape kStridedBlocks{3, 8, 8, 16, 32, 3, 2, 1};
constexpr ConvolutionShape kPointwise{3, 5, 4, 48, 16, 1, 1, 0};
constexpr ConvolutionShape kWide{2, 6, 5, 16, 32, 3, 1, 2};

/// The root of the mean square of a - b, relative to that of b.
double relative_error(const std::vector<float>& a, const std::vector<float>& b) {
  double error = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    error += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(error / size);
}

class ConvolutionMethods : public test::DeviceTest {
 protected:
  void SetUp() override {
    test::DeviceTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (!has_library_convolution(device(), kGrey)) GTEST_SKIP() << "this build has no library for " << device().name();
  }

  struct Results {
    std::vector<float> output, grad_input, grad_weight;
  };

  /// Forward and backward, the input being used twice: its second gradient is added to the first.
  Results run(int64_t networks, const ConvolutionShape& shape, ConvolutionMethod method) const {
    Arena arena(device());
    Step step{stream(), arena, {}};
    step.args.num_networks = networks;
    step.args.micro_batch = shape.batch;
    const auto random = [&](Shape sizes, uint64_t seed) {
      const auto size = static_cast<size_t>(sizes[0] * sizes[1] * sizes[2]);
      return Tensor::from<float>(test::random_values<float>(size, seed), std::move(sizes), device());
    };
    const int64_t weight_size = shape.filters * shape.filter_size();
    const auto parameter = [&](uint64_t seed) {
      return random({networks, 1, padded(weight_size)}, seed).view(0, {networks, shape.filters, shape.filter_size()});
    };
    const Tensor grad_weight = parameter(3);
    const Variable input = Variable::parameter(random({networks, shape.batch, shape.input_size()}, 1),
                                               random({networks, shape.batch, shape.input_size()}, 4));
    const Variable weight = Variable::parameter(parameter(2), grad_weight);
    ConvolutionOptions options{shape.kernel, shape.stride, shape.padding, method};
    const Activations images{
        input, Layout::kSampleMajor, shape.input_size(), {shape.height, shape.width, shape.channels}};
    const Activations output = convolution(step, images, weight, options);
    const Variable result = channels_last(step, output).x;
    result.take_grad(random({networks, shape.batch, shape.output_size()}, 5));
    backward(result);
    stream().synchronize();
    return {result.value().to_vector<float>(), input.grad().to_vector<float>(), grad_weight.to_vector<float>()};
  }
};
MURMUR_ON_EVERY_DEVICE(ConvolutionMethods);

// Both are sums of n products below 1 (and of the gradient below 1 that they are added to), which round by at most n u
// each, in whatever order: n^2 u either. That is room for Winograd's transforms too; the next test is sharp.
TEST_P(ConvolutionMethods, Agree) {
  for (const ConvolutionShape& shape :
       {kGrey, kStrided, kFirst, kWinograd, kUnpadded, kStridedBlocks, kPointwise, kWide}) {
    for (const int64_t networks : {1, 3, 11}) {
      SCOPED_TRACE(::testing::Message() << "P=" << networks << " kernel " << shape.kernel);
      const Results library = run(networks, shape, kLibrary);
      const Results product = run(networks, shape, kMatrixProduct);
      const auto tolerance = [](int64_t n) { return 2 * static_cast<double>(n * n) * test::kRounding<float>; };
      EXPECT_TRUE(test::all_near(library.output, product.output, tolerance(shape.filter_size())));
      EXPECT_TRUE(test::all_near(library.grad_input, product.grad_input,
                                 tolerance(shape.kernel * shape.kernel * shape.filters + 1)));
      EXPECT_TRUE(test::all_near(library.grad_weight, product.grad_weight,
                                 tolerance(shape.batch * shape.out_height() * shape.out_width() + 1)));
    }
  }
}

// Winograd's transforms for 4 x 4 outputs amplify rounding: per axis, an output's standard deviation is that of the
// plain sum times the root of sum_i A_ki^2 |B_i|^2 |G_i|^2 / 3, 3.3 in the mean over k for the points 0, +-1, +-2
// (Lavin & Gray 2015), 10.8 for two axes. A sum of n products of random numbers rounds by about sqrt(n) u of its size
// at most.
TEST_P(ConvolutionMethods, AgreeInTheMean) {
  const ConvolutionShape shape{8, 16, 16, 64, 64, 3, 1, 1};
  const Results library = run(2, shape, kLibrary), product = run(2, shape, kMatrixProduct);
  const auto bound = [](int64_t n) { return (10.8 + 1) * std::sqrt(static_cast<double>(n)) * test::kRounding<float>; };
  EXPECT_LT(relative_error(library.output, product.output), bound(shape.filter_size()));
  EXPECT_LT(relative_error(library.grad_input, product.grad_input), bound(9 * shape.filters));
  EXPECT_LT(relative_error(library.grad_weight, product.grad_weight), bound(shape.batch * 16 * 16));
}

// One after the other, through every change of layout: an image, blocks, blocks, and both convolutions of a residual
// block by products, which want channels last of the same blocks and add to the same gradient. Up to seven convolutions
// lie before a gradient.
TEST_P(ConvolutionMethods, AgreeInAChain) {
  constexpr int64_t kNetworks = 2, kRows = 4;
  const auto run_chain = [&](ConvolutionMethod method) {
    Arena arena(device());
    Step step{stream(), arena, {}};
    step.args.num_networks = kNetworks;
    step.args.micro_batch = kRows;
    test::Population population(kNetworks, device());
    step.args = population.upload(kRows, kRows);
    const auto random = [&](Shape sizes, uint64_t seed) {
      const auto size = static_cast<size_t>(sizes[0] * sizes[1] * sizes[2]);
      return Tensor::from<float>(test::random_values<float>(size, seed), std::move(sizes), device());
    };
    std::vector<Variable> weights;
    const auto convolve = [&](const Activations& x, int64_t filters, ConvolutionMethod how) {
      const Shape shape{kNetworks, filters, 9 * x.size.channels};
      weights.push_back(
          Variable::parameter(random(shape, 10 + weights.size()), Tensor::zeros(shape, DType::kF32, device())));
      return convolution(step, x, weights.back(), {3, 1, 1, how});
    };
    const ImageSize size{8, 6, 3};
    const Activations image{Variable::constant(random({kNetworks, kRows, size.elements()}, 1)), Layout::kSampleMajor,
                            size.elements(), size};
    const Activations blocks = convolve(convolve(convolve(image, 16, method), 32, method), 16, method);
    const Activations residual = convolve(blocks, 20, kMatrixProduct);
    const Variable bias = Variable::parameter(Tensor::zeros({kNetworks, 20}, DType::kF32, device()),
                                              Tensor::zeros({kNetworks, 20}, DType::kF32, device()));
    ImageActivationOptions linear;
    linear.relu = false;
    const Variable result =
        image_activation(step, convolve(blocks, 20, kMatrixProduct), bias, nullptr, &residual, linear).x;
    result.take_grad(random(result.value().shape(), 2));
    backward(result);
    stream().synchronize();
    std::vector<std::vector<float>> results{result.value().to_vector<float>()};
    for (const Variable& weight : weights) results.push_back(weight.grad().to_vector<float>());
    return results;
  };
  const auto library = run_chain(kLibrary), product = run_chain(kMatrixProduct);
  for (size_t i = 0; i < product.size(); ++i) {
    EXPECT_LT(relative_error(library[i], product[i]), 7 * (10.8 + 1) * std::sqrt(9 * 32) * test::kRounding<float>) << i;
  }
}

TEST_P(ConvolutionMethods, CanBeTimed) {
  for (const ConvolutionPass pass : {kForward, kBackwardInput, kBackwardWeight}) {
    for (const ConvolutionMethod method : {kLibrary, kMatrixProduct}) {
      EXPECT_GT(convolution_seconds(stream(), {pass, kGrey, 2, false}, method), 0) << name(pass) << name(method);
    }
  }
  EXPECT_THROW(convolution_seconds(stream(), {kForward, kGrey, 2, false}, kAutomatic), InvalidArgument);
}

TEST_P(ConvolutionMethods, TheLibraryIsNotReplacedInSilence) {
  const ConvolutionShape padded_samples{2, 5, 5, 1, 4, 3, 1, 1};
  EXPECT_THROW(convolution_seconds(stream(), {kForward, padded_samples, 2, false}, kLibrary), InvalidArgument);
}

// The choice, with times that the test makes up.
class ConvolutionChoicesTest : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return folder_ / "below" / "convolutions"; }

  ConvolutionChoices choices(const std::string& machine = "a GPU",
                             ConvolutionPolicy policy = ConvolutionPolicy::kFastest) {
    return {*stream_,
            policy,
            file(),
            {machine,
             [this](const ConvolutionCase&, const PlanWish& wish) {
               ++num_plans_;
               if (!wish.by_time) ++num_plans_without_clock_;
               wanted_ = wish.configuration;
               return ConvolutionPlan{has_plan_, configuration_, has_plan_ ? "" : "a library is missing"};
             },
             [this](const ConvolutionCase& convolution, ConvolutionMethod method) {
               ++num_measured_;
               if (method == kMatrixProduct) return product_seconds_;
               if (library_fails_) throw CudnnError("no");
               // The library is the better one for large populations.
               return convolution.num_networks >= 16 ? product_seconds_ / 2 : product_seconds_ * 2;
             },
             [this](const std::string& line) { lines_.push_back(line); }}};
  }

  std::string text() const {
    std::ifstream stream(file());
    std::ostringstream all;
    all << stream.rdbuf();
    return all.str();
  }
  void write(const std::string& text) const { std::ofstream(file()) << text; }

  static ConvolutionCase few() { return {kForward, kGrey, 2, false}; }
  static ConvolutionCase many() { return {kForward, kGrey, 16, false}; }

  std::unique_ptr<Stream> stream_ = make_stream(kCpu, 1);
  bool has_plan_ = true;
  bool library_fails_ = false;
  double product_seconds_ = 1e-4;
  int num_plans_ = 0, num_plans_without_clock_ = 0;
  std::string configuration_, wanted_;  // of the plan that is made, of the one that was asked for
  std::vector<std::string> lines_;      // on standard error
  int num_measured_ = 0;

 private:
  test::TemporaryFolder folder_;
};

TEST_F(ConvolutionChoicesTest, TakesTheFasterOneAndMeasuresOnce) {
  ConvolutionChoices first = choices();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(first.faster(few()), kMatrixProduct);
    EXPECT_EQ(first.faster(many()), kLibrary);
  }
  EXPECT_EQ(num_measured_, 4);
}

TEST_F(ConvolutionChoicesTest, TheFileRemembers) {
  choices().faster(few());
  choices().faster(many());
  EXPECT_THAT(text(), HasSubstr("a GPU\tforward P=2 5x12x12x1 filters=6 kernel=5 stride=1 padding=2 "
                                "f32\t200.000\t100.000\tmatrix_product\n"));
  EXPECT_THAT(text(),
              HasSubstr("P=16 5x12x12x1 filters=6 kernel=5 stride=1 padding=2 f32\t50.000\t100.000\tlibrary\n"));
  num_measured_ = num_plans_ = 0;
  ConvolutionChoices later = choices();
  EXPECT_EQ(later.faster(few()), kMatrixProduct);
  EXPECT_EQ(num_plans_, 0);
  EXPECT_EQ(later.faster(many()), kLibrary);
  EXPECT_EQ(num_plans_, 1);  // by this process, for this stream
  EXPECT_EQ(num_measured_, 0);
}

TEST_F(ConvolutionChoicesTest, LaterProcessesRunTheSamePlan) {
  configuration_ = "engine 12 4=7";
  choices().faster(many());
  EXPECT_EQ(wanted_, "");
  EXPECT_THAT(text(), HasSubstr("\t50.000\t100.000\tengine 12 4=7 library\n"));
  num_measured_ = 0;
  EXPECT_EQ(choices().faster(many()), kLibrary);
  EXPECT_EQ(wanted_, "engine 12 4=7");
  configuration_ = "engine 3";  // the library offers the other one no longer
  EXPECT_EQ(choices().faster(many()), kLibrary);
  EXPECT_EQ(wanted_, "engine 12 4=7");
  EXPECT_EQ(num_measured_, 0);
  EXPECT_THAT(text(), HasSubstr("\tengine 3 library\n"));
}

TEST_F(ConvolutionChoicesTest, LargePopulationsAreMeasuredAsOne) {
  ConvolutionChoices asked = choices();
  asked.faster(many());
  ConvolutionCase larger = many();
  larger.num_networks = 1000;
  EXPECT_EQ(asked.faster(larger), kLibrary);
  EXPECT_EQ(num_measured_, 2);
}

TEST_F(ConvolutionChoicesTest, SaysOnceThatThereIsNoPlan) {
  has_plan_ = false;
  ConvolutionChoices asked = choices();
  asked.faster(many());
  asked.faster(few());
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_THAT(lines_.front(), HasSubstr("forward P=16"));
  EXPECT_THAT(lines_.front(), HasSubstr("(a library is missing); matrix products do it"));
  has_plan_ = library_fails_ = true;
  choices().faster(many());
  ASSERT_EQ(lines_.size(), 2u);
  EXPECT_THAT(lines_.back(), HasSubstr("(no)"));
}

TEST_F(ConvolutionChoicesTest, DeterministicOnesLookAtNoClockAndNoFile) {
  configuration_ = "engine 12 4=7";
  choices().faster(few());  // a matrix product, by the clock and for later processes
  const std::string before = text();
  num_measured_ = num_plans_ = 0;
  ConvolutionChoices deterministic = choices("a GPU", ConvolutionPolicy::kDeterministic);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(deterministic.faster(few()), kLibrary);
  EXPECT_EQ(num_measured_, 0);
  EXPECT_EQ(num_plans_, 1);
  EXPECT_EQ(num_plans_without_clock_, 1);
  EXPECT_EQ(wanted_, "");
  EXPECT_EQ(text(), before);
  has_plan_ = false;
  EXPECT_EQ(choices("a GPU", ConvolutionPolicy::kDeterministic).faster(few()), kMatrixProduct);
  EXPECT_EQ(lines_.size(), 1U);
}

TEST_F(ConvolutionChoicesTest, EveryDifferenceCounts) {
  ConvolutionChoices known = choices();
  known.faster(few());
  const auto measures = [&](ConvolutionChoices& asked, const ConvolutionCase& convolution) {
    num_measured_ = 0;
    asked.faster(convolution);
    return num_measured_ == 2;
  };
  EXPECT_FALSE(measures(known, few()));
  EXPECT_TRUE(measures(known, {kBackwardInput, kGrey, 2, false}));
  EXPECT_TRUE(measures(known, {kForward, kGrey, 3, false}));
  EXPECT_TRUE(measures(known, {kForward, kGrey, 2, true}));
  for (int64_t ConvolutionShape::*size :
       {&ConvolutionShape::batch, &ConvolutionShape::height, &ConvolutionShape::width, &ConvolutionShape::channels,
        &ConvolutionShape::filters, &ConvolutionShape::kernel, &ConvolutionShape::stride, &ConvolutionShape::padding}) {
    ConvolutionCase other = few();
    other.shape.*size += 1;
    EXPECT_TRUE(measures(known, other));
  }
  ConvolutionChoices elsewhere = choices("another GPU");
  EXPECT_TRUE(measures(elsewhere, few()));
}

TEST_F(ConvolutionChoicesTest, ADamagedFileIsMeasuredAgain) {
  choices().faster(many());
  const std::string whole = text();
  for (const std::string& damaged :
       {std::string("not a file of ours\n\t\t\t\n"), whole.substr(0, whole.size() - 3), std::string(100, '\0'),
        whole.substr(0, whole.find("50.000")) + "nan\t100.000\tlibrary\n",
        whole.substr(0, whole.find("50.000")) + "-1\t100.000\tlibrary\n",
        whole.substr(0, whole.find("50.000")) + "50.000\t100.000\tmatrix_product\n"}) {
    write(damaged);
    num_measured_ = 0;
    EXPECT_EQ(choices().faster(many()), kLibrary);
    EXPECT_EQ(num_measured_, 2) << damaged;
    EXPECT_EQ(text(), whole);
  }
}

TEST_F(ConvolutionChoicesTest, KeepsTheLinesOfOthers) {
  choices("another GPU").faster(many());
  const std::string before = text();
  choices().faster(few());
  EXPECT_THAT(text(), HasSubstr(before));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(file().parent_path()), {}), 1) << "a part was left";
}

TEST_F(ConvolutionChoicesTest, WithoutAPlanItIsAMatrixProduct) {
  has_plan_ = false;
  EXPECT_EQ(choices().faster(many()), kMatrixProduct);
  EXPECT_EQ(num_measured_, 0);
  has_plan_ = true;
  library_fails_ = true;
  EXPECT_EQ(choices().faster(many()), kMatrixProduct);
  EXPECT_FALSE(std::filesystem::exists(file())) << "a failure may be of this day only";
  library_fails_ = false;
  EXPECT_EQ(choices().faster(many()), kLibrary);
  has_plan_ = false;
  EXPECT_EQ(choices().faster(many()), kMatrixProduct) << "the file knows better, but there is no plan";
}

TEST_F(ConvolutionChoicesTest, NothingIsMeasuredInACapture) {
  ConvolutionChoices asked = choices();
  stream_->begin_capture();
  EXPECT_EQ(asked.faster(many()), kMatrixProduct);
  EXPECT_EQ(asked.faster(many()), kMatrixProduct);
  EXPECT_TRUE(asked.has_open());
  EXPECT_THROW(asked.settle(), Error);
  stream_->end_capture();
  EXPECT_EQ(num_plans_ + num_measured_, 0);
  asked.settle();
  EXPECT_EQ(num_measured_, 2);
  EXPECT_FALSE(asked.has_open());
  stream_->begin_capture();
  EXPECT_EQ(asked.faster(many()), kLibrary);
  EXPECT_FALSE(asked.has_open());
  stream_->end_capture();
}

TEST_F(ConvolutionChoicesTest, AFileThatCannotBeWrittenIsNoFailure) {
  std::filesystem::create_directories(file());  // a folder where the file should be
  ConvolutionChoices asked = choices();
  EXPECT_EQ(asked.faster(many()), kLibrary);
  EXPECT_EQ(asked.faster(many()), kLibrary);
  EXPECT_EQ(num_measured_, 2);
  EXPECT_TRUE(std::filesystem::is_directory(file()));
}

TEST(ConvolutionChoicesFile, IsInTheCacheFolder) {
  const auto set = [](const char* variable, const char* value) { setenv(variable, value, 1); };
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const std::string before = cache == nullptr ? "" : cache;
  set("XDG_CACHE_HOME", "/somewhere");
  EXPECT_EQ(ConvolutionChoices::default_file(), "/somewhere/murmur/convolutions");
  set("XDG_CACHE_HOME", "not/absolute");
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    EXPECT_EQ(ConvolutionChoices::default_file(), std::filesystem::path(home) / ".cache/murmur/convolutions");
  }
  set("XDG_CACHE_HOME", before.c_str());
}

}  // namespace
}  // namespace murmur
