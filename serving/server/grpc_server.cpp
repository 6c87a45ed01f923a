#include "serving/server/grpc_server.h"

#include <fmt/format.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <boost/asio/io_context.hpp>

#include "common/errors.h"
#include "common/files.h"
#include "common/log.h"
#include "serving/server/grpc_calls.h"
#include "serving/server/grpc_methods.h"
#include "serving/server/grpc_reflection.h"
#include "serving/server/listening.h"
#include "serving/server/service.h"

namespace ringtrain {
namespace {

using grpc::Status;
using grpc::StatusCode;

/// What calls need of their server.
struct Shared {
  GrpcMethods methods;
  Metrics& metrics;
  const GrpcServer::Options options;
  SilentCalls silent{};
};

/// One call: reads a message, answers it, ends. Deletes itself.
class Call : public grpc::ServerGenericBidiReactor {
 public:
  Call(Shared& shared, grpc::GenericCallbackServerContext* context, std::shared_ptr<RequestContext> request,
       bool allowed)
      : shared_(shared), context_(context), request_(std::move(request)) {
    if (!allowed)
      finish({StatusCode::UNAUTHENTICATED, "a token is needed: authorization: Bearer TOKEN"}, "");
    else if (!shared_.silent.add(context_))
      finish({StatusCode::UNAVAILABLE, "the server ends"}, "");
    else
      StartRead(&message_);
  }

  void OnReadDone(bool good) override {
    shared_.silent.remove(context_);
    if (!good) return Finish({StatusCode::INVALID_ARGUMENT, "the call has no message"});
    try {
      const auto message = text_of(message_);
      request_->bytes = message.size();
      shared_.methods.answer(
          request_->path, message,
          [this](const Status& status, const std::string& answer) { finish(status, answer); }, request_);
    } catch (const std::exception& error) {
      finish(status_of(error), "");
    }
  }
  void OnCancel() override { shared_.silent.cancelled(context_); }
  void OnDone() override { delete this; }

 private:
  void finish(const Status& status, const std::string& answer) {
    shared_.metrics.answered(request_->model, "grpc", status.error_code());
    if (auto* log = shared_.options.access_log) log->add(*request_, status.error_code(), answer.size());
    if (!status.ok()) return Finish(status);
    answer_ = buffer_of(answer);
    StartWriteAndFinish(&answer_, {}, status);
  }

  Shared& shared_;
  grpc::GenericCallbackServerContext* context_;
  std::shared_ptr<RequestContext> request_;
  grpc::ByteBuffer message_, answer_;
};

/// "127.0.0.1:40312" of "ipv4:127.0.0.1:40312".
std::string address_of(const std::string& peer) {
  return peer.starts_with("ipv") ? peer.substr(peer.find(':') + 1) : peer;
}

class GenericService : public grpc::CallbackGenericService {
 public:
  explicit GenericService(Shared& shared) : shared_(shared) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    const auto& fields = context->client_metadata();
    const auto field = [&fields](const char* name) {
      const auto found = fields.find(name);
      return found == fields.end() ? "" : std::string(found->second.data(), found->second.size());
    };
    auto request = std::make_shared<RequestContext>();
    request->id = request_id(field("x-request-id"));
    request->traceparent = well_formed_traceparent(field("traceparent"));
    request->client = address_of(context->peer());
    request->protocol = request->method = "grpc";
    request->path = context->method();
    context->AddInitialMetadata("x-request-id", request->id);
    if (!request->traceparent.empty()) context->AddInitialMetadata("traceparent", request->traceparent);
    const auto& path = request->path;
    const bool is_health = path.ends_with("/ServerLive") || path.ends_with("/ServerReady") ||
                           path == "/grpc.health.v1.Health/Check";
    const bool allowed = is_health || bears_token(field("authorization"), shared_.options.tokens);
    if (allowed && is_reflection(path)) return new_reflection(context, shared_.silent);
    return new Call(shared_, context, std::move(request), allowed);
  }

 private:
  Shared& shared_;
};

std::shared_ptr<grpc::ServerCredentials> credentials(const GrpcServer::Options& options) {
  if (options.certificate.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions ssl;
  ssl.pem_key_cert_pairs.push_back({read_file(options.key), read_file(options.certificate)});
  return grpc::SslServerCredentials(ssl);
}

/// The library says only on its own log why an address cannot be had.
void require_free(const std::string& address, int port) {
  boost::asio::io_context context;
  boost::asio::ip::tcp::acceptor probe(context);
  listen_on(probe, address, port, " for gRPC");
}

}  // namespace

struct GrpcServer::Impl {
  Impl(const Options& options, const ServedModels& models, Metrics& metrics, RepositoryControl& repository)
      : shared{.methods = {models, repository}, .metrics = metrics, .options = options}, service(shared) {
    gpr_set_log_function([](gpr_log_func_args*) {});  // its lines are for who works on the library
    require_free(options.address, options.port);
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
  Shared shared;
  GenericService service;
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

GrpcServer::GrpcServer(const Options& options, const ServedModels& models, Metrics& metrics,
                       RepositoryControl& repository)
    : impl_(std::make_unique<Impl>(options, models, metrics, repository)) {}

GrpcServer::~GrpcServer() { stop(std::chrono::milliseconds(0)); }

int GrpcServer::stop(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::system_clock::now() + limit;
  impl_->shared.silent.end(deadline);
  impl_->server->Shutdown(deadline);
  return impl_->shared.silent.cut();
}

int GrpcServer::port() const { return impl_->port; }

}  // namespace ringtrain
