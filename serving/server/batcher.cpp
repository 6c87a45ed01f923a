#include "serving/server/batcher.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>

namespace ringtrain {
namespace {

/// Of a signature; each request has all of its inputs.
template <class Requests>
Fields joined_tensors(const Requests& requests) {
  std::vector<Fields::Field> fields;
  for (const auto& [name, first] : requests.front().rows.tensors) {
    std::vector<at::Tensor> parts;
    for (const auto& request : requests) parts.push_back(request.rows.tensors.at(name));
    fields.emplace_back(name, at::cat(parts));
  }
  return Fields(std::move(fields));
}

/// The rows of all, one behind the other.
template <class Requests>
Predictor::Rows joined(const Requests& requests) {
  Predictor::Rows rows;
  std::vector<at::Tensor> numeric, tokens;
  rows.categorical.resize(requests.front().rows.categorical.size());
  for (const auto& request : requests) {
    if (request.rows.numeric.defined()) numeric.push_back(request.rows.numeric);
    if (request.rows.tokens.defined()) tokens.push_back(request.rows.tokens);
    for (std::size_t c = 0; c < rows.categorical.size(); ++c)
      rows.categorical[c].insert(rows.categorical[c].end(), request.rows.categorical[c].begin(),
                                 request.rows.categorical[c].end());
  }
  if (!numeric.empty()) rows.numeric = at::cat(numeric);
  if (!tokens.empty()) rows.tokens = at::cat(tokens);
  rows.tensors = joined_tensors(requests);
  return rows;
}

Predictor::Answers part(const Predictor::Answers& all, std::int64_t begin, std::int64_t count) {
  const auto of = [&](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.narrow(0, begin, count) : tensor;
  };
  return {of(all.probabilities), of(all.classes), of(all.predictions), of(all.logits), of(all.labels)};
}

thread_local double run_seconds_now = 0;

}  // namespace

double Batcher::run_seconds() { return run_seconds_now; }

Batcher::Batcher(boost::asio::thread_pool& pool, Options options, Run run, Observe observe)
    : pool_(pool), options_(options), run_(std::move(run)), observe_(std::move(observe)), timer_(pool) {}

void Batcher::submit(Predictor::Rows rows, Done done) {
  const auto count = rows.size();
  std::unique_lock lock(mutex_);
  // A request that is larger than what may wait is taken when nothing else waits.
  if (waiting_rows_ > 0 && waiting_rows_ + count > options_.most_waiting_rows)
    throw Overloaded(fmt::format("{} rows wait already; try again later", waiting_rows_));
  waiting_.push_back({std::move(rows), count, std::move(done), Clock::now()});
  waiting_rows_ += count;
  start_runs(lock);
}

std::int64_t Batcher::waiting_rows() const {
  const std::lock_guard lock(mutex_);
  return waiting_rows_;
}

bool Batcher::due() const {
  if (waiting_.empty()) return false;
  return options_.delay.count() == 0 || waiting_rows_ >= options_.most_rows ||
         Clock::now() - waiting_.front().since >= options_.delay;
}

void Batcher::start_runs(std::unique_lock<std::mutex>&) {
  if (waiting_.empty()) return;
  if (!due()) return arm_timer();
  const bool slow = usual_seconds_ > std::chrono::duration<double>(options_.slow_run).count();
  const bool more = slow || waiting_rows_ >= options_.most_rows;
  if (active_ > 0 && !(more && active_ < options_.threads)) return;
  ++active_;
  boost::asio::post(pool_, [self = shared_from_this()] { self->run_all(); });
}

void Batcher::arm_timer() {
  if (timer_armed_ || active_ > 0) return;
  timer_armed_ = true;
  timer_.expires_at(waiting_.front().since + options_.delay);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code&) {
    std::unique_lock lock(self->mutex_);
    self->timer_armed_ = false;
    self->start_runs(lock);
  });
}

void Batcher::run_all() {
  for (;;) {
    std::vector<Request> requests;
    {
      std::unique_lock lock(mutex_);
      if (!due()) {
        --active_;
        if (!waiting_.empty()) arm_timer();
        return;
      }
      requests = take();
    }
    const auto begin = Clock::now();
    std::int64_t rows = 0;
    for (const auto& request : requests) rows += request.count;
    const auto count = static_cast<std::int64_t>(requests.size());
    answer(std::move(requests));
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    observe_(rows, count, seconds);
    const std::lock_guard lock(mutex_);
    usual_seconds_ += 0.1 * (seconds - usual_seconds_);
  }
}

std::vector<Batcher::Request> Batcher::take() {
  std::vector<Request> requests;
  std::int64_t rows = 0;
  while (!waiting_.empty() && (requests.empty() || rows + waiting_.front().count <= options_.most_rows)) {
    rows += waiting_.front().count;
    requests.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  waiting_rows_ -= rows;
  return requests;
}

void Batcher::answer(std::vector<Request> requests) {
  if (requests.size() == 1) return answer_one(requests.front());
  Predictor::Answers all;
  const auto begin = Clock::now();
  try {
    all = run_(joined(requests));
    run_seconds_now = std::chrono::duration<double>(Clock::now() - begin).count();
  } catch (const std::exception&) {  // one request must not fail the others
    for (auto& request : requests) answer_one(request);
    return;
  }
  std::int64_t first = 0;
  for (auto& request : requests) {
    request.done(part(all, first, request.count), nullptr);
    first += request.count;
  }
}

void Batcher::answer_one(Request& request) {
  Predictor::Answers answers;
  const auto begin = Clock::now();
  try {
    answers = run_(request.rows);
    run_seconds_now = std::chrono::duration<double>(Clock::now() - begin).count();
  } catch (...) {
    return request.done({}, std::current_exception());
  }
  request.done(std::move(answers), nullptr);
}

}  // namespace ringtrain
