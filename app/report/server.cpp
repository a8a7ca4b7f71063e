#include "app/report/server.hpp"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "app/report/document.hpp"
#include "app/report/live_data.hpp"
#include "murmur/engine/error.hpp"

namespace murmur::app {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Request = http::request<http::empty_body>;
using Response = http::response<http::string_body>;

/// A page of another site, whose name has been made to lead here, asks for that name.
bool is_local(beast::string_view host) {
  const size_t colon = host.rfind(':');
  const beast::string_view name = host.substr(0, colon);
  return name == "127.0.0.1" || name == "localhost";
}

Response respond(const Request& request, LiveData& data) {
  Response response(http::status::ok, request.version());
  response.keep_alive(request.keep_alive());
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Content-Security-Policy", "frame-ancestors 'none'");
  const auto refuse = [&response](http::status status, std::string text) {
    response.result(status);
    response.set(http::field::content_type, "text/plain; charset=utf-8");
    response.body() = std::move(text) + "\n";
  };
  const beast::string_view path = request.target().substr(0, request.target().find('?'));
  if (!is_local(request[http::field::host])) {
    refuse(http::status::forbidden, "expected the host 127.0.0.1 or localhost");
  } else if (request.method() != http::verb::get) {
    refuse(http::status::method_not_allowed, "expected GET");
  } else if (path == "/" || path == "/data.json") {
    try {
      const std::shared_ptr<const std::string> text = data.get();
      response.body() = path == "/" ? report_page(*text) : *text;
      response.set(http::field::content_type, path == "/" ? "text/html; charset=utf-8" : "application/json");
    } catch (const Error& error) {
      refuse(http::status::service_unavailable, error.what());  // locked, or gone; it may come back
    }
  } else {
    refuse(http::status::not_found, "expected / or /data.json");
  }
  response.prepare_payload();
  return response;
}

/// One client. All run in one thread, which no slow one holds up.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, LiveData& data) : stream_(std::move(socket)), data_(data) {}

  void read() {
    constexpr std::chrono::seconds kPatience{60};
    request_ = {};
    stream_.expires_after(kPatience);
    http::async_read(stream_, buffer_, request_, [self = shared_from_this()](beast::error_code error, size_t) {
      if (!error) self->write();
    });
  }

 private:
  void write() {
    response_ = respond(request_, data_);
    http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code error, size_t) {
      if (!error && self->response_.keep_alive()) return self->read();
      self->stream_.socket().shutdown(tcp::socket::shutdown_send, error);
    });
  }

  beast::tcp_stream stream_;
  LiveData& data_;
  beast::flat_buffer buffer_;
  Request request_;
  Response response_;
};

void accept(tcp::acceptor& acceptor, LiveData& data) {
  acceptor.async_accept([&](beast::error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) std::make_shared<Session>(std::move(socket), data)->read();
    accept(acceptor, data);
  });
}

}  // namespace

void serve_report(const std::vector<StudyName>& studies, uint16_t port) {
  LiveData data(studies);
  data.get();
  asio::io_context context(1);
  asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&](beast::error_code, int) { context.stop(); });
  try {
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
    accept(acceptor, data);
    fmt::print("http://127.0.0.1:{}/ (Ctrl-C ends it)\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    context.run();
  } catch (const boost::system::system_error& error) {
    throw Error("--port: expected a port that is free, got {}: {}", port, error.code().message());
  }
}

}  // namespace murmur::app
