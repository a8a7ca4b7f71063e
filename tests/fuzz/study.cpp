// A study that a search has left, with one thing changed and then another, is read by all that reads studies.
#include "murmur/pso/study.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <charconv>
#include <filesystem>
#include <functional>
#include <sstream>

#include "app/analysis.hpp"
#include "app/report/document.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/confirmation.hpp"
#include "murmur/pso/driver.hpp"
#include "murmur/pso/final_test.hpp"
#include "murmur/pso/optuna_study.hpp"
#include "murmur/pso/study_export.hpp"
#include "tests/fuzz/small_training.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur::fuzz {
namespace {

constexpr int64_t kNumTrials = 6;

SearchDefinition small_search() {
  SearchDefinition search;
  search.dataset = "mnist";
  search.model = "flatten linear3 dropout linear";
  search.num_epochs = 2;
  search.micro_batch = 8;
  search.abort_below = 0;
  search.base.set(Technique::kBatchSize, 8);
  search.space = SearchSpace({Technique::kDropout, Technique::kLearningRate, Technique::kOptimizer});
  search.starts = {search.base};
  search.algorithm = "random";
  return search;
}

/// A search to its verdict, and all of its analysis that there could be room for.
void make_study(const std::filesystem::path& path) {
  const SearchDefinition search = small_search();
  const TrainingData data = training_data(small_dataset(), kCpu);
  TrainerOptions options;
  options.num_networks = 2;
  options.num_threads = 1;
  options = trainer_options_of(search, options);
  Study study = Study::create_or_open(path, study_definition(search));
  const auto searcher = make_searcher(search, kNumTrials);
  const auto trainer = make_trainer(parse_model(search.model), data, options);
  SearchDriver driver(*trainer, *searcher, study, search_options(search, kNumTrials));
  while (driver.step()) {
  }
  confirm(study, search, data, options, {.count = 2, .repeats = 2, .num_slots = 2});
  if (const auto best = study.best_trial()) final_test(study, search, data, options, *best, {.repeats = 2});
  study.set_attribute("runs", {{{"kind", "search"}, {"begin", "2026-01-31T12:34:56Z"}, {"process", 1}, {"host", "h"}}});
}

/// A column, and the rows in the order in which changes name them.
struct Place {
  char letter;
  const char* table;
  const char* column;
  bool is_number;
};
constexpr std::array<Place, 14> kPlaces{{{'a', "study_user_attributes", "value_json", false},
                                         {'b', "study_system_attributes", "value_json", false},
                                         {'c', "trial_user_attributes", "value_json", false},
                                         {'d', "studies", "study_name", false},
                                         {'e', "study_directions", "direction", false},
                                         {'f', "trials", "state", false},
                                         {'g', "trials", "datetime_start", false},
                                         {'h', "trials", "number", true},
                                         {'i', "trial_params", "param_name", false},
                                         {'j', "trial_params", "param_value", true},
                                         {'k', "trial_params", "distribution_json", false},
                                         {'l', "trial_values", "value", true},
                                         {'m', "trial_values", "value_type", false},
                                         {'n', "trial_intermediate_values", "intermediate_value", true}}};

/// Of "a3 text" column a of row 3 becomes the text, or the number that it is; of "a3" the row goes. Of "+key text" the
/// study gets an attribute. Nothing where the line is another.
void change(SQLite::Database& database, std::string_view line) {
  const size_t space = line.find(' ');
  const std::string_view where = line.substr(0, space);
  const std::string text(space == std::string_view::npos ? "" : line.substr(space + 1));
  if (where.starts_with('+')) {
    SQLite::Statement statement(database,
                                "INSERT OR REPLACE INTO study_user_attributes (study_id, \"key\", value_json) "
                                "VALUES (1, ?, ?)");
    statement.bind(1, std::string(where.substr(1)));
    statement.bind(2, text);
    statement.exec();
    return;
  }
  int64_t row = 0;
  if (where.empty() || std::from_chars(where.data() + 1, where.data() + where.size(), row).ec != std::errc()) return;
  for (const Place& place : kPlaces) {
    if (place.letter != where.front()) continue;
    const std::string of_row = fmt::format(" WHERE rowid = (SELECT rowid FROM {} LIMIT 1 OFFSET ?1)", place.table);
    const bool is_change = space != std::string_view::npos;
    SQLite::Statement statement(database, is_change
                                              ? fmt::format("UPDATE {} SET {} = ?2", place.table, place.column) + of_row
                                              : fmt::format("DELETE FROM {}", place.table) + of_row);
    statement.bind(1, row);
    if (is_change && place.is_number) {
      double number = 0;
      std::from_chars(text.data(), text.data() + text.size(), number);
      statement.bind(2, number);
    } else if (is_change) {
      statement.bind(2, text);
    }
    statement.exec();
  }
}

/// The study with the changes; a change that the tables do not allow is none.
void write_changed(const std::filesystem::path& from, const std::filesystem::path& to, const std::string& changes) {
  std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  SQLite::Database database(to.string(), SQLite::OPEN_READWRITE);
  database.exec("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF");
  std::istringstream lines(changes);
  for (std::string line; std::getline(lines, line);) accepts<SQLite::Exception>([&] { change(database, line); });
}

void read_search(const Study& study) {
  const SearchDefinition search = search_definition(study);
  require(study_definition(search).space == study.space(), "the definition of the study");
  const std::vector<TrialRecord> trials = study.trials();
  accepts<StudyError>([&] { stored_confirmation(study, search, trials); });
  accepts<StudyError>([&] { stored_final_test(study, search); });
  accepts<StudyError>([&] {
    std::string why;
    for (const TrialRecord& trial : trials) app::stored_ablation(study, search, trial, trials, why);
    app::stored_sample(study, search, why);
  });
  accepts<StudyError>([&] {
    try {
      const auto searcher = make_searcher(search, kNumTrials);
      replay_study(study, *searcher, {search.seed, search.same_seeds});
    } catch (const InvalidArgument&) {  // its options are no searcher's for so many trials
    }
  });
}

void read_study(const Study& study) {
  const auto all = {ExportFormat::kCsv, ExportFormat::kJsonLines, ExportFormat::kOptunaJournal, ExportFormat::kPaper};
  for (const ExportFormat format : all) {
    accepts<StudyError>([&] { export_study(study, format, [](std::string_view) {}); });
  }
  accepts<StudyError>([&] { read_baseline(study); });
  accepts<StudyError>([&] { tested_trial(study); });
  accepts<StudyError>([&] { study.best_trial(); });
  accepts<StudyError>([&] { study.trial(0); });
  accepts<StudyError>([&] { read_search(study); });
}

}  // namespace

void study(Input input) {
  static const test::TemporaryFolder folder;
  static const std::filesystem::path original = [] {
    make_study(folder / "made.db");
    copy_studies(folder / "made.db", folder / "original.db");
    return folder / "original.db";
  }();
  const std::filesystem::path path = folder / "study.db";
  write_changed(original, path, text_of(input));
  accepts<StudyError>([&] { read_study(Study::open_read_only(path)); });
  accepts<StudyError>([&] { read_optuna_study(path, ""); });
  accepts<StudyError>([&] { app::report_data(app::find_studies({path.string()}), false); });
}

}  // namespace murmur::fuzz
