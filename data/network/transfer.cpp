#include "murmur/data/network/transfer.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "murmur/engine/error.hpp"
#include "murmur/engine/version.hpp"

namespace murmur {
namespace {

constexpr long kConnectSeconds = 20;
constexpr long kMaxRedirects = 10;
constexpr long kRangeNotSatisfiable = 416;

/// The file that is appended to, and what libcurl's functions know of it.
class Part {
 public:
  Part(const Transfer& transfer, CURL* curl) : transfer_(transfer), curl_(curl) {
    constexpr int kMode = 0666;  // less the umask
    descriptor_ = open(transfer.file.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kMode);
    if (descriptor_ < 0) fail(errno);
    first_ = done_ = lseek(descriptor_, 0, SEEK_END);
  }
  ~Part() { close(descriptor_); }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  int64_t first() const { return first_; }
  int64_t done() const { return done_; }
  const std::string& surprise() const { return surprise_; }

  /// Throws what a function that libcurl calls must not.
  void finish() const {
    if (write_error_ != 0) fail(write_error_);
    if (fsync(descriptor_) != 0) fail(errno);
  }

  static size_t on_bytes(const char* bytes, size_t size, size_t count, void* part) {
    return static_cast<Part*>(part)->append(bytes, size * count) ? size * count : 0;
  }

  static int on_progress(void* part, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const Part& self = *static_cast<Part*>(part);
    if (self.transfer_.on_progress) self.transfer_.on_progress(self.done_);
    return 0;
  }

 private:
  [[noreturn]] void fail(int error) const {
    throw DataError("{}: expected to write the file, got: {}", transfer_.file.string(), std::strerror(error));
  }

  bool append(const char* bytes, size_t count) {
    if (!is_expected(static_cast<int64_t>(count))) return false;
    while (count > 0) {
      const ssize_t written = write(descriptor_, bytes, count);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        write_error_ = errno;
        return false;
      }
      bytes += written;
      count -= static_cast<size_t>(written);
      done_ += written;
    }
    return true;
  }

  /// A page that says "log in first" comes in the place of the file, and with another size.
  bool is_expected(int64_t count) {
    curl_off_t announced = -1;
    curl_easy_getinfo(curl_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    const int64_t all = announced >= 0 ? first_ + announced : done_ + count;
    if (announced >= 0 ? all == transfer_.num_bytes : all <= transfer_.num_bytes) return true;
    surprise_ = fmt::format("expected a file of {} bytes, got {} {}", transfer_.num_bytes,
                            announced >= 0 ? "one of" : "at least", all);
    return false;
  }

  const Transfer& transfer_;
  CURL* curl_;
  int descriptor_ = -1;
  int64_t first_ = 0;
  int64_t done_ = 0;
  int write_error_ = 0;
  std::string surprise_;
};

using Curl = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

Curl make_curl() {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  Curl curl(global == CURLE_OK ? curl_easy_init() : nullptr, curl_easy_cleanup);
  if (curl == nullptr) throw DataError("download: expected libcurl to start, got: {}", curl_easy_strerror(global));
  return curl;
}

/// (Of redirects libcurl follows only those to HTTP and FTP.)
void set_options(CURL* curl, const Transfer& transfer, Part& part, std::array<char, CURL_ERROR_SIZE>& message) {
  const std::string agent = fmt::format("murmur/{}", version());
  curl_easy_setopt(curl, CURLOPT_URL, transfer.url.c_str());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, agent.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message.data());
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kMaxRedirects);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(transfer.stall_seconds));
  curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(part.first()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Part::on_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &part);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, Part::on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &part);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

TransferResult result_of(CURL* curl, CURLcode code, const Transfer& transfer, const Part& part,
                         const std::string& message) {
  if (!part.surprise().empty()) return {TransferEnd::kRefused, part.surprise()};
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  const std::string reason = message.empty() ? curl_easy_strerror(code) : message;
  if (code == CURLE_RANGE_ERROR || (part.first() > 0 && status == kRangeNotSatisfiable)) {
    return {TransferEnd::kNoResume, reason};
  }
  if (code == CURLE_OK && part.done() == transfer.num_bytes) return {};
  const bool is_cut = code == CURLE_OK || code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR ||
                      code == CURLE_OPERATION_TIMEDOUT || part.done() > part.first();
  if (code == CURLE_OK) return {TransferEnd::kCut, fmt::format("it ended after {} bytes", part.done())};
  return {is_cut ? TransferEnd::kCut : TransferEnd::kRefused, reason};
}

}  // namespace

bool can_download() {
  return true;
}

TransferResult transfer(const Transfer& transfer) {
  const Curl curl = make_curl();
  Part part(transfer, curl.get());
  std::array<char, CURL_ERROR_SIZE> message{};
  set_options(curl.get(), transfer, part, message);
  const CURLcode code = curl_easy_perform(curl.get());
  part.finish();
  return result_of(curl.get(), code, transfer, part, message.data());
}

}  // namespace murmur
