#include "data/table/arrow_values.h"

namespace ringtrain {

bool is_number(const arrow::DataType& type) {
  return arrow::is_integer(type.id()) || arrow::is_floating(type.id()) || type.id() == arrow::Type::BOOL;
}

bool is_word(const arrow::DataType& type) {
  if (type.id() == arrow::Type::DICTIONARY)
    return is_word(*static_cast<const arrow::DictionaryType&>(type).value_type());
  return type.id() == arrow::Type::STRING || type.id() == arrow::Type::LARGE_STRING ||
         type.id() == arrow::Type::STRING_VIEW || arrow::is_integer(type.id()) ||
         type.id() == arrow::Type::BOOL;
}

std::string word_at(const arrow::Array& array, std::int64_t place) {
  using arrow::Type;
  switch (array.type_id()) {
    case Type::STRING:
      return static_cast<const arrow::StringArray&>(array).GetString(place);
    case Type::LARGE_STRING:
      return static_cast<const arrow::LargeStringArray&>(array).GetString(place);
    case Type::STRING_VIEW:
      return static_cast<const arrow::StringViewArray&>(array).GetString(place);
    case Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(place) ? "true" : "false";
    case Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
      return word_at(*coded.dictionary(), coded.GetValueIndex(place));
    }
    default: {
      std::string word;
      for_each_number(array, place, 1,
                      [&word](std::int64_t, auto value) { word = fmt::format("{}", value); });
      return word;
    }
  }
}

}  // namespace ringtrain
