#include "engine/cpu/convolution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "engine/error.hpp"

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
enum Buffer { kWeights, kScratchpad, kNumBuffers };
void* buffer(Buffer which, size_t bytes) {
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  static thread_local std::vector<Line> buffers[kNumBuffers];
  std::vector<Line>& lines = buffers[which];
  if (lines.size() * sizeof(Line) < bytes) lines.resize(bytes / sizeof(Line) + 1);
  return lines.data();
}

/// The sizes of one convolution as oneDNN writes them down. Images are nhwc, as ours; the layout of the weights is the
/// library's choice, and they are reordered on the way: they are small.
struct Description {
  memory::desc input, weight, own_weight, output;
  memory::dims strides, padding;

  explicit Description(const ConvolutionShape& shape)
      : input(images(shape.batch, shape.channels, shape.height, shape.width)),
        weight(filters(shape, Tag::any)),
        own_weight(filters(shape, Tag::ohwi)),
        output(images(shape.batch, shape.filters, shape.out_height(), shape.out_width())),
        strides{shape.stride, shape.stride},
        padding{shape.padding, shape.padding} {}

 private:
  static memory::desc images(int64_t n, int64_t c, int64_t h, int64_t w) {
    return {{n, c, h, w}, memory::data_type::f32, Tag::nhwc};
  }
  static memory::desc filters(const ConvolutionShape& shape, Tag tag) {
    return {{shape.filters, shape.channels, shape.kernel, shape.kernel}, memory::data_type::f32, tag};
  }
};

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

constexpr auto kDirect = dnnl::algorithm::convolution_direct;

// oneDNN 3 has done away with operation descriptors.
#if DNNL_VERSION_MAJOR >= 3
dnnl::convolution_forward::primitive_desc describe_forward(const Description& d) {
  return {library_engine(), dnnl::prop_kind::forward_training,
          kDirect,          d.input,
          d.weight,         d.output,
          d.strides,        d.padding,
          d.padding,        user_scratchpad()};
}
dnnl::convolution_backward_data::primitive_desc describe_backward_input(const Description& d) {
  return {library_engine(),    kDirect,          d.input, d.weight, d.output, d.strides, d.padding, d.padding,
          describe_forward(d), user_scratchpad()};
}
dnnl::convolution_backward_weights::primitive_desc describe_backward_weight(const Description& d) {
  return {library_engine(),    kDirect,          d.input, d.weight, d.output, d.strides, d.padding, d.padding,
          describe_forward(d), user_scratchpad()};
}
#else
dnnl::convolution_forward::primitive_desc describe_forward(const Description& d) {
  return {{dnnl::prop_kind::forward_training, kDirect, d.input, d.weight, d.output, d.strides, d.padding, d.padding},
          user_scratchpad(),
          library_engine()};
}
dnnl::convolution_backward_data::primitive_desc describe_backward_input(const Description& d) {
  return {{kDirect, d.input, d.weight, d.output, d.strides, d.padding, d.padding},
          user_scratchpad(),
          library_engine(),
          describe_forward(d)};
}
dnnl::convolution_backward_weights::primitive_desc describe_backward_weight(const Description& d) {
  return {{kDirect, d.input, d.weight, d.output, d.strides, d.padding, d.padding},
          user_scratchpad(),
          library_engine(),
          describe_forward(d)};
}
#endif

/// One pass of a convolution, made once and run by any thread.
struct Plan {
  Convolution args;
  dnnl::primitive primitive;
  dnnl::reorder reorder;  // of the weights, or of their gradient back
  memory::desc input, weight, own_weight, output, scratchpad;

  memory wrap(const memory::desc& desc, float* data) const { return {desc, library_engine(), data}; }
  memory input_of(int64_t network) const { return wrap(input, args.input + network * args.input_stride); }
  memory output_of(int64_t network) const { return wrap(output, args.output + network * args.output_stride); }
  memory own_weight_of(int64_t network) const { return wrap(own_weight, args.weight + network * args.weight_stride); }
  memory reordered_weight() const { return {weight, library_engine(), buffer(kWeights, weight.get_size())}; }
  memory scratchpad_memory() const {
    return {scratchpad, library_engine(), buffer(kScratchpad, scratchpad.get_size())};
  }
};

