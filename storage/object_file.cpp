#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/util/future.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include "common/errors.h"
#include "storage/arrow_files.h"
#include "storage/stores.h"

namespace ringtrain {
namespace {

using Bytes = std::shared_ptr<arrow::Buffer>;
using File = std::shared_ptr<arrow::io::RandomAccessFile>;

constexpr std::int64_t kPiece = std::int64_t{4} << 20;

/// The store's marks of an object's content.
std::string marks_of(const File& file) {
  const auto metadata = file->ReadMetadata().ValueOr(nullptr);
  if (!metadata) return "";
  std::string marks;
  for (const char* name : {"ETag", "etag", "generation", "Last-Modified"})
    marks += metadata->Get(name).ValueOr("") + "\n";
  return marks;
}

class ObjectFile : public arrow::io::RandomAccessFile {
 public:
  ObjectFile(Location place, OpenStore store, File file, std::int64_t size, std::int64_t end)
      : place_(std::move(place)),
        store_(std::move(store)),
        file_(std::move(file)),
        size_(size),
        end_(std::min(size, end)) {
    marks_ = marks_of(file_);
  }
  ~ObjectFile() override {
    if (ahead_) ahead_->future.Wait();
  }

  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  arrow::Result<std::int64_t> Tell() const override { return at_; }
  arrow::Result<std::int64_t> GetSize() override { return size_; }
  arrow::Status Seek(std::int64_t position) override {
    at_ = position;
    return arrow::Status::OK();
  }
  arrow::Result<std::shared_ptr<const arrow::KeyValueMetadata>> ReadMetadata() override {
    return file_->ReadMetadata();
  }

  arrow::Result<std::int64_t> Read(std::int64_t most, void* to) override {
    const auto count = std::clamp<std::int64_t>(size_ - at_, 0, most);
    if (count == 0) {
      ARROW_RETURN_NOT_OK(require_unchanged());
      return 0;
    }
    if (at_ < piece_begin_ || !piece_ || at_ >= piece_begin_ + piece_->size())
      ARROW_RETURN_NOT_OK(next_piece());
    const auto given = std::min(count, piece_begin_ + piece_->size() - at_);
    std::memcpy(to, piece_->data() + (at_ - piece_begin_), static_cast<std::size_t>(given));
    at_ += given;
    return given;
  }
  arrow::Result<Bytes> Read(std::int64_t most) override {
    ARROW_ASSIGN_OR_RAISE(auto bytes,
                          arrow::AllocateResizableBuffer(std::clamp<std::int64_t>(size_ - at_, 0, most)));
    std::int64_t had = 0;
    while (had < bytes->size()) {
      ARROW_ASSIGN_OR_RAISE(const auto got, Read(bytes->size() - had, bytes->mutable_data() + had));
      had += got;
    }
    return Bytes(std::move(bytes));
  }

  arrow::Result<std::int64_t> ReadAt(std::int64_t position, std::int64_t most, void* to) override {
    ARROW_ASSIGN_OR_RAISE(const auto bytes, ReadAt(position, most));
    if (bytes->size() > 0) std::memcpy(to, bytes->data(), static_cast<std::size_t>(bytes->size()));
    return bytes->size();
  }
  /// Any thread.
  arrow::Result<Bytes> ReadAt(std::int64_t position, std::int64_t most) override {
    const auto count = std::clamp<std::int64_t>(size_ - position, 0, most);
    Bytes bytes;
    ARROW_RETURN_NOT_OK(tried(store_, place_, [&]() -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(bytes, file_->ReadAt(position, count));
      if (bytes->size() < count)
        return arrow::Status::IOError(
            fmt::format("the answer of {} bytes is shorter than the {} asked for", bytes->size(), count));
      return arrow::Status::OK();
    }));
    return bytes;
  }

 private:
  /// A request under way for a piece.
  struct Ahead {
    std::int64_t begin;
    arrow::Future<Bytes> future;
  };

  arrow::Status next_piece() {
    Bytes bytes;
    if (ahead_ && ahead_->begin == at_) {
      const auto& result = ahead_->future.result();
      if (result.ok() && (*result)->size() == std::min(kPiece, end_ - at_)) bytes = *result;
    }
    if (ahead_) ahead_->future.Wait();
    ahead_.reset();
    // What failed ahead is asked for again, which tells what is wrong and is tried more than once.
    if (!bytes) {
      ARROW_ASSIGN_OR_RAISE(bytes, ReadAt(at_, at_ < end_ ? std::min(kPiece, end_ - at_) : kPiece));
    }
    piece_ = std::move(bytes);
    piece_begin_ = at_;
    const auto next = piece_begin_ + piece_->size();
    if (next < end_)
      ahead_ = Ahead{next, file_->ReadAsync(file_->io_context(), next, std::min(kPiece, end_ - next))};
    return arrow::Status::OK();
  }

  arrow::Status require_unchanged() {
    if (std::exchange(compared_, true) || marks_.empty()) return arrow::Status::OK();
    File now;
    ARROW_RETURN_NOT_OK(tried(store_, place_, [&]() -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(now, store_.files->OpenInputFile(place_.path_in_store()));
      return arrow::Status::OK();
    }));
    if (marks_of(now) == marks_) return arrow::Status::OK();
    return arrow::Status::Invalid("it was replaced while it was read; start again");
  }

  Location place_;
  OpenStore store_;
  File file_;
  std::int64_t size_, end_, at_ = 0, piece_begin_ = 0;
  Bytes piece_;
  std::optional<Ahead> ahead_;
  std::string marks_;
  bool closed_ = false, compared_ = false;
};

}  // namespace

std::shared_ptr<arrow::io::RandomAccessFile> open_object(const Location& place, std::int64_t end) {
  const auto store = open_store(place);
  File file;
  std::int64_t size = 0;
  require_done(tried(store, place,
                     [&]() -> arrow::Status {
                       ARROW_ASSIGN_OR_RAISE(file, store.files->OpenInputFile(place.path_in_store()));
                       ARROW_ASSIGN_OR_RAISE(size, file->GetSize());
                       return arrow::Status::OK();
                     }),
               place);
  return std::make_shared<ObjectFile>(place, store, file, size, end);
}

}  // namespace ringtrain
