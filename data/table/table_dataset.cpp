#include "data/table/table_dataset.h"

#include <ATen/ATen.h>

#include <cstring>

#include "data/schema/vocabulary.h"

namespace ringtrain {
namespace {

/// Rows `indices` of `source` (contiguous). Not at::index_select: a training step reads small batches, where
/// its dispatch costs more than the copy, and for large ones it would start a second pool of threads in the
/// loader's thread.
at::Tensor gather(const at::Tensor& source, const std::vector<std::int64_t>& indices) {
  auto sizes = source.sizes().vec();
  sizes[0] = static_cast<std::int64_t>(indices.size());
  at::Tensor result = at::empty(sizes, source.options());
  if (result.numel() == 0) return result;  // of a table of words alone: a width of 0 has a stride of 1
  if (source.scalar_type() == at::kLong && source.dim() == 1) {
    const std::int64_t* from = source.const_data_ptr<std::int64_t>();
    std::int64_t* to = result.mutable_data_ptr<std::int64_t>();
    for (std::int64_t index : indices) *to++ = from[index];
    return result;
  }
  const std::size_t bytes = static_cast<std::size_t>(source.stride(0)) * source.element_size();
  const char* from = static_cast<const char*>(source.const_data_ptr());
  char* to = static_cast<char*>(result.mutable_data_ptr());
  for (std::int64_t index : indices) {
    std::memcpy(to, from + static_cast<std::size_t>(index) * bytes, bytes);
    to += bytes;
  }
  return result;
}

}  // namespace

TableDataset::TableDataset(const Table& table, const Preprocessing& preprocessing,
                           std::vector<std::int64_t> rows)
    : rows_(std::move(rows)) {
  const at::Tensor codes = encode_words(preprocessing.categorical, table.categorical, rows_);
  row_numbers_ = at::tensor(rows_, at::kLong);
  if (!table.file_rows.empty())
    for (std::int64_t i = 0; i < row_numbers_.numel(); ++i)
      row_numbers_.mutable_data_ptr<std::int64_t>()[i] = table.file_row(rows_[static_cast<std::size_t>(i)]);
  const auto type = table.numeric.scalar_type();
  const bool exact = type == at::kFloat && preprocessing.has_wide();
  inputs_ = preprocessing
                .apply(exact ? table.numbers(rows_, at::kDouble) : gather(table.numeric, rows_), codes, type)
                .map([](const at::Tensor& tensor) { return tensor.contiguous(); });
  targets_ = gather(table.target, rows_);
  if (table.weight.defined()) weights_ = gather(table.weight, rows_);
}

Batch TableDataset::read(const std::vector<std::int64_t>& indices) const {
  return {.inputs = inputs_.map([&](const at::Tensor& tensor) { return gather(tensor, indices); }),
          .targets = gather(targets_, indices),
          .sample = gather(row_numbers_, indices),
          .weights = weights_.defined() ? gather(weights_, indices) : at::Tensor()};
}

}  // namespace ringtrain
