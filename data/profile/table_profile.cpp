#include "data/profile/table_profile.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "common/errors.h"
#include "common/hash.h"
#include "data/profile/column_types.h"
#include "data/schema/dates.h"
#include "data/table/column_stream.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kPiece = 4096, kCells = 5'000'000;

std::uint64_t identity(const std::string& text, std::optional<double> number) {
  if (number && std::isfinite(*number)) {
    const double value = *number == 0 ? 0 : *number;  // -0 is 0
    return hash_bytes({reinterpret_cast<const char*>(&value), sizeof value}) | 1;
  }
  return hash_bytes(text) | 1;
}

std::int64_t count_words(const std::string& text) {
  std::int64_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    words += !blank && !inside;
    inside = !blank;
  }
  return words;
}

bool has_zeros_in_front(const std::string& text) {
  return text.size() > 1 && text[0] == '0' && text.find_first_not_of("0123456789") == std::string::npos;
}

/// Fills a profile value by value.
class Gatherer {
 public:
  explicit Gatherer(std::string name) { profile_.name = std::move(name); }

  void add_missing() {
    ++profile_.missing;
    profile_.of.push_back(0);
    profile_.as_number.push_back(std::numeric_limits<double>::quiet_NaN());
  }

  void add(const std::string& text) {
    const auto number = number_of(text);
    if (number && std::isnan(*number)) return add_missing();
    const bool finite = number && std::isfinite(static_cast<float>(*number));
    const auto row = static_cast<std::int64_t>(profile_.of.size());
    ++profile_.present;
    if (finite) {
      profile_.low = profile_.numbers == 0 ? *number : std::min(profile_.low, *number);
      profile_.high = profile_.numbers == 0 ? *number : std::max(profile_.high, *number);
      ++profile_.numbers;
      profile_.whole += std::trunc(*number) == *number;
      if (profile_.code.empty() && has_zeros_in_front(text)) profile_.code = text;
    } else {
      if (odd_row_ < 0) {
        odd_row_ = row;
        odd_ = text;
      }
      profile_.dates += parse_date(text).has_value();
    }
    words_ += count_words(text);
    const auto what = identity(text, number);
    if (const auto found = counts_.find(what); found != counts_.end())
      ++found->second.count;
    else if (counts_.size() < ColumnProfile::kKept)
      counts_.emplace(what, ColumnProfile::Value{text, 1});
    profile_.of.push_back(what);
    profile_.as_number.push_back(finite ? *number : std::numeric_limits<double>::quiet_NaN());
  }

  ColumnProfile finish() {
    auto seen = profile_.of;
    std::sort(seen.begin(), seen.end());
    profile_.distinct = std::unique(seen.begin(), seen.end()) - seen.begin();
    if (profile_.missing > 0) --profile_.distinct;
    for (auto& [what, value] : counts_) profile_.values.push_back(std::move(value));
    std::sort(profile_.values.begin(), profile_.values.end(), [](const auto& a, const auto& b) {
      return a.count != b.count ? a.count > b.count : a.text < b.text;
    });
    if (profile_.present > 0)
      profile_.words_per_value = static_cast<double>(words_) / static_cast<double>(profile_.present);
    if (profile_.numbers > 0 && odd_row_ >= 0) {
      profile_.odd = odd_;
      profile_.odd_row = odd_row_ + 1;
    }
    profile_.counts_rows = counts_rows();
    return std::move(profile_);
  }

 private:
  bool counts_rows() const {
    const auto& numbers = profile_.as_number;
    if (numbers.size() < 2 || profile_.numbers != static_cast<std::int64_t>(numbers.size())) return false;
    if (numbers[0] != 0 && numbers[0] != 1) return false;
    for (std::size_t row = 1; row < numbers.size(); ++row)
      if (numbers[row] != numbers[row - 1] + 1) return false;
    return true;
  }

  ColumnProfile profile_;
  std::unordered_map<std::uint64_t, ColumnProfile::Value> counts_;
  std::int64_t odd_row_ = -1, words_ = 0;
  std::string odd_;
};

