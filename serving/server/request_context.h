#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ringtrain {

class RequestWatch;

/// What is known of a request from its arrival to its answer, over HTTP and gRPC.
struct RequestContext {
  std::string id;           ///< the client's, or one that was drawn; goes into the answer
  std::string traceparent;  ///< the client's, where it is well-formed; goes into the answer
  std::string client;       ///< "127.0.0.1:40312"
  std::string protocol;     ///< "v1", "v2", "grpc", "http"
  std::string method, path;
  std::size_t bytes = 0;                ///< of the body
  std::string model;                    ///< where one was found
  std::int64_t version = 0;             ///< that answered
  std::int64_t rows = 0;                ///< that were asked for
  std::vector<std::string> keys;        ///< of the rows (log.key); empty where there are none
  bool names_version = false;           ///< a version or label was asked for, not the live one
  std::shared_ptr<RequestWatch> watch;  ///< told of the answer (serving/rollout/); null: nobody is
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
  std::chrono::system_clock::time_point time = std::chrono::system_clock::now();

  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
};

/// `given` where it is 1 to 128 visible ASCII characters; else sixteen hexadecimal digits that are drawn.
std::string request_id(std::string_view given);

/// `given` where it is a traceparent of W3C Trace Context (https://www.w3.org/TR/trace-context/), such as
/// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01; else "".
std::string well_formed_traceparent(std::string_view given);

}  // namespace ringtrain
