#include "murmur/engine/cpu/dnnl_convolution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <oneapi/dnnl/dnnl.hpp>
#include <utility>
#include <vector>

#include "murmur/engine/error.hpp"

// oneDNN's OpenMP runtime (GNU).
extern "C" {
int omp_get_max_threads(void);
void omp_set_num_threads(int);
}

namespace murmur::cpu {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

/// A primitive splits its work by the number of threads at its creation: ours run on one core each.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

const dnnl::engine& library_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream& library_stream() {
  static thread_local dnnl::stream stream(library_engine());
  return stream;
}

/// Memory of the calling thread that primitives of all shapes share, one after the other.
enum Buffer { kImages, kWeights, kScratchpad, kNumBuffers };
void* buffer(Buffer which, size_t bytes) {
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  static thread_local std::vector<Line> buffers[kNumBuffers];
  std::vector<Line>& lines = buffers[which];
  if (lines.size() * sizeof(Line) < bytes) {
    lines = {};  // before the new one, and nothing is copied
    lines.resize(bytes / sizeof(Line) + 1);
  }
  return lines.data();
}

/// What buffer() will be asked for by the plans that this thread has made since take_convolution_buffer_bytes().
thread_local std::array<size_t, kNumBuffers> planned_bytes{};

memory::desc images(const ConvolutionShape& shape, Tag tag) {
  return {{shape.batch, shape.channels, shape.height, shape.width}, memory::data_type::f32, tag};
}

memory::desc filters(const ConvolutionShape& shape, Tag tag) {
  return {{shape.filters, shape.channels, shape.kernel, shape.kernel}, memory::data_type::f32, tag};
}

Tag tag_of(ImageLayout layout) {
  return layout == ImageLayout::kChannelBlocks ? Tag::nChw16c : Tag::nhwc;
}

/// oneDNN's choice for the input of a convolution whose output has this layout.
Tag input_tag(const Convolution& args) {
  if (args.output_layout == ImageLayout::kChannelsLast) return Tag::nhwc;
  return args.shape.channels % kChannelBlock == 0 ? Tag::nChw16c : Tag::nchw;
}

/// One convolution as oneDNN writes it down. The layout of the weights is the library's choice, and they are reordered
/// on the way: they are small. So is the input where it does not suit the output: an image, or the few places where
/// blocks begin or end.
struct Description {
  dnnl::algorithm algorithm;
  memory::desc input, own_input, weight, own_weight, output;
  memory::dims strides, padding;

  Description(const Convolution& args, dnnl::algorithm which)
      : algorithm(which),
        input(images(args.shape, input_tag(args))),
        own_input(images(args.shape, tag_of(args.input_layout))),
        weight(filters(args.shape, Tag::any)),
        own_weight(filters(args.shape, Tag::ohwi)),
        output({args.shape.batch, args.shape.filters, args.shape.out_height(), args.shape.out_width()},
               memory::data_type::f32, tag_of(args.output_layout)),
        strides{args.shape.stride, args.shape.stride},
        padding{args.shape.padding, args.shape.padding} {}
};

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

// oneDNN 3 has done away with operation descriptors.
#if DNNL_VERSION_MAJOR >= 3
dnnl::convolution_forward::primitive_desc describe_forward(const Description& d) {
  return {library_engine(), dnnl::prop_kind::forward_training,
          d.algorithm,      d.input,
          d.weight,         d.output,
          d.strides,        d.padding,
          d.padding,        user_scratchpad()};
}
dnnl::convolution_backward_data::primitive_desc describe_backward_input(const Description& d) {
  return {library_engine(), d.algorithm,         d.input,          d.weight, d.output, d.strides, d.padding,
          d.padding,        describe_forward(d), user_scratchpad()};
}
dnnl::convolution_backward_weights::primitive_desc describe_backward_weight(const Description& d) {
  return {library_engine(), d.algorithm,         d.input,          d.weight, d.output, d.strides, d.padding,
          d.padding,        describe_forward(d), user_scratchpad()};
}
#else
dnnl::convolution_forward::primitive_desc describe_forward(const Description& d) {
  return {
      {dnnl::prop_kind::forward_training, d.algorithm, d.input, d.weight, d.output, d.strides, d.padding, d.padding},
      user_scratchpad(),
      library_engine()};
}
dnnl::convolution_backward_data::primitive_desc describe_backward_input(const Description& d) {
  return {{d.algorithm, d.input, d.weight, d.output, d.strides, d.padding, d.padding},
          user_scratchpad(),
          library_engine(),
          describe_forward(d)};
}
dnnl::convolution_backward_weights::primitive_desc describe_backward_weight(const Description& d) {
  return {{d.algorithm, d.input, d.weight, d.output, d.strides, d.padding, d.padding},
          user_scratchpad(),
          library_engine(),
          describe_forward(d)};
}
#endif

dnnl::reorder make_reorder(const memory::desc& from, const memory::desc& to, const dnnl::primitive_attr& attributes) {
  const dnnl::reorder::primitive_desc primitive(library_engine(), from, library_engine(), to, attributes);
  // It would be that of the thread which is here now.
  if (primitive.scratchpad_desc().get_size() != 0) throw Error("convolution: expected a reorder without a scratchpad");
  return dnnl::reorder(primitive);
}

memory wrap(const memory::desc& desc, void* data) {
  return {desc, library_engine(), data};
}

/// One pass of a convolution, made once and run by any thread.
struct Plan {
  Convolution args;
  Description description;
  dnnl::primitive primitive;
  memory::desc weight, scratchpad;
  dnnl::reorder reorder_weight, reorder_input;  // to the library's layout, or back where they are its result

