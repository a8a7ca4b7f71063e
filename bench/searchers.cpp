// How good searchers are, each for a number of evaluations: the medians of what they reach on functions whose least
// value is 0, beside those of pagmo2 where the program was built with it.
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "bench/common.hpp"
#include "bench/contestant.hpp"
#include "bench/searchers_table.hpp"
#include "bench/test_problem.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/searchers.hpp"

namespace murmur::bench {
namespace {

struct Options {
  std::vector<std::string> functions{kFunctions.begin(), kFunctions.end()};
  std::vector<std::string> variants{kVariants.begin(), kVariants.end()};
  std::vector<int64_t> dimensions{10, 22, 30};
  std::vector<std::string> budgets{"110", "440", "2200", "1000D"};
  std::vector<std::string> contestants;
  int64_t seeds = 25;
  int64_t at_once = 0;
  double minutes = 30;
  int threads = 2;
  std::string serve, json, commit;
  bool markdown = false;
};

int64_t budget_of(const std::string& text, int64_t num_dimensions) {
  const bool is_multiple = text.ends_with('D');
  const int64_t number = std::stoll(text);
  if (number < 1) throw InvalidArgument("--budgets: expected evaluations, as 440 or 1000D, got '{}'", text);
  return is_multiple ? number * num_dimensions : number;
}

std::vector<std::string> all_contestants() {
  std::vector<std::string> names{"swarm",
                                 "swarm:topology=ring",
                                 "swarm:topology=von-neumann",
                                 "swarm:bounds=reflect",
                                 "swarm:bounds=absorb",
                                 "swarm:bounds=random",
                                 "swarm:bounds=periodic"};
  for (const SearcherInfo& info : searchers()) {
    if (info.name != "swarm") names.emplace_back(info.name);
  }
  for (const std::string& name : pagmo_names()) names.push_back(name);
  return names;
}

/// The cells in their order, fewer evaluations first, so that a limit of time costs the long ones; all contestants of a
/// problem beside each other.
std::vector<Cell> cells_of(const Options& options, const std::vector<Contestant>& contestants) {
  std::vector<Cell> cells;
  for (const std::string& budget : options.budgets) {
    for (const int64_t dimensions : options.dimensions) {
      for (const std::string& variant : options.variants) {
        for (const std::string& function : options.functions) {
          for (const Contestant& contestant : contestants) {
            const int64_t evaluations = budget_of(budget, dimensions);
            if (contestant.most_evaluations > 0 && evaluations > contestant.most_evaluations) continue;
            cells.push_back({function, variant, dimensions, budget, evaluations, contestant.name, {}});
          }
        }
      }
    }
  }
  return cells;
}

/// Runs all seeds of the cells, each cell on one thread, until the time is up: a cell that is not finished then has no
/// results.
void run_cells(const Options& options, const std::vector<Contestant>& contestants, std::vector<Cell>& cells) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double, std::ratio<60>>(options.minutes));
  std::map<std::string, const Contestant*> by_name;
  for (const Contestant& contestant : contestants) by_name[contestant.name] = &contestant;
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < cells.size(); i = next++) {
      Cell& cell = cells[i];
      std::vector<double> results;
      for (int64_t seed = 1; seed <= options.seeds; ++seed) {
        if (Clock::now() > end) return;
        const TestProblem problem(cell.function, cell.variant, cell.dimensions, static_cast<uint64_t>(seed));
        Score score(problem, cell.evaluations);
        by_name.at(cell.contestant)->run(problem, cell.evaluations, static_cast<uint64_t>(seed), score);
        if (score.num_evaluations() != cell.evaluations) {
          throw Error("{}: expected {} evaluations, got {}", cell.contestant, cell.evaluations,
                      score.num_evaluations());
        }
        results.push_back(score.result());
      }
      cell.results = std::move(results);
    }
  };
  std::vector<std::thread> threads;
  std::exception_ptr error;
  std::atomic<bool> has_error{false};
  for (int t = 0; t < options.threads; ++t) {
    threads.emplace_back([&] {
      try {
        work();
      } catch (...) {
        if (!has_error.exchange(true)) error = std::current_exception();
        next = cells.size();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
}

/// Evaluates for another program: "sphere rotated 22 7" is the problem; then each line of standard input is a position,
/// and each line of output what it observes and the value without an error. The first line has the lower and the upper
/// bounds and, where one is known, the position to begin with.
int serve(const std::string& text) {
  std::istringstream words(text);
  std::string function, variant;
  int64_t dimensions = 0;
  uint64_t seed = 0;
  if (!(words >> function >> variant >> dimensions >> seed)) {
    throw InvalidArgument("--serve: expected FUNCTION VARIANT DIMENSIONS SEED, got '{}'", text);
  }
  const TestProblem problem(function, variant, dimensions, seed);
  fmt::print("{} {}", fmt::join(problem.domain().low, " "), fmt::join(problem.domain().high, " "));
  for (const std::vector<double>& start : problem.starts()) fmt::print(" {}", fmt::join(start, " "));
  fmt::print("\n");
  std::fflush(stdout);
  std::string line;
  for (int64_t evaluation = 0; std::getline(std::cin, line); ++evaluation) {
    std::istringstream numbers(line);
    std::vector<double> position;
    for (double x = 0; numbers >> x;) position.push_back(x);
    if (std::ssize(position) != dimensions) {
      throw InvalidArgument("--serve: expected {} numbers a line, got '{}'", dimensions, line);
    }
    fmt::print("{} {}\n", problem.observed(position, evaluation), problem.value(position));
    std::fflush(stdout);
  }
  return 0;
}

int benchmark(const Options& options, std::span<char* const> arguments) {
  if (!options.serve.empty()) return serve(options.serve);
  std::vector<Contestant> contestants;
  for (const std::string& name : options.contestants.empty() ? all_contestants() : options.contestants) {
    contestants.push_back(name.starts_with("pagmo:") ? pagmo_contestant(name) : own_contestant(name, options.at_once));
  }
  std::vector<Cell> cells = cells_of(options, contestants);
  const double seconds = time_seconds([&] { run_cells(options, contestants, cells); });
  fmt::print("{}", options.markdown ? markdown_table(cells) : text_table(cells));
  const auto num_left = std::ranges::count_if(cells, [](const Cell& cell) { return cell.results.empty(); });
  fmt::print("{} seeds, medians; {:.1f} min; {} of {} cells left out{}\n", options.seeds, seconds / 60, num_left,
             cells.size(), num_left > 0 ? " (--minutes)" : "");
  if (options.json.empty()) return 0;
  nlohmann::json json = provenance(parse_device("cpu"), options.commit, arguments);
  json.update({{"benchmark", "searchers"}, {"seeds", options.seeds}, {"cells", cells_json(cells)}});
  write_json(options.json, json);
  return 0;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("how good searchers are, for each number of evaluations", "bench_searchers");
  app.add_option("--functions", options.functions, "of sphere, rosenbrock, rastrigin, ackley, griewank")
      ->delimiter(',');
  app.add_option("--variants", options.variants, "of rotated, noisy, mixed, mixed-noisy, sparse, sparse-noisy")
      ->delimiter(',');
  app.add_option("--dimensions", options.dimensions, "numbers of dimensions")->delimiter(',')->capture_default_str();
  app.add_option("--budgets", options.budgets, "evaluations, as 440, or as 1000D a multiple of the dimensions")
      ->delimiter(',');
  app.add_option("--contestants", options.contestants,
                 "searchers with their options, as swarm:topology=ring, and pagmo:NAME (default: all)")
      ->delimiter(',');
  app.add_option("--seeds", options.seeds, "problems and searches, of which the medians are taken")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->capture_default_str();
  app.add_option("--at-once", options.at_once, "candidates evaluated at once (0: as the searcher says)")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 20))
      ->capture_default_str();
  app.add_option("--minutes", options.minutes, "what is not finished by then is left out, the longest first")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--threads", options.threads, "CPU threads")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_flag("--markdown", options.markdown, "tables as they stand in docs/searchers.md");
  app.add_option("--serve", options.serve, "evaluate positions of standard input: FUNCTION VARIANT DIMENSIONS SEED");
  app.add_option("--commit", options.commit, "commit to record (default: the source tree's)");
  app.add_option("--json", options.json, "write the results to this file");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return benchmark(options, {argv, static_cast<size_t>(argc)});
}

}  // namespace
}  // namespace murmur::bench

int main(int argc, char** argv) {
  return murmur::bench::guarded_main("bench_searchers", [&] { return murmur::bench::run(argc, argv); });
}
