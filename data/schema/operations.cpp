#include "data/schema/operations.h"

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>

namespace ringtrain {
namespace {

template <class Get>
std::vector<double> row_of(const std::vector<NumericColumn>& columns, Get get) {
  std::vector<double> values;
  for (const auto& column : columns) values.push_back(get(column));
  return values;
}

class List {
 public:
  std::size_t add(Operation operation) {
    operations_.push_back(std::move(operation));
    return kFirst + operations_.size() - 1;
  }
  /// fill, then scale, in `type`.
  std::size_t standardise(const std::vector<NumericColumn>& columns, std::size_t x, at::ScalarType type) {
    using Kind = Operation::Kind;
    if (std::any_of(columns.begin(), columns.end(), [](const auto& c) { return c.fill.has_value(); }))
      x = add({.kind = Kind::fill, .inputs = {x}, .type = type, .a = row_of(columns, [](const auto& c) {
                                                                  return c.fill.value_or(NAN);
                                                                })});
    return add({.kind = Kind::scale,
                .inputs = {x},
                .type = type,
                .a = row_of(columns, [](const auto& c) { return c.shift; }),
                .b = row_of(columns, [](const auto& c) { return c.scale; })});
  }
  std::vector<Operation> take() { return std::move(operations_); }

 private:
  std::vector<Operation> operations_;
};

}  // namespace

std::vector<Operation> operations(const Preprocessing& schema, at::ScalarType type) {
  using Kind = Operation::Kind;
  List list;
  const auto& numeric = schema.numeric;
  std::vector<std::size_t> parts;
  if (type == at::kFloat && schema.has_wide()) {
    const auto narrow =
        list.standardise(numeric, list.add({.kind = Kind::cast, .inputs = {kNumeric}, .type = type}), type);
    const auto wide = list.add(
        {.kind = Kind::cast, .inputs = {list.standardise(numeric, kNumeric, at::kDouble)}, .type = type});
    parts.push_back(list.add({.kind = Kind::choose,
                              .inputs = {wide, narrow},
                              .type = type,
                              .a = row_of(numeric, [](const auto& c) { return c.wide ? 1.0 : 0.0; })}));
  } else if (!numeric.empty()) {
    parts.push_back(list.standardise(numeric, kNumeric, type));
  }
  for (std::size_t c = 0; c < schema.categorical.size(); ++c) {
    const auto width = schema.categorical[c].width();
    if (width == 0) continue;
    const auto place = list.add({.kind = Kind::look_up, .inputs = {}, .type = at::kLong, .column = c});
    parts.push_back(list.add({.kind = Kind::one_hot, .inputs = {place}, .type = type, .width = width}));
  }
  if (parts.size() != 1) list.add({.kind = Kind::join, .inputs = parts, .type = type});
  return list.take();
}

at::Tensor constant_row(const std::vector<double>& values, at::ScalarType type) {
  return at::tensor(values, at::kDouble).to(type);
}

}  // namespace ringtrain
