#include "murmur/pso/searchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "murmur/engine/error.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/swarm.hpp"

namespace murmur {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::unique_ptr<Searcher> make(const char* name, const json& given, int64_t num_trials = 10) {
  const SearcherInfo& info = searcher_info(name);
  const json options = all_options(info, given);
  return make_searcher(info, {search_domain(SearchSpace::all()), 5, num_trials, options});
}

// This file, and all tests of this program, are linked with no training engine.
TEST(Searchers, EachRowMakesOne) {
  std::set<std::string_view> names;
  for (const SearcherInfo& info : searchers()) {
    EXPECT_TRUE(names.insert(info.name).second);
    EXPECT_EQ(&searcher_info(info.name), &info);
    EXPECT_FALSE(info.help.empty());
    const std::unique_ptr<Searcher> searcher = make(std::string(info.name).c_str(), json::object());
    ASSERT_NE(searcher, nullptr);
    EXPECT_EQ(searcher->ask(1).at(0).id, 0);
    EXPECT_GE(searcher->num_at_once(), 1);
    EXPECT_FALSE(searcher->describe().empty());
  }
  EXPECT_THAT([] { searcher_info("annealing"); },
              ThrowsMessage<InvalidArgument>(
                  HasSubstr("expected one of swarm, fips, clpso, cmaes, shade, tpe, random, sobol, got 'annealing'")));
}

TEST(Searchers, TheSwarmsOptionsReachIt) {
  const auto searcher = make("swarm", {{"particles", 3},
                                       {"inertia_weight", 0.5},
                                       {"cognitive_coefficient", 1.0},
                                       {"social_coefficient", 2.0},
                                       {"velocity_limit", 0.1},
                                       {"patience", 7},
                                       {"two_stage", true},
                                       {"stage_one_particles", 9},
                                       {"stage_one_epochs", 2}});
  const auto& swarm = dynamic_cast<const Swarm&>(*searcher);
  const SwarmOptions& options = swarm.options();
  EXPECT_EQ(options.num_particles, 3);
  EXPECT_EQ(options.inertia_weight, 0.5);
  EXPECT_EQ(options.cognitive_coefficient, 1.0);
  EXPECT_EQ(options.social_coefficient, 2.0);
  EXPECT_EQ(options.velocity_limit, 0.1);
  EXPECT_EQ(options.patience, 7);
  EXPECT_EQ(options.num_stage_one, 9);
  EXPECT_EQ(options.stage_one_epochs, 2);
  EXPECT_EQ(options.seed, 5u);
  EXPECT_EQ(searcher->describe(), "3 particles (the best of 9 after 2 epochs)");
  EXPECT_EQ(searcher->stage_one().num_candidates, 9);
  EXPECT_EQ(searcher->num_at_once(), 3);
  EXPECT_EQ(make("swarm", {{"stage_one_particles", 9}})->stage_one().num_candidates, 0) << "without two-stage";
  const SearchSpace space = SearchSpace::all();
  EXPECT_EQ(make("swarm", json::object())->ask(1)[0].position, sparse_initial_positions(space, 1, 5)[0]);
  EXPECT_EQ(make("swarm", {{"initialization", "uniform"}})->ask(1)[0].position,
            uniform_initial_positions(space.low(), space.high(), 1, 5)[0]);
}

TEST(Searchers, NumbersOfTrialsHaveTheirLimits) {
  EXPECT_THAT(
      [] { make("random", json::object(), 0); },
      ThrowsMessage<InvalidArgument>(HasSubstr("--trials: expected 1 to 1048576 for --algorithm random, got 0")));
  EXPECT_NO_THROW(make("swarm", json::object(), 0));
  EXPECT_EQ(make("random", json::object(), 7)->num_at_once(), 7);
  EXPECT_EQ(make("random", json::object(), 1000)->num_at_once(), 22);
}

TEST(Searchers, OptionsThatAreNotGivenSuitTheNumberOfTrials) {
  const SearcherInfo& swarm = searcher_info("swarm");
  EXPECT_EQ(budget_options(swarm, json::object(), 110).at("particles"), 8);
  EXPECT_EQ(budget_options(swarm, json::object(), 440), (json{{"particles", 8}, {"patience", 14}}));
  EXPECT_EQ(budget_options(swarm, json::object(), 441).at("particles"), 22);
  EXPECT_EQ(budget_options(swarm, json::object(), 0).at("particles"), 22);
  EXPECT_EQ(budget_options(swarm, {{"particles", 5}, {"patience", 2}}, 10), (json{{"particles", 5}, {"patience", 2}}));
  EXPECT_EQ(budget_options(searcher_info("random"), json::object(), 10), json::object());
}

TEST(Searchers, AutoStandsForTheRowThatSuitsTheNumberOfTrials) {
  for (const int64_t num_trials : {int64_t{0}, int64_t{1}, int64_t{110}, int64_t{22000}}) {
    EXPECT_NO_THROW(searcher_info(algorithm_by_budget(num_trials)));
  }
  EXPECT_EQ(algorithm_by_budget(0), "swarm");
  EXPECT_EQ(algorithm_by_budget(110), "swarm");
  EXPECT_EQ(algorithm_by_budget(440), "shade");
}

TEST(Searchers, DefinitionsAreReadBack) {
  const SearcherInfo& swarm = searcher_info("swarm");
  for (const json& given : {json::object(), json{{"particles", 4}, {"velocity_limit", 0.1 + 0.2}},
                            json{{"two_stage", true}, {"stage_one_particles", 50}, {"initialization", "uniform"}}}) {
    const json options = all_options(swarm, given);
    const json definition = json::parse(defining_options(swarm, options).dump());
    EXPECT_EQ(parse_defining_options(swarm, definition), options) << given;
    EXPECT_EQ(definition.contains("stage_one_epochs"), given.contains("two_stage"));
    EXPECT_FALSE(definition.contains("patience")) << "may change when a search goes on";
  }
  const SearcherInfo& random = searcher_info("random");
  EXPECT_EQ(defining_options(random, all_options(random, json::object())), (json{{"initialization", "uniform"}}));
  json definition = defining_options(swarm, all_options(swarm, json::object()));
  const auto expect_refused = [&](const char* words, const char* key, const json& value) {
    json changed = definition;
    changed[key] = value;
    EXPECT_THAT([&] { parse_defining_options(swarm, changed); }, ThrowsMessage<InvalidArgument>(HasSubstr(words)));
  };
  expect_refused("expected a value of --particles, got \"many\"", "particles", "many");
  expect_refused("expected a value of --particles, got 0", "particles", 0);
  expect_refused("expected a value of --inertia-weight, got null", "inertia_weight", nullptr);
  expect_refused("expected a value of --initialization, got \"dense\"", "initialization", "dense");
  expect_refused("to define it", "colour", "ring");
  expect_refused("expected a value of --topology, got \"torus\"", "topology", "torus");
  expect_refused("to define it", "stage_one_epochs", 2);
  definition.erase("particles");
  EXPECT_THROW(parse_defining_options(swarm, definition), InvalidArgument);
  EXPECT_THROW(parse_defining_options(swarm, json(3)), InvalidArgument);
}

}  // namespace
}  // namespace murmur
