#include "data/blocks/block_decoder.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/vocabulary.h"

namespace ringtrain {
namespace {

constexpr std::int64_t kRowsAtOnce = 8192;

/// The numbers as the model's preprocessing takes them (Table::numbers): those of a column that is not wide
/// have the digits of float32.
at::Tensor raw_numbers(const at::Tensor& values, const Preprocessing& preprocessing, at::ScalarType type) {
  if (type == at::kDouble) return values.contiguous();
  if (!preprocessing.has_wide()) return values.to(at::kFloat).contiguous();
  const at::Tensor numbers = values.to(at::kFloat).to(at::kDouble).contiguous();
  for (std::size_t c = 0; c < preprocessing.numeric.size(); ++c)
    if (preprocessing.numeric[c].wide)
      numbers.select(1, static_cast<std::int64_t>(c)).copy_(values.select(1, static_cast<std::int64_t>(c)));
  return numbers;
}

}  // namespace

BlockDecoder::BlockDecoder(const BlockIndex& index, const BlockPlan& plan, const TableConfig& config,
                           TargetKind kind, at::ScalarType type)
    : index_(index), plan_(plan), config_(config), kind_(kind), type_(type) {
  CheckedPiece none;
  const auto width = static_cast<std::int64_t>(plan.preprocessing.numeric.size());
  none.numeric = at::empty({0, width}, at::kDouble);
  none.categorical.resize(plan.preprocessing.categorical.size());
  if (kind != TargetKind::classes)
    none.targets = at::empty({0, static_cast<std::int64_t>(plan.preprocessing.targets.size())}, at::kDouble);
  if (!config.weight.empty()) none.weight = at::empty({0}, at::kDouble);
  records_ = RowRecords(batch_of(none, {}));
}

std::vector<std::int64_t> BlockDecoder::classes_of(const CheckedPiece& piece, ClassNumbers& numbers) const {
  std::vector<std::int64_t> classes;
  for (std::size_t r = 0; r < piece.classes.size(); ++r) {
    classes.push_back(numbers.of(piece.classes[r]));
    if (classes.back() < 0)
      throw DataError(fmt::format("{}: row {}: the class '{}' of column '{}' is not one of the model's: {}",
                                  config_.train_file, with_commas(piece.numbers[r] + 1), piece.classes[r],
                                  config_.targets.at(0), join(numbers.labels())));
  }
  return classes;
}

Batch BlockDecoder::batch_of(const CheckedPiece& piece, const std::vector<std::int64_t>& classes) const {
  const auto& preprocessing = plan_.preprocessing;
  const at::Tensor codes = encode_words(preprocessing.categorical, piece.categorical, piece.rows());
  Batch batch;
  batch.inputs = preprocessing.apply(raw_numbers(piece.numeric, preprocessing, type_), codes, type_)
                     .map([](const at::Tensor& tensor) { return tensor.contiguous(); });
  if (kind_ == TargetKind::classes) {
    batch.targets = at::tensor(classes, at::kLong);
  } else {
    at::Tensor targets = piece.targets.to(type_);
    if (kind_ == TargetKind::number && targets.size(1) == 1) targets = targets.squeeze(1);
    batch.targets = targets.contiguous();
  }
  batch.sample = at::tensor(piece.numbers, at::kLong);
  batch.weights = piece.weight;
  return batch;
}

std::vector<SplitPart> BlockDecoder::parts_of(const CheckedPiece& piece,
                                              const std::vector<std::int64_t>& classes) const {
  std::vector<SplitPart> parts;
  plan_.split.parts_of(piece, classes, parts);
  return parts;
}

void BlockDecoder::decode(std::size_t block,
                          const std::function<void(SplitPart, std::string_view)>& take) const {
  require_same_bytes(index_, index_.blocks.at(block));
  CheckedRows rows(config_, kind_, type_, &plan_.preprocessing);
  const auto stream = open_block(index_, index_.blocks[block], rows.wanted());
  ColumnPiece piece;
  CheckedPiece good;
  std::string records;
  ClassNumbers numbers(plan_.preprocessing.labels, plan_.preprocessing.reading.version);
  while (stream->next(piece, kRowsAtOnce)) {
    if (!rows.take(piece, good)) continue;
    const auto classes = classes_of(good, numbers);
    const auto parts = parts_of(good, classes);
    const Batch batch = batch_of(good, classes);
    records_.write(batch, records);
    const auto size = static_cast<std::size_t>(records_.bytes());
    for (std::size_t row = 0; row < parts.size(); ++row)
      take(parts[row], std::string_view(records).substr(row * size, size));
  }
  rows.require_good(0);
}

CheckedPiece BlockDecoder::first_rows(SplitPart part, std::int64_t most) const {
  CheckedPiece found;
  std::vector<at::Tensor> numbers, targets;
  CheckedRows rows(config_, kind_, type_, &plan_.preprocessing);
  ClassNumbers numbers_of_classes(plan_.preprocessing.labels, plan_.preprocessing.reading.version);
  found.categorical.resize(plan_.preprocessing.categorical.size());
  for (std::size_t b = 0; b < index_.blocks.size() && found.rows() < most; ++b) {
    if (plan_.rows[b][static_cast<std::size_t>(part)] == 0) continue;
    const auto stream = open_block(index_, index_.blocks[b], rows.wanted());
    ColumnPiece piece;
    CheckedPiece good;
    while (found.rows() < most && stream->next(piece, kRowsAtOnce)) {
      if (!rows.take(piece, good)) continue;
      const auto parts = parts_of(good, classes_of(good, numbers_of_classes));
      for (std::size_t r = 0; r < parts.size() && found.rows() < most; ++r) {
        if (parts[r] != part) continue;
        numbers.push_back(good.numeric.narrow(0, static_cast<std::int64_t>(r), 1));
        for (std::size_t c = 0; c < found.categorical.size(); ++c)
          found.categorical[c].push_back(good.categorical[c][r]);
        found.numbers.push_back(good.numbers[r]);
      }
    }
  }
  const auto width = static_cast<std::int64_t>(plan_.preprocessing.numeric.size());
  found.numeric = numbers.empty() ? at::empty({0, width}, at::kDouble) : at::cat(numbers);
  return found;
}

}  // namespace ringtrain
