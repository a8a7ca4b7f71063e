#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "murmur/pso/study.hpp"

// A study as text for other programs.
namespace murmur {

/// kCsv: a header and a row a trial: its number, how it ended, and the searched techniques as a user writes them.
/// kJsonLines: an object a trial, with all that the study has of it.
/// kOptunaJournal: the file of Optuna's JournalStorage, from 3.1 on.
/// kPaper: the 25 columns of the logs that the study's authors published: epochs, the 22 dimensions in their order and
///         their raw units, validation and test accuracy. Trials that have ended with an accuracy; test is empty, for a
///         trial is not tested.
enum class ExportFormat : uint8_t { kCsv, kJsonLines, kOptunaJournal, kPaper };
inline constexpr ChoiceNames<ExportFormat::kPaper> kExportFormats{"csv", "jsonl", "optuna-journal", "paper"};
static_assert(!kExportFormats.back().empty());

/// Calls `write` with each line, its end included, in the order of the trials. Throws: StudyError; what `write` throws.
void export_study(const Study& study, ExportFormat format, const std::function<void(std::string_view)>& write);

}  // namespace murmur
