#include "murmur/data/cifar.hpp"

#include <algorithm>

#include "murmur/engine/error.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur::fuzz {
namespace {

void check(const Samples& samples, int64_t num_classes) {
  const int64_t num_bytes = samples.num_samples * samples.height * samples.width * samples.channels;
  require(samples.num_samples > 0 && static_cast<int64_t>(samples.images.size()) == num_bytes, "images of their size");
  require(static_cast<int64_t>(samples.labels.size()) == samples.num_samples, "a label for each image");
  require(*std::ranges::max_element(samples.labels) < num_classes, "labels within the classes");
}

}  // namespace

void cifar(Input input) {
  static const test::TemporaryFolder folder;
  if (input.empty()) return;
  const bool has_ten = input[0] % 2 == 0;
  const Input rest = input.subspan(1);
  const size_t num_training = rest.size() * (input[0] / 2) / 128;
  const auto write = [&](const char* name, Input bytes) { write_input((folder / name).string(), bytes); };
  if (has_ten) {
    for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin"}) {
      write(name, rest.first(num_training));
    }
    write("data_batch_5.bin", rest.first(num_training));
    write("test_batch.bin", rest.subspan(num_training));
  } else {
    write("train.bin", rest.first(num_training));
    write("test.bin", rest.subspan(num_training));
  }
  accepts<DataError>([&] {
    const Dataset dataset =
        has_ten ? load_cifar10_files("fuzz", folder.path()) : load_cifar100_files("fuzz", folder.path());
    check(dataset.train, dataset.num_classes);
    check(dataset.test, dataset.num_classes);
  });
}

}  // namespace murmur::fuzz
