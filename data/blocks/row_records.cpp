#include "data/blocks/row_records.h"

#include <ATen/ATen.h>

#include <cstring>

namespace ringtrain {
namespace {

/// All tensors of a batch, in the order of a record.
template <class Take>
void for_each_tensor(const Batch& batch, Take take) {
  for (const auto& [name, tensor] : batch.inputs) take(tensor);
  for (const auto& [name, tensor] : batch.targets) take(tensor);
  take(batch.sample);
  if (batch.weights.defined()) take(batch.weights);
}

std::int64_t bytes_of_sample(const at::Tensor& tensor) {
  std::int64_t width = tensor.element_size();
  for (std::int64_t d = 1; d < tensor.dim(); ++d) width *= tensor.size(d);
  return width;
}

at::Tensor of_rows(const at::Tensor& like, std::int64_t count) {
  auto sizes = like.sizes().vec();
  sizes[0] = count;
  return at::empty(sizes, like.options());
}

}  // namespace

RowRecords::RowRecords(const Batch& like) {
  like_ = {.inputs = like.inputs.map([](const at::Tensor& t) { return of_rows(t, 0); }),
           .targets = like.targets.map([](const at::Tensor& t) { return of_rows(t, 0); }),
           .sample = of_rows(like.sample, 0),
           .weights = like.weights.defined() ? of_rows(like.weights, 0) : at::Tensor()};
  for_each_tensor(like_, [&](const at::Tensor& tensor) {
    widths_.push_back(bytes_of_sample(tensor));
    bytes_ += widths_.back();
  });
}

void RowRecords::write(const Batch& batch, std::string& to) const {
  const auto rows = batch.sample.size(0);
  to.resize(static_cast<std::size_t>(rows * bytes_));
  std::size_t field = 0;
  std::int64_t before = 0;
  for_each_tensor(batch, [&](const at::Tensor& tensor) {
    const auto width = static_cast<std::size_t>(widths_[field++]);
    const auto* from = static_cast<const char*>(tensor.const_data_ptr());
    char* record = to.data() + before;
    for (std::int64_t row = 0; row < rows; ++row, from += width, record += bytes_)
      std::memcpy(record, from, width);
    before += static_cast<std::int64_t>(width);
  });
}

Batch RowRecords::empty(std::int64_t count) const {
  return {.inputs = like_.inputs.map([&](const at::Tensor& t) { return of_rows(t, count); }),
          .targets = like_.targets.map([&](const at::Tensor& t) { return of_rows(t, count); }),
          .sample = of_rows(like_.sample, count),
          .weights = like_.weights.defined() ? of_rows(like_.weights, count) : at::Tensor()};
}

std::vector<char*> RowRecords::places(Batch& batch) const {
  std::vector<char*> to;
  for_each_tensor(
      batch, [&](const at::Tensor& tensor) { to.push_back(static_cast<char*>(tensor.mutable_data_ptr())); });
  return to;
}

void RowRecords::scatter(const char* record, std::vector<char*>& to) const {
  for (std::size_t f = 0; f < to.size(); ++f) {
    std::memcpy(to[f], record, static_cast<std::size_t>(widths_[f]));
    to[f] += widths_[f];
    record += widths_[f];
  }
}

}  // namespace ringtrain
