#pragma once

#include <arrow/api.h>
#include <arrow/util/float16.h>
#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "common/errors.h"

namespace ringtrain {

/// Which of Arrow's types hold numbers, and which words: strings, dictionaries of them, whole numbers and
/// booleans. Inside data/ only.
bool is_number(const arrow::DataType& type);
bool is_word(const arrow::DataType& type);

/// The value at a place, which is not null, as a word: "true", "7", "red".
std::string word_at(const arrow::Array& array, std::int64_t place);

/// Calls `take(row, value)` for the values from `begin` on that are not null.
template <class Array, class Take>
void for_each_value(const arrow::Array& array, std::int64_t begin, std::int64_t count, const Take& take) {
  const auto& values = static_cast<const Array&>(array);
  for (std::int64_t r = 0; r < count; ++r)
    if (!values.IsNull(begin + r)) take(r, values.Value(begin + r));
}

/// The same for each type that holds numbers.
template <class Take>
void for_each_number(const arrow::Array& array, std::int64_t begin, std::int64_t count, const Take& take) {
  using arrow::Type;
  switch (array.type_id()) {
    case Type::BOOL:
      return for_each_value<arrow::BooleanArray>(array, begin, count, take);
    case Type::INT8:
      return for_each_value<arrow::Int8Array>(array, begin, count, take);
    case Type::INT16:
      return for_each_value<arrow::Int16Array>(array, begin, count, take);
    case Type::INT32:
      return for_each_value<arrow::Int32Array>(array, begin, count, take);
    case Type::INT64:
      return for_each_value<arrow::Int64Array>(array, begin, count, take);
    case Type::UINT8:
      return for_each_value<arrow::UInt8Array>(array, begin, count, take);
    case Type::UINT16:
      return for_each_value<arrow::UInt16Array>(array, begin, count, take);
    case Type::UINT32:
      return for_each_value<arrow::UInt32Array>(array, begin, count, take);
    case Type::UINT64:
      return for_each_value<arrow::UInt64Array>(array, begin, count, take);
    case Type::FLOAT:
      return for_each_value<arrow::FloatArray>(array, begin, count, take);
    case Type::DOUBLE:
      return for_each_value<arrow::DoubleArray>(array, begin, count, take);
    case Type::HALF_FLOAT:
      return for_each_value<arrow::HalfFloatArray>(array, begin, count, [&take](auto row, auto bits) {
        take(row, arrow::util::Float16::FromBits(bits).ToFloat());
      });
    default:
      throw DataError(fmt::format("a column of type {} holds no numbers", array.type()->ToString()));
  }
}

}  // namespace ringtrain
