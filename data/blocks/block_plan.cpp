#include "data/blocks/block_plan.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "comm/agreement.h"
#include "comm/gather_rows.h"
#include "common/config_writer.h"
#include "common/errors.h"
#include "common/hash.h"
#include "common/progress.h"
#include "common/text.h"
#include "data/blocks/block_statistics.h"
#include "data/schema/classes.h"
#include "data/schema/excerpt.h"
#include "data/schema/target_scale.h"
#include "storage/storage.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kVersion = 2;
constexpr std::int64_t kRowsAtOnce = 8192;

std::size_t ranks_of(const Communicator& control) { return static_cast<std::size_t>(control.world_size()); }

/// One reading of all blocks, shared among the ranks.
class Survey {
 public:
  Survey(const BlockIndex& index, const PlanRequest& request, CheckedRows& rows, ClassNumbers& classes,
         const RowSplit& split)
      : index_(index),
        request_(request),
        rows_(rows),
        classes_(classes),
        split_(split),
        words_(empty_words()) {}

  /// The statistics of this rank's blocks. Throws DataError.
  void read(const Communicator& control) {
    std::unique_ptr<Progress> progress;
    const auto blocks = index_.blocks.size();
    if (control.rank() == 0 && blocks > ranks_of(control))
      progress = std::make_unique<Progress>("measuring the data, block", static_cast<std::int64_t>(blocks));
    for (auto b = static_cast<std::size_t>(control.rank()); b < blocks; b += ranks_of(control)) {
      mine_.push_back(measure(index_.blocks[b]));
      if (progress) progress->update(static_cast<std::int64_t>(std::min(blocks, b + ranks_of(control))));
    }
    if (progress) progress->finish();
  }

  /// Of all blocks, in order. Collective.
  std::vector<BlockStatistics> gather(Communicator& control) const {
    const auto width = static_cast<std::int64_t>(empty().count_numbers());
    std::vector<double> numbers;
    for (const auto& block : mine_) {
      const auto own = block.to_numbers();
      numbers.insert(numbers.end(), own.begin(), own.end());
    }
    const auto all =
        all_gather_rows(control, at::tensor(numbers, at::kDouble).reshape({-1, width})).contiguous();
    const auto ranks = ranks_of(control);
    std::vector<std::size_t> first(ranks, 0);
    for (std::size_t r = 1; r < ranks; ++r)
      first[r] = first[r - 1] + (index_.blocks.size() - (r - 1) + ranks - 1) / ranks;
    std::vector<BlockStatistics> blocks(index_.blocks.size(), empty());
    for (std::size_t b = 0; b < blocks.size(); ++b)
      blocks[b].read_numbers(all.const_data_ptr<double>() +
                             static_cast<std::int64_t>(first[b % ranks] + b / ranks) * width);
    return blocks;
  }

  BlockWords& words() { return words_; }
  BlockWords empty_words() const {
    const auto& names = rows_.selection().categorical;
    const bool refuses = request_.schema ? request_.schema->refuse_unseen : request_.config.unseen == "error";
    return {names, encodings_of(request_.config.features, names), refuses};
  }
  BlockStatistics empty() const {
    return {classes_.labels().size(), rows_.selection().numeric.size(),
            request_.kind == TargetKind::classes ? 0 : rows_.selection().targets.size()};
  }

 private:
  BlockStatistics measure(const Block& block) {
    auto statistics = empty();
    const auto stream = open_block(index_, block, rows_.wanted());
    ColumnPiece piece;
    CheckedPiece good;
    std::vector<SplitPart> parts;
    std::vector<std::int64_t> row_classes;
    while (stream->next(piece, kRowsAtOnce)) {
      if (!rows_.take(piece, good)) continue;
      row_classes.clear();
      for (const auto& word : good.classes) row_classes.push_back(class_of(word));
      split_.parts_of(good, row_classes, parts);
      statistics.add(good, parts, row_classes);
      words_.add(good, parts);
    }
    return statistics;
  }

  std::int64_t class_of(const std::string& word) {
    const auto number = classes_.of(word);
    if (number >= 0) return number;
    throw DataError(fmt::format("{}: the class '{}' of column '{}' is not one of the model's: {}",
                                request_.config.train_file, word, request_.config.targets.at(0),
                                join(classes_.labels())));
  }

  const BlockIndex& index_;
  const PlanRequest& request_;
  CheckedRows& rows_;
  ClassNumbers& classes_;
  const RowSplit& split_;
  BlockWords words_;
  std::vector<BlockStatistics> mine_;
};

