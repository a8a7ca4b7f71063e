#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/commands.hpp"
#include "app/final_test.hpp"
#include "app/options.hpp"
#include "app/progress.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/definitions_json.hpp"
#include "murmur/pso/driver.hpp"

namespace murmur::app {
namespace {

struct SearchCommand {
  CommonOptions common;
  std::string study;
  std::string study_name = "murmur";
  std::vector<std::string> search;
  std::string algorithm = "swarm";
  std::string initialization = "sparse";
  SwarmOptions swarm;
  SearchOptions options;
  bool two_stage = false;
  int64_t stage_one_particles = 100;
  int64_t slots = 0;  // 0: one a particle
  FinalTestOptions final_test;
};

bool is_random(const SearchCommand& command) {
  return command.algorithm == "random";
}

volatile std::sig_atomic_t signal_seen = 0;

extern "C" void on_signal(int number) {
  signal_seen = number;
}

SearchSpace space_of(const SearchCommand& command) {
  if (command.search.empty()) return SearchSpace::all();
  std::vector<Technique> techniques;
  for (const std::string& key : command.search) techniques.push_back(technique(key).id);
  return SearchSpace(techniques);
}

/// The model as it is written, with one space between words: what a study compares.
std::string model_text(const std::string& model) {
  std::istringstream stream(model);
  const std::vector<std::string> words{std::istream_iterator<std::string>(stream), {}};
  return fmt::format("{}", fmt::join(words, " "));
}

StudyDefinition definition_of(const SearchCommand& command) {
  const CommonOptions& common = command.common;
  StudyDefinition definition{command.study_name, space_of(command), parse_settings(common.set), {}};
  definition.attributes = {{"dataset", common.dataset},
                           {"train_images", common.train_images},
                           {"model", model_text(common.model)},
                           {"epochs", common.epochs},
                           {"micro_batch", common.micro_batch},
                           {"initialization", common.init},
                           {"definitions", definitions_json(definitions_of(common))},
                           {"seed", std::to_string(common.seed)},
                           {"abort_below", command.options.abort_below},
                           {"algorithm", command.algorithm}};
  if (is_random(command)) return definition;
  definition.attributes["swarm"] = {{"particles", command.swarm.num_particles},
                                    {"inertia_weight", command.swarm.inertia_weight},
                                    {"cognitive_coefficient", command.swarm.cognitive_coefficient},
                                    {"social_coefficient", command.swarm.social_coefficient},
                                    {"velocity_limit", command.swarm.velocity_limit},
                                    {"initialization", command.initialization}};
  if (command.two_stage) {
    definition.attributes["swarm"].update(
        {{"stage_one_particles", command.stage_one_particles}, {"stage_one_epochs", command.options.stage_one_epochs}});
  }
  return definition;
}

/// Random search is a swarm of which no particle is trained twice: particle i is trial i, at its uniform position.
void prepare_random(SearchCommand& command) {
  constexpr int64_t kMost = int64_t{1} << 20;  // particles
  const int64_t num_trials = command.options.num_trials;
  if (num_trials < 1 || num_trials > kMost) {
    throw InvalidArgument("--trials: expected 1 to {} for --algorithm random, got {}", kMost, num_trials);
  }
  if (command.slots == 0) command.slots = std::min(SwarmOptions{}.num_particles, num_trials);
  command.swarm.num_particles = num_trials;
  command.initialization = "uniform";
}

Swarm swarm_of(const SearchCommand& command, const SearchSpace& space) {
  std::vector<std::vector<double>> positions;
  if (command.initialization == "sparse") {
    const int64_t num_positions = std::max(command.swarm.num_particles, command.swarm.num_stage_one);
    positions = sparse_initial_positions(space, num_positions, command.swarm.seed);
  }
  return Swarm(space.low(), space.high(), command.swarm, positions);
}

/// How the trials told have ended.
std::string outcome(const SearchProgress& now) {
  const std::string stage_one = now.num_stage_one > 0 ? fmt::format("{} of stage one, ", now.num_stage_one) : "";
  return fmt::format("{}{} complete, {} aborted, {} diverged", stage_one, now.num_complete, now.num_aborted,
                     now.num_diverged);
}

std::string progress_line(const SearchProgress& now, int64_t num_trials, double seconds) {
  const double images_per_second = static_cast<double>(now.num_images) / seconds;
  return fmt::format("trials {}{} ({})  best {}  {:.0f} images/s  ETA {}", now.num_told,
                     num_trials > 0 ? fmt::format("/{}", num_trials) : "", outcome(now),
                     now.best ? fmt::format("{:.4f}", *now.best) : "-", images_per_second,
                     now.images_to_come ? format_duration(*now.images_to_come / images_per_second) : "-");
}

/// The signal that stopped the search, 0 when it ran to its end.
int run(SearchDriver& driver, int64_t num_trials, bool quiet) {
  Progress progress(quiet);
  const auto line = [&] { return progress_line(driver.progress(), num_trials, progress.elapsed_seconds()); };
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  while (signal_seen == 0 && driver.step()) progress.show(line());
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  if (driver.progress().num_images > 0) progress.show(line(), true);
  return signal_seen;
}

/// "22 particles (the best of 100 after 1 epoch) in 22 slots, 300 trials of 20 epochs"
std::string describe_plan(const SearchCommand& command, int64_t num_slots) {
  const auto epochs = [](int64_t n) { return fmt::format("{} epoch{}", n, n == 1 ? "" : "s"); };
  const std::string start = command.two_stage ? fmt::format(" (the best of {} after {})", command.stage_one_particles,
                                                            epochs(command.options.stage_one_epochs))
                                              : "";
  const std::string trials =
      command.options.num_trials > 0 ? fmt::format("{} trials", command.options.num_trials) : "trials";
  if (is_random(command)) {
    return fmt::format("random search in {} slots, {} of {}", num_slots, trials, epochs(command.common.epochs));
  }
  return fmt::format("{} particles{} in {} slots, {} of {}", command.swarm.num_particles, start, num_slots, trials,
                     epochs(command.common.epochs));
}

/// What would otherwise come to light in the middle of a search.
void check_batch_size(const CommonOptions& common, const StudyDefinition& definition) {
  const auto techniques = definition.space.techniques();
  const bool searched = std::ranges::find(techniques, Technique::kBatchSize) != techniques.end();
  const double least = searched
                           ? std::min(technique(Technique::kBatchSize).raw_low, definition.base[Technique::kBatchSize])
                           : definition.base[Technique::kBatchSize];
  if (static_cast<double>(common.micro_batch) > least) {
    throw InvalidArgument("batch_size: expected at least the micro-batch of {} samples in every trial, got {}{}",
                          common.micro_batch, least, searched ? " (it is searched; see --search, --micro-batch)" : "");
  }
}

int search(SearchCommand command) {
  CommonOptions& common = command.common;
  const ModelSpecification model = model_of(common);
  check_seeds(common.seed, static_cast<uint64_t>(kMaxTrials + command.final_test.repeats - 1));
  if (is_random(command)) prepare_random(command);
  command.options.num_epochs = common.epochs;
  command.options.seed = common.seed;
  command.swarm.seed = common.seed;
  command.swarm.num_stage_one = command.two_stage ? command.stage_one_particles : 0;
  const int64_t num_slots = command.slots > 0 ? command.slots : command.swarm.num_particles;
  require_writable("--json", common.json);
  const TrainerOptions options = trainer_options(common, num_slots);
  StudyDefinition definition = definition_of(command);
  check_batch_size(common, definition);
  check_search_options(command.options, command.swarm);
  Swarm swarm = swarm_of(command, definition.space);
  Dataset dataset = load_data(common);
  report_others(dataset, common.quiet);
  // The name does not say which images there are: a study goes on only with the same ones.
  definition.attributes["dataset_contents"] = dataset.contents;
  const TrainingData data = training_data(std::move(dataset), options.device, false);
  PopulationTrainer trainer(model, data, options);
  Study study = Study::create_or_open(command.study, definition);
  if (is_random(command) && study.num_trials() > command.swarm.num_particles) {
    command.swarm.num_particles = study.num_trials();
    swarm = swarm_of(command, definition.space);
  }
  if (!common.quiet) {
    fmt::print(stderr, "search: {} on {}, {} dimensions, {}, on {}: {}\n", common.model, common.dataset,
               definition.space.num_dimensions(), describe_plan(command, num_slots), options.device.name(),
               describe(options.device));
  }
  SearchDriver driver(trainer, swarm, study, command.options);
  if (const int number = run(driver, command.options.num_trials, common.quiet); number != 0) {
    fmt::print("stopped after {} trials, which are in the study {}; the same command goes on from there\n",
               driver.progress().num_told, std::filesystem::absolute(command.study).string());
    return 128 + number;  // as shells report a program that a signal ended
  }
  const FinalTest test = final_test(common, model, study, command.final_test);
  print_final_test(test, study);
  fmt::print("{} trials ({}) in the study {}\n", driver.progress().num_told, outcome(driver.progress()),
             std::filesystem::absolute(command.study).string());
  if (!common.json.empty()) write_file(common.json, to_json(test, study).dump(2) + "\n");
  return 0;
}

void refuse_swarm_options(const CLI::App& command) {
  for (const char* name : {"--particles", "--two-stage", "--patience", "--inertia-weight", "--cognitive-coefficient",
                           "--social-coefficient", "--velocity-limit", "--initialization"}) {
    if (command.get_option(name)->count() == 0) continue;
    throw InvalidArgument("{}: expected --algorithm swarm with it, got random", name);
  }
}

void add_final_test_options(CLI::App& app, SearchCommand& command) {
  const CLI::Validator positive = whole_number(1, int64_t{1} << 20);
  app.add_option("--top", command.final_test.top, "best settings to test at the end")
      ->check(positive)
      ->capture_default_str();
  app.add_option("--repeats", command.final_test.repeats, "trainings of each in the final test")
      ->check(positive)
      ->capture_default_str();
  app.add_option("--final-epochs", command.final_test.num_epochs,
                 "epochs of these trainings (0: --epochs); the schedules are transferred")
      ->check(whole_number(0, 1000000))
      ->capture_default_str();
}

}  // namespace

Run add_search(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("search", "search the noise settings with a particle swarm");
  auto command = std::make_shared<SearchCommand>();
  const CLI::Validator positive = whole_number(1, int64_t{1} << 20);
  sub->add_option("--study", command->study, "study file (SQLite, Optuna's schema); an existing one is continued")
      ->required();
  sub->add_option("--name", command->study_name, "the study's name")->capture_default_str();
  sub->add_option("--algorithm", command->algorithm, "swarm, or random: uniform settings, as many as --trials says")
      ->check(CLI::IsMember({"swarm", "random"}))
      ->capture_default_str();
  command->options.num_trials = 0;
  sub->add_option("--trials", command->options.num_trials,
                  "trials in all, those of stage one too (0: until --patience ends the search)")
      ->check(whole_number(0, kMaxTrials))
      ->capture_default_str();
  sub->add_option("--particles", command->swarm.num_particles, "particles")->check(positive)->capture_default_str();
  CLI::Option* two_stage = sub->add_flag(
      "--two-stage", command->two_stage,
      "two-stage start: train many initial positions briefly; the best --particles of them become the swarm");
  sub->add_option("--stage-one-particles", command->stage_one_particles, "initial positions of a two-stage start")
      ->check(positive)
      ->needs(two_stage)
      ->capture_default_str();
  sub->add_option("--stage-one-epochs", command->options.stage_one_epochs, "epochs for each of them")
      ->check(positive)
      ->needs(two_stage)
      ->capture_default_str();
  sub->add_option("--slots", command->slots, "networks trained at once (0: one a particle)")
      ->check(whole_number(0, int64_t{1} << 20))
      ->capture_default_str();
  sub->add_option("--patience", command->swarm.patience,
                  "stop after this many sweeps (of one trial a particle) without improvement")
      ->check(positive)
      ->capture_default_str();
  sub->add_option("--inertia-weight", command->swarm.inertia_weight, "of a particle's velocity")->capture_default_str();
  sub->add_option("--cognitive-coefficient", command->swarm.cognitive_coefficient, "pull of a particle's own best")
      ->capture_default_str();
  sub->add_option("--social-coefficient", command->swarm.social_coefficient, "pull of the swarm's best")
      ->capture_default_str();
  sub->add_option("--velocity-limit", command->swarm.velocity_limit,
                  "largest velocity, as a fraction of a dimension's range")
      ->capture_default_str();
  sub->add_option("--initialization", command->initialization,
                  "of the swarm: uniform, or sparse (uniform, but only 4 of the 15 optional techniques on)")
      ->check(CLI::IsMember({"sparse", "uniform"}))
      ->capture_default_str();
  sub->add_option("--abort-below", command->options.abort_below,
                  "abort a trial whose validation accuracy is below this after an epoch")
      ->check(number(0, 1))
      ->capture_default_str();
  add_final_test_options(*sub, *command);
  add_common_options(*sub, command->common, 20);
  sub->get_option("--init")->check(CLI::IsMember({"scale", "he", "glorot"}));
  sub->add_option("--search", command->search,
                  "techniques to search (default: all 22 of the study); the others keep --set or off")
      ->delimiter(',');
  return [command, sub] {
    if (is_random(*command)) refuse_swarm_options(*sub);
    return search(*command);
  };
}

}  // namespace murmur::app
