#pragma once

#include <arrow/filesystem/filesystem.h>
#include <arrow/result.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "storage/location.h"

namespace ringtrain {

/// A bucket of an object store, opened. Inside storage/ only.
struct OpenStore {
  std::shared_ptr<arrow::fs::FileSystem> files;
  std::chrono::duration<double> patience{};  ///< how long a request that fails for a while is tried again
};

/// The store of a remote place; opened once in a process. S3's library is loaded with the first s3:// place,
/// and ended where the process ends by exit or the end of main. Throws ConfigError for options that the store
/// does not know, DataError where it cannot be opened.
OpenStore open_store(const Location& place);

/// Whether a failed request may do if it is tried again.
bool passes(const arrow::Status& status);

/// The result of `request`, tried again while its fault is one that passes, for `patience`; each time is
/// said.
arrow::Status tried(const OpenStore& store, const Location& place,
                    const std::function<arrow::Status()>& request);

/// Throws DataError as what_failed says.
void require_done(const arrow::Status& status, const Location& place);

}  // namespace ringtrain
