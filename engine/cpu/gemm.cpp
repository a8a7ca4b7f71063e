#include "murmur/engine/cpu/gemm.hpp"

#include <oneapi/dnnl/dnnl.h>

#include "murmur/engine/error.hpp"

namespace murmur::cpu {
namespace {

/// The plain loop, in double: what gradient checks and the float path are compared with.
void reference_gemm(const Gemm<double>& args, int64_t network) {
  const double* a = args.a.data + network * args.a.stride;
  const double* b = args.b.data + network * args.b.stride;
  double* c = args.c.data + network * args.c.stride;
  for (int64_t i = 0; i < args.m; ++i) {
    for (int64_t j = 0; j < args.n; ++j) {
      double sum = 0;
      for (int64_t l = 0; l < args.k; ++l) {
        const double left = args.transpose_a ? a[l * args.a.leading + i] : a[i * args.a.leading + l];
        const double right = args.transpose_b ? b[j * args.b.leading + l] : b[l * args.b.leading + j];
        sum += left * right;
      }
      double& target = c[i * args.c.leading + j];
      target = args.beta == 0 ? sum : target + sum;
    }
  }
}

}  // namespace

void gemm(Stream& stream, const Gemm<float>& args) {
  stream.run("gemm", args.num_networks, [args](int64_t network) {
    const dnnl_status_t status =
        dnnl_sgemm(args.transpose_a ? 'T' : 'N', args.transpose_b ? 'T' : 'N', args.m, args.n, args.k, 1.0f,
                   args.a.data + network * args.a.stride, args.a.leading, args.b.data + network * args.b.stride,
                   args.b.leading, args.beta, args.c.data + network * args.c.stride, args.c.leading);
    if (status != dnnl_success) {
      throw Error("gemm: oneDNN refused {} x {} x {} with status {}", args.m, args.n, args.k, static_cast<int>(status));
    }
  });
}

void gemm(Stream& stream, const Gemm<double>& args) {
  stream.run("gemm", args.num_networks, [args](int64_t network) { reference_gemm(args, network); });
}

}  // namespace murmur::cpu
