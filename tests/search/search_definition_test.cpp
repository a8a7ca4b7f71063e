#include "murmur/pso/search_definition.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "murmur/engine/error.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using nlohmann::json;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

SearchDefinition defined_search() {
  SearchDefinition result;
  result.name = "mine";
  result.dataset = "mnist";
  result.dataset_contents = "10 classes";
  result.image_size = "28x28";
  result.train_images = 640;
  result.model = " flatten  linear8 linear";
  result.num_epochs = 7;
  result.micro_batch = 32;
  result.initialization = Initialization::kHe;
  result.definitions = Definitions::paper();
  result.abort_below = 0.1 + 0.2;
  result.seed = 0xfedcba9876543211u;
  result.space = SearchSpace({Technique::kDropout, Technique::kLearningRate});
  result.base.set(Technique::kOptimizer, 2);
  result.starts = {result.base, result.base};
  result.starts[1].set(Technique::kDropout, 0.3);
  result.options = {{"particles", 5}, {"two_stage", true}, {"stage_one_particles", 9}};
  return result;
}

TEST(SearchDefinition, IsReadBackFromItsStudy) {
  const TemporaryFolder folder;
  const StudyDefinition stored = study_definition(defined_search());
  const Study study = Study::create_or_open(folder / "s.db", stored);
  const SearchDefinition read = search_definition(study);
  EXPECT_EQ(read.model, "flatten linear8 linear");
  EXPECT_EQ(read.definitions, Definitions::paper());
  EXPECT_EQ(read.initialization, Initialization::kHe);
  EXPECT_EQ(read.seed, defined_search().seed);
  EXPECT_EQ(read.base, defined_search().base);
  EXPECT_EQ(read.starts, defined_search().starts);
  EXPECT_EQ(read.options.at("two_stage"), true);
  EXPECT_EQ(read.options.at("stage_one_particles"), 9);
  // Whatever else there is: the study of what was read is the same one.
  const StudyDefinition again = study_definition(read);
  EXPECT_EQ(again.attributes, stored.attributes);
  EXPECT_EQ(again.space, stored.space);
  EXPECT_EQ(again.name, stored.name);
  EXPECT_NO_THROW(Study::create_or_open(folder / "s.db", again));
  EXPECT_EQ(make_searcher(read, 50)->ask(3), make_searcher(defined_search(), 50)->ask(3));
}

TEST(SearchDefinition, OfRandomSearchHasItsOptions) {
  SearchDefinition random = defined_search();
  random.algorithm = "random";
  random.options = json::object();
  random.starts = {};
  const TemporaryFolder folder;
  const Study study = Study::create_or_open(folder / "s.db", study_definition(random));
  EXPECT_EQ(study.attributes().at("random"), (json{{"initialization", "uniform"}}));
  const SearchDefinition read = search_definition(study);
  EXPECT_EQ(read.algorithm, "random");
  EXPECT_EQ(make_searcher(read, 5)->ask(1)[0].position,
            uniform_initial_positions(read.space.low(), read.space.high(), 1, read.seed)[0]);
  random.options = {{"initialization", "sparse"}};
  random.space = SearchSpace::all();
  random.starts = {random.base};
  const auto candidates = make_searcher(random, 5)->ask(2);
  EXPECT_EQ(random.space.decode(candidates[0].position, random.base), random.base);
  EXPECT_EQ(candidates[1].position, sparse_initial_positions(random.space, 2, random.seed)[1]);
}

TEST(SearchDefinition, HasItsPruner) {
  const TemporaryFolder folder;
  SearchDefinition pruned = defined_search();
  EXPECT_FALSE(study_definition(pruned).attributes.contains("pruner")) << "as studies were before there was one";
  const std::vector<std::pair<PrunerOptions, json>> cases{
      {{PrunerKind::kMedian, 2, 3, 7}, {{"kind", "median"}, {"min_epochs", 2}, {"startup_trials", 7}}},
      {{PrunerKind::kHalving, 1, 4, 5}, {{"kind", "halving"}, {"min_epochs", 1}, {"factor", 4}}},
      {{PrunerKind::kHyperband, 3, 2, 5}, {{"kind", "hyperband"}, {"min_epochs", 3}, {"factor", 2}}}};
  for (const auto& [options, stored] : cases) {
    pruned.pruner = options;
    EXPECT_EQ(study_definition(pruned).attributes.at("pruner"), stored);
    const std::string name = stored.at("kind").get<std::string>() + ".db";
    const SearchDefinition read = search_definition(Study::create_or_open(folder / name, study_definition(pruned)));
    EXPECT_EQ(read.pruner, options);
    EXPECT_EQ(search_options(read, 9).pruner, options);
  }
  StudyDefinition spoilt = study_definition(pruned);
  spoilt.attributes["pruner"]["factor"] = 1;
  const Study study = Study::create_or_open(folder / "spoilt.db", spoilt);
  EXPECT_THAT([&] { search_definition(study); },
              ThrowsMessage<StudyError>(HasSubstr("factor between rungs of at least 2, got 1")));
}

TEST(SearchDefinition, AttributesOfTheWrongTypeAreTheStudysFault) {
  const TemporaryFolder folder;
  for (const char* key :
       {"dataset", "dataset_contents", "image_size", "train_images", "model", "epochs", "micro_batch", "initialization",
        "definitions", "abort_below", "seed", "starts", "algorithm", "swarm", "pruner"}) {
    for (const char* text : {"null", "-1", "0.5", "\"x\"", "[1]", "{}", "true"}) {
      const json value = json::parse(text);
      const std::string name(key);
      const bool is_text = name.starts_with("dataset") || name == "image_size" || name == "model";
      if ((is_text && value.is_string()) || (name == "abort_below" && value.is_number())) continue;
      const std::string file = name + text[0] + std::to_string(value.size()) + ".db";
      StudyDefinition definition = study_definition(defined_search());
      definition.attributes[name] = value;
      const std::filesystem::path path = folder / file;
      const Study study = Study::create_or_open(path, definition);
      EXPECT_THAT([&] { search_definition(study); },
                  ThrowsMessage<StudyError>(AllOf(HasSubstr(path.string()), testing::Not(HasSubstr("json.exception")))))
          << key << " " << text;
      std::filesystem::remove(path);
    }
  }
}

TEST(SearchDefinition, EveryBatchHoldsAMicroBatch) {
  SearchDefinition narrow = defined_search();
  narrow.micro_batch = 256;
  EXPECT_THAT(
      [&] { check_batch_size(narrow); },
      ThrowsMessage<InvalidArgument>(HasSubstr("at least the micro-batch of 256 samples in every trial, got 128")));
  narrow.base.set(Technique::kBatchSize, 256);
  EXPECT_NO_THROW(check_batch_size(narrow));
  narrow.space = SearchSpace::all();
  EXPECT_THAT([&] { check_batch_size(narrow); }, ThrowsMessage<InvalidArgument>(HasSubstr("it is searched")));
}

TEST(SearchDefinition, InitializationsHaveTheirNames) {
  for (const auto initialization : {Initialization::kScale, Initialization::kHe, Initialization::kGlorot,
                                    Initialization::kLecun, Initialization::kOrthogonal}) {
    EXPECT_EQ(parse_initialization(initialization_name(initialization)), initialization);
  }
  EXPECT_THAT(
      [] { parse_initialization("zero"); },
      ThrowsMessage<InvalidArgument>(HasSubstr("expected one of scale, he, glorot, lecun, orthogonal, got 'zero'")));
}

}  // namespace
}  // namespace murmur
