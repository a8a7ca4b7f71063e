#include "murmur/layers/convolution_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/engine/file.hpp"
#include "murmur/layers/convolution_operation.hpp"

namespace murmur {
namespace {

/// Of one convolution, in microseconds, with the library's plan.
struct Times {
  double library = std::numeric_limits<double>::infinity();
  double matrix_product = std::numeric_limits<double>::infinity();
  std::string configuration{};

  ConvolutionMethod faster() const {
    return library < matrix_product ? ConvolutionMethod::kLibrary : ConvolutionMethod::kMatrixProduct;
  }
};
using Table = std::map<std::string, Times>;

std::string key_of(const ConvolutionCase& c) {
  return fmt::format("{} P={} {}x{}x{}x{} filters={} kernel={} stride={} padding={} {}", name(c.pass), c.num_networks,
                     c.shape.batch, c.shape.height, c.shape.width, c.shape.channels, c.shape.filters, c.shape.kernel,
                     c.shape.stride, c.shape.padding, c.allow_tf32 ? "tf32" : "f32");
}

// The file: one line a convolution, of machine, convolution, both times and the method, with tabs in between; before
// the method, where the library has names for them, that of its plan. The method follows from the times; at the end of
// the line it says that the line is whole.

std::string line_of(const std::string& key, const Times& times) {
  const std::string plan = times.configuration.empty() ? "" : times.configuration + ' ';
  return fmt::format("{}\t{:.3f}\t{:.3f}\t{}{}", key, times.library, times.matrix_product, plan, name(times.faster()));
}

/// The last field of a line, which loses it. Empty when there is none.
std::string take_last(std::string& line) {
  const size_t tab = line.rfind('\t');
  if (tab == std::string::npos) return "";
  std::string field = line.substr(tab + 1);
  line.resize(tab);
  return field;
}

std::optional<double> parse_time(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && std::isfinite(value) && value > 0 ? std::optional(value) : std::nullopt;
}

/// What a file holds; lines that are damaged are left out.
Table read_table(const std::filesystem::path& file) {
  Table table;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    const std::string last = take_last(line);
    const size_t space = last.rfind(' ');
    const std::string method = space == std::string::npos ? last : last.substr(space + 1);
    const std::string configuration = space == std::string::npos ? "" : last.substr(0, space);
    const std::optional<double> matrix_product = parse_time(take_last(line));
    const std::optional<double> library = parse_time(take_last(line));
    if (!matrix_product || !library) continue;
    const Times times{*library, *matrix_product, configuration};
    if (method == name(times.faster())) table[line] = times;
  }
  return table;
}

/// Adds a line to what the file holds by now; others write it too, so it is replaced in one step.
void remember(const std::filesystem::path& file, const std::string& key, const Times& times) {
  if (file.empty()) return;
  Table table = read_table(file);
  table[key] = times;
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  std::string text;
  for (const auto& [line_key, line_times] : table) text += line_of(line_key, line_times) + '\n';
  try {
    write_file(file, text);
  } catch (const Error&) {
    // Then the next process measures again.
  }
}

ConvolutionTimer timer_of(Stream& stream) {
  ConvolutionTimer timer;
  timer.machine = fmt::format("{}, {}", describe(stream.device()), convolution_library(stream.device()));
  timer.plan = [&stream](const ConvolutionCase& c, const PlanWish& wish) {
    Convolution args;
    args.num_networks = c.num_networks;
    args.shape = c.shape;
    args.allow_tf32 = c.allow_tf32;
    return plan_convolution(stream, c.pass, args, wish);
  };
  timer.report = [](const std::string& line) { fmt::print(stderr, "{}\n", line); };
  timer.seconds = [&stream](const ConvolutionCase& c, ConvolutionMethod method) {
    return convolution_seconds(stream, c, method);
  };
  return timer;
}

}  // namespace

const char* name(ConvolutionMethod method) {
  switch (method) {
    case ConvolutionMethod::kAutomatic:
      return "automatic";
    case ConvolutionMethod::kLibrary:
      return "library";
    case ConvolutionMethod::kMatrixProduct:
      return "matrix_product";
  }
  return "";
}

