#include "launch/learn/row_tensors.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "data/schema/vocabulary.h"

namespace ringtrain {
namespace {

/// [rows, width] of what `of_row` gives.
template <class OfRow>
at::Tensor table_of(const std::vector<StreamRow>& rows, std::size_t width, const OfRow& of_row) {
  const auto result =
      at::empty({static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(width)}, at::kDouble);
  auto* to = result.mutable_data_ptr<double>();
  for (const auto& row : rows) to = std::copy_n(of_row(row).begin(), width, to);
  return result;
}

/// [categorical columns][rows].
std::vector<std::vector<std::string>> words_of(const std::vector<StreamRow>& rows, std::size_t columns) {
  std::vector<std::vector<std::string>> words(columns);
  for (std::size_t c = 0; c < columns; ++c)
    for (const auto& row : rows) words[c].push_back(row.words[c]);
  return words;
}

}  // namespace

RowTensors RowTensors::of(const std::vector<StreamRow>& rows, const Preprocessing& schema) {
  RowTensors tensors;
  tensors.numeric = table_of(rows, schema.numeric.size(), [](const StreamRow& row) { return row.numbers; });
  tensors.targets = table_of(rows, schema.targets.size(), [](const StreamRow& row) { return row.targets; });
  tensors.weights =
      table_of(rows, 1, [](const StreamRow& row) { return std::vector<double>{row.weight}; }).squeeze(1);
  tensors.codes = encode_words(schema.categorical, words_of(rows, schema.categorical.size()),
                               static_cast<std::int64_t>(rows.size()));
  return tensors;
}

void RowTensors::share(std::int64_t rows, const Preprocessing& schema, Communicator& control) {
  if (control.world_size() == 1) return;
  if (control.rank() != 0) {
    numeric = at::empty({rows, static_cast<std::int64_t>(schema.numeric.size())}, at::kDouble);
    codes = at::empty({rows, static_cast<std::int64_t>(schema.categorical.size())}, at::kLong);
    targets = at::empty({rows, static_cast<std::int64_t>(schema.targets.size())}, at::kDouble);
    weights = at::empty({rows}, at::kDouble);
  }
  for (const auto* tensor : {&numeric, &codes, &targets, &weights}) control.broadcast(*tensor, 0).wait();
}

RowTensors RowTensors::narrow(std::int64_t begin, std::int64_t count) const {
  return {numeric.narrow(0, begin, count), codes.narrow(0, begin, count), targets.narrow(0, begin, count),
          weights.narrow(0, begin, count)};
}

RowSamples::RowSamples(const RowTensors& rows, const SampleForm& form) {
  const bool exact = form.type == at::kDouble || form.schema.has_wide();
  inputs_ = form.schema.apply(exact ? rows.numeric : rows.numeric.to(at::kFloat), rows.codes, form.type)
                .map([](const at::Tensor& tensor) { return tensor.contiguous(); });
  targets_ = form.target == TargetKind::classes ? rows.targets.to(at::kLong) : rows.targets.to(form.type);
  if (form.target != TargetKind::flags && targets_.size(1) == 1) targets_ = targets_.squeeze(1);
  if (form.weighted) weights_ = rows.weights;
}

Batch RowSamples::read(const std::vector<std::int64_t>& indices) const {
  const auto places = at::tensor(indices, at::kLong);
  return {.inputs = inputs_.map([&](const at::Tensor& tensor) { return tensor.index_select(0, places); }),
          .targets = targets_.index_select(0, places),
          .sample = places,
          .weights = weights_.defined() ? weights_.index_select(0, places) : at::Tensor()};
}

Predictor::Rows served_rows(const std::vector<StreamRow>& rows, const Preprocessing& schema) {
  Predictor::Rows served;
  served.numeric = table_of(rows, schema.numeric.size(), [](const StreamRow& row) {
                     return row.numbers;
                   }).to(schema.numeric_type());
  served.categorical = words_of(rows, schema.categorical.size());
  return served;
}

}  // namespace ringtrain
