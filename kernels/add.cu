// Adds one tensor to another, or copies it, network by network.
#include "murmur/kernels/add.hpp"

#include "murmur/kernels/parallel.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

template <class T>
struct Add {
  static constexpr int kWidth = 256;
  AddArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    const int64_t first = tile * kWidth;
    const T* source = args.source[network] + first;
    T* target = args.target[network] + first;
    const auto lanes = all.first(args.num_elements - first);
    if (args.accumulate) {
      lanes.each([&](int i) { target[i] += source[i]; });
    } else {
      lanes.each([&](int i) { target[i] = source[i]; });
    }
  }
};

}  // namespace

template <class T>
void add(murmur::Stream& stream, const AddArgs<T>& args) {
  launch(stream, "add", args.num_networks, (args.num_elements + Add<T>::kWidth - 1) / Add<T>::kWidth, Add<T>{args});
}

MURMUR_INSTANTIATE_KERNEL(add, AddArgs)

}  // namespace murmur::MURMUR_TARGET
