#include "murmur/engine/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "murmur/engine/file.hpp"

namespace murmur {
namespace {

using Json = nlohmann::json;

static_assert(std::endian::native == std::endian::little, "the file's bytes are the memory's");

constexpr int64_t kSizeBytes = 8;
constexpr int64_t kMaxHeaderBytes = 100'000'000;  // as the format's own library has it
constexpr const char* kMetadata = "__metadata__";

struct DTypeName {
  DType dtype;
  const char* name;
};
constexpr std::array<DTypeName, 5> kDTypeNames{
    {{DType::kF32, "F32"}, {DType::kF64, "F64"}, {DType::kU8, "U8"}, {DType::kI32, "I32"}, {DType::kI64, "I64"}}};

const char* name_in_file(DType dtype) {
  return std::ranges::find(kDTypeNames, dtype, &DTypeName::dtype)->name;
}

/// A tensor of the header: its bytes are [begin, end) of the data.
struct Entry {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  int64_t begin = 0;
  int64_t end = 0;
};

/// Reads the parts of one file; all that it throws names the file.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : path_(path) {
    std::error_code error;
    // Not opened where it is a pipe: that would wait for a writer.
    if (std::filesystem::is_regular_file(path, error)) file_.open(path, std::ios::binary);
    if (!file_.is_open()) {
      fail("a safetensors file", "{}", std::filesystem::exists(path, error) ? "what cannot be read" : "none");
    }
    num_bytes_ = static_cast<int64_t>(std::filesystem::file_size(path, error));
    if (error) fail("a safetensors file", "an error: {}", error.message());
  }

  SafeTensors read() {
    const Json header = parse(read_header());
    data_bytes_ = num_bytes_ - data_begin_;
    SafeTensors result{.tensors = {}, .metadata = {}, .source = path_};
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items()) {
      if (name == kMetadata) {
        result.metadata = metadata_of(value);
      } else {
        entries.push_back(entry_of(name, value));
      }
    }
    std::ranges::sort(entries, {}, [](const Entry& entry) { return std::pair(entry.begin, entry.end); });
    check_places(entries);
    for (const Entry& entry : entries) result.tensors.emplace(entry.name, read_tensor(entry));
    return result;
  }

 private:
  template <class... Got>
  [[noreturn]] void fail(const std::string& expected, fmt::format_string<Got...> got, Got&&... values) const {
    throw DataError("{}: expected {}, got {}", path_.string(), expected,
                    fmt::format(got, std::forward<Got>(values)...));
  }

  void read_bytes(void* target, int64_t count) {
    if (!file_.read(static_cast<char*>(target), count)) fail(fmt::format("{} bytes", num_bytes_), "fewer");
  }

  std::string read_header() {
    if (num_bytes_ < kSizeBytes) fail("a safetensors file", "one of {} bytes", num_bytes_);
    uint64_t size = 0;
    read_bytes(&size, kSizeBytes);
    const int64_t most = std::min(num_bytes_ - kSizeBytes, kMaxHeaderBytes);
    if (size > static_cast<uint64_t>(most)) {
      fail(fmt::format("a header of at most {} bytes", most), "one of {}", size);
    }
    std::string header(size, '\0');
    read_bytes(header.data(), static_cast<int64_t>(size));
    data_begin_ = kSizeBytes + static_cast<int64_t>(size);
    if (!header.starts_with('{')) fail("a header of JSON that begins with {", "another file");
    return header;
  }

  Json parse(const std::string& header) const {
    constexpr int kMaxDepth = 2;  // the header, a tensor, its shape
    std::vector<std::set<std::string>> keys;
    using Event = Json::parse_event_t;
    const auto check = [&](int depth, Event event, const Json& value) {
      if ((event == Event::object_start || event == Event::array_start) && depth > kMaxDepth) {
        fail("a header with tensors and texts", "one that is nested deeper");
      }
      if (event == Event::object_start) keys.emplace_back();
      if (event == Event::object_end) keys.pop_back();
      if (event == Event::key && !keys.back().insert(value.get<std::string>()).second) {
        fail("every name once", "'{}' twice", printable(value.get<std::string>()));
      }
      return true;
    };
    try {
      return Json::parse(header, check);
    } catch (const Json::exception&) {
      fail("a header of JSON", "something else");
    }
  }

  /// A name out of a file, for a message of one line.
  static std::string printable(std::string name) {
    constexpr size_t kLongest = 100;
    if (name.size() > kLongest) name = name.substr(0, kLongest) + "...";
    std::ranges::replace_if(
        name, [](char c) { return static_cast<unsigned char>(c) < ' '; }, '?');
    return name;
  }

  std::map<std::string, std::string> metadata_of(const Json& value) const {
    const bool holds_texts =
        value.is_object() && std::ranges::all_of(value, [](const Json& text) { return text.is_string(); });
    if (!holds_texts) fail(fmt::format("{} of texts", kMetadata), "other values");
    return value.get<std::map<std::string, std::string>>();
  }

  Entry entry_of(const std::string& name, const Json& value) const {
    const std::string label = printable(name);
    const bool has_parts = value.is_object() && value.size() == 3 && value.contains("dtype") &&
                           value.contains("shape") && value.contains("data_offsets");
    if (!has_parts) fail(fmt::format("dtype, shape and data_offsets of '{}'", label), "other entries");
    Entry entry;
    entry.name = name;
    entry.dtype = dtype_of(label, value["dtype"]);
    entry.shape = sizes_of(label, "shape", value["shape"]);
    const std::vector<int64_t> offsets = sizes_of(label, "data_offsets", value["data_offsets"]);
    if (offsets.size() != 2) fail(fmt::format("two data_offsets of '{}'", label), "{}", offsets.size());
    entry.begin = offsets[0];
    entry.end = offsets[1];
    check_size(label, entry);
    return entry;
  }

  DType dtype_of(const std::string& label, const Json& value) const {
    for (const DTypeName& known : kDTypeNames) {
      if (value == known.name) return known.dtype;
    }
    fail(fmt::format("'{}' to be of dtype F32, F64, U8, I32 or I64", label), "{}",
         value.is_string() ? printable(value.get<std::string>()) : "none of them");
  }

  std::vector<int64_t> sizes_of(const std::string& label, const char* what, const Json& value) const {
    const auto is_size = [](const Json& size) {
      return size.is_number_unsigned() && size.get<uint64_t>() <= uint64_t{1} << 62;
    };
    if (!value.is_array() || !std::ranges::all_of(value, is_size)) {
      fail(fmt::format("the {} of '{}' to be sizes", what, label), "something else");
    }
    return value.get<std::vector<int64_t>>();
  }

  void check_size(const std::string& label, const Entry& entry) const {
    if (entry.begin > entry.end || entry.end > data_bytes_) {
      fail(fmt::format("'{}' within the {} bytes of data", label, data_bytes_), "[{}, {})", entry.begin, entry.end);
    }
    int64_t bytes = size_bytes(entry.dtype);
    int64_t most = bytes;  // without the sizes that are 0
    for (const int64_t size : entry.shape) {
      if (__builtin_mul_overflow(most, std::max<int64_t>(size, 1), &most)) {
        fail(fmt::format("'{}' to have the size of its data", label), "shape {}", to_string(entry.shape));
      }
      bytes *= size;  // never more than most
    }
    if (bytes != entry.end - entry.begin) {
      fail(fmt::format("{} bytes of '{}', {} {}", bytes, label, name_in_file(entry.dtype), to_string(entry.shape)),
           "{}", entry.end - entry.begin);
    }
  }

  /// The data are all tensors, one behind the other.
  void check_places(std::span<const Entry> entries) const {
    int64_t end = 0;
    for (const Entry& entry : entries) {
      if (entry.begin != end) {
        fail(fmt::format("'{}' to begin at byte {} of the data", printable(entry.name), end), "{}", entry.begin);
      }
      end = entry.end;
    }
    if (end != data_bytes_) fail(fmt::format("{} bytes of data", end), "{}", data_bytes_);
  }

  Tensor read_tensor(const Entry& entry) {
    Tensor tensor = Tensor::zeros(entry.shape, entry.dtype, kCpu);
    file_.seekg(data_begin_ + entry.begin);
    read_bytes(tensor.raw(), entry.end - entry.begin);
    return tensor;
  }

  std::filesystem::path path_;
  std::ifstream file_;
  int64_t num_bytes_ = 0;
  int64_t data_begin_ = 0;
  int64_t data_bytes_ = 0;
};

