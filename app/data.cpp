#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "app/commands.hpp"
#include "app/data_info.hpp"
#include "app/json_report.hpp"
#include "app/options.hpp"
#include "app/progress.hpp"
#include "app/terminal.hpp"
#include "murmur/data/download.hpp"
#include "murmur/data/image.hpp"
#include "murmur/data/places.hpp"
#include "murmur/engine/error.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;
using Path = std::filesystem::path;

struct DataCommand {
  std::string action;
  std::vector<std::string> names;
  std::string data, image_size, json;
  bool all = false, skip_broken = false, no_cache = false, quiet = false;
};

std::string megabytes(int64_t num_bytes) {
  return fmt::format("{:.1f}", static_cast<double>(num_bytes) * 1e-6);
}

/// The line that says how far a download is.
class DownloadLine {
 public:
  DownloadLine(const DatasetSource& source, bool quiet) : source_(source), quiet_(quiet), progress_(quiet) {}

  void show(const SourceFile& file, int64_t done) {
    const double now = progress_.elapsed_seconds();
    if (&file != file_ || done < first_) {  // another one, or once more from its start
      file_ = &file;
      first_ = done;
      start_ = now;
    }
    const auto got = static_cast<double>(done - first_);
    const double rate = now > start_ ? got / (now - start_) : 0;
    text_ = fmt::format("{}: {}  {} of {} MB  {:.1f} MB/s  {}", source_.name, file.name, megabytes(done),
                        megabytes(file.num_bytes), rate * 1e-6,
                        eta(now - start_, got, got + static_cast<double>(file.num_bytes - done)));
    progress_.show(text_);
  }

  void note(const std::string& text) {
    if (quiet_) return;
    end();
    say(fmt::format("{}: {}", source_.name, text));
  }

  /// The line stays as it was last, and what follows begins a new one.
  void end() {
    if (!text_.empty()) progress_.show(text_, true);
    text_.clear();
  }

 private:
  const DatasetSource& source_;
  bool quiet_;
  Progress progress_;
  const SourceFile* file_ = nullptr;
  int64_t first_ = 0;
  double start_ = 0;
  std::string text_;  // empty: no line is there
};

std::string mirror() {
  const char* const value = std::getenv("MURMUR_MIRROR");
  return value == nullptr ? "" : value;
}

/// Where the published images are found; empty: nowhere.
Path place_of(const DatasetSource& source, const std::string& data) {
  try {
    const Dataset dataset = load_dataset(source.name, data);
    return is_official(dataset, source) ? dataset.directory : Path();
  } catch (const DataError&) {
    return {};
  }
}

/// Returns its row in the report.
Json get_one(const DatasetSource& source, const DataCommand& command) {
  Path place = place_of(source, command.data);
  const bool was_there = !place.empty();
  if (!was_there) {
    DownloadLine line(source, command.quiet);
    DownloadOptions options;
    options.mirror = mirror();
    options.on_progress = [&](const SourceFile& file, int64_t done) { line.show(file, done); };
    options.on_note = [&](const std::string& text) { line.note(text); };
    const Path got = download(source, place_to_put(command.data), options);
    line.end();
    place = place_of(source, command.data);
    if (place.empty()) {
      throw DataError("{}: it is in {}, but {} comes before it and has other images, or damaged ones", source.name,
                      got.string(), find_dataset(source.name, command.data).string());
    }
  }
  if (!command.quiet) {
    fmt::print("{}: {} + {} images of {} x {} x {}, {}in {}\n", source.name, source.num_train, source.num_test,
               source.height, source.width, source.channels, was_there ? "already " : "", printable(place.string()));
    std::fflush(stdout);
  }
  return {{"name", source.name}, {"directory", place.string()}, {"was_there", was_there}};
}

std::vector<const DatasetSource*> sources_of(const DataCommand& command) {
  if (command.all != command.names.empty()) {
    throw InvalidArgument("data get: expected names of data sets or --all, got {}", command.all ? "both" : "neither");
  }
  std::vector<const DatasetSource*> chosen;
  std::vector<std::string> names;
  for (const DatasetSource& source : sources()) {
    names.push_back(source.name);
    if (command.all) chosen.push_back(&source);
  }
  for (const std::string& name : command.names) {
    const DatasetSource* const source = find_source(name);
    if (source == nullptr) {
      throw InvalidArgument("data get: expected one of {}, got '{}'", fmt::join(names, ", "), name);
    }
    if (std::ranges::find(chosen, source) == chosen.end()) chosen.push_back(source);
  }
  return chosen;
}

int get(const DataCommand& command) {
  Json report = report_head("data-get");
  report["data_sets"] = Json::array();
  std::vector<std::string> failures;
  for (const DatasetSource* source : sources_of(command)) {
    try {
      report["data_sets"].push_back(get_one(*source, command));
    } catch (const DataError& error) {  // the others may be had
      failures.emplace_back(error.what());
      report["data_sets"].push_back({{"name", source->name}, {"error", error.what()}});
    }
  }
  write_report(command.json, report);
  if (!failures.empty()) throw DataError("{}", fmt::join(failures, "; "));
  return 0;
}

