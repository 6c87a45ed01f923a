#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace ringtrain {

/// One column of row-major numbers, read in place; the numbers outlive it.
class Column {
 public:
  Column(std::span<const double> numbers, std::size_t which = 0, std::size_t width = 1)
      : first_(numbers.empty() ? nullptr : numbers.data() + which),
        width_(width),
        size_(numbers.size() / width) {}
  Column(const std::vector<double>& numbers) : Column(std::span<const double>(numbers)) {}

  std::size_t size() const { return size_; }
  double operator[](std::size_t row) const { return first_[row * width_]; }

 private:
  const double* first_;
  std::size_t width_, size_;
};

}  // namespace ringtrain
