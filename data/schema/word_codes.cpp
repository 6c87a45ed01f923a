#include "data/schema/word_codes.h"

#include <stdexcept>

#include "common/hash.h"

namespace ringtrain {
namespace {

std::int64_t first_code(const CategoricalColumn& column) {
  return column.encoding == Encoding::embedding ? kFirstWordCode : 0;
}

std::int64_t otherwise_code(const CategoricalColumn& column) {
  return column.encoding == Encoding::embedding ? kUnlearnedCode : -1;
}

std::int64_t missing_code(const CategoricalColumn& column) {
  switch (column.encoding) {
    case Encoding::one_hot:
      return static_cast<std::int64_t>(column.vocabulary.size());
    case Encoding::embedding:
      return column.missing_is_category ? kMissingCode : kUnlearnedCode;
    case Encoding::hash:
      break;
  }
  return kMissingCode;
}

}  // namespace

std::int64_t count_codes(const CategoricalColumn& column) {
  return column.encoding == Encoding::hash
             ? kFirstBucketCode + column.buckets
             : first_code(column) + static_cast<std::int64_t>(column.vocabulary.size());
}

WordTable word_table(const CategoricalColumn& column) {
  if (column.encoding == Encoding::hash) throw std::logic_error("a hashed column has no table of words");
  WordTable table{column.vocabulary, {}, otherwise_code(column)};
  for (std::size_t i = 0; i < table.words.size(); ++i)
    table.codes.push_back(first_code(column) + static_cast<std::int64_t>(i));
  if (column.missing_is_category) {
    table.words.emplace_back();
    table.codes.push_back(missing_code(column));
  }
  return table;
}

WordCodes::WordCodes(const CategoricalColumn& column)
    : missing_(missing_code(column)), otherwise_(otherwise_code(column)) {
  if (column.encoding == Encoding::hash) {
    buckets_ = column.buckets;
    return;
  }
  codes_.reserve(column.vocabulary.size());
  auto code = first_code(column);
  for (const auto& word : column.vocabulary) codes_.emplace(word, code++);
}

std::int64_t WordCodes::operator()(std::string_view word) const {
  if (word.empty()) return missing_;
  if (buckets_ > 0)
    return kFirstBucketCode +
           static_cast<std::int64_t>(hash_bytes(word) % static_cast<std::uint64_t>(buckets_));
  const auto found = codes_.find(word);
  return found == codes_.end() ? otherwise_ : found->second;
}

}  // namespace ringtrain
