#include "launch/learn/stream_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <optional>
#include <set>

#include "common/descriptor.h"
#include "common/errors.h"
#include "common/log.h"
#include "launch/learn/record_reader.h"
#include "storage/location.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kBytesAtOnce = std::size_t{1} << 20;
constexpr int kWaitMilliseconds = 100;

/// The form that a name tells; nothing: it tells none.
std::optional<RecordReader::Form> form_of(const fs::path& file) {
  const auto ending = file.extension().string();
  if (ending == ".csv") return RecordReader::Form::csv;
  if (ending == ".jsonl" || ending == ".ndjson" || ending == ".json") return RecordReader::Form::json_lines;
  return std::nullopt;
}

std::string reason() { return std::strerror(errno); }

std::int64_t offset_in(const ordered_json& position) { return position.value("offset", std::int64_t{0}); }

class FileSource : public StreamSource {
 public:
  FileSource(const fs::path& file, std::string name, bool follow, const CsvConfig& csv)
      : file_(file),
        name_(std::move(name)),
        follow_(follow),
        reader_(name_, form_of(file).value_or(RecordReader::Form::unknown), csv),
        descriptor_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (!descriptor_) throw DataError(fmt::format("cannot read {}: {}", file.string(), reason()));
  }

  Next next(StreamRecord& record) override {
    while (!reader_.next(record)) {
      if (reader_.finished()) return Next::end;
      if (read_on()) continue;
      if (follow_) return Next::nothing_yet;
      reader_.finish();
    }
    return Next::record;
  }
  ordered_json position() const override { return {{"source", name_}, {"offset", reader_.offset()}}; }
  void seek(const ordered_json& position) override {
    if (position.value("source", name_) != name_)
      throw DataError(fmt::format("{}: learning went on in {}; give that stream again", file_.string(),
                                  position.value("source", "")));
    if (offset_in(position) > total_bytes())
      throw DataError(
          fmt::format("{}: {} bytes were read of it before, and it has {} now; give the whole file",
                      file_.string(), offset_in(position), total_bytes()));
    reader_.jump(offset_in(position));
  }
  std::int64_t bytes() const override { return reader_.offset(); }
  std::int64_t total_bytes() const override {
    struct stat about {};
    return ::fstat(descriptor_.get(), &about) == 0 ? static_cast<std::int64_t>(about.st_size) : 0;
  }

 private:
  bool read_on() {
    if (total_bytes() < reader_.wanted())
      throw DataError(
          fmt::format("{} has become shorter while it was read; a stream only grows: give each "
                      "new file its own name",
                      file_.string()));
    bytes_.resize(kBytesAtOnce);
    const auto offset = reader_.wanted();
    const auto count = ::pread(descriptor_.get(), bytes_.data(), bytes_.size(), offset);
    if (count < 0) throw DataError(fmt::format("cannot read {}: {}", file_.string(), reason()));
    reader_.feed({bytes_.data(), static_cast<std::size_t>(count)}, offset);
    return count > 0;
  }

  fs::path file_;
  std::string name_;
  bool follow_;
  RecordReader reader_;
  Descriptor descriptor_;
  std::string bytes_;
};

class FolderSource : public StreamSource {
 public:
  FolderSource(fs::path folder, bool follow, CsvConfig csv)
      : folder_(std::move(folder)), follow_(follow), csv_(std::move(csv)) {}

  Next next(StreamRecord& record) override {
    while (true) {
      if (file_) {
        if (file_->next(record) == Next::record) return Next::record;
        done_bytes_ += file_->bytes();
        file_.reset();
      }
      const auto name = next_name();
      if (!name) return follow_ ? Next::nothing_yet : Next::end;
      open(*name);
    }
  }
  ordered_json position() const override {
    auto position = file_ ? file_->position() : ordered_json{{"source", last_}, {"ended", true}};
    position["taken"] = taken_;
    return position;
  }
  void seek(const ordered_json& position) override {
    last_ = position.value("source", "");
    taken_ = position.at("taken").get<std::set<std::string>>();
    const bool ended = last_.empty() || position.contains("ended");
    std::error_code error;
    for (const auto& name : names())
      if (name < last_ || (name == last_ && ended))
        done_bytes_ += static_cast<std::int64_t>(fs::file_size(folder_ / name, error));
    if (ended) return;
    open(last_);
    file_->seek(position);
  }
  void take_in_order(const std::vector<std::string>& sources) override {
    expected_.assign(sources.begin(), sources.end());
    while (!expected_.empty() && expected_.front() <= last_) expected_.pop_front();
  }
  std::int64_t bytes() const override { return done_bytes_ + (file_ ? file_->bytes() : 0); }
  std::int64_t total_bytes() const override {
    std::int64_t sum = 0;
    std::error_code error;
    for (const auto& name : names()) sum += static_cast<std::int64_t>(fs::file_size(folder_ / name, error));
    return sum;
  }

