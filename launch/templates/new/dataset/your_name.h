// Data of your own, `data: {format: your_name}`: rows in the sparse text format of LIBSVM, which ringtrain
// does not bring. A line is a row, "LABEL INDEX:VALUE ...", with indices from 1; what is not named is 0.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "ringtrain/comm/agreement.h"
#include "ringtrain/common/errors.h"
#include "ringtrain/common/hash.h"
#include "ringtrain/trainer/data_kinds/data_kind.h"

namespace your_name_kind {

/// A file's content.
struct SparseRows {
  std::vector<std::string> labels;                                     ///< of the rows
  std::vector<std::vector<std::pair<std::int64_t, double>>> features;  ///< of the rows: index from 0, value
  std::int64_t width = 0;                                              ///< the largest index + 1

  /// Throws DataError that names the line.
  explicit SparseRows(const std::string& file) {
    std::ifstream in(file);
    if (!in) throw ringtrain::DataError(file + " cannot be read");
    std::string line;
    for (std::int64_t number = 1; std::getline(in, line); ++number) {
      std::istringstream words(line);
      std::string label, word;
      if (!(words >> label)) continue;  // an empty line
      labels.push_back(label);
      features.emplace_back();
      while (words >> word) {
        std::int64_t index = 0;
        double value = 0;
        char colon = 0;
        std::istringstream parts(word);
        if (!(parts >> index >> colon >> value) || colon != ':' || index < 1 || !(parts >> std::ws).eof())
          throw ringtrain::DataError(file + ":" + std::to_string(number) +
                                     ": expected INDEX:VALUE with an index of at least 1, got '" + word +
                                     "'");
        features.back().emplace_back(index - 1, value);
        width = std::max(width, index);
      }
    }
    if (labels.empty()) throw ringtrain::DataError(file + " has no rows");
  }
};

/// Some rows of a file, ready to be trained on.
class YourNameRows : public ringtrain::Dataset {
 public:
  YourNameRows(std::shared_ptr<const SparseRows> all, std::vector<std::int64_t> classes,
               std::vector<std::int64_t> rows, at::ScalarType type)
      : all_(std::move(all)), classes_(std::move(classes)), rows_(std::move(rows)), type_(type) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(rows_.size()); }
  // Any samples, in any order: which ones a rank gets, and when, is ringtrain's business. Several threads may
  // read at once.
  ringtrain::Batch read(const std::vector<std::int64_t>& indices) const override {
    const auto count = static_cast<std::int64_t>(indices.size());
    const auto inputs = at::zeros({count, all_->width}, at::kDouble);
    const auto targets = at::empty({count}, at::kLong), places = at::empty({count}, at::kLong);
    auto input = inputs.accessor<double, 2>();
    for (std::int64_t i = 0; i < count; ++i) {
      const auto row = rows_.at(indices[i]);
      for (const auto& [index, value] : all_->features.at(row)) input[i][index] = value;
      targets[i] = classes_.at(row);
      places[i] = row;
    }
    return {ringtrain::Fields(inputs.to(type_)), ringtrain::Fields(targets), places};
  }

 private:
  std::shared_ptr<const SparseRows> all_;
  std::vector<std::int64_t> classes_;  // of all rows
  std::vector<std::int64_t> rows_;
  at::ScalarType type_;
};

/// What a configuration chooses, and its options.
class YourNameKind : public ringtrain::DataKind {
 public:
  // Each configuration has a copy with options of its own.
  std::shared_ptr<ringtrain::DataKind> clone() const override {
    return std::make_shared<YourNameKind>(*this);
  }
  std::string name() const override { return "your_name"; }
  std::string doc() const override { return "Classes and sparse features in the text format of LIBSVM."; }
  // Each option once: for YAML, for errors with file and line, for the reference that `config` prints.
  void describe(ringtrain::config::Visitor& v) override {
    v.field("one_in", one_in_, "One row in so many is for validation, and one for the test.",
            ringtrain::config::at_least(3));
  }
  std::string hash(const std::string& train_file) const override { return ringtrain::hash_file(train_file); }

  // All ranks call it. What may fail on one of them stands inside `together`: then all end, with one message.
  ringtrain::PreparedData prepare(const ringtrain::DataRequest& request,
                                  ringtrain::Communicator& control) const override {
    ringtrain::PreparedData data;
    ringtrain::together(control, "reading the data", [&] {
      const auto all = std::make_shared<const SparseRows>(request.train_file);
      data.file_hash = hash(request.train_file);
      data.features = all->width;
      // A run that goes on takes what its checkpoint has.
      if (request.fitted) data.preprocessing = *request.fitted;
      auto& labels = data.preprocessing.labels;  // names of the classes, in class order
      if (!request.fitted) {
        data.preprocessing.targets = {"label"};
        labels = all->labels;
        std::sort(labels.begin(), labels.end());
        labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
      }
      std::vector<std::int64_t> classes, train, validation, test;
      data.class_counts.resize(labels.size());
      for (std::size_t row = 0; row < all->labels.size(); ++row) {
        const auto place = std::find(labels.begin(), labels.end(), all->labels[row]) - labels.begin();
        if (static_cast<std::size_t>(place) == labels.size())
          throw ringtrain::DataError("the checkpoint does not know the label '" + all->labels[row] + "'");
        classes.push_back(place);
        const auto turn = static_cast<std::int64_t>(row) % one_in_;
        (turn == 0 ? test : turn == 1 ? validation : train).push_back(static_cast<std::int64_t>(row));
        if (turn > 1) ++data.class_counts[place];
      }
      const auto part = [&](const std::vector<std::int64_t>& rows) {
        return std::make_unique<YourNameRows>(all, classes, rows, request.type);
      };
      data.train = part(train);
      data.validation = part(validation);
      data.test = part(test);
    });
    ringtrain::agree_on(control, "the content of " + request.train_file, data.file_hash);
    return data;
  }

 private:
  std::int64_t one_in_ = 6;
};

}  // namespace your_name_kind
