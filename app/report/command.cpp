#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "app/options.hpp"
#include "app/report/chart.hpp"
#include "app/report/document.hpp"
#include "app/report/server.hpp"
#include "app/terminal.hpp"
#include "murmur/engine/error.hpp"

namespace murmur::app {
namespace {

struct ReportCommand {
  std::vector<std::string> studies;
  std::string name, output, format, chart, theme = "light";
  int64_t width = 0, height = 0;  // 0: the chart's own
  bool watch = false;
  int64_t port = 0;
};

/// Beside the study: "study.html", "study-effects.svg".
std::string usual_output(const ReportCommand& command, const StudyName& first) {
  std::filesystem::path path = first.file;
  const std::string end = command.chart.empty() ? ".html" : fmt::format("-{}.{}", command.chart, command.format);
  return (path.replace_extension() += end).string();
}

nlohmann::json chart_options(const ReportCommand& command) {
  nlohmann::json options{{"theme", command.theme}};
  if (command.width > 0) options["width"] = command.width;
  if (command.height > 0) options["height"] = command.height;
  return options;
}

std::string contents(const ReportCommand& command, const std::vector<StudyName>& studies) {
  const std::string data = report_data(studies, false);
  if (command.chart.empty()) return report_page(data);
  std::string svg = chart_svg(data, command.chart, chart_options(command));
  return command.format == "png" ? png_of(svg) : svg;
}

/// What the options leave open. Throws: InvalidArgument where they do not go together.
void complete(ReportCommand& command) {
  const bool is_png = command.output.ends_with(".png");
  if (command.format.empty()) command.format = command.chart.empty() ? "html" : is_png ? "png" : "svg";
  if (command.chart.empty() && command.format != "html") {
    throw InvalidArgument("--format {}: expected --chart with it, got none", command.format);
  }
  if (!command.chart.empty() && command.format == "html") {
    throw InvalidArgument("--chart: expected --format svg or png, got html");
  }
  if (command.watch && (!command.chart.empty() || !command.output.empty())) {
    throw InvalidArgument("--watch: expected neither --output nor --chart with it, got {}",
                          command.chart.empty() ? "--output" : "--chart");
  }
}

int report(ReportCommand command) {
  complete(command);
  if (!command.name.empty()) {
    if (command.studies.size() > 1)
      throw InvalidArgument("--name: expected one --study, got {}", command.studies.size());
  }
  const std::vector<StudyName> studies = command.name.empty()
                                             ? find_studies(command.studies)
                                             : std::vector<StudyName>{{command.studies.front(), command.name}};
  if (command.watch) {
    serve_report(studies, static_cast<uint16_t>(command.port));
    return 0;
  }
  if (command.output.empty()) command.output = usual_output(command, studies.front());
  if (command.output == "-") command.output = "/dev/stdout";
  require_writable("--output", command.output);
  write_file(command.output, contents(command, studies));
  if (command.output != "/dev/stdout") fmt::print("{}\n", printable(command.output));
  return 0;
}

}  // namespace

Run add_report(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("report", "the answer of studies as one page for a browser, or a chart of it");
  auto command = std::make_shared<ReportCommand>();
  constexpr int64_t kMostPixels = 20000;
  sub->add_option("--study", command->studies,
                  "study file, repeatable: side by side; also of other programs with Optuna's tables; FILE:NAME is one "
                  "of several in a file")
      ->required()
      ->allow_extra_args(false);
  sub->add_option("--name", command->name, "the study's name, where the file has several (without: all)");
  sub->add_option("--output", command->output, "file; - is standard output (default: beside the study, study.html)");
  sub->add_option("--chart", command->chart, "only this chart, for a paper (needs node)")
      ->check(CLI::IsMember(std::vector<std::string>(kCharts.begin(), kCharts.end())));
  sub->add_option("--format", command->format, "html, or of a chart svg (default) or png (needs rsvg-convert)")
      ->check(CLI::IsMember({"html", "svg", "png"}));
  sub->add_option("--width", command->width, "of a chart, in pixels")->check(whole_number(1, kMostPixels));
  sub->add_option("--height", command->height, "of a chart, in pixels")->check(whole_number(1, kMostPixels));
  sub->add_option("--theme", command->theme, "of a chart")
      ->check(CLI::IsMember({"light", "dark"}))
      ->capture_default_str();
  CLI::Option* watch = sub->add_flag("--watch", command->watch,
                                     "serve the page on 127.0.0.1, up to date with a search that runs, until Ctrl-C");
  sub->add_option("--port", command->port, "of --watch (0: any that is free)")
      ->check(whole_number(0, 65535))
      ->needs(watch)
      ->capture_default_str();
  return [command] { return report(*command); };
}

}  // namespace murmur::app
