// Images from blocks of channels to channels last, or back. One tile is one block of one sample.
#include "murmur/kernels/reorder.hpp"

#include "murmur/kernels/parallel.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

template <class T>
struct Reorder {
  static constexpr int kWidth = 256;
  ReorderArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    const int64_t blocks = args.size.channels / kChannelBlock;
    const int64_t row = tile / blocks * args.size.elements();
    const int64_t block = tile % blocks;
    const int64_t size = args.size.elements() / blocks;
    const T* source = args.source[network] + row;
    T* target = args.target[network] + row;
    const bool to_last = args.from == ImageLayout::kChannelBlocks;
    for (int64_t first = 0; first < size; first += kWidth) {
      all.first(size - first).each([&](int i) {
        const int64_t e = first + i;
        const int64_t in_blocks = block * size + e;
        const int64_t last = e / kChannelBlock * args.size.channels + block * kChannelBlock + e % kChannelBlock;
        target[to_last ? last : in_blocks] = source[to_last ? in_blocks : last];
      });
    }
  }
};

}  // namespace

template <class T>
void reorder(murmur::Stream& stream, const ReorderArgs<T>& args) {
  const int64_t blocks = args.size.channels / kChannelBlock;
  launch(stream, "reorder", args.num_networks, args.num_rows * blocks, Reorder<T>{args});
}

MURMUR_INSTANTIATE_KERNEL(reorder, ReorderArgs)

}  // namespace murmur::MURMUR_TARGET
