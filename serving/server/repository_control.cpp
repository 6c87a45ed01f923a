#include "serving/server/repository_control.h"

#include <boost/asio/post.hpp>

#include "common/errors.h"

namespace ringtrain {

RepositoryControl::~RepositoryControl() {
  thread_.stop();
  thread_.join();
}

void RepositoryControl::post(std::function<void()> change, Done done) {
  if (!allowed_)
    throw DataError("clients may not load or unload models here (repository_control of the server)");
  boost::asio::post(thread_, [change = std::move(change), done = std::move(done)] {
    std::exception_ptr error;
    try {
      change();
    } catch (...) {
      error = std::current_exception();
    }
    done(error);
  });
}

void RepositoryControl::load(const std::string& model, Done done) {
  post([this, model] { models_.load(model); }, std::move(done));
}

void RepositoryControl::unload(const std::string& model, Done done) {
  post([this, model] { models_.unload(model); }, std::move(done));
}

}  // namespace ringtrain
