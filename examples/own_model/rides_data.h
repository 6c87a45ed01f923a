// Data of one's own: `data: {format: rides, train_file: rides.csv}`. The file is an ordinary CSV, which
// ringtrain reads; what is made of its columns is ours: two tensors, and the hour as a place on a circle.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ringtrain/comm/agreement.h"
#include "ringtrain/common/hash.h"
#include "ringtrain/data/order/split.h"
#include "ringtrain/data/schema/fit.h"
#include "ringtrain/data/schema/vocabulary.h"
#include "ringtrain/data/table/table.h"
#include "ringtrain/trainer/data_kinds/data_kind.h"

namespace rides {

/// Numbers of a sample beside its station: the hour's two, temperature, rain.
constexpr std::int64_t kNumbers = 4;

/// Some rows, ready to be trained on.
class Rides : public ringtrain::Dataset {
 public:
  /// `stations`: [n] int64; `numbers`: [n, kNumbers]; `counts`: [n]; `rows`: [n] int64, places in the file.
  Rides(at::Tensor stations, at::Tensor numbers, at::Tensor counts, at::Tensor rows)
      : stations_(std::move(stations)),
        numbers_(std::move(numbers)),
        counts_(std::move(counts)),
        rows_(std::move(rows)) {}

  std::int64_t size() const override { return rows_.size(0); }
  // Of any samples, in any order: which ones a rank gets, and when, is ringtrain's business.
  ringtrain::Batch read(const std::vector<std::int64_t>& indices) const override {
    const auto picks = at::tensor(indices, at::kLong);
    return {ringtrain::Fields({{"station", stations_.index_select(0, picks)},
                               {"numbers", numbers_.index_select(0, picks)}}),
            ringtrain::Fields(counts_.index_select(0, picks)), rows_.index_select(0, picks)};
  }

  /// Those of `rows` alone.
  std::unique_ptr<Rides> part(const std::vector<std::int64_t>& rows) const {
    const auto picks = at::tensor(rows, at::kLong);
    return std::make_unique<Rides>(stations_.index_select(0, picks), numbers_.index_select(0, picks),
                                   counts_.index_select(0, picks), rows_.index_select(0, picks));
  }

 private:
  at::Tensor stations_, numbers_, counts_, rows_;
};

class RidesKind : public ringtrain::DataKind {
 public:
  std::shared_ptr<DataKind> clone() const override { return std::make_shared<RidesKind>(*this); }
  std::string name() const override { return "rides"; }
  std::string doc() const override { return "Rides from stations of bicycles, by hour and weather."; }
  void describe(ringtrain::config::Visitor& v) override {
    v.section("split", "Which rows are trained on.",
              [this](ringtrain::config::Visitor& inner) { split_.describe_shares(inner); });
  }
  std::string hash(const std::string& train_file) const override { return ringtrain::hash_file(train_file); }
  // It is trained, and goes on from checkpoints, but is not exported: that takes a signature
  // (examples/windows).
  bool can_be_exported() const override { return false; }

  // All ranks call it. `together` waits for all; where one fails, all of them end, with one message.
  ringtrain::PreparedData prepare(const ringtrain::DataRequest& request,
                                  ringtrain::Communicator& control) const override {
    const auto config = table_of(request.train_file);
    ringtrain::Table table;
    ringtrain::Split split;
    ringtrain::PreparedData data;
    ringtrain::together(control, "reading the data", [&] {
      table = ringtrain::read_table(config, ringtrain::TargetKind::number, request.type,
                                    request.fitted ? &*request.fitted : nullptr);
      split = ringtrain::make_split(config.split, table, request.seed);
      data.file_hash = hash(request.train_file);
    });
    ringtrain::agree_on(control, "the content of " + request.train_file, data.file_hash);
    // What is fitted is fitted on the training part. A run that goes on takes what its checkpoint has.
    ringtrain::together(control, "fitting the preprocessing", [&] {
      data.preprocessing = request.fitted ? *request.fitted
                                          : ringtrain::fit_preprocessing(config, table, split.train, control);
    });
    ringtrain::together(control, "preparing the data", [&] {
      const auto& stations = data.preprocessing.categorical.at(0).vocabulary;
      data.features = static_cast<std::int64_t>(stations.size()) + 1;  // 0 is a station that nobody knows
      const auto all = rides_of(table, data.preprocessing);
      data.train = all->part(split.train);
      data.validation = all->part(split.validation);
      data.test = all->part(split.test);
    });
    return data;
  }

 private:
  ringtrain::TableConfig table_of(const std::string& file) const {
    ringtrain::TableConfig config;
    config.train_file = file;
    config.targets = {"rides"};
    config.features.numeric = {"hour", "temperature", "rain"};
    config.features.categorical = {"station"};
    config.split = split_;
    return config;
  }

  /// A column of numbers.
  static at::Tensor column(const ringtrain::Table& table, const std::string& name) {
    for (std::size_t c = 0; c < table.numeric_names.size(); ++c)
      if (table.numeric_names[c].name == name) return table.numeric.select(1, static_cast<std::int64_t>(c));
    throw ringtrain::DataError("there is no column '" + name + "'");
  }

  /// The same with mean 0 and deviation 1 in the training part.
  static at::Tensor scaled(const ringtrain::Table& table, const ringtrain::Preprocessing& fitted,
                           const std::string& name) {
    for (const auto& numbers : fitted.numeric)
      if (numbers.name == name) return (column(table, name) - numbers.shift) * numbers.scale;
    throw ringtrain::DataError("there is no column '" + name + "'");
  }

  static std::unique_ptr<Rides> rides_of(const ringtrain::Table& table,
                                         const ringtrain::Preprocessing& fitted) {
    // The place in the vocabulary, -1 for a station that the training part does not have; see `features`.
    const auto stations =
        ringtrain::encode_words(fitted.categorical, table.categorical, table.rows()).select(1, 0) + 1;
    // Hour 23 is beside hour 0.
    const auto angle = column(table, "hour") * (2 * 3.14159265358979 / 24);
    const auto numbers =
        at::stack({angle.sin(), angle.cos(), scaled(table, fitted, "temperature"), column(table, "rain")}, 1);
    return std::make_unique<Rides>(stations, numbers, table.target, at::arange(table.rows(), at::kLong));
  }

  ringtrain::SplitConfig split_;
};

}  // namespace rides
