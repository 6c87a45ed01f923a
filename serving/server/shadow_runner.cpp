#include "serving/server/shadow_runner.h"

#include <ATen/ATen.h>

#include "serving/predict/model_outputs.h"

namespace ringtrain {

static std::size_t bytes_in(const Predictor::Rows& rows) {
  std::size_t bytes = 0;
  const auto add = [&](const at::Tensor& tensor) { bytes += tensor.defined() ? tensor.nbytes() : 0; };
  add(rows.numeric);
  add(rows.tokens);
  for (const auto& [name, tensor] : rows.tensors) add(tensor);
  for (const auto& column : rows.categorical)
    for (const auto& word : column) bytes += word.size() + sizeof(word);
  return bytes;
}

ShadowRunner::ShadowRunner(boost::asio::thread_pool& pool, ServedModels::Loaded candidate,
                           std::shared_ptr<RolloutTrial> trial)
    : candidate_(std::move(candidate)), trial_(std::move(trial)) {
  Batcher::Options options;
  options.most_rows = rows_at_once(candidate_->predictor->manifest(), options.most_rows);
  options.most_waiting_rows = 1000;
  batcher_ = std::make_shared<Batcher>(
      pool, options,
      [predictor = candidate_->predictor](const Predictor::Rows& rows) { return predictor->predict(rows); },
      [](std::int64_t, std::int64_t, double) {});
}

void ShadowRunner::run(Predictor::Rows rows, Predictor::Answers live, const std::string& request_id) {
  constexpr std::size_t kMostBytes = 64U << 20;
  std::shared_ptr<Batcher> batcher;
  {
    const std::lock_guard lock(mutex_);
    batcher = batcher_;
  }
  if (!batcher) return;
  const auto bytes = bytes_in(rows);
  if (bytes_.fetch_add(bytes) + bytes > kMostBytes) {
    bytes_ -= bytes;
    return trial_->drop();
  }
  try {
    batcher->submit(std::move(rows), [self = shared_from_this(), live = std::move(live), request_id, bytes](
                                         const Predictor::Answers& answers, const std::exception_ptr& error) {
      self->bytes_ -= bytes;
      const double took = error ? 0 : Batcher::run_seconds();
      self->trial_->answered(RolloutTrial::Side::candidate, {request_id}, answers, error, {took, took});
      if (!error) self->trial_->compare(live, answers);
    });
  } catch (const Overloaded&) {
    bytes_ -= bytes;
    trial_->drop();
  }
}

void ShadowRunner::close() {
  const std::lock_guard lock(mutex_);
  batcher_.reset();
}

}  // namespace ringtrain
