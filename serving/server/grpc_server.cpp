#include "serving/server/grpc_server.h"

#include <fmt/format.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>

#include "common/errors.h"
#include "common/files.h"
#include "common/log.h"
#include "serving/server/grpc_messages.h"
#include "serving/server/rest.h"
#include "serving/server/rest_v2.h"
#include "serving/server/service.h"

namespace ringtrain {
namespace {

using grpc::Status;
using grpc::StatusCode;

constexpr std::string_view kService = "/inference.GRPCInferenceService/";

/// What a method answers: a message, or why not.
using Reply = std::function<void(const Status&, std::string message)>;

StatusCode code_of(int http_status) {
  if (http_status == 404) return StatusCode::NOT_FOUND;
  if (http_status == 503) return StatusCode::UNAVAILABLE;
  return StatusCode::INTERNAL;
}

Status status_of(const std::exception& error) {
  if (dynamic_cast<const DataError*>(&error)) return {StatusCode::INVALID_ARGUMENT, error.what()};
  if (dynamic_cast<const Overloaded*>(&error)) return {StatusCode::RESOURCE_EXHAUSTED, error.what()};
  log::error(error.what());
  return {StatusCode::INTERNAL, error.what()};
}

/// The methods, without gRPC's own types.
class Methods {
 public:
  explicit Methods(const ServedModels& models) : models_(models) {}

  /// `model` is set to the model's name where one is asked.
  void answer(std::string_view method, std::string_view message, const Reply& reply,
              std::string& model) const {
    if (method == "ServerLive") return reply(Status::OK, grpc_v2::write_flag(true));
    if (method == "ServerReady") return reply(Status::OK, grpc_v2::write_flag(ready()));
    if (method == "ServerMetadata")
      return reply(Status::OK,
                   grpc_v2::write_server_metadata(kServerName, RINGTRAIN_VERSION,
                                                  {std::begin(kV2Extensions), std::end(kV2Extensions)}));
    if (method == "ModelInfer") return infer(message, reply, model);
    const bool asks_ready = method == "ModelReady";
    if (!asks_ready && method != "ModelMetadata")
      return reply({StatusCode::UNIMPLEMENTED, fmt::format("there is no method {}", method)}, "");
    const auto asked = grpc_v2::read_model_name(message);
    const auto version = find(asked, reply, asks_ready && !models_.versions_of(asked.name).empty());
    if (asks_ready && (version || !models_.versions_of(asked.name).empty()))
      return reply(Status::OK, grpc_v2::write_flag(version != nullptr));
    if (version) reply(Status::OK, metadata(*version));
  }

 private:
  bool ready() const {
    for (const auto& name : models_.names())
      if (!models_.find(name)) return false;
    return !models_.names().empty();
  }

  /// Null: `reply` was told why, unless `silent`.
  ServedModels::Loaded find(const grpc_v2::ModelName& asked, const Reply& reply, bool silent = false) const {
    ServedModels::Which which;
    if (!asked.version.empty()) {
      const auto number = rest::number_of(asked.version);
      if (!number) throw DataError(fmt::format("model_version: expected a number, got '{}'", asked.version));
      which = *number;
    }
    auto version = models_.find(asked.name, which);
    if (!version && !silent) {
      const auto why = rest::no_version(models_, asked.name, which);
      reply({code_of(why.status), nlohmann::json::parse(why.body)["error"].get<std::string>()}, "");
    }
    return version;
  }

  std::string metadata(const LoadedVersion& version) const {
    std::vector<std::string> versions;
    for (const auto& one : models_.versions_of(version.model))
      if (one.state == "AVAILABLE") versions.push_back(std::to_string(one.number));
    const auto& manifest = version.predictor->manifest();
    return grpc_v2::write_model_metadata(version.model, versions, input_ports(manifest),
                                         output_ports(manifest));
  }

  void infer(std::string_view message, const Reply& reply, std::string& model) const {
    auto asked = grpc_v2::read_infer_request(message);
    const auto version = find(asked.model, reply);
    if (!version) return;
    model = version->model;
    const auto& manifest = version->predictor->manifest();
    auto rows = rows_of(asked.request.inputs, manifest);
    auto wanted = wanted_outputs(asked.request);
    require_outputs(wanted, manifest);
    version->batcher->submit(
        std::move(rows), [version, reply, wanted = std::move(wanted), id = asked.request.id](
                             const Predictor::Answers& answers, const std::exception_ptr& error) {
          try {
            if (error) std::rethrow_exception(error);
            const auto outputs = tensors_of(answers, version->predictor->manifest(), wanted);
            reply(Status::OK, grpc_v2::write_infer_response(version->model, version->number, id, outputs));
          } catch (const std::exception& failure) {
            reply(status_of(failure), "");
          }
        });
  }

