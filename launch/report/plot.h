#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ringtrain::report {

using Points = std::vector<std::pair<double, double>>;

/// At most about `most` points: of each run of them the first, the last, the lowest and the highest. What is
/// not finite stays where it is one of these.
Points thinned(const Points& points, std::size_t most);

struct Line {
  std::string name;      ///< any text
  Points points;         ///< by rising x; a y that is not finite breaks the line
  bool dashed = false;   ///< beside the colour, which the place in the list decides
  bool dots = false;     ///< points alone, without a line
  bool faint = false;    ///< something to compare with: the diagonal
  std::string remark{};  ///< of a single point: what it is
};

/// A plot as inline SVG in a figure: a title, a legend, axes with marks. Its colours are the page's (light
/// and dark); lines differ in their dashes too. A plot without any finite point is "".
struct Plot {
  std::string title, x, y;  ///< any text
  std::vector<Line> lines{};
  std::optional<std::pair<double, double>> x_range{}, y_range{};  ///< else those of the points
  bool from_zero = false;                                         ///< the y axis holds 0
  bool may_be_logarithmic = false;  ///< where all y are above 0 and span more than a hundredfold
  bool square = false;
  std::string text() const;
};

/// Horizontal bars, one a name, as a table-like figure. `values` may be below 0; `texts`: HTML beside each.
struct Bar {
  std::string name;  ///< any text
  double value = 0;
  std::string text;  ///< HTML
};
std::string bars(const std::string& title, const std::vector<Bar>& bars);

/// Counts of neighbouring ranges as a figure.
struct Histogram {
  std::string title, x;
  std::vector<double> edges;  ///< one more than counts
  std::vector<double> counts;
  std::string text() const;
};

}  // namespace ringtrain::report
