#pragma once

#include <memory>
#include <string>

namespace ringtrain {

struct HttpAnswer {
  long status = 0;
  std::string body;
};

/// Asks one HTTP or HTTPS server, over a connection that is kept. Redirections are not followed; proxies are
/// those of the environment (http_proxy), certificates those of the system or of CURL_CA_BUNDLE.
class HttpClient {
 public:
  struct Options {
    std::string token;      ///< "Authorization: Bearer", where it is not empty
    long timeout_s = 300;   ///< of one request, the answer included
    int busy_retries = 10;  ///< how often a 503 or 429 is asked again, after the Retry-After that it names
  };
  /// `url`: "http://host:8501", a path in front of the interface's own is kept. Throws ConfigError when it is
  /// no URL.
  HttpClient(std::string url, Options options);
  ~HttpClient();

  /// GET where `body` is null, else POST of JSON. Throws DataError when the server cannot be reached.
  HttpAnswer ask(const std::string& path, const std::string* body = nullptr);
  const std::string& url() const;

  /// A part of a path, with %41 where it is needed.
  static std::string encode(const std::string& part);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringtrain
