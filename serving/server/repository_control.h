#pragma once

#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <functional>
#include <string>

#include "serving/server/served_models.h"

namespace ringtrain {

/// What clients may do to the repository: take models out of service and put them back
/// (https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md).
/// Loading takes long, so it is done one at a time on a thread of its own.
class RepositoryControl {
 public:
  /// `allowed`: else every call is refused. `models` outlives it.
  RepositoryControl(ServedModels& models, bool allowed) : models_(models), allowed_(allowed), thread_(1) {}
  ~RepositoryControl();
  RepositoryControl(const RepositoryControl&) = delete;
  RepositoryControl& operator=(const RepositoryControl&) = delete;

  /// Called on another thread; `error` is set, a DataError, where it could not be done.
  using Done = std::function<void(std::exception_ptr error)>;
  /// Throws DataError where clients may not.
  void load(const std::string& model, Done done);
  void unload(const std::string& model, Done done);

 private:
  void post(std::function<void()> change, Done done);

  ServedModels& models_;
  const bool allowed_;
  boost::asio::thread_pool thread_;
};

}  // namespace ringtrain