/// The labels of the classes, in order, and `split`'s limits by them.
std::vector<std::string> labels_of(const BlockIndex& index, const PlanRequest& request,
                                   const CheckedRows& rows, RowSplit& split, Communicator& control) {
  if (request.kind == TargetKind::flags) return rows.selection().targets;
  if (request.kind == TargetKind::number) return {};
  const auto counts = split_classes(index, rows, request.config, split, control);
  auto named = name_classes(counts.words, rows.wanted().reading.version);
  auto labels = named.labels;
  together(control, "naming the classes", [&] {
    if (request.schema && !request.schema->labels.empty())
      labels = request.schema->labels;
    else if (!request.positive.empty() && labels.size() == 2)
      labels = with_positive(labels, request.positive);
  });
  if (split.classes.empty()) return labels;
  // From the order of words to that of labels; a class that is no label is refused as its rows are read.
  std::vector<RowSplit::Limits> limits(labels.size());
  for (std::size_t w = 0; w < counts.words.size(); ++w) {
    const auto& label = named.labels[static_cast<std::size_t>(named.of_word[w])];
    const auto place = std::find(labels.begin(), labels.end(), label) - labels.begin();
    if (place < static_cast<std::ptrdiff_t>(labels.size()))
      limits[static_cast<std::size_t>(place)] = split.classes[w];
  }
  split.classes = std::move(limits);
  return labels;
}

Preprocessing fit(const PlanRequest& request, const CheckedRows& rows, const BlockStatistics& all,
                  const BlockWords& words, const std::vector<std::string>& labels) {
  FittedColumns fitted{.numeric = {},
                       .categorical = words.columns(),
                       .targets = rows.selection().targets,
                       .labels = labels,
                       .ignored = rows.selection().ignored};
  for (std::size_t c = 0; c < all.numeric.size(); ++c) {
    const auto& column = all.numeric[c];
    require_values(column.exact.count, rows.selection().numeric[c].name);
    const bool wide = column.exact.low < column.exact.high &&
                      is_wide(column.lost / column.exact.count, column.exact.deviation());
    const auto& moments = wide || request.type == at::kDouble ? column.exact : column.rounded;
    fitted.numeric.push_back({.field = rows.selection().numeric[c],
                              .mean = moments.mean,
                              .deviation = moments.deviation(),
                              .low = moments.low,
                              .high = moments.high,
                              .wide = wide});
  }
  auto preprocessing = make_preprocessing(request.config, fitted);
  if (request.scales_target)
    for (const auto& target : all.targets)
      preprocessing.target_scales.push_back(
          target_scale_of(target.mean, target.deviation(), target.low, target.high));
  return preprocessing;
}

/// What all rows together must have.
void require_usable(const PlanRequest& request, const CheckedRows& rows, const BlockPlan& plan,
                    const BlockStatistics& all, const std::vector<std::string>& labels) {
  const auto& config = request.config;
  const auto count = all.rows[0] + all.rows[1] + all.rows[2];
  if (count == 0) rows.raise_no_target();
  if (request.only && *request.only != SplitPart::train) return;
  require_rows(config.split, all.rows[0], all.rows[2], count);
  if (!config.weight.empty() && !(all.highest_weight > 0))
    throw DataError(
        fmt::format("{}: column '{}' (data.weight) is 0 in all {} rows of the training part, so "
                    "that nothing can be learned; name another column, or leave out data.weight",
                    config.train_file, config.weight, with_commas(all.rows[0])));
  if (request.kind != TargetKind::classes) return;
  if (!request.schema) require_two_classes(config, labels, count);
  for (std::size_t c = 0; c < labels.size(); ++c)
    require_class(config.split, labels[c], config.targets.at(0), plan.class_counts[c], count);
}

/// All columns at once, the first row of each.
void refuse_unseen(const TableConfig& config, const Preprocessing& schema, const BlockWords& words) {
  if (!schema.refuse_unseen) return;
  std::vector<std::string> problems;
  const auto others = words.others();
  for (std::size_t c = 0; c < others.size(); ++c)
    for (const auto& [word, row] : others[c]) {
      const auto& column = schema.categorical[c];
      if (word.empty() ? !column.missing_is_unseen : column.knows(word)) continue;
      problems.push_back(fmt::format("{}: row {}, column '{}': {} does not occur in the training part",
                                     config.train_file, with_commas(row + 1), column.name, excerpt(word)));
      break;
    }
  if (!problems.empty())
    throw DataError(join(problems, "\n  ") +
                    ". Set data.unseen: other, or put such rows into the training part");
}

std::string key_of(const BlockIndex& index, const PlanRequest& request) {
  auto config = request.config;
  config.streaming = {};
  auto key = fmt::format("{} {} {} {} {} {} {} {} ", kVersion, index.hash(), static_cast<int>(request.kind),
                         static_cast<int>(request.type), request.seed, request.positive,
                         request.scales_target, request.only ? static_cast<int>(*request.only) : -1);
  for (const auto& block : index.blocks) key += fmt::format("{},", block.part.rows);
  key += config::to_yaml([&](config::Visitor& v) { config.describe(v); });
  if (request.schema) key += request.schema->to_json().dump();
  return hash_text(key);
}

}  // namespace

std::int64_t BlockPlan::rows_of(SplitPart part) const {
  std::int64_t sum = 0;
  for (const auto& block : rows) sum += block[static_cast<std::size_t>(part)];
  return sum;
}

