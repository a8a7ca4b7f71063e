#include "app/config.hpp"

#include "murmur/engine/error.hpp"
#include "tests/fuzz/support.hpp"

namespace murmur::fuzz {

void config(Input input) {
  const InputFile file(input);
  accepts<InvalidArgument>([&] {
    const std::vector<std::string> words = app::expand_config({"train", "--config", file.path(), "--epochs=3"});
    require(words.size() >= 2 && words.front() == "train" && words.back() == "--epochs=3",
            "the command first, and its own options last");
    for (size_t i = 1; i < words.size(); ++i) require(words[i].starts_with("--"), "nothing but options");
  });
}

}  // namespace murmur::fuzz