/// Of the data sets whose files a folder has, several where they have the same names, the one that it is called after.
std::string name_of(const Path& folder) {
  const std::vector<std::string> names = datasets_in(folder);
  if (names.empty()) {
    throw DataError("{}: expected a folder with the files of one of {}, got one without", folder.string(),
                    fmt::join(dataset_names(), ", "));
  }
  std::error_code error;
  const Path absolute = std::filesystem::canonical(folder, error);
  const auto named = std::ranges::find(names, (error ? folder : absolute).filename().string());
  return named == names.end() ? names.front() : *named;
}

int info(const DataCommand& command) {
  if (command.names.size() != 1) {
    throw InvalidArgument("data info: expected one data set's name or one folder, got {} of them",
                          command.names.size());
  }
  std::string name = command.names.front();
  std::string data = command.data;
  const std::vector<std::string> known = dataset_names();
  if (std::ranges::find(known, name) == known.end()) {
    std::error_code error;
    if (!std::filesystem::is_directory(name, error)) {
      throw InvalidArgument("data info: expected one of {} or a folder, got '{}'", fmt::join(known, ", "), name);
    }
    data = name;
    name = name_of(data);
  }
  const Dataset dataset =
      load_dataset(name, data, {parse_image_size(command.image_size), command.skip_broken, !command.no_cache});
  print_info(dataset);
  Json report = report_head("data-info");
  report.update(info_json(dataset));
  write_report(command.json, report);
  return 0;
}

Json source_json(const DatasetSource& source) {
  Json files = Json::array();
  for (const SourceFile& file : source.files) {
    Json urls = Json::array();
    for (const std::string& url : source.mirrors) urls.push_back(url + file.name);
    files.push_back({{"name", file.name}, {"bytes", file.num_bytes}, {"sha256", file.sha256}, {"urls", urls}});
  }
  return {{"train_images", source.num_train},
          {"test_images", source.num_test},
          {"height", source.height},
          {"width", source.width},
          {"channels", source.channels},
          {"classes", source.num_classes},
          {"licence", source.licence},
          {"home", source.home},
          {"files", files}};
}

int list(const DataCommand& command) {
  if (!command.names.empty()) {
    throw InvalidArgument("data list: expected no names, got '{}'", command.names.front());
  }
  Json report = report_head("data-list");
  report["data_sets"] = Json::array();
  fmt::print("{:<15} {:>16} {:>13} {:>8} {:>9}  {}\n", "data set", "images", "of", "classes", "download", "where");
  for (const std::string& name : dataset_names()) {
    const DatasetSource* const source = find_source(name);
    const Path place = find_dataset(name, command.data);
    Json row{{"name", name}, {"directory", place.empty() ? Json() : Json(place.string())}};
    if (source != nullptr) {
      row.update(source_json(*source));
      fmt::print("{:<15} {:>16} {:>13} {:>8} {:>6} MB  {}\n", name,
                 fmt::format("{} + {}", source->num_train, source->num_test),
                 fmt::format("{} x {} x {}", source->height, source->width, source->channels), source->num_classes,
                 megabytes(num_bytes(*source)), place.empty() ? "murmur data get " + name : printable(place.string()));
    } else {
      fmt::print("{:<15} {:>16} {:>13} {:>8} {:>9}  {}\n", name, "your own", "", "", "",
                 place.empty() ? "--data DIR" : printable(place.string()));
    }
    report["data_sets"].push_back(row);
  }
  write_report(command.json, report);
  return 0;
}

int run_data(const DataCommand& command) {
  if (command.all && command.action != "get") {
    throw InvalidArgument("data {}: expected no --all, which is of data get", command.action);
  }
  reserve_report(command.json);
  if (command.action == "get") return get(command);
  return command.action == "info" ? info(command) : list(command);
}

}  // namespace

Run add_data(CLI::App& app) {
  CLI::App* sub = app.add_subcommand(
      "data",
      "data sets: get NAME..., which downloads them; info NAME or FOLDER, what is in one; list, which there are");
  auto command = std::make_shared<DataCommand>();
  sub->add_option("action", command->action, "download data sets, say what is in one, or list them")
      ->check(CLI::IsMember({"get", "info", "list"}))
      ->required();
  sub->add_option("names", command->names, "of get: data sets; of info: a data set or a folder with one");
  sub->add_flag("--all", command->all, "of get: every data set that can be had");
  sub->add_option("--data", command->data,
                  "folder in which data sets are or get folders of their names (default: the usual places, and "
                  "MURMUR_DATA or ~/.cache/murmur/data)");
  add_image_options(*sub, command->image_size, command->skip_broken, command->no_cache);
  sub->add_flag("--quiet", command->quiet, "of get: say nothing but errors");
  sub->add_option("--json", command->json, "write the results to this file; - is standard output");
  return [command] { return run_data(*command); };
}

}  // namespace murmur::app
