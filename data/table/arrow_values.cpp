#include "data/table/arrow_values.h"

namespace ringtrain {

bool is_value(const arrow::DataType& type) {
  using arrow::Type;
  switch (type.id()) {
    case Type::BOOL:
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
    case Type::DECIMAL128:
    case Type::DECIMAL256:
      return true;
    case Type::DICTIONARY:
      return is_value(*static_cast<const arrow::DictionaryType&>(type).value_type());
    default:
      return arrow::is_integer(type.id()) || arrow::is_floating(type.id());
  }
}

bool is_date(const arrow::DataType& type) {
  using arrow::Type;
  return type.id() == Type::DATE32 || type.id() == Type::DATE64 || type.id() == Type::TIMESTAMP;
}

}  // namespace ringtrain
