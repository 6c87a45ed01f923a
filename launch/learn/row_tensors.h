#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "comm/communicator.h"
#include "data/dataset.h"
#include "data/schema/preprocessing.h"
#include "data/table/table.h"
#include "launch/learn/stream_row.h"
#include "serving/predict/predictor.h"

namespace ringtrain {

/// Rows as tensors that travel: raw, as the schema reads them.
struct RowTensors {
  at::Tensor numeric;  ///< [n, numeric columns] float64, NaN for missing
  at::Tensor codes;    ///< [n, categorical columns] int64 (vocabulary.h)
  at::Tensor targets;  ///< [n, targets] float64
  at::Tensor weights;  ///< [n] float64

  static RowTensors of(const std::vector<StreamRow>& rows, const Preprocessing& schema);
  /// Rank 0's rows, on every rank; `rows` of them. Collective.
  void share(std::int64_t rows, const Preprocessing& schema, Communicator& control);
  RowTensors narrow(std::int64_t begin, std::int64_t count) const;
  std::int64_t size() const { return targets.size(0); }
};

/// How rows become samples.
struct SampleForm {
  const Preprocessing& schema;
  TargetKind target;
  at::ScalarType type;  ///< of inputs, and of targets that are numbers
  bool weighted;
};

/// Samples of rows, as TableDataset makes them of a table.
class RowSamples : public Dataset {
 public:
  RowSamples(const RowTensors& rows, const SampleForm& form);
  std::int64_t size() const override { return targets_.size(0); }
  Batch read(const std::vector<std::int64_t>& indices) const override;

 private:
  Fields inputs_;
  at::Tensor targets_, weights_;
};

/// The same rows as an exported model takes them.
Predictor::Rows served_rows(const std::vector<StreamRow>& rows, const Preprocessing& schema);

}  // namespace ringtrain
