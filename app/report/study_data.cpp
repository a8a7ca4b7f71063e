#include "app/report/study_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "murmur/pso/dimensions.hpp"
#include "murmur/pso/optuna_study.hpp"
#include "murmur/techniques/techniques.hpp"

namespace murmur::app {
namespace {

namespace fs = std::filesystem;

/// "study.db:second" where that is no file; none where there is no file in front of a colon.
std::optional<StudyName> split(const std::string& word) {
  std::error_code error;
  for (size_t colon = word.rfind(':'); colon != std::string::npos && colon > 0; colon = word.rfind(':', colon - 1)) {
    const fs::path file = word.substr(0, colon);
    if (fs::is_regular_file(file, error)) return StudyName{file, word.substr(colon + 1)};
  }
  return std::nullopt;
}

}  // namespace

std::vector<StudyName> find_studies(const std::vector<std::string>& words) {
  std::vector<StudyName> found;
  for (const std::string& word : words) {
    std::error_code error;
    const std::optional<StudyName> named = fs::exists(word, error) ? std::nullopt : split(word);
    if (named) {
      found.push_back(*named);
      continue;
    }
    for (const std::string& name : study_names(word)) found.push_back({word, name});
  }
  return found;
}

nlohmann::json study_data(const StudyName& study) {
  return is_made_by_murmur(study.file, study.name) ? murmur_study_data(study) : optuna_study_data(study);
}

bool was_written_lately(const fs::path& file) {
  constexpr std::chrono::minutes kLately{10};
  const auto is_late = [&](const fs::path& path) {
    std::error_code error;
    const fs::file_time_type time = fs::last_write_time(path, error);
    return !error && fs::file_time_type::clock::now() - time < kLately;
  };
  return is_late(file) || is_late(file.string() + "-wal");
}

nlohmann::json technique_data(const std::string& key) {
  const auto all = techniques();
  const bool is_schedule = key.ends_with(kScheduleEnd);
  const std::string_view name = std::string_view(key).substr(0, key.size() - (is_schedule ? kScheduleEnd.size() : 0));
  const auto found = std::ranges::find(all, name, &TechniqueInfo::key);
  if (found == all.end()) return {{"key", key}, {"group", "other"}};
  const std::string help = is_schedule ? fmt::format("what {} follows in a training", name) : std::string(found->help);
  return {{"key", key}, {"help", help}, {"group", kPlaces[static_cast<size_t>(found->place)]}};
}

}  // namespace murmur::app
