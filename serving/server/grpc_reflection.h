#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include <string>
#include <string_view>

#include "serving/server/grpc_calls.h"

namespace ringtrain {

/// Whether a method is ServerReflectionInfo, version 1 or 1alpha
/// (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md).
bool is_reflection(std::string_view path);

/// Answers the messages of such a call, one by one, until the client ends it. Deletes itself.
grpc::ServerGenericBidiReactor* new_reflection(grpc::GenericCallbackServerContext* context,
                                               SilentCalls& silent);

/// The answer to a ServerReflectionRequest: the files of proto/, by their names and by what they define.
/// Throws DataError.
std::string reflect(std::string_view request);

}  // namespace ringtrain
