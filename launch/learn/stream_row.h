#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/schema/preprocessing.h"
#include "data/schema/reading.h"
#include "data/table/table.h"
#include "launch/learn/stream_source.h"

namespace ringtrain {

/// A row of the stream as the model's schema reads it, before it is scaled.
struct StreamRow {
  StreamPosition position{};
  std::vector<double> numbers{};     ///< [numeric columns], NaN for missing
  std::vector<std::string> words{};  ///< [categorical columns], "" for missing
  std::vector<double> targets{};     ///< [targets]: the class's number, or values
  double weight = 1;
  double time = 0;        ///< in days; of learn.guards.time
  std::uint64_t key = 0;  ///< whom it is from: a hash

  /// An array; numbers are read again as the same bits.
  nlohmann::ordered_json to_json() const;
  static StreamRow from_json(const nlohmann::ordered_json& json);
};

/// What is read of a row beside the schema's columns.
struct RowColumns {
  TargetKind target = TargetKind::number;
  std::string weight{};        ///< "" for none
  std::string key{};           ///< "": equal rows have the same key
  std::string time{};          ///< "" for none
  bool may_lack_truth = true;  ///< a row without a target is passed over, else refused
  bool float64 = false;        ///< the run's type, else values are to lie within float32
};

/// Makes rows of records by the schema of a model: the one reading of a value (data/schema/reading.h).
class RowReader {
 public:
  enum class Outcome { row, without_truth, refused };
  /// `schema` outlives it.
  RowReader(const Preprocessing& schema, RowColumns columns);

  /// Of a refused row `why` says all that is wrong with it.
  Outcome read(const StreamRecord& record, StreamRow& row, std::string& why);

 private:
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
  void find_places(const StreamRecord& record);
  Number number_at(const StreamRecord& record, std::size_t place, DatePart part) const;
  Word word_at(const StreamRecord& record, std::size_t place) const;
  void read_numbers(const StreamRecord& record, StreamRow& row);
  void read_words(const StreamRecord& record, StreamRow& row);
  bool read_targets(const StreamRecord& record, StreamRow& row);
  void read_weight(const StreamRecord& record, StreamRow& row);
  void read_key_and_time(const StreamRecord& record, StreamRow& row);
  void refuse(const std::string& column, const std::string& why);

  const Preprocessing& schema_;
  RowColumns columns_;
  Reading reading_;
  std::shared_ptr<const std::vector<std::string>> names_;  // those that the places are of
  std::vector<std::size_t> numbers_, words_, targets_;
  std::size_t weight_ = kNowhere, key_ = kNowhere, time_ = kNowhere;
  std::vector<std::string> problems_;
};

}  // namespace ringtrain