  bool reorders_input() const { return description.input != description.own_input; }
  memory own_input(int64_t network) const {
    return wrap(description.own_input, args.input + network * args.input_stride);
  }
  memory input(int64_t network) const {
    if (!reorders_input()) return own_input(network);
    return wrap(description.input, buffer(kImages, description.input.get_size()));
  }
  memory output(int64_t network) const { return wrap(description.output, args.output + network * args.output_stride); }
  memory own_weight(int64_t network) const {
    return wrap(description.own_weight, args.weight + network * args.weight_stride);
  }
  memory library_weight() const { return wrap(weight, buffer(kWeights, weight.get_size())); }
  memory scratchpad_memory() const { return wrap(scratchpad, buffer(kScratchpad, scratchpad.get_size())); }
};

/// The gradient is added to what is there.
dnnl::primitive_attr accumulating() {
  dnnl::post_ops add;
  add.append_sum();
  dnnl::primitive_attr attributes = user_scratchpad();
  attributes.set_post_ops(add);
  return attributes;
}

Plan make_plan(ConvolutionPass pass, const Convolution& args, dnnl::algorithm algorithm) {
  const Description d(args, algorithm);
  Plan plan{args, d, {}, {}, {}, {}, {}};
  const auto fill = [&](const auto& primitive, const memory::desc& weight) {
    plan.weight = weight;
    plan.scratchpad = primitive.scratchpad_desc();
  };
  switch (pass) {
    case ConvolutionPass::kForward: {
      const auto primitive = describe_forward(d);
      plan.primitive = dnnl::convolution_forward(primitive);
      fill(primitive, primitive.weights_desc());
      break;
    }
    case ConvolutionPass::kBackwardInput: {
      const auto primitive = describe_backward_input(d);
      plan.primitive = dnnl::convolution_backward_data(primitive);
      fill(primitive, primitive.weights_desc());
      break;
    }
    case ConvolutionPass::kBackwardWeight: {
      const auto primitive = describe_backward_weight(d);
      plan.primitive = dnnl::convolution_backward_weights(primitive);
      fill(primitive, primitive.diff_weights_desc());
      break;
    }
  }
  plan.reorder_weight = pass == ConvolutionPass::kBackwardWeight
                            ? make_reorder(plan.weight, d.own_weight, accumulating())
                            : make_reorder(d.own_weight, plan.weight, user_scratchpad());
  if (plan.reorders_input()) {
    plan.reorder_input = pass == ConvolutionPass::kBackwardInput
                             ? make_reorder(d.input, d.own_input, user_scratchpad())
                             : make_reorder(d.own_input, d.input, user_scratchpad());
  }
  return plan;
}

/// Winograd's algorithm takes 3 x 3 filters at 2.25 instead of 9 products a pixel, in tiles of 4 x 4 pixels, and whole
/// blocks of channels.
bool suits_winograd(const Convolution& args) {
  const ConvolutionShape& shape = args.shape;
  return shape.kernel == 3 && shape.stride == 1 && shape.channels % kChannelBlock == 0 &&
         args.output_layout == ImageLayout::kChannelBlocks && shape.out_height() > 2 && shape.out_width() > 2;
}
/// Where its tiles do not fit a cache, it takes them all at once: more memory, in every thread, than it is worth.
constexpr size_t kMaxScratchpadBytes = size_t{128} << 20;

std::shared_ptr<const Plan> plan_of(ConvolutionPass pass, const Convolution& args) {
  const OneThread one;
  if (suits_winograd(args)) {
    try {
      auto plan = std::make_shared<Plan>(make_plan(pass, args, dnnl::algorithm::convolution_winograd));
      if (plan->scratchpad.get_size() <= kMaxScratchpadBytes) return plan;
    } catch (const dnnl::error& error) {
      if (error.status != dnnl_unimplemented) throw;
    }
  }
  return std::make_shared<Plan>(make_plan(pass, args, dnnl::algorithm::convolution_direct));
}

/// Turns what oneDNN throws into one plain line.
std::shared_ptr<const Plan> guarded_plan(ConvolutionPass pass, const Convolution& args) {
  try {
    auto plan = plan_of(pass, args);
    const auto needs = [](Buffer which, size_t bytes) { planned_bytes[which] = std::max(planned_bytes[which], bytes); };
    if (plan->reorders_input()) needs(kImages, plan->description.input.get_size());
    needs(kWeights, plan->weight.get_size());
    needs(kScratchpad, plan->scratchpad.get_size());
    return plan;
  } catch (const dnnl::error& error) {
    const ConvolutionShape& shape = args.shape;
    throw Error("convolution_{}: oneDNN refused {} x {} x {} x {} with {} filters of {} x {}: {}", name(pass),
                shape.batch, shape.height, shape.width, shape.channels, shape.filters, shape.kernel, shape.kernel,
                error.what());
  }
}

}  // namespace

