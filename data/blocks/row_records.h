#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace ringtrain {

/// Samples as records of one size: the fields of a batch one behind another, so that a sample is read by one
/// copy. What the fields are follows from a batch, of any size.
class RowRecords {
 public:
  RowRecords() = default;
  explicit RowRecords(const Batch& like);
  std::int64_t bytes() const { return bytes_; }
  /// The records of all samples of `batch`, which is like that of the constructor, one behind another.
  void write(const Batch& batch, std::string& to) const;
  /// A batch of records: `at(i)` gives the bytes of record i, valid until the next call.
  template <class At>
  Batch batch(std::int64_t count, At at) const {
    Batch result = empty(count);
    std::vector<char*> to = places(result);
    for (std::int64_t i = 0; i < count; ++i) scatter(at(i), to);
    return result;
  }

 private:
  Batch empty(std::int64_t count) const;
  std::vector<char*> places(Batch& batch) const;
  void scatter(const char* record, std::vector<char*>& to) const;

  Batch like_;                        ///< of no sample
  std::vector<std::int64_t> widths_;  ///< bytes of each field
  std::int64_t bytes_ = 0;
};

}  // namespace ringtrain