void take_dates(const at::Tensor& days, std::int64_t column, Gatherer& to) {
  const auto values = days.select(1, column).contiguous();
  const auto* const all = values.const_data_ptr<double>();
  for (std::int64_t row = 0; row < values.numel(); ++row)
    std::isnan(all[row]) ? to.add_missing() : to.add(text_of_days(all[row]));
}

}  // namespace

const ColumnProfile* TableProfile::find(const std::string& name) const {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const auto& one) { return one.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

std::vector<std::string> TableProfile::names() const {
  std::vector<std::string> all;
  for (const auto& column : columns) all.push_back(column.name);
  return all;
}

TableProfile profile_table(const Location& file, std::int64_t most_rows) {
  const auto types = column_types(file);
  WantedColumns wanted;
  std::vector<Gatherer> dates, categorical;
  for (const auto& type : types) {
    if (type.kind == ColumnType::Kind::dates) {
      wanted.numeric.emplace_back(type.name, type.name, DatePart::days);
      dates.emplace_back(type.name);
    } else if (type.kind == ColumnType::Kind::words) {
      wanted.categorical.push_back(type.name);
      categorical.emplace_back(type.name);
    }
  }
  TableProfile table;
  table.file = file;
  const auto most =
      std::min(most_rows, std::max<std::int64_t>(1000, kCells / static_cast<std::int64_t>(types.size() + 1)));
  const auto stream = open_columns(file, wanted);
  ColumnPiece piece;
  while (table.rows < most && stream->next(piece, std::min(kPiece, most - table.rows))) {
    if (!piece.problems.empty())
      throw DataError(fmt::format("{}: {}", file.string(), piece.problems.front().text));
    for (std::size_t c = 0; c < dates.size(); ++c)
      take_dates(piece.numeric, static_cast<std::int64_t>(c), dates[c]);
    for (std::size_t c = 0; c < categorical.size(); ++c)
      for (const auto& word : piece.categorical[c])
        word.empty() ? categorical[c].add_missing() : categorical[c].add(word);
    table.rows += piece.rows();
  }
  table.all_rows = table.rows + stream->skip(std::numeric_limits<std::int64_t>::max());
  auto next_date = dates.begin(), next_word = categorical.begin();
  for (const auto& type : types) {
    if (type.kind == ColumnType::Kind::dates) {
      table.columns.push_back((next_date++)->finish());
    } else if (type.kind == ColumnType::Kind::words) {
      table.columns.push_back((next_word++)->finish());
    } else {
      table.columns.emplace_back();
      table.columns.back().name = type.name;
      table.columns.back().unread = type.type;
    }
  }
  return table;
}

bool one_to_one(const ColumnProfile& a, const ColumnProfile& b) {
  if (a.of.size() != b.of.size() || a.distinct < 2 || b.distinct < 2) return false;
  std::unordered_map<std::uint64_t, std::uint64_t> there, back;
  for (std::size_t row = 0; row < a.of.size(); ++row) {
    if (a.of[row] == 0 || b.of[row] == 0) continue;
    if (there.emplace(a.of[row], b.of[row]).first->second != b.of[row]) return false;
    if (back.emplace(b.of[row], a.of[row]).first->second != a.of[row]) return false;
  }
  return there.size() >= 2;
}

double correlation(const ColumnProfile& a, const ColumnProfile& b) {
  std::vector<std::pair<double, double>> pairs;
  for (std::size_t row = 0; row < std::min(a.as_number.size(), b.as_number.size()); ++row)
    if (!std::isnan(a.as_number[row]) && !std::isnan(b.as_number[row]))
      pairs.emplace_back(a.as_number[row], b.as_number[row]);
  const auto count = static_cast<double>(pairs.size());
  double mean_a = 0, mean_b = 0;
  for (const auto& [x, y] : pairs) {
    mean_a += x / count;
    mean_b += y / count;
  }
  double aa = 0, bb = 0, ab = 0;
  for (const auto& [x, y] : pairs) {
    aa += (x - mean_a) * (x - mean_a);
    bb += (y - mean_b) * (y - mean_b);
    ab += (x - mean_a) * (y - mean_b);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

}  // namespace ringtrain