  const ServedModels& models_;
};

std::string text_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) throw DataError("the message cannot be read");
  std::string text;
  for (const auto& slice : slices) text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

/// How long a message that is on its way may take when the server ends.
constexpr auto kArrival = std::chrono::seconds(1);

/// The calls of which no message has come yet, such as a client's stream that it keeps for later: when the
/// server ends they are not waited for any longer than a message takes to arrive. And how many were cut.
class SilentCalls {
 public:
  /// False: the server ends.
  bool add(grpc::GenericCallbackServerContext* call) {
    const std::lock_guard lock(mutex_);
    if (!ended_) calls_.insert(call);
    return !ended_;
  }
  void remove(grpc::GenericCallbackServerContext* call) {
    const std::lock_guard lock(mutex_);
    calls_.erase(call);
    if (calls_.empty()) none_.notify_all();
  }
  void end(std::chrono::system_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    ended_ = true;
    deadline_ = deadline;
    none_.wait_until(lock, std::min(deadline, std::chrono::system_clock::now() + kArrival),
                     [this] { return calls_.empty(); });
    for (auto* call : calls_) call->TryCancel();
  }
  /// A call ended without its answer.
  void cancelled(grpc::GenericCallbackServerContext* call) {
    const std::lock_guard lock(mutex_);
    if (ended_ && std::chrono::system_clock::now() >= deadline_ && !calls_.contains(call)) ++cut_;
  }
  int cut() {
    const std::lock_guard lock(mutex_);
    return cut_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  bool ended_ = false;
  std::chrono::system_clock::time_point deadline_;
  int cut_ = 0;  ///< of calls whose message had come, by the deadline
  std::set<grpc::GenericCallbackServerContext*> calls_;
};

/// One call: reads a message, answers it, ends. Deletes itself.
class Call : public grpc::ServerGenericBidiReactor {
 public:
  Call(const Methods& methods, Metrics& metrics, SilentCalls& silent,
       grpc::GenericCallbackServerContext* context, bool allowed)
      : methods_(methods), metrics_(metrics), silent_(silent), context_(context), method_(context->method()) {
    if (!allowed)
      finish({StatusCode::UNAUTHENTICATED, "a token is needed: authorization: Bearer TOKEN"}, "");
    else if (!method_.starts_with(kService))
      finish({StatusCode::UNIMPLEMENTED, fmt::format("there is no {}", method_)}, "");
    else if (!silent_.add(context_))
      finish({StatusCode::UNAVAILABLE, "the server ends"}, "");
    else
      StartRead(&request_);
  }

  void OnReadDone(bool good) override {
    silent_.remove(context_);
    if (!good) return Finish({StatusCode::INVALID_ARGUMENT, "the call has no message"});
    try {
      const auto message = text_of(request_);
      methods_.answer(
          std::string_view(method_).substr(kService.size()), message,
          [this](const Status& status, const std::string& answer) { finish(status, answer); }, model_);
    } catch (const std::exception& error) {
      finish(status_of(error), "");
    }
  }
  void OnCancel() override { silent_.cancelled(context_); }
  void OnDone() override { delete this; }

 private:
  void finish(const Status& status, const std::string& answer) {
    metrics_.answered(model_, "grpc", status.error_code());
    if (!status.ok()) return Finish(status);
    const grpc::Slice slice(answer);
    answer_ = grpc::ByteBuffer(&slice, 1);
    StartWriteAndFinish(&answer_, {}, status);
  }

  const Methods& methods_;
  Metrics& metrics_;
  SilentCalls& silent_;
  grpc::GenericCallbackServerContext* context_;
  std::string method_, model_;
  grpc::ByteBuffer request_, answer_;
};

class GenericService : public grpc::CallbackGenericService {
 public:
  GenericService(const Methods& methods, Metrics& metrics, std::vector<std::string> tokens)
      : methods_(methods), metrics_(metrics), tokens_(std::move(tokens)) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    const auto& fields = context->client_metadata();
    const auto found = fields.find("authorization");
    const std::string authorization =
        found == fields.end() ? "" : std::string(found->second.data(), found->second.size());
    const bool health =
        context->method().ends_with("/ServerLive") || context->method().ends_with("/ServerReady");
    return new Call(methods_, metrics_, silent_, context, health || bears_token(authorization, tokens_));
  }
  SilentCalls& silent() { return silent_; }

 private:
  const Methods& methods_;
  Metrics& metrics_;
  SilentCalls silent_;
  std::vector<std::string> tokens_;
};

std::shared_ptr<grpc::ServerCredentials> credentials(const GrpcServer::Options& options) {
  if (options.certificate.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions ssl;
  ssl.pem_key_cert_pairs.push_back({read_file(options.key), read_file(options.certificate)});
  return grpc::SslServerCredentials(ssl);
}

}  // namespace

struct GrpcServer::Impl {
  Impl(const Options& options, const ServedModels& models, Metrics& metrics)
      : methods(models), service(methods, metrics, options.tokens) {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(static_cast<int>(options.most_message_bytes));
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    const auto place = host_and_port(options.address, options.port);
    builder.AddListeningPort(place, credentials(options), &port);
    builder.RegisterCallbackGenericService(&service);
    server = builder.BuildAndStart();
    if (!server || port == 0)
      throw ConfigError(fmt::format("cannot listen on {} for gRPC; is another server there?", place));
  }
  Methods methods;
  GenericService service;
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

GrpcServer::GrpcServer(const Options& options, const ServedModels& models, Metrics& metrics)
    : impl_(std::make_unique<Impl>(options, models, metrics)) {}

GrpcServer::~GrpcServer() { stop(std::chrono::milliseconds(0)); }

int GrpcServer::stop(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::system_clock::now() + limit;
  impl_->service.silent().end(deadline);
  impl_->server->Shutdown(deadline);
  return impl_->service.silent().cut();
}

int GrpcServer::port() const { return impl_->port; }

}  // namespace ringtrain
