#include "app/data_info.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "app/terminal.hpp"
#include "murmur/data/download.hpp"
#include "murmur/data/image_cache.hpp"
#include "murmur/data/statistics.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

int64_t sum(const std::vector<int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

/// Null where the table of sources does not say what is published.
Json is_published(const Dataset& dataset) {
  const DatasetSource* const source = find_source(dataset.name);
  if (source == nullptr) return nullptr;
  if (!is_official(dataset, *source)) return false;
  return source->checksum == 0 ? Json(nullptr) : Json(true);
}

std::string published_text(const Dataset& dataset) {
  const Json published = is_published(dataset);
  if (published.is_null()) return "";
  return published.get<bool>() ? ", that of the published images" : ", not that of the published images";
}

std::string class_name(const Dataset& dataset, size_t label) {
  return label < dataset.class_names.size() ? printable(dataset.class_names[label]) : "";
}

/// A row a class, and a bar as long as its share of the largest one's training images.
void print_classes(const Dataset& dataset, const DatasetStatistics& numbers) {
  constexpr int64_t kBarColumns = 30;
  size_t columns = 5;
  for (size_t k = 0; k < numbers.train.size(); ++k) columns = std::max(columns, num_columns(class_name(dataset, k)));
  const int64_t most = std::max<int64_t>(1, std::ranges::max(numbers.train));
  fmt::print("{:>3}  {:<{}} {:>8} {:>10} {:>8}\n", "", "class", columns, "train", "validation", "test");
  for (size_t k = 0; k < numbers.train.size(); ++k) {
    const std::string name = class_name(dataset, k);
    const std::string padding(columns - num_columns(name), ' ');
    const auto bar = static_cast<size_t>((numbers.train[k] * kBarColumns + most / 2) / most);
    fmt::print("{:>3}  {}{} {:>8} {:>10} {:>8}{}{}\n", k, name, padding, numbers.train[k], numbers.validation[k],
               numbers.test[k], bar > 0 ? "  " : "", std::string(bar, '#'));
  }
}

Json part_json(const std::vector<int64_t>& counts) {
  return {{"images", sum(counts)}, {"per_class", counts}};
}

Json skipped_json(const Dataset& dataset) {
  Json list = Json::array();
  for (const BrokenFile& file : dataset.skipped) list.push_back({{"path", file.path}, {"reason", file.reason}});
  return list;
}

}  // namespace

void print_info(const Dataset& dataset) {
  const DatasetStatistics numbers = statistics(dataset);
  const Samples& train = dataset.train;
  const DatasetSource* const source = find_source(dataset.name);
  fmt::print("{} in {}\n", dataset.name, printable(dataset.directory.string()));
  fmt::print("{:<11} {} of {} x {} x {}: {} to train on, {} for validation ({}), {} to test on\n", "images",
             train.num_samples + dataset.test.num_samples, train.height, train.width, train.channels,
             sum(numbers.train), sum(numbers.validation),
             dataset.num_validation > 0 ? "a part of their own" : "the last 20 % of the training file",
             sum(numbers.test));
  fmt::print("{:<11} {:.4f}, a channel each, black 0 and white 1\n", "mean", fmt::join(numbers.mean, " "));
  fmt::print("{:<11} {:.4f}\n", "deviation", fmt::join(numbers.deviation, " "));
  fmt::print("{:<11} {:08x}{}\n", "checksum", checksum(dataset), published_text(dataset));
  if (source != nullptr) fmt::print("{:<11} {} ({})\n", "licence", source->licence, source->home);
  if (dataset.num_others > 0) fmt::print("{:<11} {} files, no images\n", "passed over", dataset.num_others);
  if (!dataset.skipped.empty()) {
    fmt::print("{:<11} {}: {}\n", "left out", dataset.skipped.size(), printable(list_of(dataset.skipped)));
  }
  print_classes(dataset, numbers);
}

Json info_json(const Dataset& dataset) {
  const DatasetStatistics numbers = statistics(dataset);
  return {{"name", dataset.name},
          {"directory", dataset.directory.string()},
          {"classes", dataset.num_classes},
          {"class_names", dataset.class_names},
          {"height", dataset.train.height},
          {"width", dataset.train.width},
          {"channels", dataset.train.channels},
          {"train", part_json(numbers.train)},
          {"validation", part_json(numbers.validation)},
          {"test", part_json(numbers.test)},
          {"mean", numbers.mean},
          {"deviation", numbers.deviation},
          {"checksum", fmt::format("{:08x}", checksum(dataset))},
          {"contents", dataset.contents},
          {"published", is_published(dataset)},
          {"passed_over", dataset.num_others},
          {"skipped", skipped_json(dataset)}};
}

}  // namespace murmur::app
