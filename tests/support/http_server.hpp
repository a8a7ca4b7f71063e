#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace murmur::test {

/// A file of an HttpServer, and what goes wrong with it.
struct ServedFile {
  std::string bytes{};
  bool has_ranges = true;  ///< else a range request gets the whole file
  int64_t cut_after = -1;  ///< body bytes after which the connection is closed; -1: never
  int num_cuts = 1 << 20;  ///< so many times
  bool stalls = false;     ///< instead of being closed, the connection stays, and nothing comes
  bool has_length = true;  ///< says how long it is
  std::string redirect{};  ///< to this path
  int status = 200;
};

/// What was asked for.
struct HttpRequest {
  std::string path;
  int64_t first = 0;  ///< of the range; 0: none
};

/// Serves files from memory by HTTP on this machine, with range requests, and breaks off where it is told to.
class HttpServer {
 public:
  HttpServer() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (socket_ < 0 || bind(socket_, any, length) != 0 || listen(socket_, 64) != 0 ||
        getsockname(socket_, any, &length) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~HttpServer() {
    stopped_ = true;
    acceptor_.join();
    for (std::thread& connection : connections_) connection.join();
    close(socket_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// "http://127.0.0.1:12345/"
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

  void serve(const std::string& path, const ServedFile& file) {
    const std::lock_guard lock(mutex_);
    files_[path] = file;
  }

  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void accept_all() {
    while (!stopped_) {
      pollfd waiting{socket_, POLLIN, 0};
      if (poll(&waiting, 1, 20) <= 0) continue;
      const int connection = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      connections_.emplace_back([this, connection] {
        answer(connection);
        close(connection);
      });
    }
  }

  void answer(int connection) {
    std::string head;
    char byte = 0;
    while (head.find("\r\n\r\n") == std::string::npos && recv(connection, &byte, 1, 0) == 1) head += byte;
    HttpRequest request{head.substr(5, head.find(' ', 5) - 5)};  // behind "GET /"
    if (const size_t at = head.find("Range: bytes="); at != std::string::npos)
      request.first = std::stoll(head.substr(at + 13));
    const ServedFile file = take(request);
    if (!file.redirect.empty()) {
      return send_all(connection, "HTTP/1.1 302 Found\r\nLocation: /" + file.redirect +
                                      "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }
    const auto size = static_cast<int64_t>(file.bytes.size());
    if (file.status != 200)
      return send_all(connection, "HTTP/1.1 " + std::to_string(file.status) +
                                      " No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    const bool is_range = file.has_ranges && request.first > 0;
    if (is_range && request.first >= size) {
      return send_all(connection,
                      "HTTP/1.1 416 Range Not Satisfiable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }
    const int64_t first = is_range ? request.first : 0;
    std::string text = is_range ? "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + std::to_string(first) +
                                      "-" + std::to_string(size - 1) + "/" + std::to_string(size) + "\r\n"
                                : "HTTP/1.1 200 OK\r\n";
    if (file.has_length) text += "Content-Length: " + std::to_string(size - first) + "\r\n";
    send_all(connection, text + "Connection: close\r\n\r\n");
    const int64_t count =
        file.cut_after >= 0 && file.num_cuts >= 0 ? std::min(file.cut_after, size - first) : size - first;
    send_all(connection, file.bytes.substr(static_cast<size_t>(first), static_cast<size_t>(count)));
    while (file.stalls && count < size - first && !stopped_) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }

  /// The file, of which a cut is used up.
  ServedFile take(const HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    const auto found = files_.find(request.path);
    if (found == files_.end()) return {.status = 404};
    --found->second.num_cuts;
    return found->second;
  }

  static void send_all(int connection, const std::string& text) {
    for (size_t done = 0; done < text.size();) {
      const ssize_t count = send(connection, text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (count <= 0) return;
      done += static_cast<size_t>(count);
    }
  }

  int socket_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, ServedFile> files_;
  std::vector<HttpRequest> requests_;
  std::atomic<bool> stopped_ = false;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

}  // namespace murmur::test
