#include "serving/log/request_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"
#include "common/log.h"

namespace ringtrain {
namespace {

constexpr std::size_t kMostItems = 20'000;
constexpr std::int64_t kMostValues = 16 << 20;  // that wait: 128 MB at most
constexpr std::int64_t kRowsOfAFile = 50'000;
constexpr std::int64_t kValuesOfAFile = 4 << 20;
constexpr auto kCleaning = std::chrono::minutes(10);

std::chrono::milliseconds pause_of(std::chrono::milliseconds rotate) {
  return std::clamp<std::chrono::milliseconds>(rotate / 4, std::chrono::milliseconds(20),
                                               std::chrono::seconds(5));
}

}  // namespace

RequestLog::RequestLog(Options options, Dropped dropped)
    : options_(std::move(options)), on_dropped_(std::move(dropped)) {
  ensure_writable_folder(options_.folder);
  queue_.emplace(kMostItems, pause_of(options_.rotate),
                 [this](std::vector<Item> items) { take(std::move(items)); });
}

RequestLog::~RequestLog() {
  queue_.reset();
  write_due(/*all=*/true);
}

bool RequestLog::wants(const std::string& id) const {
  if (options_.share >= 1) return true;
  constexpr double ids = 18446744073709551616.0;  // 2^64
  return static_cast<double>(mix64(hash_bytes(id))) < options_.share * ids;
}

void RequestLog::drop(std::size_t rows) {
  dropped_ += rows;
  on_dropped_(rows);
}

void RequestLog::add(LoggedRequest request) {
  const auto values = request.values();
  const auto rows = static_cast<std::size_t>(request.size());
  if (values_ + values > kMostValues) return drop(rows);
  values_ += values;
  if (queue_->add(std::move(request))) return;
  values_ -= values;
  drop(rows);
}

bool RequestLog::add(Feedback feedback) { return queue_->add(std::move(feedback)); }

void RequestLog::take(std::vector<Item> items) {
  for (auto& item : items) {
    if (auto* feedback = std::get_if<Feedback>(&item)) {
      auto& waiting = feedback_[feedback->model];
      if (waiting.items.empty()) waiting.since = Clock::now();
      waiting.items.push_back(std::move(*feedback));
      continue;
    }
    auto& request = std::get<LoggedRequest>(item);
    const auto place = std::pair(request.model, request.version);
    auto& waiting = waiting_[place];
    // The same number may have been loaded anew, with other columns.
    if (!waiting.requests.empty() && waiting.requests.back().predictor != request.predictor)
      write(place.first, place.second, std::exchange(waiting, {}));
    if (waiting.requests.empty()) waiting.since = Clock::now();
    waiting.rows += request.size();
    waiting.values += request.values();
    waiting.requests.push_back(std::move(request));
    if (waiting.rows >= kRowsOfAFile || waiting.values >= kValuesOfAFile)
      write(place.first, place.second, std::exchange(waiting, {}));
  }
  write_due(/*all=*/false);
  clean();
}

void RequestLog::write_due(bool all) {
  const auto due = [&](Clock::time_point since) { return all || Clock::now() - since >= options_.rotate; };
  std::erase_if(waiting_, [&](auto& item) {
    auto& [place, waiting] = item;
    if (!waiting.requests.empty() && !due(waiting.since)) return false;
    if (!waiting.requests.empty()) write(place.first, place.second, std::move(waiting));
    return true;
  });
  std::erase_if(feedback_, [&](auto& item) {
    auto& [model, waiting] = item;
    if (!due(waiting.since)) return false;
    write(model, std::move(waiting.items));
    return true;
  });
}

void RequestLog::write(const std::string& model, std::int64_t version, Waiting waiting) {
  values_ -= waiting.values;
  const auto dropped = dropped_.exchange(0);
  try {
    const auto bytes = parquet_of_requests(waiting.requests, options_.columns, dropped);
    log_files::put(options_.folder, model, version, waiting.requests.front().time, bytes);
    is_failing_ = false;
  } catch (const std::exception& error) {
    dropped_ += dropped;
    drop(static_cast<std::size_t>(waiting.rows));
    complain(error.what());
  }
}

void RequestLog::write(const std::string& model, std::vector<Feedback> items) {
  try {
    log_files::put(options_.folder, model, /*version=*/0, items.front().received,
                   parquet_of_feedback(items, options_.columns));
    is_failing_ = false;
  } catch (const std::exception& error) {
    on_dropped_(items.size());
    complain(error.what());
  }
}

void RequestLog::complain(const std::string& problem) {
  if (!is_failing_) log::warn(fmt::format("log: {}; rows are dropped until it can be written", problem));
  is_failing_ = true;
}

void RequestLog::clean() {
  if (cleaned_ != Clock::time_point() && Clock::now() - cleaned_ < kCleaning) return;
  cleaned_ = Clock::now();
  try {
    const auto removed = log_files::remove_old(
        options_.folder, std::chrono::system_clock::now() - options_.keep, options_.most_bytes);
    if (removed > 0) log::info(fmt::format("log: {} old files are removed (log.days, log.max_mib)", removed));
  } catch (const std::exception& error) {
    log::warn(fmt::format("log: old files cannot be removed: {}", error.what()));
  }
}

}  // namespace ringtrain
