// Graphs: the recorded work. A launch does it again, and fails where a node names memory that has been freed since.
#include <chrono>
#include <thread>

#include "stub.hpp"

using namespace murmur::stub;

extern "C" {

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* number) {
  STUB_LOCK;
  if (nodes != nullptr) return report(cudaErrorNotSupported);
  *number = graph->nodes.size();
  return cudaSuccess;
}

cudaError_t cudaGraphCreate(cudaGraph_t* graph, unsigned int) {
  STUB_LOCK;
  *graph = new CUgraph_st{};
  count("live graphs");
  return cudaSuccess;
}

/// A copy of the child's nodes; all that is done here is one node after the other.
cudaError_t cudaGraphAddChildGraphNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t*, size_t,
                                       cudaGraph_t child) {
  STUB_LOCK;
  count("cudaGraphAddChildGraphNode");
  graph->nodes.insert(graph->nodes.end(), child->nodes.begin(), child->nodes.end());
  *node = nullptr;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  STUB_LOCK;
  count("cudaGraphInstantiate");
  if (const cudaError_t status = check_no_strict_capture("cudaGraphInstantiate"); status != cudaSuccess) {
    return report(status);
  }
  if (must_fail("instantiate")) return report(cudaErrorMemoryAllocation);
  *executable = new CUgraphExec_st{{graph->nodes}};
  count("live executable graphs");
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  STUB_LOCK;
  count("cudaGraphLaunch");
  if (is_capturing(stream)) return report(cudaErrorNotSupported);
  if (must_fail("graph_launch")) return report(cudaErrorLaunchOutOfResources);
  for (const Work& work : executable->nodes) {
    count("nodes launched");
    if (!perform({work.name, work.memory}, "graph launch")) return report(cudaErrorIllegalAddress);
    count("work " + work.name);
    if (work.run) queue(stream, work);
    if (const int64_t duration = duration_us(work.name); duration > 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(duration));
    }
  }
  return report(queued_failure());
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  STUB_LOCK;
  delete graph;
  if (graph != nullptr) count("live graphs", -1);
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  STUB_LOCK;
  delete executable;
  if (executable != nullptr) count("live executable graphs", -1);
  return cudaSuccess;
}
}
