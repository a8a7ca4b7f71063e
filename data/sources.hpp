#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace murmur {

/// A file that a data set is published as.
struct SourceFile {
  std::string name;
  int64_t num_bytes = 0;
  std::string sha256;                  ///< of the whole file, 64 hexadecimal digits
  std::vector<std::string> members{};  ///< of an archive: the files in it that are the data set; empty: it is none
};

/// Where a data set's official files come from, and what they hold.
struct DatasetSource {
  std::string name;                  ///< the data set's
  std::vector<std::string> mirrors;  ///< URLs to which a file's name is appended, in the order in which they are tried
  std::vector<SourceFile> files;
  int64_t num_classes = 0;
  int64_t num_train = 0;  ///< images
  int64_t num_test = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
  uint32_t checksum = 0;    ///< of the images and labels as `checksum` has it; 0: not known for certain
  std::string class_names;  ///< in the order of the labels, commas between them
  std::string licence;      ///< in words
  std::string home;         ///< a page on which it is described
};

/// The table of everything that can be downloaded.
const std::vector<DatasetSource>& sources();

/// Null where the data set is not in the table.
const DatasetSource* find_source(std::string_view name);

/// Of all files.
int64_t num_bytes(const DatasetSource& source);

}  // namespace murmur
