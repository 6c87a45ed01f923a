#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "common/hash.h"
#include "common/text.h"
#include "data/schema/classes.h"
#include "data/schema/excerpt.h"
#include "trainer/checks/built_in_checks.h"

namespace ringtrain::checks {
namespace {

/// Rows that have the most frequent value.
std::size_t most_frequent(const std::vector<double>& column) {
  std::unordered_map<double, std::size_t> counts;
  std::size_t most = 0;
  for (const double value : column) most = std::max(most, ++counts[value]);
  return most;
}

/// Words are the same twice where each stands beside one of the other column alone: the codes as they are met
/// first.
std::string pattern_of(const std::vector<double>& codes) {
  std::string pattern;
  std::unordered_map<double, std::size_t> places;
  for (const double code : codes)
    pattern += std::to_string(places.emplace(code, places.size()).first->second) + ",";
  return pattern;
}

/// [columns, columns]: correlations; 0 for constant ones.
at::Tensor correlations_of(const ColumnPart& rows) {
  std::vector<at::Tensor> columns;
  for (const auto& column : rows.columns) columns.push_back(at::tensor(column, at::kDouble));
  auto x = at::stack(columns, 1);
  x = x - x.mean(0, true);
  const auto length = x.square().sum(0, true).sqrt();
  x = at::where(length > 0, x / length, at::zeros_like(x));
  return x.t().mm(x);
}

class ColumnsCheck : public Check {
 public:
  std::string name() const override { return "columns"; }
  std::string doc() const override { return "Constant, nearly constant and duplicate columns."; }
  bool is_cheap() const override { return true; }

  Finding run(Subject& subject) const override {
    const auto* columns = subject.single_columns();
    if (!columns) return skipped(name(), subject.why_no_single_columns());
    const auto& train = columns->train();
    if (train.rows() < 10) return skipped(name(), fmt::format("{} rows are too few to tell", train.rows()));
    std::vector<std::string> constant, nearly, twice;
    std::unordered_map<std::uint64_t, std::string> seen;
    const auto correlations = correlations_of(train);
    for (std::size_t c = 0; c < columns->names.size(); ++c) {
      const auto& place = columns->names[c];
      const auto most = most_frequent(train.columns[c]), others = train.rows() - most;
      if (others == 0)
        constant.push_back(excerpt(place.name));
      else if (others <= kFew && train.rows() >= kTelling)
        nearly.push_back(
            fmt::format("{} (all but {} row{})", excerpt(place.name), others, others == 1 ? "" : "s"));
      if (others <= kFew) continue;
      if (place.category) {
        const auto [found, is_new] = seen.emplace(hash_bytes(pattern_of(train.columns[c])), place.name);
        if (!is_new) twice.push_back(fmt::format("{} = {}", excerpt(place.name), excerpt(found->second)));
        continue;
      }
      const auto of_column = correlations[static_cast<std::int64_t>(c)];
      for (std::size_t d = 0; d < c; ++d)
        if (!columns->names[d].category &&
            std::abs(of_column[static_cast<std::int64_t>(d)].item<double>()) > kSame) {
          twice.push_back(fmt::format("{} = {}", excerpt(place.name), excerpt(columns->names[d].name)));
          break;
        }
    }
    std::vector<std::string> told;
    const auto tell = [&](const std::vector<std::string>& which, const char* what) {
      if (which.empty()) return;
      told.push_back(
          fmt::format("{} of {} columns ({:.2g}%) {}: {}", which.size(), columns->names.size(),
                      100.0 * static_cast<double>(which.size()) / static_cast<double>(columns->names.size()),
                      what, shortened(which, 4)));
    };
    tell(constant, "constant");
    tell(nearly, "nearly constant");
    tell(twice, "the same twice, but for unit and sign");
    if (told.empty())
      return good(name(), fmt::format("{} columns, none constant, none twice", columns->names.size()));
    return warning(
        name(), join(told, "; "),
        "they say nothing, or nothing more: take them out (data.features.ignore), or look why they "
        "came to be so");
  }

 private:
  static constexpr std::size_t kFew = 2, kTelling = 100;
  static constexpr double kSame = 0.999999;  ///< float32 leaves 1e-7
};

class ClassesCheck : public Check {
 public:
  std::string name() const override { return "classes"; }
  std::string doc() const override { return "Classes with too few rows in a part."; }
  bool is_cheap() const override { return true; }

  Finding run(Subject& subject) const override {
    const auto& labels = subject.data().preprocessing.labels;
    const auto* columns = subject.columns();
    if (subject.task().head().form != AnswerForm::one_class || labels.empty())
      return skipped(name(), "the target is not one of several classes");
    const auto& in_train = subject.data().class_counts;
    std::vector<std::string> few, none, hardly;
    std::int64_t fewest = in_train.empty() ? 0 : in_train[0];
    for (std::size_t k = 0; k < in_train.size() && k < labels.size(); ++k) {
      fewest = std::min(fewest, in_train[k]);
      if (in_train[k] < kLeast)
        hardly.push_back(fmt::format("{}: {}", excerpt(labels[k]), in_train[k]));
      else if (in_train[k] < kFew)
        few.push_back(fmt::format("{}: {} in training", excerpt(labels[k]), in_train[k]));
    }
    if (columns)
      for (std::size_t p = 1; p < columns->parts.size(); ++p) {
        if (columns->parts[p].rows() == 0 || !columns->whole) continue;
        std::vector<std::int64_t> counts(labels.size());
        for (const double value : columns->parts[p].target) ++counts[static_cast<std::size_t>(value)];
        for (std::size_t k = 0; k < labels.size(); ++k)
          if (counts[k] == 0)
            none.push_back(fmt::format("{} in {}", excerpt(labels[k]), kPartNames[p]));
          else if (counts[k] < kMeasured)
            few.push_back(fmt::format("{}: {} in {}", excerpt(labels[k]), counts[k], kPartNames[p]));
      }
    const char* const remedy =
        "bring more rows of them, join them with others, or leave them out; a metric of a handful of rows is "
        "chance";
    if (!hardly.empty())
      return bad(name(),
                 fmt::format("{} of {} classes have fewer than {} training rows: {}", hardly.size(),
                             labels.size(), kLeast, shortened(hardly, 5)),
                 remedy);
    if (!none.empty() || !few.empty()) {
      for (auto& text : none) text += ": none";
      none.insert(none.end(), few.begin(), few.end());
      return warning(name(), fmt::format("few rows of {}", shortened(none, 5)), remedy);
    }
    return good(name(), fmt::format("{} classes, of the rarest {} training rows", labels.size(),
                                    with_commas(fewest)));
  }

 private:
  static constexpr std::int64_t kLeast = 5, kFew = 15, kMeasured = 3;
};

}  // namespace

std::unique_ptr<Check> columns_check() { return std::make_unique<ColumnsCheck>(); }
std::unique_ptr<Check> classes_check() { return std::make_unique<ClassesCheck>(); }

}  // namespace ringtrain::checks
