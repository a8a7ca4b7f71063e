#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <utility>

#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/study.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using nlohmann::json;
using test::TemporaryFolder;

constexpr const char* kPython = "/usr/bin/python3";

/// Runs a command; its exit status and what it printed.
std::pair<int, std::string> run(const std::string& command) {
  std::string output;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return {-1, "popen failed"};
  std::array<char, 4096> buffer;
  for (size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) output.append(buffer.data(), n);
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

json number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

/// What Optuna should say about a trial. The distributions are written down here, not derived from the code under test.
json expected_trial(const TrialRecord& trial, const SearchSpace& space) {
  static const json kFloat01 = "FloatDistribution(high=0.1, log=False, low=0.0, step=None)";
  static const json kDistributions{
      {"shuffle", "CategoricalDistribution(choices=('off', 'on'))"},
      {"flip", "CategoricalDistribution(choices=('none', 'both', 'horizontal', 'vertical'))"},
      {"optimizer", "CategoricalDistribution(choices=('sgd', 'momentum', 'adam'))"},
      {"learning_rate", "FloatDistribution(high=0.1, log=True, low=1e-05, step=None)"},
      {"learning_rate_schedule", "FloatDistribution(high=1.0, log=False, low=-1.0, step=None)"},
      {"batch_size", "IntDistribution(high=1024, log=False, low=128, step=1)"},
      {"batch_size_schedule", "FloatDistribution(high=1.0, log=False, low=-1.0, step=None)"},
      {"init_scale", kFloat01},
      {"activation_noise", kFloat01},
      {"weight_noise", kFloat01}};
  json params, distributions;
  for (const Dimension& dimension : space.dimensions()) {
    const Technique id = dimension.id;
    const TechniqueInfo& info = technique(id);
    const std::string key(info.key);
    params[key] = info.choices.empty() ? json(trial.setting[id]) : json(format_value(info, trial.setting[id]));
    char text[100];
    const double high = study_dimension(info.id).high;
    std::snprintf(text, sizeof text, "FloatDistribution(high=%s, log=False, low=0.0, step=None)",
                  high == 1 ? "1.0" : format_value(info, high).c_str());
    distributions[key] = kDistributions.contains(key) ? kDistributions[key] : json(text);
  }
  json attributes = trial.attributes;
  attributes["seed"] = std::to_string(trial.seed);
  attributes["position"] = trial.position;
  json intermediate = json::array();
  for (const double value : trial.intermediate) intermediate.push_back(number(value));
  return {{"number", trial.number},
          {"state", trial_state_name(trial.state)},
          {"values", std::isnan(trial.value) ? json() : json{trial.value}},
          {"params", params},
          {"distributions", distributions},
          {"user_attrs", attributes},
          {"intermediate", intermediate}};
}

/// How Python is called with an Optuna: Debian's, or the source tree that MURMUR_OPTUNA names.
struct Installation {
  std::string python;
  bool is_old;  // before 3.2: it reads a copy whose stamp was set back
};

class Optuna : public testing::TestWithParam<bool> {
 protected:
  static std::optional<Installation> find(bool is_old) {
    const char* const source = std::getenv("MURMUR_OPTUNA");
    if (!is_old && source == nullptr) return std::nullopt;
    const std::string python = is_old ? kPython : "env PYTHONPATH='" + std::string(source) + "' " + kPython;
    return Installation{python, is_old};
  }
};

/// The line of docs/searching.md, with this file for old.db.
std::string set_back(const std::filesystem::path& path) {
  std::ifstream file(MURMUR_SOURCE_DIR "/docs/searching.md");
  std::string line;
  while (std::getline(file, line) && line.find("alembic_version") == std::string::npos) continue;
  const size_t name = line.find("old.db");
  return name == std::string::npos ? "false" : line.replace(name, 6, path.string());
}

TEST_P(Optuna, ReadsAStudyAndAddsTrials) {
  const std::optional<Installation> optuna = find(GetParam());
  if (!optuna) GTEST_SKIP() << "MURMUR_OPTUNA names no source tree of Optuna: its current version is NOT tested";
  if (run(optuna->python + " -c 'import optuna'").first != 0) {
    GTEST_SKIP() << optuna->python << " cannot import optuna (package python3-optuna)";
  }
  setenv("TZ", optuna->is_old ? "UTC" : "TEST-05:30", 1);  // an old Optuna takes UTC for local times
  tzset();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const TemporaryFolder folder;
  StudyDefinition definition;
  definition.name = "fc on mnist";
  definition.attributes = {{"model", "fc"}, {"swarm", {{"num_particles", 22}, {"seed", "7"}}}};
  Study study = Study::create_or_open(folder / "study.db", definition);
  const SearchSpace space = definition.space;
  study.begin_trial(0xffffffffffffffffu, space.off(), {{"particle", 0}});  // weight_noise = 0, exactly off
  study.begin_trial(2, space.high());
  study.begin_trial(3, space.low(), {{"note", "\xc3\xa9 \"x\""}});
  for (const auto& position : sparse_initial_positions(space, 3, 1)) study.begin_trial(4, position);
  study.finish_trial(0, {.value = 0.5, .intermediate = {0.25, 0.5}, .attributes = {{"test_accuracy", 0.4}}});
  study.finish_trial(1, {.state = TrialState::kPruned, .value = 0.75, .intermediate = {0.5, 0.75}});
  study.finish_trial(2, {.state = TrialState::kFail, .intermediate = {0.1, kNan, kInfinity, -kInfinity}});
  study.finish_trial(3, {.value = 0.625});
  study.finish_trial(4, {.value = 0.6});

  const std::vector<TrialRecord> before = study.trials();
  json expected{{"name", definition.name}, {"best", 3}, {"trials", json::array()}};
  for (const TrialRecord& trial : before) expected["trials"].push_back(expected_trial(trial, space));
  expected["user_attrs"] = study.attributes();
  expected["user_attrs"]["search_space"] = space.to_json();
  json& base = expected["user_attrs"]["base_setting"];
  for (const TechniqueInfo& info : techniques()) {
    base[std::string(info.key)] = info.choices.empty() ? json(info.off) : json(format_value(info, info.off));
  }
  folder.write("expected.json", expected.dump());

  if (optuna->is_old) {
    ASSERT_EQ(run(set_back(folder / "study.db")).first, 0);
  }
  const auto [status, output] = run(optuna->python + " " + MURMUR_SOURCE_DIR + "/tests/pso/optuna_reads_study.py " +
                                    (folder / "study.db").string() + " " + (folder / "expected.json").string());
  ASSERT_EQ(status, 0) << output;

  // And back: what Optuna added is read here, and the search goes on.
  const std::vector<TrialRecord> after = study.trials();
  ASSERT_EQ(after.size(), before.size() + 4);
  EXPECT_EQ(after[8].setting[Technique::kDropout], 0.125);
  EXPECT_EQ(after[8].position[static_cast<size_t>(Technique::kDropout)], 0.125);
  EXPECT_EQ(after[8].value, 0.25);
  EXPECT_EQ(after[8].intermediate, std::vector{0.25});
  EXPECT_EQ(after[8].attributes.at("from"), "optuna");
  EXPECT_EQ(after[9].state, TrialState::kWaiting);
  EXPECT_EQ(study.begin_trial(9, space.off()), 10);
  study.finish_trial(10, {.value = 0.7});
  EXPECT_EQ(study.best_trial()->number, 10);
}

INSTANTIATE_TEST_SUITE_P(Versions, Optuna, testing::Bool(),
                         [](const auto& parameter) { return parameter.param ? "Debian" : "Source"; });

}  // namespace
}  // namespace murmur
