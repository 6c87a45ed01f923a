#pragma once

#include <arrow/api.h>
#include <arrow/util/decimal.h>
#include <arrow/util/float16.h>
#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "common/errors.h"

namespace ringtrain {

/// What of Arrow's types can be read as a number or a word (strings, numbers, decimals, booleans, and
/// dictionaries of them), and what as a date besides. Inside data/ only.
bool is_value(const arrow::DataType& type);
bool is_date(const arrow::DataType& type);

/// for_each_value, of all types but dictionaries.
template <class Take>
void for_each_plain_value(const arrow::Array& array, std::int64_t begin, std::int64_t count,
                          const Take& take) {
  using arrow::Type;
  const auto each = [&](const auto& values, const auto& convert) {
    for (std::int64_t r = 0; r < count; ++r)
      if (!values.IsNull(begin + r)) take(r, convert(values, begin + r));
  };
  const auto as = [](auto wanted) {
    return
        [](const auto& values, std::int64_t at) { return static_cast<decltype(wanted)>(values.Value(at)); };
  };
  const auto text = [](const auto& values, std::int64_t at) { return std::string_view(values.GetView(at)); };
  const auto decimal = [](const auto& values, std::int64_t at, auto number) {
    const auto& type = static_cast<const arrow::DecimalType&>(*values.type());
    return decltype(number)(values.GetValue(at)).ToDouble(type.scale());
  };
  switch (array.type_id()) {
    case Type::BOOL:
      return each(static_cast<const arrow::BooleanArray&>(array), as(bool{}));
    case Type::INT8:
      return each(static_cast<const arrow::Int8Array&>(array), as(std::int64_t{}));
    case Type::INT16:
      return each(static_cast<const arrow::Int16Array&>(array), as(std::int64_t{}));
    case Type::INT32:
      return each(static_cast<const arrow::Int32Array&>(array), as(std::int64_t{}));
    case Type::INT64:
      return each(static_cast<const arrow::Int64Array&>(array), as(std::int64_t{}));
    case Type::UINT8:
      return each(static_cast<const arrow::UInt8Array&>(array), as(std::uint64_t{}));
    case Type::UINT16:
      return each(static_cast<const arrow::UInt16Array&>(array), as(std::uint64_t{}));
    case Type::UINT32:
      return each(static_cast<const arrow::UInt32Array&>(array), as(std::uint64_t{}));
    case Type::UINT64:
      return each(static_cast<const arrow::UInt64Array&>(array), as(std::uint64_t{}));
    case Type::HALF_FLOAT:
      return each(static_cast<const arrow::HalfFloatArray&>(array), [](const auto& values, std::int64_t at) {
        return arrow::util::Float16::FromBits(values.Value(at)).ToFloat();
      });
    case Type::FLOAT:
      return each(static_cast<const arrow::FloatArray&>(array), as(float{}));
    case Type::DOUBLE:
      return each(static_cast<const arrow::DoubleArray&>(array), as(double{}));
    case Type::DECIMAL128:
      return each(
          static_cast<const arrow::Decimal128Array&>(array),
          [&](const auto& values, std::int64_t at) { return decimal(values, at, arrow::Decimal128()); });
    case Type::DECIMAL256:
      return each(
          static_cast<const arrow::Decimal256Array&>(array),
          [&](const auto& values, std::int64_t at) { return decimal(values, at, arrow::Decimal256()); });
    case Type::STRING:
      return each(static_cast<const arrow::StringArray&>(array), text);
    case Type::LARGE_STRING:
      return each(static_cast<const arrow::LargeStringArray&>(array), text);
    case Type::STRING_VIEW:
      return each(static_cast<const arrow::StringViewArray&>(array), text);
    default:
      throw DataError(fmt::format("a column of type {} holds no values", array.type()->ToString()));
  }
}

/// Calls `take(row, value)` for the values from `begin` on that are not null. A value is a bool,
/// std::int64_t, std::uint64_t, float, double or std::string_view. Throws DataError for another type.
template <class Take>
void for_each_value(const arrow::Array& array, std::int64_t begin, std::int64_t count, const Take& take) {
  if (array.type_id() != arrow::Type::DICTIONARY) return for_each_plain_value(array, begin, count, take);
  const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
  for (std::int64_t r = 0; r < count; ++r)
    if (!coded.IsNull(begin + r))
      for_each_plain_value(*coded.dictionary(), coded.GetValueIndex(begin + r), 1,
                           [&](std::int64_t, auto value) { take(r, value); });
}

/// The same for the days since 1970-01-01 of dates and timestamps (of a time zone: in UTC).
template <class Take>
void for_each_day(const arrow::Array& array, std::int64_t begin, std::int64_t count, const Take& take) {
  constexpr double kSeconds = 86'400;
  const auto each = [&](const auto& values, double per_day) {
    for (std::int64_t r = 0; r < count; ++r)
      if (!values.IsNull(begin + r)) take(r, static_cast<double>(values.Value(begin + r)) / per_day);
  };
  if (array.type_id() == arrow::Type::DATE32) return each(static_cast<const arrow::Date32Array&>(array), 1);
  if (array.type_id() == arrow::Type::DATE64)
    return each(static_cast<const arrow::Date64Array&>(array), kSeconds * 1e3);
  const auto& type = static_cast<const arrow::TimestampType&>(*array.type());
  constexpr double kUnits[] = {1, 1e3, 1e6, 1e9};
  each(static_cast<const arrow::TimestampArray&>(array), kSeconds * kUnits[static_cast<int>(type.unit())]);
}

}  // namespace ringtrain
