#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace ringtrain::test {

/// A table of texts, for tests that spoil it: the last column is the target.
struct Rows {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> rows;

  /// A CSV file of plain numbers and words, shuffled: its rows stand in no order.
  static Rows read(const std::filesystem::path& file);
  std::string csv() const;

  std::size_t target() const { return names.size() - 1; }
  double number(std::size_t row, std::size_t column) const { return std::stod(rows[row][column]); }
  std::vector<std::string> classes() const;  ///< distinct targets, sorted
  bool has_classes() const { return classes().size() < 15; }
  /// Of a row's target: its place among the classes, or the number.
  double target_number(std::size_t row) const;
  /// A column more, the first one.
  void add(const std::string& name, const std::function<std::string(std::size_t row)>& value);
  void sort_by_target();
  void shuffle(std::uint64_t seed);
  /// Each with this probability gets another class, or the target of a random row.
  void mix_targets(double share, std::mt19937_64& random);
};

}  // namespace ringtrain::test
