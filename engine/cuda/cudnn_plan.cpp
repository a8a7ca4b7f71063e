#include "murmur/engine/cuda/cudnn_plan.hpp"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "murmur/engine/error.hpp"

namespace murmur::cuda {
namespace {

/// Working memory of one network: engines that want more are left out.
constexpr int64_t kMaxWorkspaceBytes = int64_t{256} << 20;
/// Heuristics sort by expected time: what comes later has little chance, and plans may be compiled at run time.
constexpr size_t kMaxCandidates = 8;
/// Of the operands: whole quads.
constexpr int64_t kAlignmentBytes = 16;

Descriptor describe_tensor(TensorId id, const std::vector<int64_t>& dimensions, const std::vector<int64_t>& strides) {
  Descriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, dimensions)
      .set(CUDNN_ATTR_TENSOR_STRIDES, strides)
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, static_cast<int64_t>(id))
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, kAlignmentBytes);
  return std::move(tensor).finalized();
}

/// Dimensions are always in the order n, c, h, w; that channels come last is said by the strides. So too for weights.
Descriptor describe_channels_last(TensorId id, int64_t n, int64_t height, int64_t width, int64_t channels) {
  return describe_tensor(id, {n, channels, height, width}, {height * width * channels, 1, width * channels, channels});
}

Descriptor describe_convolution(const ConvolutionShape& shape) {
  Descriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  convolution.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION)
      .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2})
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, std::vector<int64_t>{shape.padding, shape.padding})
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, std::vector<int64_t>{shape.padding, shape.padding})
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::vector<int64_t>{1, 1})
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, std::vector<int64_t>{shape.stride, shape.stride});
  return std::move(convolution).finalized();
}

/// What the same things are called in each pass.
struct OperationNames {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t input, weight, output, convolution, alpha, beta;
};

const OperationNames& operation_names(ConvolutionPass pass) {
  static constexpr std::array<OperationNames, 3> names{{
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
  }};
  return names[static_cast<size_t>(pass)];
}

/// A graph of one operation: one network's convolution in one pass.
struct OperationGraph {
  Descriptor input, weight, output, convolution, operation, graph;

  OperationGraph(cudnnHandle_t handle, ConvolutionPass pass, const ConvolutionShape& shape)
      : input(describe_channels_last(kInput, shape.batch, shape.height, shape.width, shape.channels)),
        weight(describe_channels_last(kWeight, shape.filters, shape.kernel, shape.kernel, shape.channels)),
        output(describe_channels_last(kOutput, shape.batch, shape.out_height(), shape.out_width(), shape.filters)),
        convolution(describe_convolution(shape)),
        operation(make_operation(operation_names(pass))),
        graph(make_graph(handle)) {}

 private:
  Descriptor make_operation(const OperationNames& names) const {
    Descriptor result(names.type);
    result.set(names.input, input)
        .set(names.weight, weight)
        .set(names.output, output)
        .set(names.convolution, convolution)
        .set(names.alpha, 1.0f)
        .set(names.beta, 0.0f);
    return std::move(result).finalized();
  }
  Descriptor make_graph(cudnnHandle_t handle) const {
    Descriptor result(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    result.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation).set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle);
    return std::move(result).finalized();
  }
};

/// Engines with their settings, the most promising first.
std::vector<Descriptor> configurations(const OperationGraph& operation, cudnnBackendHeurMode_t mode) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, operation.graph).set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  heuristics = std::move(heuristics).finalized();
  const int64_t count = heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, nullptr);
  std::vector<Descriptor> result;
  std::vector<cudnnBackendDescriptor_t> to_fill;
  for (int64_t i = 0; i < count; ++i) {
    to_fill.push_back(result.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).get());
  }
  if (count == 0) return result;
  const int64_t filled =
      heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, to_fill.data());
  result.erase(result.begin() + std::min(filled, count), result.end());
  return result;
}

/// No atomics in gradients; and where TF32 is not allowed, sums of products in float and nothing else: tensor cores
/// would round float to TF32, and the error of a Winograd or Fourier transform is not that of a sum.
bool is_allowed(const Descriptor& configuration, bool allow_tf32) {
  const Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t to_fill = engine.get();
  configuration.get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &to_fill);
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
  const int64_t count = engine.get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                   static_cast<int64_t>(notes.size()), notes.data());
  const auto end = notes.begin() + std::min(count, static_cast<int64_t>(notes.size()));
  return std::none_of(notes.begin(), end, [&](cudnnBackendNumericalNote_t note) {
    if (note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC || note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS ||
        note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION) {
      return true;
    }
    return !allow_tf32 && note != CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP;
  });
}

/// The engine's number, and type and value of each of its knobs.
std::string name_of(const Descriptor& configuration) {
  try {
    const Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    cudnnBackendDescriptor_t engine_to_fill = engine.get();
    configuration.get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &engine_to_fill);
    int64_t number = 0;
    engine.get(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &number);
    std::string name = fmt::format("engine {}", number);
    std::vector<Descriptor> choices;
    std::vector<cudnnBackendDescriptor_t> to_fill;
    for (int knob = 0; knob < CUDNN_KNOB_TYPE_COUNTS; ++knob) {
      to_fill.push_back(choices.emplace_back(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR).get());
    }
    const int64_t count = configuration.get(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                            CUDNN_KNOB_TYPE_COUNTS, to_fill.data());
    for (size_t i = 0; i < static_cast<size_t>(count) && i < choices.size(); ++i) {
      cudnnBackendKnobType_t type{};
      int64_t value = 0;
      choices[i].get(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &type);
      choices[i].get(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1, &value);
      name += fmt::format(" {}={}", static_cast<int>(type), value);
    }
    return name;
  } catch (const CudnnError&) {
    return "";  // then it is timed again by the next process
  }
}

}  // namespace

void check(cudnnStatus_t status, const char* operation) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  cudaGetLastError();  // what the library met inside
  std::array<char, 512> details{};
  cudnnGetLastErrorString(details.data(), details.size());
  details.back() = '\0';
  std::string line = details.data();
  std::ranges::replace(line, '\n', ' ');
  throw CudnnError("{}: {}: {}", operation, cudnnGetErrorString(status), line);
}

Plan::Plan(cudnnHandle_t handle, Descriptor from)
    : configuration(std::move(from)), plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR), name(name_of(configuration)) {
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, handle).set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
  plan = std::move(plan).finalized();
  plan.get(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &workspace_bytes);
  workspace_bytes = (workspace_bytes + 255) / 256 * 256;
}

std::vector<Plan> candidate_plans(cudnnHandle_t handle, ConvolutionPass pass, const ConvolutionShape& shape,
                                  bool allow_tf32, const std::string& wanted_name) {
  const OperationGraph operation(handle, pass, shape);
  std::vector<Plan> plans;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK}) {
    if (!plans.empty()) break;
    std::vector<Descriptor> all;
    try {
      all = configurations(operation, mode);
    } catch (const CudnnError&) {
      continue;
    }
    for (Descriptor& configuration : all) {
      if (plans.size() == kMaxCandidates) break;
      try {
        if (!is_allowed(configuration, allow_tf32)) continue;
        if (!wanted_name.empty() && name_of(configuration) != wanted_name) continue;
        Plan plan(handle, std::move(configuration));
        if (plan.workspace_bytes <= kMaxWorkspaceBytes) plans.push_back(std::move(plan));
      } catch (const CudnnError&) {
        continue;
      }
    }
  }
  return plans;
}

}  // namespace murmur::cuda