int64_t num_bytes(const Tensor& tensor) {
  return tensor.num_elements() * size_bytes(tensor.dtype());
}

}  // namespace

const Tensor& SafeTensors::get(const std::string& name, DType dtype, const Shape& shape) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) {
    throw DataError("{}: expected a tensor '{}', {} {}, got none", source.string(), name, murmur::name(dtype),
                    to_string(shape));
  }
  const Tensor& tensor = found->second;
  if (tensor.dtype() != dtype || tensor.shape() != shape) {
    throw DataError("{}: expected '{}' to be {} {}, got {} {}", source.string(), name, murmur::name(dtype),
                    to_string(shape), murmur::name(tensor.dtype()), to_string(tensor.shape()));
  }
  return tensor;
}

const std::string& SafeTensors::text(const std::string& name) const {
  const auto found = metadata.find(name);
  if (found == metadata.end()) throw DataError("{}: expected metadata '{}', got none", source.string(), name);
  return found->second;
}

SafeTensors read_safetensors(const std::filesystem::path& path) {
  return Reader(path).read();
}

void write_safetensors(const std::filesystem::path& path, const SafeTensors& contents) {
  std::vector<std::pair<std::string, Tensor>> tensors;
  for (const auto& [name, tensor] : contents.tensors) tensors.emplace_back(name, tensor.to(kCpu));
  std::ranges::stable_sort(tensors, std::greater<>(),
                           [](const auto& named) { return size_bytes(named.second.dtype()); });
  Json header = Json::object();
  if (!contents.metadata.empty()) header[kMetadata] = contents.metadata;
  int64_t end = 0;
  for (const auto& [name, tensor] : tensors) {
    const int64_t begin = end;
    end += num_bytes(tensor);
    header[name] = {{"dtype", name_in_file(tensor.dtype())}, {"shape", tensor.shape()}, {"data_offsets", {begin, end}}};
  }
  // A text that is no UTF-8 (a folder's name) loses what is not; the data shall begin at a multiple of 8.
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t size = text.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&size, 1)));
  file.write(text);
  for (const auto& [name, tensor] : tensors) {
    file.write({static_cast<const std::byte*>(tensor.raw()), static_cast<size_t>(num_bytes(tensor))});
  }
  file.commit();
}

}  // namespace murmur
