#include "serving/rollout/request_watch.h"

#include <chrono>
#include <memory>
#include <utility>

#include "common/errors.h"

namespace ringtrain {
namespace {

/// Tells once: at the latest when nobody can answer any more.
class Teller {
 public:
  explicit Teller(RequestWatch::Told told) : told_(std::move(told)) {}
  ~Teller() {
    if (told_) tell({}, std::make_exception_ptr(Error("it was not answered")), {seconds(), 0});
  }
  Teller(const Teller&) = delete;
  Teller& operator=(const Teller&) = delete;

  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }
  void tell(const Predictor::Answers& answers, const std::exception_ptr& error, const AnswerTime& time) {
    std::exchange(told_, {})(answers, error, time);
  }

 private:
  RequestWatch::Told told_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace

std::function<void(Predictor::Answers, std::exception_ptr)> watched(
    RequestWatch& watch, const Predictor::Rows& rows, double (*run_seconds)(),
    std::function<void(Predictor::Answers, std::exception_ptr)> done) {
  return [teller = std::make_shared<Teller>(watch.begin(rows)), run_seconds, done = std::move(done)](
             const Predictor::Answers& answers, const std::exception_ptr& error) {
    const AnswerTime time{teller->seconds(), error ? 0 : run_seconds()};
    done(answers, error);
    teller->tell(answers, error, time);
  };
}

}  // namespace ringtrain
