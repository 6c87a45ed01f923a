#pragma once

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "comm/agreement.h"
#include "trainer/data_kinds/data_kind.h"

namespace ringtrain::test {

/// Sentences of words, each with two numbers beside it, and how often something happened: made up, by number.
/// A batch is as wide as its longest sentence.
class Counts : public Dataset {
 public:
  Counts(std::int64_t first, std::int64_t count, std::int64_t words)
      : first_(first), count_(count), words_(words) {}
  std::int64_t size() const override { return count_; }

  Batch read(const std::vector<std::int64_t>& indices) const override {
    const auto n = static_cast<std::int64_t>(indices.size());
    std::int64_t longest = 1;
    for (const auto index : indices) longest = std::max(longest, length(first_ + index));
    const auto words = at::zeros({n, longest}, at::kLong), sample = at::empty({n}, at::kLong);
    const auto mask = at::zeros({n, longest}, at::kDouble), numbers = at::empty({n, 2}, at::kDouble);
    const auto counts = at::empty({n}, at::kDouble);
    for (std::int64_t row = 0; row < n; ++row) {
      const auto number = first_ + indices[static_cast<std::size_t>(row)];
      for (std::int64_t i = 0; i < length(number); ++i) {
        words[row][i] = (number * 7 + i * 3) % words_;
        mask[row][i] = 1;
      }
      numbers[row][0] = std::sin(static_cast<double>(number));
      numbers[row][1] = std::cos(2.0 * static_cast<double>(number));
      counts[row] = static_cast<double>((number * 5 + length(number)) % 4);
      sample[row] = number;
    }
    return {Fields({{"words", words}, {"mask", mask}, {"numbers", numbers}}), Fields(counts), sample};
  }

 private:
  static std::int64_t length(std::int64_t number) { return 1 + number * 11 % 5; }
  std::int64_t first_, count_, words_;
};

class CountsKind : public DataKind {
 public:
  std::shared_ptr<DataKind> clone() const override { return std::make_shared<CountsKind>(*this); }
  std::string name() const override { return "counts"; }
  std::string doc() const override { return "Made up by number."; }
  void describe(config::Visitor& v) override {
    v.field("words", words_, "How many there are.", config::at_least(2));
    v.field("samples", samples_, "Of the training part.", config::at_least(1));
    v.field("exportable", exportable_, "Says so, truly or not.");
    v.field("fixed", fixed_, "Says that a batch is as wide as the longest sentence of all, which it is not.");
  }
  bool reads_file() const override { return false; }
  bool can_be_exported() const override { return exportable_; }
  std::string hash(const std::string&) const override { return fmt::format("{}-{}", words_, samples_); }

  PreparedData prepare(const DataRequest&, Communicator&) const override {
    PreparedData data;
    data.features = words_;
    data.preprocessing.targets = {"count"};
    if (fixed_)
      data.preprocessing.signature =
          Signature{{{.name = "words", .type = at::kLong, .dims = {5}, .pad = 0, .mask = "mask"},
                     {.name = "mask", .dims = {5}},
                     {.name = "numbers", .dims = {2}}}};
    data.train = std::make_unique<Counts>(0, samples_, words_);
    data.validation = std::make_unique<Counts>(samples_, 20, words_);
    data.test = std::make_unique<Counts>(samples_ + 20, 20, words_);
    data.file_hash = hash("");
    return data;
  }

 private:
  std::int64_t words_ = 20, samples_ = 50;
  bool exportable_ = false, fixed_ = false;
};

}  // namespace ringtrain::test
