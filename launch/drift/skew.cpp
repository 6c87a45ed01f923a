#include "launch/drift/skew.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/vocabulary.h"
#include "serving/export/verify.h"

namespace ringtrain::drift {
namespace {

using nlohmann::ordered_json;

ordered_json number(double value) { return std::isfinite(value) ? ordered_json(value) : ordered_json(); }

at::Tensor bits_of(const at::Tensor& numbers) {
  const auto whole = numbers.contiguous();
  return whole.scalar_type() == at::kFloat    ? whole.view(at::kInt)
         : whole.scalar_type() == at::kDouble ? whole.view(at::kLong)
                                              : whole;
}

/// Probabilities and values may differ by rounding, as those of an export from its training model.
bool is_close(double a, double b) {
  return std::abs(a - b) <= export_tolerance * std::max(1.0, std::abs(b)) || (std::isnan(a) && std::isnan(b));
}

}  // namespace

SkewReader::SkewReader(const Predictor& predictor, std::vector<double> logged)
    : predictor_(predictor), logged_(std::move(logged)) {
  const auto& schema = predictor.manifest().preprocessing;
  const auto coded = schema.coded();
  for (const auto& column : schema.numeric) {
    numeric_owner_.push_back(names_.size());
    names_.push_back(column.name);
  }
  for (const auto& column : schema.categorical) {
    (column.is_coded() ? coded_owner_ : numeric_owner_)
        .insert(column.is_coded() ? coded_owner_.end() : numeric_owner_.end(),
                static_cast<std::size_t>(column.is_coded() ? 1 : column.width()), names_.size());
    names_.push_back(column.name);
  }
  for (const auto& name : names_) found_.push_back({.name = name});
  if (!logged_.empty()) skew_.logged.emplace();
  try {
    served_ = std::make_unique<ServedFeatures>(predictor);
  } catch (const ExportError& error) {
    skew_.why_not = error.what();
  }
}

void SkewReader::compare(const at::Tensor& trained, const at::Tensor& served,
                         const std::vector<std::size_t>& owners, const ModelRows::Piece& piece) {
  if (trained.sizes() != served.sizes() || trained.scalar_type() != served.scalar_type() ||
      trained.size(1) != static_cast<std::int64_t>(owners.size()))
    throw ExportError(fmt::format("{}: its graph makes {} features of a row, its schema.json {}",
                                  predictor_.folder().string(), served.size(1), trained.size(1)));
  const auto differs = bits_of(trained).ne(bits_of(served));
  const auto of_column = differs.any(0);
  for (std::size_t begin = 0; begin < owners.size();) {
    auto end = begin;
    while (end < owners.size() && owners[end] == owners[begin]) ++end;
    const auto first = static_cast<std::int64_t>(begin), count = static_cast<std::int64_t>(end - begin);
    if (of_column.narrow(0, first, count).any().item<bool>()) {
      auto& column = found_[owners[begin]];
      const auto rows = differs.narrow(1, first, count).any(1);
      if (column.rows == 0) {
        const auto row = rows.to(at::kByte).argmax(0).item<std::int64_t>();
        const auto at =
            first + differs[row].narrow(0, first, count).to(at::kByte).argmax(0).item<std::int64_t>();
        column.first_row = piece.first + piece.good[static_cast<std::size_t>(row)] + 1;
        column.trained = trained[row][at].item<double>();
        column.served = served[row][at].item<double>();
      }
      column.rows += rows.sum().item<std::int64_t>();
    }
    begin = end;
  }
}

void SkewReader::compare_logged(const ModelRows::Piece& piece) {
  const auto answers = piece.answers.to(at::kDouble).reshape({piece.answers.size(0), -1}).contiguous();
  const auto width = static_cast<std::size_t>(answers.size(1));
  auto& logged = *skew_.logged;
  for (std::size_t i = 0; i < piece.good.size(); ++i) {
    const auto row = static_cast<std::size_t>(piece.first + piece.good[i]);
    if ((row + 1) * width > logged_.size()) break;
    const double* const now = answers.const_data_ptr<double>() + i * width;
    const double* const then = logged_.data() + row * width;
    ++logged.rows;
    logged.same_bits += std::equal(now, now + width, then);
    bool close = true;
    for (std::size_t k = 0; k < width; ++k) {
      close = close && is_close(then[k], now[k]);
      if (std::isfinite(then[k] - now[k]))
        logged.largest = std::max(logged.largest, std::abs(then[k] - now[k]));
    }
    if (!close && logged.other++ == 0) logged.first_other = static_cast<std::int64_t>(row) + 1;
  }
}

void SkewReader::add(const ModelRows::Piece& piece) {
  if (piece.good.empty()) return;
  if (skew_.logged) compare_logged(piece);
  if (!served_) return;
  const auto& schema = predictor_.manifest().preprocessing;
  const auto rows = piece.batch.good_rows();
  const auto served = served_->of(rows);
  std::size_t place = 0;
  const auto codes = encode_words(schema.categorical, rows.categorical, rows.size());
  for (const auto& [name, trained] : schema.apply(rows.numeric, codes, at::kFloat)) {
    if (place == served.size())
      throw ExportError(
          fmt::format("{}: its graph has fewer inputs than its schema.json", predictor_.folder().string()));
    compare(trained, served[place++], trained.scalar_type() == at::kLong ? coded_owner_ : numeric_owner_,
            piece);
  }
  skew_.rows += rows.size();
  skew_.columns.clear();
  for (const auto& column : found_)
    if (column.rows > 0) skew_.columns.push_back(column);
}

Findings Skew::findings() const {
  Findings all;
  if (!why_not.empty()) {
    all.push_back(skipped("skew", why_not));
  } else if (columns.empty()) {
    all.push_back(good("skew", fmt::format("{} rows give the same bits in training and in the served model",
                                           with_commas(rows))));
  }
  for (const auto& column : columns)
    all.push_back(
        bad(fmt::format("{} (skew)", column.name),
            fmt::format("{} of {} rows give other numbers in the served model than in training, row {} "
                        "first: {:.9g} in training, {:.9g} served",
                        with_commas(column.rows), with_commas(rows), with_commas(column.first_row),
                        column.trained, column.served),
            "schema.json and the model's graph are not of one export: export again"));
  if (!logged) return all;
  const auto text = fmt::format(
      "{} of {} logged answers are what the model gives now, to the bit; largest difference {:.3g}",
      with_commas(logged->same_bits), with_commas(logged->rows), logged->largest);
  if (logged->other == 0)
    all.push_back(good("logged answers", text));
  else
    all.push_back(
        bad("logged answers",
            fmt::format("{} of {} differ by more than {:g} from what the model gives now, row {} first; "
                        "largest difference {:.3g}",
                        with_commas(logged->other), with_commas(logged->rows), export_tolerance,
                        with_commas(logged->first_other), logged->largest),
            "the files of this version have changed since, or other values were answered than "
            "those that were logged"));
  return all;
}

ordered_json Skew::to_json() const {
  ordered_json json{{"rows", rows}, {"columns", ordered_json::array()}};
  if (!why_not.empty()) json["skipped"] = why_not;
  for (const auto& column : columns)
    json["columns"].push_back({{"name", column.name},
                               {"rows", column.rows},
                               {"first_row", column.first_row},
                               {"trained", number(column.trained)},
                               {"served", number(column.served)}});
  if (logged)
    json["logged"] = {{"rows", logged->rows},
                      {"same_bits", logged->same_bits},
                      {"other", logged->other},
                      {"largest", logged->largest}};
  return json;
}

}  // namespace ringtrain::drift
