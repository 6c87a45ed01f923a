#include "tests/trainer/checks/spoilt_rows.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

namespace ringtrain::test {

Rows Rows::read(const std::filesystem::path& file) {
  Rows table;
  std::ifstream stream(file);
  std::string line;
  while (std::getline(stream, line)) {
    std::vector<std::string> cells;
    std::stringstream parts(line);
    for (std::string cell; std::getline(parts, cell, ',');) cells.push_back(cell);
    (table.names.empty() ? table.names : table.rows.emplace_back()) = cells;
  }
  table.shuffle(1);
  return table;
}

std::string Rows::csv() const {
  std::string text;
  const auto add = [&](const std::vector<std::string>& cells) {
    for (std::size_t c = 0; c < cells.size(); ++c) text += (c ? "," : "") + cells[c];
    text += "\n";
  };
  add(names);
  for (const auto& row : rows) add(row);
  return text;
}

std::vector<std::string> Rows::classes() const {
  std::set<std::string> all;
  for (const auto& row : rows) all.insert(row.back());
  return {all.begin(), all.end()};
}

double Rows::target_number(std::size_t row) const {
  const auto all = classes();
  if (all.size() >= 15) return std::stod(rows[row].back());
  return static_cast<double>(std::find(all.begin(), all.end(), rows[row].back()) - all.begin());
}

void Rows::add(const std::string& name, const std::function<std::string(std::size_t row)>& value) {
  std::vector<std::string> cells;
  for (std::size_t r = 0; r < rows.size(); ++r) cells.push_back(value(r));
  for (std::size_t r = 0; r < rows.size(); ++r) rows[r].insert(rows[r].begin(), cells[r]);
  names.insert(names.begin(), name);
}

void Rows::sort_by_target() {
  const bool words = has_classes();
  std::stable_sort(rows.begin(), rows.end(), [words](const auto& a, const auto& b) {
    return words ? a.back() < b.back() : std::stod(a.back()) < std::stod(b.back());
  });
}

void Rows::shuffle(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::shuffle(rows.begin(), rows.end(), random);
}

void Rows::mix_targets(double share, std::mt19937_64& random) {
  const auto all = classes();
  const auto before = rows;
  std::uniform_real_distribution<double> chance(0, 1);
  for (auto& row : rows) {
    if (chance(random) >= share) continue;
    const std::string old = row.back();
    if (all.size() >= 15)
      row.back() = before[random() % before.size()].back();
    else
      while (row.back() == old) row.back() = all[random() % all.size()];
  }
}

}  // namespace ringtrain::test
