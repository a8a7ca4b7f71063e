#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "murmur/pso/replay.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/study.hpp"

// A study of any size without training, for timing what reads it.

namespace {

using murmur::Study;
using murmur::TrialState;

/// In [0, 1), addressed.
double uniform(uint64_t trial, uint64_t index) {
  uint64_t x = (trial << 20U) + index + 0x9e3779b97f4a7c15ULL;
  x = (x ^ x >> 30U) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ x >> 27U) * 0x94d049bb133111ebULL;
  return std::ldexp(static_cast<double>((x ^ x >> 31U) >> 11U), -53);
}

void add_trial(Study& study, int64_t number, int64_t num_epochs) {
  constexpr int64_t kParticles = 22;
  const std::vector<double> low = study.space().low(), high = study.space().high();
  const auto trial = static_cast<uint64_t>(number);
  std::vector<double> position;
  for (size_t d = 0; d < low.size(); ++d) position.push_back(low[d] + uniform(trial, d) * (high[d] - low[d]));
  study.begin_trial(trial + 1, position,
                    {{murmur::kParticle, number % kParticles}, {murmur::kSlot, number % kParticles}});
  const double limit = 0.7 + 0.2 * uniform(trial, 100);
  const bool is_aborted = uniform(trial, 101) < 0.3;
  murmur::TrialResult result;
  for (int64_t epoch = 1; epoch <= (is_aborted ? 1 : num_epochs); ++epoch) {
    const double accuracy = limit - std::exp(-0.3 * static_cast<double>(epoch)) * 0.3 * uniform(trial, 200);
    result.intermediate.push_back(std::round(accuracy * 12000) / 12000);  // as with 12,000 validation images
  }
  result.state = is_aborted ? TrialState::kPruned : TrialState::kComplete;
  result.value = result.intermediate.back();
  result.attributes = {{murmur::kEpochs, result.intermediate.size()}};
  study.finish_trial(number, result);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("makes a study of so many trials, without training");
  std::string path;
  int64_t num_trials = 50000, num_epochs = 20;
  app.add_option("study", path, "new file")->required();
  app.add_option("--trials", num_trials)->capture_default_str();
  app.add_option("--epochs", num_epochs)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  murmur::SearchDefinition search;
  search.dataset = "fashion-mnist";
  search.num_epochs = num_epochs;
  Study study = Study::create_or_open(path, murmur::study_definition(search));
  Study::Transaction transaction(study);
  for (int64_t number = 0; number < num_trials; ++number) add_trial(study, number, num_epochs);
  transaction.commit();
  fmt::print("{}: {} trials of {} epochs\n", path, num_trials, num_epochs);
}
