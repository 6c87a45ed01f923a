#include "trainer/checks/columns.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

namespace ringtrain::checks {
namespace {

/// More codes of a column than this are one of them, the last one.
constexpr std::int64_t kMostCodes = 64;

std::vector<std::int64_t> spread(std::int64_t rows, std::int64_t most) {
  std::vector<std::int64_t> chosen(static_cast<std::size_t>(std::min(rows, most)));
  const auto count = static_cast<std::int64_t>(chosen.size());
  for (std::int64_t i = 0; i < count; ++i) chosen[static_cast<std::size_t>(i)] = i * rows / count;
  return chosen;
}

template <class T>
std::vector<T> numbers_in(const at::Tensor& tensor) {
  const auto values = tensor.to(c10::CppTypeToScalarType<T>::value).contiguous();
  return {values.template const_data_ptr<T>(), values.template const_data_ptr<T>() + values.numel()};
}

/// Where the columns of a schema stand: numbers, one-hot words, and then those that come as codes.
std::vector<ColumnPlace> places_of(const Preprocessing& schema) {
  std::vector<ColumnPlace> places;
  std::int64_t next = 0;
  for (const auto& column : schema.numeric)
    places.push_back({column.name, false, next++, 1, column.shift, column.scale});
  for (const auto& column : schema.categorical) {
    if (column.is_coded() || column.width() == 0) continue;
    places.push_back({column.name, true, next, column.width()});
    next += column.width();
  }
  for (const auto& column : schema.coded()) {
    const auto width = std::min(column.codes, kMostCodes);
    places.push_back({column.name, true, next, width});
    next += width;
  }
  return places;
}

/// The place of the 1 in each row; -1 where there is none.
at::Tensor codes_of_one_hot(const at::Tensor& one_hot) {
  const auto codes = one_hot.argmax(1);
  return at::where(std::get<0>(one_hot.max(1)) > 0, codes, at::full_like(codes, -1));
}

ColumnPart read_part(const Dataset& dataset, const std::vector<ColumnPlace>& places, std::int64_t width,
                     std::int64_t most_rows) {
  ColumnPart part;
  part.all_rows = dataset.size();
  const Batch batch = dataset.read(spread(dataset.size(), most_rows));
  std::vector<at::Tensor> features;
  at::Tensor coded;
  for (const auto& [name, tensor] : batch.inputs)
    if (tensor.scalar_type() == at::kLong)
      coded = tensor;
    else
      features.push_back(tensor.to(at::kDouble));
  const std::int64_t plain = features.empty() ? 0 : features[0].size(1);
  std::int64_t next_code = 0;
  for (const auto& place : places) {
    if (place.first >= plain) {
      const auto codes = coded.select(1, next_code++);
      features.push_back(at::one_hot(codes.clamp_max(place.width - 1), place.width).to(at::kDouble));
      part.columns.push_back(numbers_in<double>(codes));
    } else if (place.category) {
      part.columns.push_back(
          numbers_in<double>(codes_of_one_hot(features[0].narrow(1, place.first, place.width))));
    } else {
      part.columns.push_back(numbers_in<double>(features[0].select(1, place.first)));
    }
  }
  part.features = features.empty() ? at::zeros({batch.size(), width}, at::kDouble) : at::cat(features, 1);
  const at::Tensor& target = batch.targets.only();
  part.target = numbers_in<double>(target.dim() > 1 ? target.select(1, 0) : target);
  part.places = numbers_in<std::int64_t>(batch.sample);
  return part;
}

}  // namespace

std::string why_no_columns(const PreparedData& data, const Task& task) {
  const auto& schema = data.preprocessing;
  if (schema.tokens || task.head().form == AnswerForm::tokens) return "these are tokens, not columns";
  if (schema.signature || (schema.numeric.empty() && schema.categorical.empty()))
    return "data of an own kind, not columns";
  return "";
}

Columns columns_of(const PreparedData& data, const Task& task, std::int64_t most_cells) {
  Columns columns;
  const auto& schema = data.preprocessing;
  columns.names = places_of(schema);
  const auto form = task.head().form;
  const auto labels = static_cast<std::int64_t>(schema.labels.size());
  columns.goal.classes = form == AnswerForm::one_class ? labels : form == AnswerForm::labels ? 2 : 0;
  columns.goal.name = schema.targets.empty() ? "target" : schema.targets.front();
  const std::int64_t width =
      columns.names.empty() ? 0 : columns.names.back().first + columns.names.back().width;
  const auto most_rows = std::max<std::int64_t>(100, most_cells / std::max<std::int64_t>(1, width));
  const std::array<const Dataset*, 3> parts{data.train.get(), data.validation.get(), data.test.get()};
  for (std::size_t p = 0; p < parts.size(); ++p) {
    columns.parts[p] = read_part(*parts[p], columns.names, width, most_rows);
    columns.whole &= static_cast<std::int64_t>(columns.parts[p].rows()) == columns.parts[p].all_rows;
  }
  return columns;
}

ColumnPart Columns::joined(std::size_t most_rows) const {
  ColumnPart all;
  all.columns.resize(names.size());
  std::vector<at::Tensor> features;
  std::size_t rows = 0;
  for (const auto& part : parts) rows += part.rows();
  for (const auto& part : parts) {
    all.all_rows += part.all_rows;
    const auto share = rows <= most_rows ? part.rows() : part.rows() * most_rows / rows;
    const auto chosen = spread(static_cast<std::int64_t>(part.rows()), static_cast<std::int64_t>(share));
    if (chosen.empty()) continue;
    features.push_back(part.features.index_select(0, at::tensor(chosen, at::kLong)));
    for (const auto row : chosen) {
      const auto r = static_cast<std::size_t>(row);
      for (std::size_t c = 0; c < names.size(); ++c) all.columns[c].push_back(part.columns[c][r]);
      all.target.push_back(part.target[r]);
      all.places.push_back(part.places[r]);
    }
  }
  all.features = at::cat(features, 0);
  return all;
}

}  // namespace ringtrain::checks
