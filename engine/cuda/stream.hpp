#pragma once

#include <memory>

#include "murmur/engine/stream.hpp"

namespace murmur::cuda {

std::unique_ptr<murmur::Stream> make_stream(int device);

}  // namespace murmur::cuda