 private:
  void open(const std::string& name) {
    last_ = name;
    taken_.insert(name);
    file_ = std::make_unique<FileSource>(folder_ / name, name, false, csv_);
  }

  std::set<std::string> names() const {
    std::set<std::string> found;
    std::error_code error;
    for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
      const auto name = entry->path().filename().string();
      if (name.starts_with('.') || name.starts_with('_') || !entry->is_regular_file()) continue;
      if (form_of(name)) found.insert(name);
    }
    if (error) throw DataError(fmt::format("cannot list {}: {}", folder_.string(), error.message()));
    return found;
  }

  std::optional<std::string> next_name() {
    std::optional<std::string> next;
    if (!expected_.empty()) {
      next = expected_.front();
      expected_.pop_front();
      return next;
    }
    for (const auto& name : names()) {
      if (name > last_ && !next) next = name;
      if (name < last_ && taken_.insert(name).second)
        log::warn(
            fmt::format("{} came after {} was taken, and is passed over: name files in the order in "
                        "which they are to be learned from",
                        (folder_ / name).string(), last_));
    }
    return next;
  }

  fs::path folder_;
  bool follow_;
  CsvConfig csv_;
  std::string last_;
  std::set<std::string> taken_;  // or passed over
  std::deque<std::string> expected_;
  std::unique_ptr<FileSource> file_;
  std::int64_t done_bytes_ = 0;
};

class StandardInputSource : public StreamSource {
 public:
  explicit StandardInputSource(const CsvConfig& csv) : reader_("-", RecordReader::Form::unknown, csv) {}

  Next next(StreamRecord& record) override {
    while (!reader_.next(record)) {
      if (reader_.finished()) return Next::end;
      if (!read_on()) return Next::nothing_yet;
    }
    return Next::record;
  }
  ordered_json position() const override { return {{"source", "-"}, {"offset", reader_.offset()}}; }
  void seek(const ordered_json& position) override { reader_.jump(offset_in(position)); }
  std::int64_t bytes() const override { return reader_.offset(); }
  std::int64_t total_bytes() const override { return 0; }

 private:
  bool read_on() {
    pollfd wanted{STDIN_FILENO, POLLIN, 0};
    if (::poll(&wanted, 1, kWaitMilliseconds) <= 0) return false;
    bytes_.resize(kBytesAtOnce);
    const auto count = ::read(STDIN_FILENO, bytes_.data(), bytes_.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return false;
    if (count < 0) throw DataError(fmt::format("cannot read the standard input: {}", reason()));
    if (count == 0) reader_.finish();
    reader_.feed({bytes_.data(), static_cast<std::size_t>(count)}, read_);
    read_ += count;
    return true;
  }

  RecordReader reader_;
  std::int64_t read_ = 0;
  std::string bytes_;
};

}  // namespace

std::unique_ptr<StreamSource> open_stream(const std::string& place, bool follow, const CsvConfig& csv) {
  if (place == "-") return std::make_unique<StandardInputSource>(csv);
  if (Location(place).is_remote())
    throw ConfigError(
        fmt::format("--stream {}: a stream is read from this machine's files; copy it here", place));
  std::error_code error;
  const auto about = fs::status(place, error);
  if (!fs::exists(about)) throw DataError(fmt::format("--stream {}: there is no such file or folder", place));
  if (fs::is_directory(about)) return std::make_unique<FolderSource>(place, follow, csv);
  if (!fs::is_regular_file(about))
    throw DataError(fmt::format(
        "--stream {}: it is neither a file nor a folder; a pipe is read with --stream - < {}", place, place));
  const auto ending = fs::path(place).extension();
  if (ending == ".gz" || ending == ".parquet" || ending == ".pq")
    throw DataError(
        fmt::format("--stream {}: a stream is CSV or JSON lines, not packed{}", place,
                    ending == ".gz" ? fmt::format("; zcat {} | ringtrain learn ... --stream -", place) : ""));
  return std::make_unique<FileSource>(place, fs::path(place).filename().string(), follow, csv);
}

}  // namespace ringtrain