std::string BlockPlan::far_from_shares() const {
  if (split.config.group.empty() || split.only) return "";
  return ringtrain::far_from_shares(
      split.config, {rows_of(SplitPart::train), rows_of(SplitPart::validation), rows_of(SplitPart::test)},
      fmt::format("data.split.group: the groups of '{}' stay whole", split.config.group));
}

json BlockPlan::to_json() const {
  return {{"version", kVersion},
          {"rows", rows},
          {"limits", split.to_json()},
          {"preprocessing", preprocessing.to_json()},
          {"class_counts", class_counts},
          {"dropped_rows", dropped_rows},
          {"bad_rows", bad_rows},
          {"first_bad", first_bad},
          {"note", note}};
}

BlockPlan BlockPlan::from_json(const json& j, const SplitConfig& split, std::uint64_t seed) {
  BlockPlan plan;
  plan.rows = j.at("rows").get<std::vector<std::array<std::int64_t, 3>>>();
  plan.split.config = split;
  plan.split.seed = seed;
  plan.split.read_limits(j.at("limits"));
  plan.preprocessing = Preprocessing::from_json(j.at("preprocessing"));
  plan.class_counts = j.at("class_counts").get<std::vector<std::int64_t>>();
  plan.dropped_rows = j.at("dropped_rows");
  plan.bad_rows = j.at("bad_rows");
  plan.first_bad = j.at("first_bad");
  plan.note = j.at("note");
  return plan;
}

BlockPlan make_plan(const BlockIndex& index, const PlanRequest& request, Communicator& control) {
  BlockPlan plan;
  plan.split = {.config = request.config.split, .seed = request.seed, .only = request.only, .classes = {}};
  std::unique_ptr<CheckedRows> rows;
  together(control, "looking at the columns", [&] {
    rows = std::make_unique<CheckedRows>(request.config, request.kind, request.type, request.schema);
  });
  plan.note = rows->note();
  const auto labels = labels_of(index, request, *rows, plan.split, control);
  ClassNumbers classes(labels, rows->wanted().reading.version);
  Survey survey(index, request, *rows, classes, plan.split);
  together(control, "measuring the data", [&] {
    survey.read(control);
    if (request.config.bad_rows != "skip") rows->require_good(0);
  });
  const auto blocks = survey.gather(control);
  const at::Tensor left_out = at::tensor({rows->dropped_rows(), rows->bad_rows()}, at::kLong);
  control.all_reduce(left_out).wait();
  plan.dropped_rows = left_out[0].item<std::int64_t>();
  plan.bad_rows = left_out[1].item<std::int64_t>();
  for (const auto& text : all_gather_strings(control, rows->first_bad()))
    if (plan.first_bad.empty()) plan.first_bad = text;
  const auto words = all_gather_strings(control, survey.words().to_text());
  together(control, "fitting the preprocessing", [&] {
    rows->require_good(plan.bad_rows);
    auto all = survey.empty();
    for (const auto& block : blocks) {
      plan.rows.push_back(block.rows);
      all.join(block);
    }
    plan.class_counts = all.classes;
    if (request.kind == TargetKind::flags)
      for (std::size_t t = 0; t < all.targets.size(); ++t)
        plan.class_counts[t] = std::llround(all.targets[t].mean * all.targets[t].count);
    require_usable(request, *rows, plan, all, labels);
    auto joined = survey.empty_words();
    for (const auto& text : words) joined.add_text(text);
    if (request.schema) {
      plan.preprocessing = *request.schema;
      plan.preprocessing.targets = rows->selection().targets;
      refuse_unseen(request.config, plan.preprocessing, joined);
      return;
    }
    plan.preprocessing = fit(request, *rows, all, joined, labels);
    refuse_unseen(request.config, plan.preprocessing, joined);
  });
  return plan;
}

BlockPlan open_plan(const std::vector<Location>& folders, const BlockIndex& index, const PlanRequest& request,
                    Communicator& control) {
  const auto name = "plan-" + key_of(index, request) + ".json";
  std::string text;
  together(control, "looking for the plan", [&] {
    if (control.rank() != 0) return;
    for (const auto& folder : folders) {
      const auto storage = storage_of(folder);
      std::error_code error;
      if (folder.is_remote() ? !storage->find(folder / name) : !fs::exists((folder / name).local(), error))
        continue;
      const auto found = json::parse(storage->read(folder / name), nullptr, false);
      if (found.is_object() && found.value("version", 0) == kVersion) {
        text = found.dump();
        return;
      }
    }
  });
  text = broadcast_string(control, text, 0);
  if (!text.empty()) {
    auto plan = BlockPlan::from_json(json::parse(text), request.config.split, request.seed);
    plan.split.only = request.only;
    return plan;
  }
  auto plan = make_plan(index, request, control);
  if (control.rank() != 0) return plan;
  for (const auto& folder : folders) try {
      storage_of(folder)->put(folder / name, plan.to_json().dump() + "\n");
      break;
    } catch (const std::exception&) {  // the next one; without any it is made anew each time
    }
  return plan;
}

}  // namespace ringtrain
