#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "serving/log/behind.h"
#include "serving/log/feedback.h"
#include "serving/log/logged_request.h"

namespace ringtrain {

/// Keeps what a server was asked and what it answered, and what came to be known of it, in Parquet files
/// (log_files.h), written by a thread of its own. What does not fit into its queue, or cannot be written, is
/// dropped and counted: no request waits for the log. What was not written yet is lost where the process is
/// killed; the destructor writes it.
class RequestLog {
 public:
  struct Options {
    std::filesystem::path folder;
    double share = 1;                          ///< of the requests, chosen by their ids
    std::uintmax_t most_bytes = 1ULL << 30;    ///< of all files; then the oldest go
    std::chrono::hours keep{24 * 30};          ///< older files go
    std::chrono::milliseconds rotate{60'000};  ///< after which what there is becomes a file
    LogColumns columns;
  };
  /// Told of rows that were not kept, on any thread.
  using Dropped = std::function<void(std::size_t rows)>;
  /// Throws Error where the folder cannot be written.
  RequestLog(Options options, Dropped dropped);
  ~RequestLog();
  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;

  const Options& options() const { return options_; }
  /// Whether requests with this id are kept.
  bool wants(const std::string& id) const;
  void add(LoggedRequest request);
  /// False: there is no room; it is to be sent again.
  bool add(Feedback feedback);

 private:
  using Item = std::variant<LoggedRequest, Feedback>;
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    std::vector<LoggedRequest> requests;
    std::int64_t rows = 0, values = 0;
    Clock::time_point since;
  };
  struct WaitingFeedback {
    std::vector<Feedback> items;
    Clock::time_point since;
  };

  void take(std::vector<Item> items);
  void write_due(bool all);
  void write(const std::string& model, std::int64_t version, Waiting waiting);
  void write(const std::string& model, std::vector<Feedback> items);
  void drop(std::size_t rows);
  void complain(const std::string& problem);
  void clean();

  const Options options_;
  const Dropped on_dropped_;
  std::atomic<std::int64_t> values_{0};                              // that wait to be written
  std::atomic<std::size_t> dropped_{0};                              // rows, since the last file
  std::map<std::pair<std::string, std::int64_t>, Waiting> waiting_;  // of the thread
  std::map<std::string, WaitingFeedback> feedback_;                  // of the thread
  Clock::time_point cleaned_{};
  bool is_failing_ = false;
  std::optional<Behind<Item>> queue_;  // its thread uses the others
};

}  // namespace ringtrain
