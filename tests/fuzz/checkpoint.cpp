#include <memory>

#include "app/commands.hpp"
#include "app/saved_options.hpp"
#include "app/weights_file.hpp"
#include "murmur/engine/error.hpp"
#include "tests/fuzz/small_training.hpp"
#include "tests/fuzz/support.hpp"

namespace murmur::fuzz {
namespace {

/// As `train --resume` takes them; options that differ are a refusal of the command line's.
void read_options(const SafeTensors& checkpoint) {
  CLI::App command;
  const std::shared_ptr<void> options = app::add_train_options(command);
  accepts<InvalidArgument>([&] {
    app::take_saved_options(command, checkpoint.text("options"), "input");
    app::compare_saved_options(command, checkpoint.text("options"), "input");
  });
}

}  // namespace

/// What is accepted can be trained on.
void checkpoint(Input input) {
  static PopulationTrainer trainer = small_trainer();
  const InputFile file(input);
  SafeTensors contents;
  if (!accepts<DataError>([&] { contents = read_safetensors(file.path()); })) return;
  accepts<DataError>([&] { read_options(contents); });
  accepts<DataError>([&] { require(!app::read_history(contents, kSmallNetworks).empty(), "an epoch in the history"); });
  if (!accepts<DataError>([&] { trainer.restore(contents); })) return;
  trainer.run_epoch();
  trainer.evaluate_test();
}

}  // namespace murmur::fuzz
