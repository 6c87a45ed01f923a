// metrics_of_csv (binary|multiclass|regression) [THRESHOLD|CLASSES] < rows
// A row is `score,label`, `p0,...,pK-1,label` or `prediction,target`. Prints one JSON object, and fails where
// 3 ranks, each with a part of the rows, have another one.
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "comm/backends.h"
#include "trainer/metrics/classification.h"
#include "trainer/metrics/regression.h"
#include "trainer/metrics/threshold.h"

namespace {

using namespace ringtrain;
using Numbers = std::vector<double>;

nlohmann::ordered_json metrics_of(const std::string& kind, double number, const Numbers& scores,
                                  const Numbers& last, const Holders& holders) {
  if (kind == "regression") return regression_metrics(scores, last, holders).to_json();
  if (kind == "multiclass")
    return multiclass_metrics(scores, static_cast<std::int64_t>(number), last, holders).to_json();
  auto json = binary_metrics(scores, last, number, holders).to_json();
  const std::vector<RankedColumn> columns{{scores, last}};
  json["best_f1_threshold"] = best_f1_thresholds(columns, holders)[0];
  json["threshold_for_cost_20"] = least_cost_thresholds(columns, 20, holders)[0];
  return json;
}

/// The numbers of the rows of one of 3 ranks.
Numbers part_of(const Numbers& numbers, std::size_t rows, int rank) {
  const auto begin = [&](int r) {
    return numbers.begin() +
           static_cast<std::ptrdiff_t>(rows * static_cast<std::size_t>(r) / 3 * (numbers.size() / rows));
  };
  return {begin(rank), begin(rank + 1)};
}

}  // namespace

int main(int count, char** words) {
  const std::string kind = count > 1 ? words[1] : "";
  const double number = count > 2 ? std::stod(words[2]) : 0;
  if (kind != "binary" && kind != "multiclass" && kind != "regression") {
    std::cerr << "usage: metrics_of_csv (binary|multiclass|regression) [THRESHOLD|CLASSES] < rows\n";
    return 2;
  }
  Numbers scores, last;
  std::string line, cell;
  while (std::getline(std::cin, line)) {
    std::istringstream cells(line);
    while (std::getline(cells, cell, ',')) scores.push_back(std::stod(cell));
    last.push_back(scores.back());
    scores.pop_back();
  }
  const auto json = metrics_of(kind, number, scores, last, {});
  std::mutex mutex;
  bool same = true;
  run_as_threads(3, [&](Communicator& control) {
    const auto rows = last.size();
    const auto mine = metrics_of(kind, number, part_of(scores, rows, control.rank()),
                                 part_of(last, rows, control.rank()), Holders(control));
    const std::lock_guard lock(mutex);
    same = same && mine == json;
  });
  if (!same) {
    std::cerr << "3 ranks have other metrics than one\n";
    return 1;
  }
  std::cout << json << "\n";
}
