#pragma once

// The one place that knows which compiler reads a file of the one-source-two-targets layer. A kernel source is compiled
// twice: by nvcc with MURMUR_TARGET=cuda and by the host compiler with MURMUR_TARGET=cpu.

#if defined(__CUDACC__)
#define MURMUR_HD __host__ __device__ __forceinline__
#define MURMUR_KERNEL __device__
#define MURMUR_INLINED
#define MURMUR_UNROLL  // nvcc unrolls constant trip counts by itself
#if defined(__CUDA_ARCH__)
#define MURMUR_ROLLED _Pragma("unroll 1")  // and loops of other counts, which may take too many registers
#else
#define MURMUR_ROLLED  // the host compiler reads the same source, and does not know the word
#endif
#else
#define MURMUR_HD [[gnu::always_inline]] inline
// A kernel body is flattened: its lambdas must be inlined or the loops over lanes do not vectorise.
#define MURMUR_KERNEL [[gnu::flatten]]
// Behind the parameters of a lambda that is too long for g++ to inline it all the same.
#define MURMUR_INLINED __attribute__((always_inline))
#define MURMUR_UNROLL _Pragma("GCC unroll 16")
#define MURMUR_ROLLED
#endif
