#include "app/runs.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "app/json_report.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

constexpr const char* kAttribute = "runs";

std::string host() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

/// When a process began, as the kernel counts it: with it a number that another process has got later is told apart.
/// Empty where there is no such process.
std::string birth_of(int64_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string text;
  std::getline(file, text);
  // The second field is a name in parentheses, in which there may be anything; the birth is the 22nd.
  text.erase(0, text.rfind(')') + 1);
  size_t begin = 0;  // the space in front of the third
  for (int field = 3; field < 22 && begin != std::string::npos; ++field) begin = text.find(' ', begin + 1);
  return begin == std::string::npos ? "" : text.substr(begin + 1, text.find(' ', begin + 1) - begin - 1);
}

std::string text_of(const Json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : "";
}

int64_t number_of(const Json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

Json stored_runs(const Study& study) {
  const Attributes attributes = study.attributes();
  const auto found = attributes.find(kAttribute);
  return found != attributes.end() && found->second.is_array() ? found->second : Json::array();
}

}  // namespace

std::string utc_text(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::vector<RunRecord> read_runs(const Study& study) {
  std::vector<RunRecord> runs;
  for (const Json& entry : stored_runs(study)) {
    if (!entry.is_object()) continue;
    RunRecord run{text_of(entry, "kind"),
                  text_of(entry, "command"),
                  text_of(entry, "version"),
                  text_of(entry, "commit"),
                  text_of(entry, "device"),
                  text_of(entry, "device_description"),
                  text_of(entry, "begin"),
                  text_of(entry, "end"),
                  number_of(entry, "trials"),
                  static_cast<int>(number_of(entry, "signal")),
                  false};
    const std::string birth = text_of(entry, "process_begin");
    run.is_running = run.end.empty() && !birth.empty() && text_of(entry, "host") == host() &&
                     birth_of(number_of(entry, "process")) == birth;
    runs.push_back(std::move(run));
  }
  return runs;
}

RecordedRun::RecordedRun(Study& study, std::string_view kind, Device device, int64_t num_trials) : study_(study) {
  const Json head = report_head(kind);
  entry_ = {{"kind", kind},
            {"command", head.at("command")},
            {"version", head.at("version")},
            {"commit", head.at("commit")},
            {"device", device.name()},
            {"device_description", describe(device)},
            {"begin", utc_text(std::chrono::system_clock::now())},
            {"host", host()},
            {"process", getpid()},
            {"process_begin", birth_of(getpid())}};
  if (num_trials > 0) entry_["trials"] = num_trials;
  Json runs = stored_runs(study);
  place_ = runs.size();
  runs.push_back(entry_);
  study.set_attribute(kAttribute, runs);
}

void RecordedRun::end(int signal) {
  entry_["end"] = utc_text(std::chrono::system_clock::now());
  if (signal != 0) entry_["signal"] = signal;
  Json runs = stored_runs(study_);
  (place_ < runs.size() ? runs[place_] : runs.emplace_back()) = entry_;
  study_.set_attribute(kAttribute, runs);
}

}  // namespace murmur::app
