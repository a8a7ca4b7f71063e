#include "murmur/layers/modules/module.hpp"
#include "murmur/layers/modules/rows.hpp"

namespace murmur {
namespace {

/// Pooling over windows that do not overlap; a part of the kernels of the convolution before it, unless something of
/// that one must come in between.
class Pool : public Module {
 public:
  /// Width 0: the whole image.
  Pool(Pooling pooling, int64_t width) { tail_.options.window = {pooling, width, width}; }

  std::string expects(const Position& position) const override {
    return position.is_flat ? "pooling before flatten" : "";
  }
  void declare(Declaration& declaration) override {
    const ImageSize size = declaration.size();
    PoolingWindow& window = tail_.options.window;
    if (window.width == 0) window = {window.pooling, size.height, size.width};
    declaration.expect_image(window.height, window.width);
    declaration.set_image({size.height / window.height, size.width / window.width, size.channels});
  }
  bool join(Tail& before) const override {
    if (!before.takes_pooling) return false;
    before.takes_norm = before.takes_pooling = false;
    before.options.window = tail_.options.window;
    return true;
  }
  Tail* tail() override { return &tail_; }
  Activations forward(const Step& step, const Parameters& /*parameters*/, const Activations& input) const override {
    return pool(step, input, tail_.options_of(step));
  }

 private:
  Tail tail_;
};

int64_t window(WordReader& rest) {
  return rest.at_number() ? rest.number("pixels of a window", 1, 64) : 2;
}

std::unique_ptr<Module> parse_pool(WordReader& rest) {
  return std::make_unique<Pool>(Pooling::kMax, window(rest));
}

std::unique_ptr<Module> parse_average_pool(WordReader& rest) {
  return std::make_unique<Pool>(Pooling::kAverage, window(rest));
}

std::unique_ptr<Module> parse_global_pool(WordReader& /*rest*/) {
  return std::make_unique<Pool>(Pooling::kAverage, 0);
}

}  // namespace

const ModuleInfo kPool{"pool",
                       "pool[W]",
                       "the maximum of W x W windows (2) that do not overlap",
                       "pool dropout conv3 dropout pool3 conv4 pool flatten linear",
                       {13, 12, 2},
                       "pool3 flatten linear",
                       parse_pool};
const ModuleInfo kAveragePool{"avgpool",         "avgpool[W]",
                              "their mean",      "avgpool conv3 norm avgpool2 dropout flatten linear",
                              {9, 8, 2},         "avgpool3 flatten linear",
                              parse_average_pool};
const ModuleInfo kGlobalPool{
    "globalpool", "globalpool", "the mean of each channel", "conv3n globalpool dropout flatten linear",
    {4, 5, 2},    "",           parse_global_pool};

}  // namespace murmur
