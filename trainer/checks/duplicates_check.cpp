#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "common/hash.h"
#include "common/text.h"
#include "trainer/checks/built_in_checks.h"
#include "trainer/checks/identifiers.h"

namespace ringtrain::checks {
namespace {

/// A hash of each row, without some columns.
std::vector<std::uint64_t> hashes_of(const ColumnPart& part, const std::set<std::size_t>& without) {
  std::vector<std::uint64_t> hashes;
  std::vector<double> row;
  for (std::size_t r = 0; r < part.rows(); ++r) {
    row.clear();
    for (std::size_t c = 0; c < part.columns.size(); ++c)
      if (!without.contains(c)) row.push_back(part.columns[c][r] == 0 ? 0 : part.columns[c][r]);
    hashes.push_back(hash_bytes({reinterpret_cast<const char*>(row.data()), row.size() * sizeof(double)}));
  }
  return hashes;
}

/// How many training rows a row equals by chance, if columns had nothing to do with each other.
double equal_by_chance(const ColumnPart& part, const std::set<std::size_t>& without) {
  double log_share = 0;
  const auto rows = static_cast<double>(part.rows());
  for (std::size_t c = 0; c < part.columns.size(); ++c) {
    if (without.contains(c)) continue;
    std::unordered_map<double, double> counts;
    for (const double value : part.columns[c]) ++counts[value];
    double share = 0;
    for (const auto& [value, count] : counts) share += (count / rows) * (count / rows);
    log_share += std::log(share);
  }
  return rows * std::exp(log_share);
}

struct Twins {
  std::int64_t rows = 0, looked_at = 0, other_target = 0;
  std::vector<std::string> examples;
};

Twins twins_of(const Columns& columns, const std::set<std::size_t>& without) {
  std::unordered_map<std::uint64_t, std::size_t> of_train;
  const auto train = hashes_of(columns.train(), without);
  for (std::size_t r = 0; r < train.size(); ++r) of_train.emplace(train[r], r);
  Twins twins;
  for (std::size_t p = 1; p < columns.parts.size(); ++p) {
    const auto& part = columns.parts[p];
    const auto hashes = hashes_of(part, without);
    twins.looked_at += static_cast<std::int64_t>(hashes.size());
    for (std::size_t r = 0; r < hashes.size(); ++r) {
      const auto found = of_train.find(hashes[r]);
      if (found == of_train.end()) continue;
      ++twins.rows;
      twins.other_target += columns.train().target[found->second] != part.target[r];
      if (twins.examples.size() < 3)
        twins.examples.push_back(fmt::format("{} ({}) = {} (training)", part.places[r] + 1, kPartNames[p],
                                             columns.train().places[found->second] + 1));
    }
  }
  return twins;
}

class DuplicatesCheck : public Check {
 public:
  std::string name() const override { return "duplicates"; }
  std::string doc() const override {
    return "Rows of the validation and test parts that stand in the training part too, exactly or but for an "
           "identifier.";
  }
  bool is_cheap() const override { return true; }

  Finding run(Subject& subject) const override {
    const auto* columns = subject.columns();
    if (!columns) return skipped(name(), subject.why_no_columns());
    std::set<std::size_t> identifiers;
    if (subject.single_columns())
      for (const auto& one : identifiers_of(*columns)) identifiers.insert(one.column);
    Twins twins = twins_of(*columns, {});
    std::string but_for;
    std::set<std::size_t> without;
    if (twins.rows == 0 && !identifiers.empty() && identifiers.size() < columns->names.size()) {
      twins = twins_of(*columns, identifiers);
      without = identifiers;
      std::vector<std::string> names;
      for (const auto column : identifiers) names.push_back(columns->names[column].name);
      but_for = fmt::format(" but for '{}'", fmt::join(names, "', '"));
    }
    const auto of = columns->whole ? "" : " (a sample of the rows was looked at)";
    if (twins.looked_at == 0) return skipped(name(), "there are no validation and test rows");
    if (twins.rows == 0)
      return good(name(), fmt::format("none of {} validation and test rows is a training row{}",
                                      with_commas(twins.looked_at), of));
    const double share = static_cast<double>(twins.rows) / static_cast<double>(twins.looked_at);
    const auto value = fmt::format(
        "{} of {} validation and test rows ({:.2g}%) equal a training row{}{}, {} of them with another "
        "target; rows of the file: {}",
        with_commas(twins.rows), with_commas(twins.looked_at), 100 * share, but_for, of,
        with_commas(twins.other_target), join(twins.examples));
    const double chance = equal_by_chance(columns->train(), without);
    if (chance > kOften)
      return good(
          name(),
          value + fmt::format("; with so few values a row equals {:.2g} training rows by chance", chance));
    const bool many = share >= kShare && twins.rows >= kRows;
    return (many ? bad : warning)(
        name(), value,
        "the metrics are those of rows that were learnt by heart: take copies out of "
        "the file, or give the parts files of their own (data.test_file)");
  }

 private:
  static constexpr double kOften = 0.01, kShare = 0.02;
  static constexpr std::int64_t kRows = 5;
};

}  // namespace

std::unique_ptr<Check> duplicates_check() { return std::make_unique<DuplicatesCheck>(); }

}  // namespace ringtrain::checks
