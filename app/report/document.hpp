#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/report/study_data.hpp"

namespace murmur::app {

/// The data of a report of these studies, as text. Throws: StudyError.
std::string report_data(const std::vector<StudyName>& studies, bool is_watched);

/// The page with the data in its place.
std::string report_page(const std::string& data);

/// Writes the page of these studies to a file, whole or not at all. Throws: StudyError, Error.
void write_report_page(const std::string& path, const std::vector<StudyName>& studies);

}  // namespace murmur::app
