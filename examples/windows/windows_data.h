// Data of one's own that are exported: `data: {format: windows, train_file: shops.csv, days: 24}`. A sample
// is what a shop sold on up to 24 days in a row, with how warm it was, and the warmth of the day after; to be
// foretold are the sales of that day. A shop's first samples have fewer days.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ringtrain/comm/agreement.h"
#include "ringtrain/common/hash.h"
#include "ringtrain/data/schema/collate.h"
#include "ringtrain/data/schema/target_scale.h"
#include "ringtrain/data/table/table.h"
#include "ringtrain/trainer/data_kinds/data_kind.h"

namespace windows {

/// What a sample is, said once: training, the exported model, `predict` and the server follow it.
inline ringtrain::Signature signature_of(std::int64_t days) {
  return {{
      // Sales and warmth of each day, the last one last. Fewer days are filled up behind with 0, and `known`
      // says which are days.
      {.name = "series", .dims = {days, 2}, .pad = 0, .mask = "known"},
      {.name = "known", .dims = {days}},
      {.name = "warmth", .dims = {}},
  }};
}

/// The days of all shops, one shop behind the other.
struct Days {
  at::Tensor values;                     ///< [days, 2]: sales and warmth
  std::vector<std::int64_t> first_days;  ///< [days]: the row of the shop's first day
};

/// Some windows, each of the days before a row.
class Windows : public ringtrain::Dataset {
 public:
  /// `rows`: of the days to be foretold. `type`: of the run's numbers.
  Windows(std::shared_ptr<const Days> days, std::vector<std::int64_t> rows, ringtrain::Signature signature,
          at::ScalarType type)
      : days_(std::move(days)), rows_(std::move(rows)), signature_(std::move(signature)), type_(type) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(rows_.size()); }
  ringtrain::Batch read(const std::vector<std::int64_t>& indices) const override {
    std::vector<ringtrain::Fields> samples;
    std::vector<std::int64_t> rows;
    for (const auto index : indices) {
      rows.push_back(rows_[static_cast<std::size_t>(index)]);
      samples.push_back(sample(rows.back()));
    }
    const at::Tensor places = at::tensor(rows, at::kLong);
    // collate fills up and makes the mask, here as in the server: so they cannot differ.
    return {ringtrain::collate(signature_, samples, type_),
            ringtrain::Fields(days_->values.select(1, 0).index_select(0, places)), places};
  }

 private:
  /// The tensors that are given, of one sample: without a dimension for the samples.
  ringtrain::Fields sample(std::int64_t row) const {
    const auto most = signature_.find("series")->dims[0];
    const auto first = std::max(days_->first_days[static_cast<std::size_t>(row)], row - most);
    return ringtrain::Fields(
        {{"series", days_->values.narrow(0, first, row - first)}, {"warmth", days_->values[row][1]}});
  }

  std::shared_ptr<const Days> days_;
  std::vector<std::int64_t> rows_;
  ringtrain::Signature signature_;
  at::ScalarType type_;
};

class WindowsKind : public ringtrain::DataKind {
 public:
  std::shared_ptr<DataKind> clone() const override { return std::make_shared<WindowsKind>(*this); }
  std::string name() const override { return "windows"; }
  std::string doc() const override { return "Sales of shops, foretold from the days before."; }
  void describe(ringtrain::config::Visitor& v) override {
    v.field("days", days_, "Days of a window, at most.", ringtrain::config::at_least(1));
  }
  std::string hash(const std::string& train_file) const override { return ringtrain::hash_file(train_file); }
  // Its preprocessing has a signature.
  bool can_be_exported() const override { return true; }

  // All ranks call it. `together` waits for all; where one fails, all of them end, with one message.
  ringtrain::PreparedData prepare(const ringtrain::DataRequest& request,
                                  ringtrain::Communicator& control) const override {
    ringtrain::PreparedData data;
    std::shared_ptr<const Days> days;
    std::vector<std::int64_t> rows[3];
    ringtrain::together(control, "reading the data", [&] {
      days = read(request, rows);
      data.file_hash = hash(request.train_file);
    });
    ringtrain::agree_on(control, "the content of " + request.train_file, data.file_hash);
    // What is fitted is fitted on the training part. A run that goes on takes what its checkpoint has.
    if (request.fitted) {
      data.preprocessing = *request.fitted;
    } else {
      data.preprocessing.signature = signature_of(days_);
      data.preprocessing.targets = {"sales"};
      if (request.task.scales_target())
        data.preprocessing.target_scales =
            ringtrain::fit_target_scale(days->values.select(1, 0).contiguous(), rows[0], control);
    }
    const auto part = [&](int which) {
      return std::make_unique<Windows>(days, rows[which], *data.preprocessing.signature, request.type);
    };
    data.features = 2;  // of a day: the network asks for it
    data.train = part(0);
    data.validation = part(1);
    data.test = part(2);
    return data;
  }

 private:
  /// `rows` gets those of the three parts: a shop is in one of them.
  static std::shared_ptr<const Days> read(const ringtrain::DataRequest& request,
                                          std::vector<std::int64_t> (&rows)[3]) {
    ringtrain::TableConfig config;
    config.train_file = request.train_file;
    config.targets = {"sales"};
    config.features.numeric = {"warmth"};
    config.features.categorical = {"shop"};
    const auto table = ringtrain::read_table(config, ringtrain::TargetKind::number, request.type);
    auto days = std::make_shared<Days>();
    days->values = at::stack({table.target, table.numeric.select(1, 0)}, 1);
    const auto& shops = table.categorical.at(0);
    std::int64_t first = 0, shop = 0;
    for (std::int64_t row = 0; row < table.rows(); ++row) {
      const auto place = static_cast<std::size_t>(row);
      if (row > 0 && shops[place] != shops[place - 1]) {
        first = row;
        ++shop;
      }
      days->first_days.push_back(first);
      if (row == first) continue;  // nothing is known before a shop's first day
      rows[shop % 5 == 3 ? 1 : shop % 5 == 4 ? 2 : 0].push_back(row);
    }
    return days;
  }

  std::int64_t days_ = 24;
};

}  // namespace windows
