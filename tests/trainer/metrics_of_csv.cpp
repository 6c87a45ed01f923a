// metrics_of_csv (binary|multiclass|regression) [THRESHOLD|CLASSES] < rows
// A row is `score,label`, `p0,...,pK-1,label` or `prediction,target`. Prints one JSON object.
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "trainer/metrics/classification.h"
#include "trainer/metrics/regression.h"
#include "trainer/metrics/threshold.h"

int main(int count, char** words) {
  using namespace ringtrain;
  const std::string kind = count > 1 ? words[1] : "";
  const double number = count > 2 ? std::stod(words[2]) : 0;
  std::vector<double> scores, last;
  std::string line, cell;
  while (std::getline(std::cin, line)) {
    std::istringstream cells(line);
    while (std::getline(cells, cell, ',')) scores.push_back(std::stod(cell));
    last.push_back(scores.back());
    scores.pop_back();
  }
  std::vector<std::int64_t> labels(last.begin(), last.end());
  nlohmann::ordered_json json;
  if (kind == "binary") {
    json = binary_metrics(scores, labels, number).to_json();
    json["best_f1_threshold"] = best_f1_threshold(scores, labels);
    json["threshold_for_cost_20"] = least_cost_threshold(scores, labels, 20);
  } else if (kind == "multiclass") {
    json = multiclass_metrics(scores, static_cast<std::int64_t>(number), labels).to_json();
  } else if (kind == "regression") {
    json = regression_metrics(scores, last).to_json();
  } else {
    std::cerr << "usage: metrics_of_csv (binary|multiclass|regression) [THRESHOLD|CLASSES] < rows\n";
    return 2;
  }
  std::cout << json << "\n";
}
