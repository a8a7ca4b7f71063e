#pragma once

namespace murmur::cuda {

void push_range(const char* name);
void pop_range();

}  // namespace murmur::cuda
