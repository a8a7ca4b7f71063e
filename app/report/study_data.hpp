#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

// A study as a report's page takes it: app/report/page/DATA.md says what each field is.
namespace murmur::app {

/// Which study of a file.
struct StudyName {
  std::filesystem::path file;
  std::string name;
};

/// All that the words of --study name: FILE (all of its studies), or FILE:NAME. Throws: StudyError.
std::vector<StudyName> find_studies(const std::vector<std::string>& words);

/// Reads only. Throws: StudyError.
nlohmann::json study_data(const StudyName& study);

/// True where the file, or its log, was written within the last minutes: of a study that does not say what works on it.
bool was_written_lately(const std::filesystem::path& file);

/// A study of murmur, and one that another program made.
nlohmann::json murmur_study_data(const StudyName& name);
nlohmann::json optuna_study_data(const StudyName& name);

/// The "dimensions" of a technique, without "low", "high", "choices" and "off".
nlohmann::json technique_data(const std::string& key);

}  // namespace murmur::app
