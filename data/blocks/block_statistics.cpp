#include "data/blocks/block_statistics.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ringtrain {
namespace {

template <class Take>
void for_each_moments(BlockStatistics& s, Take take) {
  for (auto& column : s.numeric) {
    take(column.exact);
    take(column.rounded);
  }
  for (auto& target : s.targets) take(target);
}

}  // namespace

BlockStatistics::BlockStatistics(std::size_t class_count, std::size_t numeric_count, std::size_t target_count)
    : classes(class_count), numeric(numeric_count), targets(target_count) {}

void BlockStatistics::add(const CheckedPiece& piece, const std::vector<SplitPart>& parts,
                          const std::vector<std::int64_t>& row_classes) {
  std::vector<std::int64_t> training;
  for (std::size_t r = 0; r < parts.size(); ++r) {
    ++rows[static_cast<std::size_t>(parts[r])];
    if (parts[r] != SplitPart::train) continue;
    training.push_back(static_cast<std::int64_t>(r));
    if (!row_classes.empty() && row_classes[r] >= 0) ++classes.at(static_cast<std::size_t>(row_classes[r]));
  }
  const auto count = static_cast<std::int64_t>(training.size());
  const auto stride = piece.numeric.stride(0);
  const auto* values = piece.numeric.const_data_ptr<double>();
  const auto at = [&](std::int64_t i, std::size_t c) {
    return values[training[static_cast<std::size_t>(i)] * stride + static_cast<std::int64_t>(c)];
  };
  const auto rounded = [](double value) { return static_cast<double>(static_cast<float>(value)); };
  for (std::size_t c = 0; c < numeric.size(); ++c) {
    numeric[c].exact.join(Moments::of(count, [&](std::int64_t i) { return at(i, c); }));
    numeric[c].rounded.join(Moments::of(count, [&](std::int64_t i) { return rounded(at(i, c)); }));
    double lost = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const double error = at(i, c) - rounded(at(i, c));
      if (!std::isnan(error)) lost += error * error;
    }
    numeric[c].lost += lost;
  }
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const auto* target = piece.targets.const_data_ptr<double>();
    targets[t].join(Moments::of(count, [&](std::int64_t i) {
      return target[training[static_cast<std::size_t>(i)] * static_cast<std::int64_t>(targets.size()) +
                    static_cast<std::int64_t>(t)];
    }));
  }
  if (piece.weight.defined())
    for (const auto r : training)
      highest_weight = std::max(highest_weight, piece.weight.const_data_ptr<double>()[r]);
}

void BlockStatistics::join(const BlockStatistics& next) {
  for (std::size_t p = 0; p < rows.size(); ++p) rows[p] += next.rows[p];
  for (std::size_t c = 0; c < classes.size(); ++c) classes[c] += next.classes[c];
  for (std::size_t c = 0; c < numeric.size(); ++c) {
    numeric[c].exact.join(next.numeric[c].exact);
    numeric[c].rounded.join(next.numeric[c].rounded);
    numeric[c].lost += next.numeric[c].lost;
  }
  for (std::size_t t = 0; t < targets.size(); ++t) targets[t].join(next.targets[t]);
  highest_weight = std::max(highest_weight, next.highest_weight);
}

std::size_t BlockStatistics::count_numbers() const {
  return rows.size() + classes.size() + numeric.size() * (2 * Moments::kNumbers + 1) +
         targets.size() * Moments::kNumbers + 1;
}

std::vector<double> BlockStatistics::to_numbers() const {
  std::vector<double> all;
  all.reserve(count_numbers());
  for (const auto count : rows) all.push_back(static_cast<double>(count));
  for (const auto count : classes) all.push_back(static_cast<double>(count));
  auto copy = *this;
  for_each_moments(copy, [&](Moments& m) {
    all.insert(all.end(), {m.count, m.mean, m.squares, m.low, m.high});
  });
  for (const auto& column : numeric) all.push_back(column.lost);
  all.push_back(highest_weight);
  return all;
}

void BlockStatistics::read_numbers(const double* number) {
  for (auto& count : rows) count = static_cast<std::int64_t>(*number++);
  for (auto& count : classes) count = static_cast<std::int64_t>(*number++);
  for_each_moments(*this, [&](Moments& m) {
    for (auto* value : {&m.count, &m.mean, &m.squares, &m.low, &m.high}) *value = *number++;
  });
  for (auto& column : numeric) column.lost = *number++;
  highest_weight = *number;
}

BlockWords::BlockWords(std::vector<std::string> names, std::vector<Encoding> encodings, bool of_other_parts)
    : names_(std::move(names)),
      encodings_(std::move(encodings)),
      words_(names_.size()),
      has_missing_(names_.size(), 0),
      of_other_parts_(of_other_parts),
      others_(names_.size()) {}

void BlockWords::add(const CheckedPiece& piece, const std::vector<SplitPart>& parts) {
  for (std::size_t c = 0; c < names_.size(); ++c)
    for (std::size_t r = 0; r < parts.size(); ++r) {
      const auto& word = piece.categorical[c][r];
      if (parts[r] != SplitPart::train) {
        if (of_other_parts_) others_[c].try_emplace(word, piece.numbers[r]);
        continue;
      }
      if (word.empty()) {
        has_missing_[c] = 1;
      } else if (encodings_[c] != Encoding::hash) {
        ++words_[c][word];
        require_few_words(words_[c].size(), names_[c], encodings_[c]);
      }
    }
}

std::string BlockWords::to_text() const { return nlohmann::json({words_, has_missing_, others_}).dump(); }

void BlockWords::add_text(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  for (std::size_t c = 0; c < names_.size(); ++c) {
    for (const auto& [word, count] : json.at(0).at(c).items()) words_[c][word] += count.get<std::int64_t>();
    require_few_words(words_[c].size(), names_[c], encodings_[c]);
    if (json.at(1).at(c).get<int>() != 0) has_missing_[c] = 1;
    for (const auto& [word, row] : json.at(2).at(c).items()) {
      auto& first = others_[c].try_emplace(word, row.get<std::int64_t>()).first->second;
      first = std::min(first, row.get<std::int64_t>());
    }
  }
}

std::vector<std::vector<std::pair<std::string, std::int64_t>>> BlockWords::others() const {
  std::vector<std::vector<std::pair<std::string, std::int64_t>>> columns;
  for (const auto& words : others_) {
    auto& column = columns.emplace_back(words.begin(), words.end());
    std::sort(column.begin(), column.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  }
  return columns;
}

std::vector<FittedColumns::Categorical> BlockWords::columns() const {
  std::vector<FittedColumns::Categorical> columns;
  for (std::size_t c = 0; c < names_.size(); ++c)
    columns.push_back({.name = names_[c],
                       .encoding = encodings_[c],
                       .words = {words_[c].begin(), words_[c].end()},
                       .has_missing = has_missing_[c] != 0});
  return columns;
}

}  // namespace ringtrain
