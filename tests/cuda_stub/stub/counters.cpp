// What has been called how often, which calls shall fail, and the report of both.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>

#include "stub.hpp"

namespace murmur::stub {
namespace {

struct Fault {
  int64_t first;
  bool and_all_later;
};

std::map<std::string, int64_t> read_durations() {
  std::map<std::string, int64_t> durations;
  const char* text = std::getenv("MURMUR_STUB_SLOW");
  std::istringstream stream(text == nullptr ? "" : text);
  for (std::string entry; std::getline(stream, entry, ',');) {
    const size_t colon = entry.find(':');
    if (colon != std::string::npos) durations[entry.substr(0, colon)] = std::atoll(entry.c_str() + colon + 1);
  }
  return durations;
}

std::map<std::string, Fault> read_faults() {
  std::map<std::string, Fault> faults;
  const char* text = std::getenv("MURMUR_STUB_FAIL");
  std::istringstream stream(text == nullptr ? "" : text);
  for (std::string entry; std::getline(stream, entry, ',');) {
    const size_t colon = entry.find(':');
    if (colon == std::string::npos) {
      std::fprintf(stderr, "cuda stub: MURMUR_STUB_FAIL: expected call:number, got '%s'\n", entry.c_str());
      std::abort();
    }
    faults[entry.substr(0, colon)] = {std::atoll(entry.c_str() + colon + 1), entry.back() == '+'};
  }
  return faults;
}

struct Counters {
  std::map<std::string, int64_t> counts;
  std::map<std::string, int64_t> attempts;  // of calls that can be made to fail
  std::map<std::string, Fault> faults = read_faults();
  std::map<std::string, int64_t> durations = read_durations();
  std::vector<std::string> violations;
};

Counters& counters() {
  static auto* const instance = new Counters;  // never destroyed: programs free memory while they exit
  return *instance;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

}  // namespace

std::recursive_mutex& mutex() {
  static auto* const instance = new std::recursive_mutex;
  return *instance;
}

void count(const std::string& what, int64_t number) {
  counters().counts[what] += number;
}

int64_t counted(const std::string& what) {
  const auto found = counters().counts.find(what);
  return found == counters().counts.end() ? 0 : found->second;
}

bool must_fail(const std::string& what) {
  const int64_t attempt = ++counters().attempts[what];
  const auto found = counters().faults.find(what);
  if (found == counters().faults.end()) return false;
  const bool fails = found->second.and_all_later ? attempt >= found->second.first : attempt == found->second.first;
  if (fails) count("injected failures");
  return fails;
}

int64_t duration_us(const std::string& name) {
  const auto found = counters().durations.find(name);
  return found == counters().durations.end() ? 0 : found->second;
}

void violate(const std::string& rule) {
  count("violations");
  counters().violations.push_back(rule);
  std::fprintf(stderr, "cuda stub: %s\n", rule.c_str());
}

}  // namespace murmur::stub

// What tests in the same process ask for.
extern "C" {

int64_t murmur_stub_count(const char* what) {
  STUB_LOCK;
  return murmur::stub::counted(what);
}

/// All counters, one a line: "name<tab>number". Valid until the next call.
const char* murmur_stub_counts() {
  STUB_LOCK;
  static auto* const text = new std::string;
  text->clear();
  for (const auto& [name, number] : murmur::stub::counters().counts)
    *text += name + '\t' + std::to_string(number) + '\n';
  return text->c_str();
}

/// From now on each piece of work of this name takes so long in a graph; 0: none.
void murmur_stub_slow(const char* name, int64_t microseconds) {
  STUB_LOCK;
  murmur::stub::counters().durations[name] = microseconds;
}

/// From now on the nth call from here fails; 0: none.
void murmur_stub_fail(const char* what, int64_t nth) {
  STUB_LOCK;
  auto& all = murmur::stub::counters();
  if (nth == 0) {
    all.faults.erase(what);
  } else {
    all.faults[what] = {all.attempts[what] + nth, false};
  }
}
}

__attribute__((destructor)) static void write_report() {
  const char* file = std::getenv("MURMUR_STUB_REPORT");
  if (file == nullptr) return;
  STUB_LOCK;
  const auto& all = murmur::stub::counters();
  std::string text = "{\"counts\": {";
  const char* separator = "";
  for (const auto& [name, number] : all.counts) {
    text += separator + murmur::stub::quoted(name) + ": " + std::to_string(number);
    separator = ", ";
  }
  text += "}, \"violations\": [";
  separator = "";
  for (const std::string& violation : all.violations) {
    text += separator + murmur::stub::quoted(violation);
    separator = ", ";
  }
  text += "]}\n";
  if (std::FILE* stream = std::fopen(file, "w"); stream != nullptr) {
    std::fputs(text.c_str(), stream);
    std::fclose(stream);
  }
}
