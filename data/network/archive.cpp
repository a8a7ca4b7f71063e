#include "murmur/data/network/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <set>
#include <span>

#include "murmur/engine/error.hpp"
#include "murmur/engine/file.hpp"

namespace murmur {
namespace {

using Archive = std::unique_ptr<archive, decltype(&archive_read_free)>;

[[noreturn]] void fail(const std::filesystem::path& path, archive* reader) {
  const char* const reason = archive_error_string(reader);
  throw DataError("{}: expected an archive, got: {}", path.string(), reason == nullptr ? "an error" : reason);
}

Archive open_archive(const std::filesystem::path& path) {
  constexpr size_t kReadBytes = size_t{1} << 18;
  Archive reader(archive_read_new(), archive_read_free);
  if (reader == nullptr) throw DataError("{}: expected libarchive to start, got no memory", path.string());
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_zip(reader.get());
  if (archive_read_open_filename(reader.get(), path.c_str(), kReadBytes) != ARCHIVE_OK) fail(path, reader.get());
  return reader;
}

/// The entry that the reader stands before.
void write_entry(const std::filesystem::path& path, archive* reader, const std::filesystem::path& output) {
  AtomicFile file(output);
  const void* block = nullptr;
  size_t count = 0;
  la_int64_t offset = 0;
  la_int64_t done = 0;
  int code = ARCHIVE_OK;
  while ((code = archive_read_data_block(reader, &block, &count, &offset)) == ARCHIVE_OK) {
    if (offset != done) throw DataError("{}: expected a file without holes, got one", path.string());
    file.write(std::span(static_cast<const std::byte*>(block), count));
    done += static_cast<la_int64_t>(count);
  }
  if (code != ARCHIVE_EOF) fail(path, reader);
  file.commit();
}

void unpack_all(const std::filesystem::path& path, std::set<std::string> missing, const std::filesystem::path& folder) {
  const Archive reader = open_archive(path);
  archive_entry* entry = nullptr;
  while (!missing.empty()) {
    const int code = archive_read_next_header(reader.get(), &entry);
    if (code == ARCHIVE_EOF) break;
    if (code != ARCHIVE_OK) fail(path, reader.get());
    const char* const name = archive_entry_pathname(entry);
    if (name == nullptr || !missing.contains(name)) continue;
    if (archive_entry_filetype(entry) != AE_IFREG) {
      throw DataError("{}: expected '{}' to be a file, got something else", path.string(), name);
    }
    write_entry(path, reader.get(), folder / std::filesystem::path(name).filename());
    missing.erase(name);
  }
  if (!missing.empty()) {
    throw DataError("{}: expected an archive with {}, got one without", path.string(), fmt::join(missing, ", "));
  }
}

}  // namespace

void unpack(const std::filesystem::path& path, const std::vector<std::string>& members,
            const std::filesystem::path& folder) {
  try {
    unpack_all(path, {members.begin(), members.end()}, folder);
  } catch (const DataError&) {
    throw;
  } catch (const Error& error) {  // of a file that cannot be written
    throw DataError("{}", error.what());
  }
}

}  // namespace murmur
