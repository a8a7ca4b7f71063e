#include <algorithm>

#include "murmur/engine/error.hpp"
#include "murmur/pso/definitions_json.hpp"
#include "murmur/pso/json_text.hpp"
#include "murmur/pso/search_domain.hpp"
#include "murmur/pso/search_space.hpp"
#include "murmur/pso/searchers.hpp"
#include "murmur/pso/setting_json.hpp"
#include "tests/fuzz/support.hpp"

namespace murmur::fuzz {
namespace {

using nlohmann::json;

void read_space(const json& value) {
  const SearchSpace space = SearchSpace::from_json(value);
  require(space.to_json() == value, "a search space to be written as it was read");
  std::vector<double> middle = space.low();
  for (size_t d = 0; d < middle.size(); ++d) middle[d] = (middle[d] + space.high()[d]) / 2;
  const Setting setting = space.decode(middle, Setting());
  space.decode(space.encode(setting), Setting());
}

/// A searcher of these options asks for its first candidates. Not one that would ask for thousands.
void read_searcher(const SearcherInfo& info, const json& value) {
  const json options = parse_defining_options(info, value);
  const bool is_small =
      std::ranges::all_of(options, [](const json& option) { return !option.is_number_integer() || option <= 64; });
  if (!is_small) return;
  const SearchDomain domain = search_domain(SearchSpace({Technique::kDropout, Technique::kOptimizer}));
  const auto searcher = make_searcher(info, {domain, 1, std::max<int64_t>(info.min_trials, 8), options, {}});
  for (int i = 0; i < 4; ++i) {
    for (const Candidate& candidate : searcher->ask(2)) searcher->tell(candidate.id, 0.1 * i);
  }
}

void read(std::string_view name, const json& value) {
  if (name == "search_space") return read_space(value);
  if (name == "base_setting") {
    const Setting setting = parse_setting_json(value);
    require(parse_setting_json(setting_json(setting)) == setting, "a setting to be read as it was written");
    return;
  }
  if (name == "definitions") {
    const json written = definitions_json(parse_definitions(value));
    require(definitions_json(parse_definitions(written)) == written, "definitions to be read as they were written");
    return;
  }
  for (const SearcherInfo& info : searchers()) {
    if (info.name == name) return read_searcher(info, value);
  }
}

}  // namespace

void attribute(Input input) {
  const auto end = std::ranges::find(input, uint8_t{'\n'});
  if (end == input.end()) return;
  const std::string name(input.begin(), end), text(end + 1, input.end());
  json value;
  if (!accepts<json::exception>([&] { accepts<InvalidArgument>([&] { value = parse_json(text); }); })) return;
  require(value.dump().size() > 0 && json(value) == value, "a value that can be written and copied");
  accepts<InvalidArgument>([&] { read(name, value); });
}

}  // namespace murmur::fuzz
