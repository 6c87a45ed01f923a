#include "serving/client/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "common/errors.h"
#include "common/log.h"

namespace ringtrain {
namespace {

std::size_t append(const char* data, std::size_t size, std::size_t count, void* to) {
  static_cast<std::string*>(to)->append(data, size * count);
  return size * count;
}

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

}  // namespace

struct HttpClient::Impl {
  std::string url;
  Options options;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle{nullptr, curl_easy_cleanup};
  std::unique_ptr<curl_slist, ListDeleter> headers;
};

HttpClient::HttpClient(std::string url, Options options) : impl_(new Impl) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  while (url.ends_with('/')) url.pop_back();
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    throw ConfigError(fmt::format("'{}' is no server; expected http://host:8501 or https://…", url));
  impl_->url = std::move(url);
  impl_->options = std::move(options);
  impl_->handle.reset(started == CURLE_OK ? curl_easy_init() : nullptr);
  if (!impl_->handle) throw Error("libcurl cannot be initialised");
  const auto add = [this](const std::string& line) {
    impl_->headers.reset(curl_slist_append(impl_->headers.release(), line.c_str()));
  };
  add("Content-Type: application/json");
  add("Expect:");  // a big body is sent at once
  if (!impl_->options.token.empty()) add("Authorization: Bearer " + impl_->options.token);
  CURL* const handle = impl_->handle.get();
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, impl_->headers.get());
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_TIMEOUT, impl_->options.timeout_s);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, 10L);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, append);
}

HttpClient::~HttpClient() = default;
const std::string& HttpClient::url() const { return impl_->url; }

std::string HttpClient::encode(const std::string& part) {
  const std::unique_ptr<char, decltype(&curl_free)> text(
      curl_easy_escape(nullptr, part.data(), static_cast<int>(part.size())), curl_free);
  return text ? text.get() : part;
}

HttpAnswer HttpClient::ask(const std::string& path, const std::string* body) {
  CURL* const handle = impl_->handle.get();
  const auto url = impl_->url + path;
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  if (body) {
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body->data());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
  } else {
    curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L);
  }
  for (int asked = 0;; ++asked) {
    HttpAnswer answer;
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer.body);
    if (const auto code = curl_easy_perform(handle); code != CURLE_OK)
      throw DataError(fmt::format("{} does not answer: {}; does a server run there (ringtrain serve)?", url,
                                  curl_easy_strerror(code)));
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer.status);
    const bool busy = answer.status == 503 || answer.status == 429;
    if (!busy || asked == impl_->options.busy_retries) return answer;
    curl_off_t wait = 0;
    curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &wait);
    std::this_thread::sleep_for(std::chrono::seconds(std::clamp<curl_off_t>(wait, 1, 30)));
  }
}

}  // namespace ringtrain
