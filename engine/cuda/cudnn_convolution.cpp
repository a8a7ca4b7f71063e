#include "murmur/engine/cuda/cudnn_convolution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "murmur/engine/cuda/check.hpp"
#include "murmur/engine/cuda/cudnn_plan.hpp"
#include "murmur/engine/cuda/memory.hpp"
#include "murmur/engine/cuda/native_stream.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/timing.hpp"

// Convolutions through cuDNN's graph (backend) API. One network's convolution is one operation; the networks of a call
// are spread over a few streams that fork from the caller's and join it again, so that a captured graph gets parallel
// branches. Grouped convolution, which would take all networks at once, is known to be slow for many small groups.
namespace murmur::cuda {
namespace {

constexpr int64_t kBranches = 8;
static_assert(kMostTimedNetworks >= kBranches, "a timing should see all branches at work");

int64_t round_up(int64_t n, int64_t unit) {
  return (n + unit - 1) / unit * unit;
}

std::string describe(ConvolutionPass pass, const Convolution& args) {
  const ConvolutionShape& shape = args.shape;
  return fmt::format("convolution_{} of P={} x {} x {} x {} x {} with {} filters of {} x {}, stride {}, padding {}",
                     name(pass), args.num_networks, shape.batch, shape.height, shape.width, shape.channels,
                     shape.filters, shape.kernel, shape.kernel, shape.stride, shape.padding);
}

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* object) const {
    destroy(object);
  }
};
using OwnedHandle = std::unique_ptr<cudnnContext, Destroy<cudnnDestroy>>;
using OwnedStream = std::unique_ptr<CUstream_st, Destroy<cudaStreamDestroy>>;
using OwnedEvent = std::unique_ptr<CUevent_st, Destroy<cudaEventDestroy>>;

OwnedEvent make_event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
  return OwnedEvent(event);
}

OwnedStream make_side_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
  return OwnedStream(stream);
}

OwnedHandle make_handle() {
  cudnnHandle_t handle = nullptr;
  check(cudnnCreate(&handle), "cudnnCreate");
  return OwnedHandle(handle);
}

/// One block that grows. The blocks before it stay: captured graphs hold their addresses.
class WorkingMemory {
 public:
  explicit WorkingMemory(int device) : device_(device) {}

  std::byte* at_least(int64_t num_bytes) {
    if (num_bytes == 0) return nullptr;
    if (num_bytes > num_bytes_) {
      blocks_.push_back(allocate(device_, num_bytes));
      num_bytes_ = num_bytes;
    }
    return static_cast<std::byte*>(blocks_.back().get());
  }

 private:
  int device_;
  std::vector<std::shared_ptr<void>> blocks_;
  int64_t num_bytes_ = 0;
};

/// The memory that one call works in.
struct CallMemory {
  std::byte* workspace;  // of all branches
  float* grad_weight;    // of all networks, before it is added; backward weight only
};

class Convolutions final : public NativeStream::Attachment {
 public:
  explicit Convolutions(NativeStream& stream)
      : stream_(stream), fork_(make_event()), workspace_(stream.device().index), grad_weight_(stream.device().index) {}

  const Plan* find(ConvolutionPass pass, const Convolution& args) const {
    const auto found = plans_.find(key(pass, args));
    return found == plans_.end() ? nullptr : &found->second;
  }

  /// The plan, found or made, with the branches that it needs. Throws: CudnnError, CudaError.
  const Plan& plan(ConvolutionPass pass, const Convolution& args, const PlanWish& wish = {}) {
    const Plan* const known = find(pass, args);
    if (known != nullptr && static_cast<int64_t>(branches_.size()) >= num_branches(args)) return *known;
    if (stream_.is_capturing()) {
      throw Error("{}: expected a plan that was made before the capture, got none", describe(pass, args));
    }
    add_branches(num_branches(args));
    if (known != nullptr) return *known;
    const cudnnHandle_t handle = branches_.front().handle.get();
    std::vector<Plan> plans;
    if (!wish.configuration.empty()) {
      plans = candidate_plans(handle, pass, args.shape, args.allow_tf32, wish.configuration);
    }
    if (plans.empty()) plans = candidate_plans(handle, pass, args.shape, args.allow_tf32, "");
    if (plans.empty()) {
      throw CudnnError("expected a plan of {} in float{}, got none", convolution_library(),
                       args.allow_tf32 ? " or TF32" : "");
    }
    const bool is_known = !wish.configuration.empty() && plans.size() == 1 && plans.front().name == wish.configuration;
    Plan chosen = std::move(plans[is_known ? 0 : index_of_best(plans, pass, args, wish.by_time)]);
    memory(chosen, pass, args);  // from here on nothing is allocated
    return plans_.emplace(key(pass, args), std::move(chosen)).first->second;
  }

  void run(ConvolutionPass pass, const Convolution& args) {
    const Plan& planned = plan(pass, args);
    run(planned, pass, args, memory(planned, pass, args));
  }

 private:
  /// A handle of its own, because nobody says that one may serve two streams at the same time. The first branch is the
  /// caller's stream, and has neither a stream nor an event of its own. The handle goes before the stream that it
  /// names.
  struct Branch {
    OwnedStream stream{};
    OwnedEvent done{};
    OwnedHandle handle;
  };
  using Key = std::vector<int64_t>;

  static Key key(ConvolutionPass pass, const Convolution& args) {
    const ConvolutionShape& s = args.shape;
    return {static_cast<int64_t>(pass),
            std::min(args.num_networks, kMostTimedNetworks),
            args.allow_tf32 ? 1 : 0,
            s.batch,
            s.height,
            s.width,
            s.channels,
            s.filters,
            s.kernel,
            s.stride,
            s.padding};
  }

  static int64_t num_branches(const Convolution& args) { return std::min(args.num_networks, kBranches); }
  void add_branches(int64_t count) {
    while (static_cast<int64_t>(branches_.size()) < count) {
      Branch branch{.handle = make_handle()};
      if (!branches_.empty()) {
        branch.stream = make_side_stream();
        branch.done = make_event();
      }
      check(cudnnSetStream(branch.handle.get(), branches_.empty() ? stream_.handle() : branch.stream.get()),
            "cudnnSetStream");
      branches_.push_back(std::move(branch));
    }
  }
  static int64_t weight_size(const Convolution& args) { return args.shape.filters * args.shape.filter_size(); }
  static int64_t grad_weight_stride(const Convolution& args) { return round_up(weight_size(args), 4); }
  static int64_t grad_weight_bytes(ConvolutionPass pass, const Convolution& args) {
    if (pass != ConvolutionPass::kBackwardWeight) return 0;
    return args.num_networks * grad_weight_stride(args) * static_cast<int64_t>(sizeof(float));
  }

  CallMemory memory(const Plan& plan, ConvolutionPass pass, const Convolution& args) {
    return {workspace_.at_least(num_branches(args) * plan.workspace_bytes),
            reinterpret_cast<float*>(grad_weight_.at_least(grad_weight_bytes(pass, args)))};
  }

  /// The fastest plan, or the first that runs. They are tried on operands of their own (of a few networks), replayed as
  /// a captured step is: so an engine that cannot be captured drops out too.
  size_t index_of_best(const std::vector<Plan>& plans, ConvolutionPass pass, const Convolution& args, bool by_time) {
    const int device = stream_.device().index;
    Convolution timed = args;
    timed.num_networks = std::min(args.num_networks, kMostTimedNetworks);
    timed.input_stride = round_up(args.shape.batch * args.shape.input_size(), 64);
    timed.weight_stride = round_up(weight_size(args), 64);
    timed.output_stride = round_up(args.shape.batch * args.shape.output_size(), 64);
    const int64_t per_network = timed.input_stride + timed.weight_stride + timed.output_stride;
    const int64_t operand_bytes = timed.num_networks * per_network * static_cast<int64_t>(sizeof(float));
    const std::shared_ptr<void> operands = allocate(device, operand_bytes);
    timed.input = static_cast<float*>(operands.get());
    timed.weight = timed.input + timed.num_networks * timed.input_stride;
    timed.output = timed.weight + timed.num_networks * timed.weight_stride;
    // Bytes of 63 are floats of 0.75: zeros would be multiplied with less power.
    check(cudaMemsetAsync(operands.get(), 63, static_cast<size_t>(operand_bytes), stream_.handle()), "cudaMemset");
    const int64_t largest = std::ranges::max_element(plans, {}, &Plan::workspace_bytes)->workspace_bytes;
    const std::shared_ptr<void> workspace = allocate(device, num_branches(timed) * largest);
    const std::shared_ptr<void> grad_weight = allocate(device, grad_weight_bytes(pass, timed));
    const CallMemory memory{static_cast<std::byte*>(workspace.get()), static_cast<float*>(grad_weight.get())};

    size_t fastest = 0;
    double least = std::numeric_limits<double>::infinity();
    std::string refusal;
    for (size_t i = 0; i < plans.size(); ++i) {
      try {
        run(plans[i], pass, timed, memory);  // loads its kernels
        const double seconds = replay_seconds(stream_, [&] { run(plans[i], pass, timed, memory); });
        if (seconds < least) {
          least = seconds;
          fastest = i;
        }
        if (!by_time) break;
      } catch (const Error& error) {
        refusal = error.what();
      }
    }
    if (least == std::numeric_limits<double>::infinity()) {
      throw CudnnError("expected a plan that runs, got {} that do not: {}", plans.size(), refusal);
    }
    return fastest;
  }

