#include "murmur/layers/specification.hpp"

#include <gmock/gmock.h>

#include "murmur/engine/error.hpp"
#include "murmur/layers/model.hpp"

namespace murmur {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Specification, FcIsTheStudys) {
  const ModelSpecification model = parse_model("fc");
  EXPECT_THAT(model.words, ElementsAre("flatten", "linear50", "dropout", "linear50", "dropout", "linear"));
  EXPECT_EQ(Model(model, {28, 28, 1}, 10, kCpu, DType::kF32, 2).parameters().num_parameters(), 42310);
}

TEST(Specification, WordsMayBeAnyWhitespaceApart) {
  const ModelSpecification model = parse_model("  flatten\tlinear7\n linear ");
  EXPECT_THAT(model.words, ElementsAre("flatten", "linear7", "linear"));
}

TEST(Specification, EveryNamedModelParses) {
  for (const std::string& name : model_names()) EXPECT_NO_THROW(parse_model(name)) << name;
}

TEST(Specification, ErrorsNameTheWordOrTheOrder) {
  const auto refuse = [](const char* text, const char* message) {
    EXPECT_THAT([&] { parse_model(text); }, ThrowsMessage<InvalidArgument>(HasSubstr(message))) << text;
  };
  refuse("", "as the last layer");
  refuse("linear", "expected flatten before the first linear layer");
  refuse("flatten", "expected linear (without a size: one output a class) as the last layer");
  refuse("flatten linear50", "as the last layer");
  refuse("flatten linear50 linear dropout", "as the last layer");
  refuse("flatten dropout linear", "expected dropout after a convolution, a pooling or a linear layer");
  refuse("flatten linear50 dropout dropout linear",
         "expected dropout after a convolution, a pooling or a linear layer");
  refuse("flatten linear50 flatten linear", "expected one flatten");
  refuse("flatten linear linear", "expected a size for every linear layer but the last");
  refuse("flatten relu linear", "got 'relu'");
  refuse("flatten linear0 linear", "1 to 65536 features, got 'linear0'");
  refuse("flatten linear65537 linear", "got 'linear65537'");
  refuse("flatten linear-5 linear", "got 'linear-5'");
  refuse("flatten linear5x linear", "got 'linear5x'");
  refuse("conv flatten linear", "filters, got 'conv'");
  refuse("conv0 flatten linear", "1 to 65536 filters, got 'conv0'");
  refuse("conv8k0 flatten linear", "pixels of a kernel, got 'conv8k0'");
  refuse("conv8p1s2 flatten linear", "got 'conv8p1s2'");  // not in that order
  refuse("conv8nn flatten linear", "got 'conv8nn'");
  refuse("pool0 flatten linear", "pixels of a window, got 'pool0'");
  refuse("norm flatten linear", "expected norm after a convolution");
  refuse("conv8n norm flatten linear", "expected norm after a convolution without a norm of its own");
  refuse("conv8 pool norm flatten linear", "expected norm after a convolution");
  refuse("dropout conv8 flatten linear", "expected dropout after");
  refuse("flatten conv8 linear", "expected convolutions before flatten");
  refuse("flatten pool linear", "expected pooling before flatten");
  refuse("residual8k3 flatten linear", "got 'residual8k3'");
  refuse("flatten linear99999999999999999999 linear", "got 'linear99999999999999999999'");
}

}  // namespace
}  // namespace murmur
