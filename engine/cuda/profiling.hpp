#pragma once

namespace murmur::cuda {

void push_range(const char* name);
void pop_range();

/// What a profiler that waits for them looks at lies between the two. Throws: CudaError.
void start_profiler();
void stop_profiler();

}  // namespace murmur::cuda
