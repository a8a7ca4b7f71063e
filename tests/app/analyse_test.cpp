#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "app/analysis_report.hpp"
#include "murmur/pso/study.hpp"
#include "tests/app/run.hpp"
#include "tests/app/trained_again.hpp"

namespace murmur {
namespace {

using nlohmann::json;
using test::Folder;
using test::read_text;
using test::run_murmur;
using test::trained_again;
using test::write_dataset;
using ::testing::HasSubstr;

/// Ten complete trials and more: nothing is aborted.
void make_study(const Folder& folder) {
  write_dataset(folder);
  const auto result =
      run_murmur("search --device cpu --micro-batch 32 --data " + folder.path() + " --study " + (folder / "s.db") +
                 " --particles 6 --trials 18 --epochs 2 --repeats 1 --seed 5 --patience 100 "
                 "--abort-below 0 --search dropout,input_noise,zoom,optimizer,learning_rate");
  ASSERT_EQ(result.exit_code, 0) << result.output;
}

std::string analyse_command(const Folder& folder, const std::string& rest = "") {
  return "analyse --device cpu --quiet --study " + (folder / "s.db") + " --data " + folder.path() + " --repeats 3 " +
         rest;
}

size_t width_of(const std::string& line) {
  size_t width = 0;
  for (const char c : line) width += (static_cast<unsigned char>(c) & 0xC0u) != 0x80u ? 1 : 0;
  return width;
}

TEST(Analyse, TakesTheBestTrialApartAndTrainsASample) {
  const Folder folder;
  make_study(folder);
  const auto result = run_murmur(analyse_command(folder, "--trials 40 --json " + (folder / "a.json")));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(width_of(line), 80u) << line;
  EXPECT_THAT(result.output, HasSubstr("none of\nthis is evidence"));
  EXPECT_THAT(result.output, HasSubstr("alone, over all off"));
  const json report = json::parse(read_text(folder / "a.json"));
  const Study study = Study::open_read_only(folder / "s.db");
  const json& ablation = report["ablation"];
  EXPECT_EQ(ablation["trial"], study.best_trial()->number);
  EXPECT_EQ(ablation["all_off"]["accuracies"].size(), 3u);
  double difference = 0;
  for (size_t i = 0; i < 3; ++i) {
    difference +=
        (ablation["rows"][0]["accuracies"][i].get<double>() - ablation["all_off"]["accuracies"][i].get<double>()) / 3;
  }
  EXPECT_NEAR(ablation["rows"][0]["difference"].get<double>(), difference, 1e-12);
  EXPECT_EQ(report["sample"]["settings"].size(), 40u);
  EXPECT_EQ(report["sample"]["dimensions"].size(), 5u);
  EXPECT_EQ(report["sample"]["interactions"].size(), 10u);
  EXPECT_EQ(report["search"]["trials"]["trials"], 18);
  EXPECT_LE(std::abs(report["search"]["techniques"][0]["correlation"].get<double>()), 1);
  // The last line, as the report has it.
  std::string words = ablation["noise_text"];
  ASSERT_FALSE(words.empty());
  std::string last = result.output.substr(result.output.rfind("\n\n") + 2);
  std::ranges::replace(last, '\n', ' ');
  EXPECT_EQ(last, words + " ");
}

/// Each row is what `murmur train` reaches with its setting and seed.
TEST(Analyse, EveryRowCanBeTrainedAgain) {
  const Folder folder;
  make_study(folder);
  ASSERT_EQ(run_murmur(analyse_command(folder, "--json " + (folder / "a.json"))).exit_code, 0);
  const json ablation = json::parse(read_text(folder / "a.json"))["ablation"];
  const json& row = ablation["rows"][1];
  std::string command = "train --device cpu --quiet --micro-batch 32 --epochs 2 --networks 3 --data " + folder.path() +
                        " --seed " + ablation["first_seed"].get<std::string>() + " --json " + (folder / "t.json");
  for (const auto& [key, value] : row["setting"].items()) {
    command += " --set " + key + "=" + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  const auto result = run_murmur(command);
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const json trained = json::parse(read_text(folder / "t.json"));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(trained["networks"][i]["validation_accuracy"], row["accuracies"][i]) << i;
  }
}

TEST(Analyse, AblateIsItsFirstPartAndEachRowsCommandTrainsItAgain) {
  const Folder folder;
  make_study(folder);
  const std::string rest = " --device cpu --quiet --data " + folder.path() + " --repeats 3 --epochs 3 --json ";
  const auto whole = run_murmur("analyse --study " + (folder / "s.db") + rest + (folder / "a.json"));
  ASSERT_EQ(whole.exit_code, 0) << whole.output;
  const auto part = run_murmur("ablate --from " + (folder / "s.db") + rest + (folder / "b.json") + " --commands");
  ASSERT_EQ(part.exit_code, 0) << part.output;
  EXPECT_THAT(whole.output, HasSubstr(part.output.substr(0, part.output.find("\nto train"))));
  EXPECT_THAT(part.output, ::testing::Not(HasSubstr("is evidence")));
  const json report = json::parse(read_text(folder / "b.json"));
  EXPECT_EQ(report["format"], "murmur-ablate-1");
  EXPECT_EQ(report["rows"], json::parse(read_text(folder / "a.json"))["ablation"]["rows"]);
  EXPECT_EQ(trained_again(report["all_off"], folder, "validation_accuracy"), report["all_off"]["accuracies"]);
  for (const json& row : report["rows"]) {
    EXPECT_THAT(part.output, HasSubstr(row["command"].get<std::string>()));
    EXPECT_EQ(trained_again(row, folder, "validation_accuracy"), row["accuracies"]) << row["label"];
  }
}

/// Of a trial with a learning rate and, where it is to have noise, that of two places.
app::AblationReport report_with(bool has_noise, bool has_update, std::vector<double> without_noise) {
  const SearchSpace space({Technique::kDropout, Technique::kInputNoise, Technique::kLearningRate});
  Setting setting;
  if (has_noise) setting.set(Technique::kDropout, 0.2);
  if (has_noise) setting.set(Technique::kInputNoise, 0.1);
  if (has_update) setting.set(Technique::kLearningRate, 0.02);
  app::AblationReport report{7, 2, 1, "all off", ablation_rows(space, {}, setting, {}), {}, {}, {}, {}, {}, {}};
  report.noise = noise_of_setting(space, {}, report.rows);
  report.all_off = {.700, .700, .700};
  report.accuracies.assign(report.rows.size(), {.750, .752, .751});
  if (report.noise.row) report.accuracies[*report.noise.row] = std::move(without_noise);
  report.effects = ablation_effects(report.rows, report.accuracies, report.all_off);
  return report;
}

TEST(Analyse, SaysInASentenceWhatNoiseGives) {
  const std::string gives = "Trial 7 gives +5.10 ± 0.06 points over all off. ";
  // Differences of 4.0, 4.1 and 4.2 points: t = 71, p = .0002.
  EXPECT_EQ(app::noise_text(report_with(true, true, {.710, .711, .709})),
            gives + "Of this, its noise gives +4.10 ± 0.06 points (p < .001): learning_rate gives the rest.");
  // 3, 4 and 6 points: t = 4.91, p = .039 by itself, though not among all rows.
  EXPECT_EQ(app::noise_text(report_with(true, true, {.720, .712, .691})),
            gives + "Of this, its noise gives +4.33 ± 0.88 points (p 0.039): learning_rate gives the rest.");
  // -6, +1 and -1: a mean of -2.0, a standard error of 2.08.
  EXPECT_EQ(app::noise_text(report_with(true, true, {.810, .742, .761})),
            gives +
                "Of this, its noise gives -2.00 ± 2.08 points (not distinguishable from none): "
                "learning_rate gives the rest.");
  EXPECT_EQ(app::noise_text(report_with(true, true, {.710, std::nan(""), .709})),
            gives + "What its noise gives of this cannot be said: without it trainings diverged.");
  EXPECT_EQ(app::noise_text(report_with(false, true, {})), gives + "It has no noise: learning_rate gives all of this.");
  EXPECT_EQ(app::noise_text(report_with(true, false, {})), gives + "All of this is its noise's: it has nothing else.");
  EXPECT_EQ(app::noise_text(report_with(false, false, {})), "");
  app::AblationReport without_row = report_with(true, true, {.7, .7, .7});  // of an earlier version
  without_row.noise.row.reset();
  EXPECT_EQ(app::noise_text(without_row), "");
}

TEST(Analyse, AllOffIsSaidOnlyWhereAllIsOff) {
  const Folder folder;
  write_dataset(folder);
  const auto search =
      run_murmur("search --device cpu --micro-batch 32 --data " + folder.path() + " --study " + (folder / "s.db") +
                 " --particles 2 --trials 4 --epochs 1 --repeats 2 --seed 5 --patience 100 --abort-below 0 "
                 "--search dropout,zoom --set input_noise=0.1");
  ASSERT_EQ(search.exit_code, 0) << search.output;
  const auto result =
      run_murmur("ablate --device cpu --quiet --repeats 2 --from " + (folder / "s.db") + " --data " + folder.path());
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("the baseline"));
  EXPECT_THAT(result.output, ::testing::Not(HasSubstr("all off")));
}

TEST(Baseline, ComparesEachRowWithAllOffAndItsCommandTrainsItAgain) {
  const Folder folder;
  write_dataset(folder);
  const auto result = run_murmur(
      "baseline --device cpu --quiet --micro-batch 32 --loss-reduction sum --epochs 2 --levels 1 "
      "--sparse-random 2 --seeds 2 --seed 9 --data " +
      folder.path() + " --commands --json " + (folder / "b.json"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  std::istringstream lines(result.output.substr(0, result.output.find("\nto train")));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(width_of(line), 80u) << line;
  const json report = json::parse(read_text(folder / "b.json"));
  EXPECT_EQ(report["format"], "murmur-baseline-1");
  const json& rows = report["rows"];
  EXPECT_EQ(rows[0]["label"], "all off");
  for (const json& row : rows) {
    ASSERT_EQ(row["accuracies"].size(), 2u);
    EXPECT_THAT(result.output, HasSubstr(row["command"].get<std::string>()));
    EXPECT_EQ(trained_again(row, folder, "validation_accuracy"), row["accuracies"]) << row["label"];
    if (!row.contains("difference")) continue;
    const double difference = (row["accuracies"][0].get<double>() + row["accuracies"][1].get<double>() -
                               rows[0]["accuracies"][0].get<double>() - rows[0]["accuracies"][1].get<double>()) /
                              2;
    EXPECT_NEAR(row["difference"].get<double>(), difference, 1e-12) << row["label"];
  }
}

TEST(Analyse, KilledItGoesOn) {
  const Folder folder;
  make_study(folder);
  const std::string command = analyse_command(folder, "--slots 2 --epochs 40 --json ");
  const pid_t child = fork();
  if (child == 0) {
    const std::string line =
        std::string("exec ") + MURMUR_PROGRAM + " " + command + (folder / "x.json") + " > /dev/null 2>&1";
    execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    _exit(127);
  }
  const auto num_done = [&] {
    size_t count = 0;
    for (const auto& [key, value] : Study::open_read_only(folder / "s.db").attributes()) {
      if (key.starts_with("analysis: ablation")) count = value["outcomes"].size();
    }
    return count;
  };
  for (int i = 0; i < 6000 && num_done() < 4; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  const size_t at_kill = num_done();
  ASSERT_GE(at_kill, 4u);
  ASSERT_EQ(run_murmur(command + (folder / "a.json")).exit_code, 0);
  ASSERT_EQ(run_murmur(command + (folder / "b.json")).exit_code, 0);
  nlohmann::json first = nlohmann::json::parse(read_text(folder / "a.json"));
  nlohmann::json second = nlohmann::json::parse(read_text(folder / "b.json"));
  for (nlohmann::json* report : {&first, &second}) report->erase("command");  // has the name of its file
  EXPECT_EQ(first, second);
  EXPECT_GT(num_done(), at_kill);
  // The search goes on with its study as if nothing had been.
  const auto search =
      run_murmur("search --device cpu --micro-batch 32 --data " + folder.path() + " --study " + (folder / "s.db") +
                 " --particles 6 --trials 20 --epochs 2 --repeats 1 --seed 5 --patience 100 "
                 "--abort-below 0 --search dropout,input_noise,zoom,optimizer,learning_rate");
  EXPECT_EQ(search.exit_code, 0) << search.output;
}

TEST(Analyse, RefusesWhatItCannotAnalyse) {
  const Folder folder;
  make_study(folder);
  EXPECT_EQ(run_murmur("analyse --study " + (folder / "none.db")).exit_code, 3);
  EXPECT_EQ(run_murmur(analyse_command(folder, "--trial 99")).exit_code, 3);
  EXPECT_EQ(run_murmur(analyse_command(folder, "--trial last")).exit_code, 2);
  const Folder other;
  write_dataset(other, 320);
  const auto result = run_murmur("analyse --study " + (folder / "s.db") + " --data " + other.path());
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.output, HasSubstr("expected the images of the search"));
}

}  // namespace
}  // namespace murmur
