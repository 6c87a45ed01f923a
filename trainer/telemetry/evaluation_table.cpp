#include "trainer/telemetry/evaluation_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/text.h"

namespace ringtrain {
namespace {

constexpr std::size_t kStep = 9, kEpoch = 7, kLoss = 10, kNarrowest = 7, kBest = 2;

/// Four digits behind the point, six in all of larger numbers.
std::string cell(double value) {
  if (!std::isfinite(value)) return "-";
  return std::abs(value) < 1000 ? fmt::format("{:.4f}", value) : fmt::format("{:.6g}", value);
}

std::size_t width_of(const std::string& name, double value) {
  return 2 + std::max({kNarrowest, name.size(), cell(value).size()});
}

}  // namespace

std::string EvaluationTable::row(std::int64_t step, double epoch, double train_loss,
                                 const MetricsReport& report, bool is_best) {
  std::string head =
      fmt::format("{:>{}}{:>{}}{:>{}}", "step", kStep, "epoch", kEpoch, "train loss", kLoss + 2);
  std::string line = fmt::format("{:>{}}{:>{}.1f}{:>{}}", with_commas(step), kStep, epoch, kEpoch,
                                 cell(train_loss), kLoss + 2);
  std::vector<std::string> names;
  for (const auto& [name, value] : report.values) {
    const auto width = width_of(name, value);
    if (head.size() + width + kBest > columns_) break;
    head += fmt::format("{:>{}}", name, width);
    line += fmt::format("{:>{}}", cell(value), width);
    names.push_back(name);
  }
  if (is_best) line += " *";
  if (names == names_) return line;
  names_ = names;
  return fmt::format("validation part; * is the best so far\n{}\n{}", head, line);
}

}  // namespace ringtrain