ImageLayout library_layout(const ConvolutionShape& shape) {
  // Blocks of 16 are those of a processor with vectors of 16, behind as many channels or those of an image. Elsewhere
  // oneDNN has only its reference implementation for them.
  const auto has = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto needed = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
  const bool suits = shape.filters % kChannelBlock == 0 && (shape.channels % kChannelBlock == 0 || shape.channels <= 3);
  return suits && (has & needed) == needed ? ImageLayout::kChannelBlocks : ImageLayout::kChannelsLast;
}

std::string convolution_library() {
  const dnnl::version_t* version = dnnl::version();
  return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
}

int64_t take_convolution_buffer_bytes() {
  const std::array<size_t, kNumBuffers> taken = std::exchange(planned_bytes, {});
  return static_cast<int64_t>(std::accumulate(taken.begin(), taken.end(), size_t{0}));
}

void convolution_forward(Stream& stream, const Convolution& args) {
  const auto plan = guarded_plan(ConvolutionPass::kForward, args);
  stream.run("convolution_forward", args.num_networks, [plan](int64_t network) {
    memory own_input = plan->own_input(network), input = plan->input(network);
    memory own_weight = plan->own_weight(network), weight = plan->library_weight();
    if (plan->reorders_input()) plan->reorder_input.execute(library_stream(), own_input, input);
    plan->reorder_weight.execute(library_stream(), own_weight, weight);
    plan->primitive.execute(library_stream(), {{DNNL_ARG_SRC, input},
                                               {DNNL_ARG_WEIGHTS, weight},
                                               {DNNL_ARG_DST, plan->output(network)},
                                               {DNNL_ARG_SCRATCHPAD, plan->scratchpad_memory()}});
  });
}

void convolution_backward_input(Stream& stream, const Convolution& args) {
  const auto plan = guarded_plan(ConvolutionPass::kBackwardInput, args);
  stream.run("convolution_backward_input", args.num_networks, [plan](int64_t network) {
    memory own_input = plan->own_input(network), input = plan->input(network);
    memory own_weight = plan->own_weight(network), weight = plan->library_weight();
    plan->reorder_weight.execute(library_stream(), own_weight, weight);
    plan->primitive.execute(library_stream(), {{DNNL_ARG_DIFF_SRC, input},
                                               {DNNL_ARG_WEIGHTS, weight},
                                               {DNNL_ARG_DIFF_DST, plan->output(network)},
                                               {DNNL_ARG_SCRATCHPAD, plan->scratchpad_memory()}});
    if (plan->reorders_input()) plan->reorder_input.execute(library_stream(), input, own_input);
  });
}

void convolution_backward_weight(Stream& stream, const Convolution& args) {
  const auto plan = guarded_plan(ConvolutionPass::kBackwardWeight, args);
  stream.run("convolution_backward_weight", args.num_networks, [plan](int64_t network) {
    memory own_input = plan->own_input(network), input = plan->input(network);
    memory own_weight = plan->own_weight(network), weight = plan->library_weight();
    if (plan->reorders_input()) plan->reorder_input.execute(library_stream(), own_input, input);
    plan->primitive.execute(library_stream(), {{DNNL_ARG_SRC, input},
                                               {DNNL_ARG_DIFF_WEIGHTS, weight},
                                               {DNNL_ARG_DIFF_DST, plan->output(network)},
                                               {DNNL_ARG_SCRATCHPAD, plan->scratchpad_memory()}});
    plan->reorder_weight.execute(library_stream(), weight, own_weight);
  });
}

}  // namespace murmur::cpu
