#include "data/profile/column_roles.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "common/text.h"
#include "data/schema/excerpt.h"

namespace ringtrain {
namespace {

/// With fewer rows a coincidence is likely.
constexpr std::int64_t kTelling = 20;

/// More words are hashed: the rows that nobody has looked at may have more still.
constexpr std::int64_t kMostEmbedded = 10'000;

ColumnRole ignored(std::string why, bool warning = false) {
  return {.role = Role::ignored, .why = std::move(why), .warning = warning};
}

std::string examples(const ColumnProfile& column) {
  std::vector<std::string> shown;
  for (const auto& value : column.values) {
    if (shown.size() == 3) {
      shown.emplace_back("...");
      break;
    }
    shown.push_back(value.text.size() > 24 ? excerpt(value.text.substr(0, 24)) : value.text);
  }
  return join(shown);
}

std::string also_missing(const ColumnProfile& column) {
  return column.missing > 0 ? fmt::format("; {} missing", with_commas(column.missing)) : "";
}

bool says_the_target(const ColumnProfile& column, const ColumnProfile& target, bool classes) {
  if (std::min(column.present, target.present) < kTelling) return false;
  if (classes) return one_to_one(column, target);
  return column.all_numbers() && std::abs(correlation(column, target)) > 0.9999;
}

std::int64_t most_words(const ColumnProfile& column) {
  return std::max<std::int64_t>(64, std::min<std::int64_t>(1000, column.present / 20));
}

ColumnRole role_of_numbers(const ColumnProfile& column) {
  const auto numbers =
      fmt::format("numbers, {:.6g} to {:.6g}{}", column.low, column.high, also_missing(column));
  if (column.code.empty()) return {.role = Role::number, .why = numbers};
  if (column.distinct <= most_words(column) && 2 * column.distinct <= column.present)
    return {.role = Role::category,
            .why = fmt::format("{} codes such as {}: numbers have no zeros in front{}", column.distinct,
                               excerpt(column.code), also_missing(column))};
  return {.role = Role::number,
          .why = fmt::format("{}; {} has zeros in front: if these are codes, ignore the column", numbers,
                             excerpt(column.code)),
          .warning = true};
}

ColumnRole role_of_words(const ColumnProfile& column) {
  const bool mostly_numbers = 10 * column.numbers > 9 * column.present;
  const auto oddly = mostly_numbers ? fmt::format(", though {} of {} are numbers: {} in row {} is none",
                                                  with_commas(column.numbers), with_commas(column.present),
                                                  excerpt(column.odd), with_commas(column.odd_row))
                                    : "";
  const bool telling = column.present >= kTelling;
  if (telling && column.words_per_value >= 4 && 2 * column.distinct >= column.present)
    return ignored(fmt::format("text: {}", excerpt(column.values[0].text)));
  if (telling && 10 * column.distinct > 9 * column.present)
    return ignored(fmt::format("{} different words in {} rows: names, not kinds{}",
                               with_commas(column.distinct), with_commas(column.present), oddly),
                   mostly_numbers);
  const bool many = column.distinct > most_words(column);
  if (many && 4 * column.distinct > column.present)
    return ignored(
        fmt::format("{} different words: too many to learn from{}", with_commas(column.distinct), oddly),
        mostly_numbers);
  const auto encoding = !many                              ? Encoding::one_hot
                        : column.distinct <= kMostEmbedded ? Encoding::embedding
                                                           : Encoding::hash;
  return {.role = Role::category,
          .why = fmt::format("{} words: {}{}{}", with_commas(column.distinct), examples(column),
                             also_missing(column), oddly),
          .warning = mostly_numbers,
          .encoding = encoding};
}

ColumnRole role_of(const ColumnProfile& column, const ColumnProfile& target, bool classes) {
  if (!column.unread.empty()) return ignored(fmt::format("of type {}, which is not read", column.unread));
  if (column.present == 0) return ignored("no values");
  if (column.distinct == 1)
    return ignored(fmt::format("one value: {}{}", excerpt(column.values[0].text), also_missing(column)));
  if (says_the_target(column, target, classes))
    return ignored(fmt::format("says {} again: is it known before {} is? Then take it out here",
                               excerpt(target.name), excerpt(target.name)),
                   true);
  if (column.counts_rows && column.present >= 5)
    return ignored(fmt::format("row numbers, {} to {}", with_commas(static_cast<long long>(column.low)),
                               with_commas(static_cast<long long>(column.high))));
  const bool fractions = column.all_numbers() && column.whole < column.numbers;
  if (is_called_id(column.name) && !fractions && column.present >= 5 && column.distinct == column.present)
    return ignored("an identifier: all values are different");
  if (column.all_numbers()) return role_of_numbers(column);
  if (column.all_dates())
    return {.role = Role::date,
            .why = fmt::format("dates such as {}{}", excerpt(column.values[0].text), also_missing(column))};
  return role_of_words(column);
}

}  // namespace

bool is_called_id(const std::string& name) {
  std::string last;
  for (std::size_t i = name.size(); i-- > 0;) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (!std::isalnum(c)) break;
    last.insert(last.begin(), static_cast<char>(std::tolower(c)));
    // userId begins its last word at the I; UUID does not.
    if (std::isupper(c) && i > 0 && std::islower(static_cast<unsigned char>(name[i - 1]))) break;
  }
  return last == "id" || last == "uuid" || last == "guid" || last == "index" || last == "rowid";
}

std::vector<ColumnRole> choose_roles(const TableProfile& table, const std::string& target, bool classes) {
  const ColumnProfile& wanted = *table.find(target);
  std::vector<ColumnRole> roles;
  for (const auto& column : table.columns)
    roles.push_back(column.name == target ? ColumnRole{.role = Role::target, .why = ""}
                                          : role_of(column, wanted, classes));
  return roles;
}

}  // namespace ringtrain