/// Turns what oneDNN throws into one plain line.
template <class F>
auto guarded(const char* operation, const ConvolutionShape& shape, const F& f) {
  try {
    const OneThread one;
    return f();
  } catch (const dnnl::error& error) {
    throw Error("{}: oneDNN refused {} x {} x {} x {} with {} filters of {} x {}: {}", operation, shape.batch,
                shape.height, shape.width, shape.channels, shape.filters, shape.kernel, shape.kernel, error.what());
  }
}

}  // namespace

std::string convolution_library() {
  const dnnl::version_t* version = dnnl::version();
  return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
}

void convolution_forward(Stream& stream, const Convolution& args) {
  const auto plan = guarded("convolution_forward", args.shape, [&] {
    const Description d(args.shape);
    const auto primitive = describe_forward(d);
    const memory::desc weight = primitive.weights_desc();
    return std::make_shared<Plan>(
        Plan{args, dnnl::convolution_forward(primitive),
             dnnl::reorder(dnnl::reorder::primitive_desc(library_engine(), d.own_weight, library_engine(), weight)),
             d.input, weight, d.own_weight, d.output, primitive.scratchpad_desc()});
  });
  stream.run("convolution_forward", args.num_networks, [plan](int64_t network) {
    memory own = plan->own_weight_of(network);
    memory weight = plan->reordered_weight();
    plan->reorder.execute(library_stream(), own, weight);
    plan->primitive.execute(library_stream(), {{DNNL_ARG_SRC, plan->input_of(network)},
                                               {DNNL_ARG_WEIGHTS, weight},
                                               {DNNL_ARG_DST, plan->output_of(network)},
                                               {DNNL_ARG_SCRATCHPAD, plan->scratchpad_memory()}});
  });
}

void convolution_backward_input(Stream& stream, const Convolution& args) {
  const auto plan = guarded("convolution_backward_input", args.shape, [&] {
    const Description d(args.shape);
    const auto primitive = describe_backward_input(d);
    const memory::desc weight = primitive.weights_desc();
    return std::make_shared<Plan>(
        Plan{args, dnnl::convolution_backward_data(primitive),
             dnnl::reorder(dnnl::reorder::primitive_desc(library_engine(), d.own_weight, library_engine(), weight)),
             d.input, weight, d.own_weight, d.output, primitive.scratchpad_desc()});
  });
  stream.run("convolution_backward_input", args.num_networks, [plan](int64_t network) {
    memory own = plan->own_weight_of(network);
    memory weight = plan->reordered_weight();
    plan->reorder.execute(library_stream(), own, weight);
    plan->primitive.execute(library_stream(), {{DNNL_ARG_DIFF_SRC, plan->input_of(network)},
                                               {DNNL_ARG_WEIGHTS, weight},
                                               {DNNL_ARG_DIFF_DST, plan->output_of(network)},
                                               {DNNL_ARG_SCRATCHPAD, plan->scratchpad_memory()}});
  });
}

void convolution_backward_weight(Stream& stream, const Convolution& args) {
  const auto plan = guarded("convolution_backward_weight", args.shape, [&] {
    const Description d(args.shape);
    const auto primitive = describe_backward_weight(d);
    const memory::desc weight = primitive.diff_weights_desc();
    dnnl::post_ops add;
    add.append_sum();
    dnnl::primitive_attr accumulate;
    accumulate.set_post_ops(add);
    return std::make_shared<Plan>(Plan{args, dnnl::convolution_backward_weights(primitive),
                                       dnnl::reorder(dnnl::reorder::primitive_desc(
                                           library_engine(), weight, library_engine(), d.own_weight, accumulate)),
                                       d.input, weight, d.own_weight, d.output, primitive.scratchpad_desc()});
  });
  stream.run("convolution_backward_weight", args.num_networks, [plan](int64_t network) {
    memory weight = plan->reordered_weight();
    plan->primitive.execute(library_stream(), {{DNNL_ARG_SRC, plan->input_of(network)},
                                               {DNNL_ARG_DIFF_WEIGHTS, weight},
                                               {DNNL_ARG_DIFF_DST, plan->output_of(network)},
                                               {DNNL_ARG_SCRATCHPAD, plan->scratchpad_memory()}});
    memory own = plan->own_weight_of(network);
    plan->reorder.execute(library_stream(), weight, own);
  });
}

}  // namespace murmur::cpu
