#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "murmur/layers/population_trainer.hpp"
#include "murmur/pso/driver.hpp"
#include "murmur/pso/pruner.hpp"
#include "murmur/pso/search_space.hpp"
#include "murmur/pso/searcher.hpp"
#include "murmur/pso/study.hpp"

namespace murmur {

/// All that defines a search: with the same definition, slots and device it gives the same study. What may change when
/// a search goes on (its number of trials, its patience, the device) is no part of it.
struct SearchDefinition {
  std::string name = "murmur";  // of the study
  std::string dataset;
  std::string dataset_contents;  // what the name does not say: which images there are
  std::string image_size;        // "28x28"
  int64_t train_images = 0;      // the first of the training file; 0: all
  std::string model = "fc";      // as it is written
  int64_t num_epochs = 20;       // of a full training
  int64_t micro_batch = 128;
  Initialization initialization = Initialization::kScale;
  Definitions definitions;
  double abort_below = 0.12;
  PrunerOptions pruner{};
  uint64_t seed = 1;
  int64_t trial_repeats = 1;  // trainings of a trial
  bool same_seeds = false;    // of all trials
  SearchSpace space = SearchSpace::all();
  Setting base{};                   // the values of the techniques that are not searched
  std::vector<Setting> starts{};    // the first candidates: particle 0, 1, ... (of stage one, where there is one)
  std::string algorithm = "swarm";  // a row of the table of searchers
  nlohmann::json options = nlohmann::json::object();  // of the searcher, those that are not its defaults
};

/// The definition as a study stores it.
StudyDefinition study_definition(const SearchDefinition& search);

/// The inverse: what a stored study searched. Throws: StudyError.
SearchDefinition search_definition(const Study& study);

/// Throws InvalidArgument for what would otherwise come to light in the middle of a search: a batch that is smaller
/// than the micro-batch.
void check_batch_size(const SearchDefinition& search);

/// A new searcher for the search. Throws: InvalidArgument.
std::unique_ptr<Searcher> make_searcher(const SearchDefinition& search, int64_t num_trials);

/// What a driver needs to know of the search.
SearchOptions search_options(const SearchDefinition& search, int64_t num_trials);

/// `options`, which say where and how to train, with what the search says.
TrainerOptions trainer_options_of(const SearchDefinition& search, TrainerOptions options);

/// "scale", "he", ...; all of them in the enum's order. The inverse throws InvalidArgument.
std::string_view initialization_name(Initialization initialization);
Initialization parse_initialization(std::string_view name);
bool is_initialization(std::string_view name);
std::vector<std::string> initialization_names();

}  // namespace murmur