  /// Network p on branch p modulo their number.
  void run(const Plan& plan, ConvolutionPass pass, const Convolution& args, const CallMemory& memory) {
    const int64_t branches = num_branches(args);
    const auto side = [&](int64_t branch) -> Branch& { return branches_[static_cast<size_t>(branch)]; };
    if (branches > 1) check(cudaEventRecord(fork_.get(), stream_.handle()), "cudaEventRecord");
    for (int64_t branch = 0; branch < branches; ++branch) {
      if (branch > 0) check(cudaStreamWaitEvent(side(branch).stream.get(), fork_.get(), 0), "cudaStreamWaitEvent");
      std::byte* const workspace =
          plan.workspace_bytes == 0 ? nullptr : memory.workspace + branch * plan.workspace_bytes;
      for (int64_t network = branch; network < args.num_networks; network += branches) {
        float* const weight = pass == ConvolutionPass::kBackwardWeight
                                  ? memory.grad_weight + network * grad_weight_stride(args)
                                  : args.weight + network * args.weight_stride;
        execute(side(branch).handle.get(), plan, args.input + network * args.input_stride, weight,
                args.output + network * args.output_stride, workspace);
      }
    }
    for (int64_t branch = 1; branch < branches; ++branch) {
      check(cudaEventRecord(side(branch).done.get(), side(branch).stream.get()), "cudaEventRecord");
      check(cudaStreamWaitEvent(stream_.handle(), side(branch).done.get(), 0), "cudaStreamWaitEvent");
    }
    if (pass == ConvolutionPass::kBackwardWeight) add_grad_weight(args, memory.grad_weight);
  }

  static void execute(cudnnHandle_t handle, const Plan& plan, void* input, void* weight, void* output,
                      void* workspace) {
    Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::vector<int64_t>{kInput, kWeight, kOutput})
        .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, std::vector<void*>{input, weight, output})
        .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace);
    pack = std::move(pack).finalized();
    check(cudnnBackendExecute(handle, plan.plan.get(), pack.get()), "cudnnBackendExecute");
  }

  /// Adds one matrix [P][weight] to another in place. The graph API has a beta for that, and engines plan with it; but
  /// cuDNN's own front end only ever passes 0, and an engine that ignored it would spoil gradients in silence. Weights
  /// are small beside images.
  void add_grad_weight(const Convolution& args, const float* source) {
    const float one = 1;
    // In 64 bits: parameters of many networks are more than 2^31.
    check(cublasSgeam_64(stream_.cublas(), CUBLAS_OP_N, CUBLAS_OP_N, weight_size(args), args.num_networks, &one, source,
                         grad_weight_stride(args), &one, args.weight, args.weight_stride, args.weight,
                         args.weight_stride),
          "cublasSgeam");
  }

  NativeStream& stream_;
  std::vector<Branch> branches_;
  OwnedEvent fork_;
  std::map<Key, Plan> plans_;
  WorkingMemory workspace_, grad_weight_;
};

Convolutions& convolutions_of(murmur::Stream& stream) {
  auto& native = static_cast<NativeStream&>(stream);
  std::unique_ptr<NativeStream::Attachment>& attached = native.convolutions();
  if (attached == nullptr) {
    native.make_current();
    attached = std::make_unique<Convolutions>(native);
  }
  return static_cast<Convolutions&>(*attached);
}

}  // namespace

std::string convolution_library() {
  try {
    const size_t version = cudnnGetVersion();
    return fmt::format("cuDNN {}.{}.{}", version / 10000, version % 10000 / 100, version % 100);
  } catch (const CudnnError& error) {
    return error.what();
  }
}

std::string convolution_library_status(int device) {
  try {
    check(cudaSetDevice(device), "cudaSetDevice");
    make_handle();
    return "ready";
  } catch (const Error& error) {
    return error.what();
  }
}

ConvolutionPlan plan_convolution(murmur::Stream& stream, ConvolutionPass pass, const Convolution& args,
                                 const PlanWish& wish) {
  if (stream.is_capturing()) throw Error("plan_convolution: expected a stream that does not capture");
  try {
    return {.is_ready = true, .configuration = convolutions_of(stream).plan(pass, args, wish).name};
  } catch (const Error& error) {
    return {.reason = error.what()};
  }
}

void convolution(murmur::Stream& stream, ConvolutionPass pass, const Convolution& args) {
  try {
    convolutions_of(stream).run(pass, args);
  } catch (const CudnnError& error) {
    throw CudnnError("{}: {}", describe(pass, args), error.what());
  }
}

}  // namespace murmur::cuda
