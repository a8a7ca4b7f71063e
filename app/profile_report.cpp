#include "app/profile_report.hpp"

#include <fmt/format.h>
#include <regex.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>

#include "murmur/engine/error.hpp"

namespace murmur::app {
namespace {

using Row = std::vector<std::string>;

/// The fields of one line of CSV: in double quotes, with doubled ones inside, or plain.
Row csv_fields(std::string_view line) {
  Row fields(1);
  bool is_quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"') {
      if (is_quoted && i + 1 < line.size() && line[i + 1] == '"')
        fields.back() += line[++i];
      else
        is_quoted = !is_quoted;
    } else if (c == ',' && !is_quoted) {
      fields.emplace_back();
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  return fields;
}

std::vector<Row> csv_rows(std::string_view text) {
  std::vector<Row> rows;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    rows.push_back(csv_fields(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return rows;
}

/// Rows under a head line that has all of some columns, up to the first row of another length.
class Table {
 public:
  Table(const std::vector<Row>& rows, std::initializer_list<std::string_view> columns) {
    const auto is_head = [&](const Row& row) {
      return std::ranges::all_of(columns,
                                 [&](std::string_view name) { return std::ranges::find(row, name) != row.end(); });
    };
    const auto head = std::ranges::find_if(rows, is_head);
    if (head == rows.end()) return;
    head_ = *head;
    for (auto row = head + 1; row != rows.end() && row->size() == head_.size(); ++row) rows_.push_back(*row);
  }

  bool is_there() const { return !head_.empty(); }
  const std::vector<Row>& rows() const { return rows_; }

  /// Empty where there is no such column.
  std::string text(const Row& row, std::string_view column) const {
    const auto found = std::ranges::find(head_, column);
    return found == head_.end() ? "" : row[static_cast<size_t>(found - head_.begin())];
  }

  /// A number, with commas between its thousands or without; nothing where there is none.
  std::optional<double> number(const Row& row, std::string_view column) const {
    std::string digits = text(row, column);
    std::erase(digits, ',');
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  }

 private:
  Row head_;
  std::vector<Row> rows_;
};

/// What a value of this unit counts in the base unit: nanoseconds, bytes. Nsight Compute spells units in two ways.
double unit_factor(const std::string& unit) {
  static const std::map<std::string, double> factors{{"usecond", 1e3}, {"us", 1e3},    {"msecond", 1e6}, {"ms", 1e6},
                                                     {"second", 1e9},  {"s", 1e9},     {"Kbyte", 1e3},   {"Mbyte", 1e6},
                                                     {"Gbyte", 1e9},   {"Tbyte", 1e12}};
  const auto found = factors.find(unit);
  return found == factors.end() ? 1 : found->second;
}

template <class T>
void add(std::optional<T>& sum, std::optional<T> value) {
  if (value) sum = sum.value_or(T{0}) + *value;
}

KernelProfile& entry(std::vector<KernelProfile>& kernels, const std::string& name) {
  const auto found = std::ranges::find(kernels, name, &KernelProfile::kernel);
  if (found != kernels.end()) return *found;
  kernels.emplace_back().kernel = name;
  return kernels.back();
}

void sort(ProfileReport& report) {
  std::ranges::stable_sort(report.kernels, std::greater(), &KernelProfile::total_us);
  std::ranges::stable_sort(report.ranges, std::greater(), &RangeProfile::total_us);
}

double total_us(const ProfileReport& report) {
  double sum = 0;
  for (const KernelProfile& kernel : report.kernels) sum += kernel.total_us;
  return sum;
}

std::optional<double> copy_percent(const KernelProfile& kernel, double copy_gb_per_second) {
  if (!kernel.num_bytes || copy_gb_per_second <= 0 || kernel.total_us <= 0) return std::nullopt;
  return 100 * *kernel.num_bytes * 1e-9 / (kernel.total_us * 1e-6) / copy_gb_per_second;
}

/// Columns of the names: those of the longest, within bounds, for a library's kernels have long ones.
size_t name_width(const ProfileReport& report) {
  size_t longest = 0;
  for (const KernelProfile& kernel : report.kernels) longest = std::max(longest, kernel.kernel.size());
  return std::clamp<size_t>(longest, 37, 60);
}

std::string_view without_prefix(std::string_view text, std::string_view prefix) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

/// Without our namespaces, and without what stands for one that has no name, c++filt's word for it and that of NVIDIA's
/// tools, whose brackets would be taken for others.
std::string shortened(std::string_view text) {
  std::string result(text);
  for (const std::string_view name : {"murmur::", "cuda::", "(anonymous namespace)::", "<unnamed>::"}) {
    for (size_t at = result.find(name); at != std::string::npos; at = result.find(name, at)) {
      result.erase(at, name.size());
    }
  }
  return result;
}

/// "Update<float>" of "a::b::Update<float>": what stands behind the last "::" outside of arguments.
std::string_view without_namespaces(std::string_view name) {
  const size_t arguments = std::min(name.find('<'), name.size());
  const size_t last = name.substr(0, arguments).rfind("::");
  return last == std::string_view::npos ? name : name.substr(last + 2);
}

}  // namespace

std::string kernel_name(std::string_view demangled) {
  const std::string whole = shortened(demangled);
  const std::string_view text = whole;
  constexpr std::string_view kOurs = "run_kernel<";
  if (const size_t begin = text.find(kOurs); begin != std::string_view::npos) {
    size_t end = begin + kOurs.size();
    for (int depth = 1; end < text.size(); ++end) {
      depth += (text[end] == '<') - (text[end] == '>');
      if (depth == 0) break;
    }
    std::string_view kernel = text.substr(begin + kOurs.size(), end - begin - kOurs.size());
    while (kernel.ends_with(' ')) kernel.remove_suffix(1);
    return std::string(without_namespaces(kernel));
  }
  std::string_view name = without_prefix(text, "void ");
  name = name.substr(0, name.find('('));
  // CUTLASS: one name for all, its argument says which.
  for (const std::string_view wrapper : {"Kernel2<", "Kernel<"}) {
    if (const size_t begin = name.find(wrapper); begin != std::string_view::npos) {
      const std::string_view argument = name.substr(begin + wrapper.size());
      return std::string(without_namespaces(argument.substr(0, argument.find_first_of("<>,"))));
    }
  }
  return std::string(without_namespaces(name.substr(0, name.find('<'))));
}

ProfileReport read_nsys_csv(std::string_view text) {
  const std::vector<Row> rows = csv_rows(text);
  const Table kernels(rows, {"Total Time (ns)", "Instances", "Name"});
  if (!kernels.is_there()) {
    throw DataError("nsys stats: expected a table with Total Time (ns), Instances and Name, got none (no kernel ran?)");
  }
  ProfileReport report;
  for (const Row& row : kernels.rows()) {
    KernelProfile& kernel = entry(report.kernels, kernel_name(kernels.text(row, "Name")));
    kernel.num_launches += static_cast<int64_t>(kernels.number(row, "Instances").value_or(0));
    kernel.total_us += kernels.number(row, "Total Time (ns)").value_or(0) * 1e-3;
  }
  const Table ranges(rows, {"Range", "Total Proj Time (ns)", "Range Instances"});
  for (const Row& row : ranges.rows()) {
    const std::string range(without_prefix(ranges.text(row, "Range"), ":"));  // a domain without a name in front
    report.ranges.push_back({range, static_cast<int64_t>(ranges.number(row, "Range Instances").value_or(0)),
                             ranges.number(row, "Total Proj Time (ns)").value_or(0) * 1e-3});
  }
  sort(report);
  return report;
}

ProfileReport read_ncu_csv(std::string_view text) {
  constexpr std::string_view kTime = "gpu__time_duration.sum";
  const Table table(csv_rows(text), {"ID", "Kernel Name", kTime});
  if (!table.is_there() || table.rows().empty()) {
    throw DataError("ncu --page raw: expected a table with ID, Kernel Name and {}, got none (no kernel matched?)",
                    kTime);
  }
  const Row& units = table.rows().front();  // the row behind the head has no ID
  const bool has_units = table.text(units, "ID").empty();
  const auto value = [&](const Row& row, std::string_view column) {
    std::optional<double> number = table.number(row, column);
    if (number && has_units) *number *= unit_factor(table.text(units, column));
    return number;
  };
  ProfileReport report;
  for (const Row& row : table.rows()) {
    if (table.text(row, "ID").empty()) continue;
    KernelProfile& kernel = entry(report.kernels, kernel_name(table.text(row, "Kernel Name")));
    ++kernel.num_launches;
    kernel.total_us += value(row, kTime).value_or(0) * 1e-3;
    add(kernel.num_bytes, value(row, "dram__bytes_read.sum"));
    add(kernel.num_bytes, value(row, "dram__bytes_write.sum"));
    add(kernel.occupancy_percent, table.number(row, "sm__warps_active.avg.pct_of_peak_sustained_active"));
    if (const auto registers = table.number(row, "launch__registers_per_thread")) {
      kernel.num_registers = static_cast<int64_t>(*registers);
    }
  }
  for (KernelProfile& kernel : report.kernels) {
    if (kernel.occupancy_percent) *kernel.occupancy_percent /= static_cast<double>(kernel.num_launches);
  }
  sort(report);
  return report;
}

void keep_kernels(ProfileReport& report, const std::string& expression) {
  // Not std::regex: g++ 12 does not compile it with sanitizers and warnings as errors.
  regex_t pattern;
  if (regcomp(&pattern, expression.c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
    throw InvalidArgument("--kernel: expected a regular expression, got '{}'", expression);
  }
  const std::unique_ptr<regex_t, void (*)(regex_t*)> owner(&pattern, regfree);
  std::erase_if(report.kernels,
                [&](const KernelProfile& k) { return regexec(&pattern, k.kernel.c_str(), 0, nullptr, 0) != 0; });
}

std::string profile_table(const ProfileReport& report, double copy_gb_per_second) {
  const auto has = [&](auto&& f) { return std::ranges::any_of(report.kernels, f); };
  const bool has_copy = has([&](const KernelProfile& k) { return copy_percent(k, copy_gb_per_second).has_value(); });
  const bool has_registers = has([](const KernelProfile& k) { return k.num_registers.has_value(); });
  const bool has_occupancy = has([](const KernelProfile& k) { return k.occupancy_percent.has_value(); });
  const auto cell = [](auto value, int digits) {
    return value ? fmt::format("{:.{}f}", static_cast<double>(*value), digits) : std::string("-");
  };
  const size_t width = name_width(report);
  std::string text =
      fmt::format("{:<{}} {:>8} {:>11} {:>10} {:>7}", "kernel", width, "launches", "time us", "mean us", "share");
  if (has_copy) text += fmt::format(" {:>6}", "%copy");
  if (has_registers) text += fmt::format(" {:>9}", "registers");
  if (has_occupancy) text += fmt::format(" {:>10}", "%occupancy");
  text += '\n';
  const double all = total_us(report);
  for (const KernelProfile& kernel : report.kernels) {
    text += fmt::format("{:<{}} {:>8} {:>11.1f} {:>10.2f} {:>6.1f}%", kernel.kernel.substr(0, width), width,
                        kernel.num_launches, kernel.total_us,
                        kernel.total_us / static_cast<double>(std::max<int64_t>(1, kernel.num_launches)),
                        all > 0 ? 100 * kernel.total_us / all : 0);
    if (has_copy) text += fmt::format(" {:>6}", cell(copy_percent(kernel, copy_gb_per_second), 1));
    if (has_registers) text += fmt::format(" {:>9}", cell(kernel.num_registers, 0));
    if (has_occupancy) text += fmt::format(" {:>10}", cell(kernel.occupancy_percent, 1));
    text += '\n';
  }
  if (report.ranges.empty()) return text;
  text += fmt::format("\n{:<{}} {:>8} {:>11}\n", "range (GPU time of what it launched)", width, "times", "time us");
  for (const RangeProfile& range : report.ranges) {
    text += fmt::format("{:<{}} {:>8} {:>11.1f}\n", range.range.substr(0, width), width, range.num_instances,
                        range.total_us);
  }
  return text;
}

nlohmann::json profile_json(const ProfileReport& report, double copy_gb_per_second) {
  const auto or_null = [](auto value) { return value ? nlohmann::json(*value) : nlohmann::json(); };
  const double all = total_us(report);
  nlohmann::json kernels = nlohmann::json::array();
  for (const KernelProfile& k : report.kernels) {
    kernels.push_back({{"kernel", k.kernel},
                       {"launches", k.num_launches},
                       {"time_us", k.total_us},
                       {"mean_us", k.total_us / static_cast<double>(std::max<int64_t>(1, k.num_launches))},
                       {"share", all > 0 ? k.total_us / all : 0},
                       {"bytes", or_null(k.num_bytes)},
                       {"copy_percent", or_null(copy_percent(k, copy_gb_per_second))},
                       {"registers", or_null(k.num_registers)},
                       {"occupancy_percent", or_null(k.occupancy_percent)}});
  }
  nlohmann::json ranges = nlohmann::json::array();
  for (const RangeProfile& r : report.ranges) {
    ranges.push_back({{"range", r.range}, {"instances", r.num_instances}, {"time_us", r.total_us}});
  }
  return {{"copy_gb_per_second", copy_gb_per_second > 0 ? nlohmann::json(copy_gb_per_second) : nlohmann::json()},
          {"kernels", kernels},
          {"ranges", ranges}};
}

}  // namespace murmur::app
