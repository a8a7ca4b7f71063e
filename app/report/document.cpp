#include "app/report/document.hpp"

#include "app/json_report.hpp"
#include "app/options.hpp"
#include "app/report/assets.hpp"
#include "app/runs.hpp"
#include "murmur/engine/error.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kPlace = "@MURMUR_REPORT_DATA@";

/// JSON in an element of HTML: no text of it can end the element. Outside of texts JSON has no such character.
std::string escaped(const std::string& json) {
  std::string text;
  text.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      text += "\\u003c";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

std::string report_data(const std::vector<StudyName>& studies, bool is_watched) {
  const Json head = report_head("report");
  Json data{{"format", head.at("format")},
            {"written", utc_text(std::chrono::system_clock::now())},
            {"generator", {{"version", head.at("version")}, {"commit", head.at("commit")}}},
            {"command", head.at("command")},
            {"watch", is_watched},
            {"studies", Json::array()}};
  for (const StudyName& study : studies) data["studies"].push_back(study_data(study));
  return data.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string report_page(const std::string& data) {
  std::string page(page_template());
  const size_t place = page.find(kPlace);
  if (place == std::string::npos) throw Error("report: expected a page with a place for data, got one without");
  return page.replace(place, kPlace.size(), escaped(data));
}

void write_report_page(const std::string& path, const std::vector<StudyName>& studies) {
  write_file(path, report_page(report_data(studies, false)));
}

}  // namespace murmur::app
