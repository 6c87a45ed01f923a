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

Operations operations(const Preprocessing& schema, at::ScalarType type) {
  using Kind = Operation::Kind;
  List list;
  const auto& numeric = schema.numeric;
  std::vector<std::size_t> parts, codes;
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
    const bool coded = schema.categorical[c].is_coded();
    if (width == 0 && !coded) continue;
    const auto code = list.add({.kind = Kind::look_up, .inputs = {}, .type = at::kLong, .column = c});
    if (coded)
      codes.push_back(code);
    else
      parts.push_back(list.add({.kind = Kind::one_hot, .inputs = {code}, .type = type, .width = width}));
  }
  const auto joined = [&list](const std::vector<std::size_t>& values, at::ScalarType of) {
    return values.size() == 1 ? values[0] : list.add({.kind = Kind::join, .inputs = values, .type = of});
  };
  Operations result{{}, {}, {}};
  if (!parts.empty() || codes.empty()) result.features = joined(parts, type);
  if (!codes.empty()) result.categories = joined(codes, at::kLong);
  result.steps = list.take();
  return result;
}

at::Tensor constant_row(const std::vector<double>& values, at::ScalarType type) {
  return at::tensor(values, at::kDouble).to(type);
}

}  // namespace ringtrain
