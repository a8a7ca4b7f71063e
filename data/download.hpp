#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "murmur/data/dataset.hpp"
#include "murmur/data/sources.hpp"

namespace murmur {

struct DownloadOptions {
  /// Instead of the source's own: a URL to which `<data set>/<file>` is appended. Empty: none.
  std::string mirror{};
  int stall_seconds = 30;  ///< without a byte, after which a mirror is given up
  /// A file, how many of its bytes are there, and of how many; a few times a second.
  std::function<void(const SourceFile& file, int64_t done)> on_progress{};
  /// What a user may want to know, a line each: a mirror that failed, another process that is waited for.
  std::function<void(const std::string& line)> on_note{};
};

/// Whether a data set is the published one, as far as the table of sources says what that is.
bool is_official(const Dataset& dataset, const DatasetSource& source);

/// Gets the files of a data set into `folder/<name>`, unless it is there. What is there already (with the right size
/// and sum) is not got again; an archive may have been put there by hand. Files come into `folder/<name>.part`, one
/// that is not whole as NAME.part; the next call goes on with it. They are believed when they have their size and
/// SHA-256, and take their place when all of them do: a folder `<name>` appears at once, and a kill at any time leaves
/// nothing in it that is taken for whole. Processes that get the same data set wait for each other. Returns:
/// `folder/<name>`. Throws: DataError (no mirror has a file; wrong sums; other images are there; a file cannot be
/// written, as on a full disk; a build that cannot
///         download). The message says which file to put where.
std::filesystem::path download(const DatasetSource& source, const std::filesystem::path& folder,
                               const DownloadOptions& options);

/// One line for who has no network, or no build that can download: the files, their URLs, and where to put them.
std::string how_to_put(const DatasetSource& source, const std::filesystem::path& folder);

}  // namespace murmur
