#pragma once

#include <fmt/format.h>

#include <protozero/exception.hpp>

#include "common/errors.h"

namespace ringtrain::grpc_v2 {

/// What `read` gives; a message that is no protobuf is a DataError.
template <class Read>
auto guarded(const Read& read) {
  try {
    return read();
  } catch (const protozero::exception& error) {
    throw DataError(fmt::format("the message is damaged: {}", error.what()));
  }
}

}  // namespace ringtrain::grpc_v2