std::filesystem::path ConvolutionChoices::default_file() {
  const auto folder = [](const char* variable) {
    const char* value = std::getenv(variable);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  const std::filesystem::path cache = folder("XDG_CACHE_HOME");
  if (cache.is_absolute()) return cache / "murmur" / "convolutions";
  const std::filesystem::path home = folder("HOME");
  return home.is_absolute() ? home / ".cache" / "murmur" / "convolutions" : std::filesystem::path();
}

ConvolutionChoices::ConvolutionChoices(Stream& stream, ConvolutionPolicy policy, std::filesystem::path file)
    : ConvolutionChoices(stream, policy, std::move(file), timer_of(stream)) {}

ConvolutionChoices::ConvolutionChoices(const Stream& stream, ConvolutionPolicy policy, std::filesystem::path file,
                                       ConvolutionTimer timer)
    : stream_(stream), policy_(policy), file_(std::move(file)), timer_(std::move(timer)) {}

ConvolutionMethod ConvolutionChoices::faster(const ConvolutionCase& asked) {
  ConvolutionCase convolution = asked;
  convolution.num_networks = std::min(asked.num_networks, kMostTimedNetworks);
  const std::string key = key_of(convolution);
  if (const auto known = settled_.find(key); known != settled_.end()) return known->second;
  if (!stream_.is_capturing()) return settle(convolution);
  open_.emplace(key, convolution);
  return ConvolutionMethod::kMatrixProduct;
}

void ConvolutionChoices::settle() {
  if (stream_.is_capturing()) throw Error("settle: expected a stream that does not capture");
  for (const auto& [key, convolution] : open_) settle(convolution);
  open_.clear();
}

/// Once: the reason is the same for most convolutions of a network.
void ConvolutionChoices::report(const std::string& key, const std::string& reason) {
  if (has_reported_ || !timer_.report) return;
  has_reported_ = true;
  timer_.report(fmt::format("convolutions: expected a plan of the library for {}, got none ({}); matrix products do it",
                            key, reason));
}

ConvolutionMethod ConvolutionChoices::settle_without_clock(const ConvolutionCase& convolution) {
  const std::string key = key_of(convolution);
  const ConvolutionPlan plan = timer_.plan(convolution, {.by_time = false});
  if (!plan) report(key, plan.reason);
  const ConvolutionMethod method = plan ? ConvolutionMethod::kLibrary : ConvolutionMethod::kMatrixProduct;
  return settled_.insert_or_assign(key, method).first->second;
}

ConvolutionMethod ConvolutionChoices::settle(const ConvolutionCase& convolution) {
  if (policy_ == ConvolutionPolicy::kDeterministic) return settle_without_clock(convolution);
  const std::string key = key_of(convolution);
  const std::string line = timer_.machine + '\t' + key;
  const Table table = read_table(file_);
  const auto known = table.find(line);
  Times times = known == table.end() ? Times() : known->second;
  // A method that cannot run at all (no plan, no memory) takes for ever, and no file needs to know.
  const auto microseconds = [&](ConvolutionMethod method) {
    try {
      return 1e6 * timer_.seconds(convolution, method);
    } catch (const Error& error) {
      if (method == ConvolutionMethod::kLibrary) report(key, error.what());
      return std::numeric_limits<double>::infinity();
    }
  };
  if (known == table.end()) {
    const ConvolutionPlan plan = timer_.plan(convolution, {});
    if (plan) {
      times = {microseconds(ConvolutionMethod::kLibrary), microseconds(ConvolutionMethod::kMatrixProduct),
               plan.configuration};
    } else {
      report(key, plan.reason);
    }
    if (std::isfinite(times.library) && std::isfinite(times.matrix_product)) remember(file_, line, times);
  } else if (times.faster() == ConvolutionMethod::kLibrary) {
    const ConvolutionPlan plan = timer_.plan(convolution, {.configuration = times.configuration});
    if (!plan) {
      report(key, plan.reason);
      times = {};
    } else if (plan.configuration != times.configuration) {
      times.configuration = plan.configuration;
      remember(file_, line, times);
    }
  }
  return settled_.insert_or_assign(key, times.faster()).first->second;
}

}  // namespace murmur
