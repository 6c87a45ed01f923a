#include "launch/report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "launch/report/axis.h"
#include "launch/report/html.h"

namespace ringtrain::report {
namespace {

constexpr double kWidth = 480, kHeight = 280, kLeft = 56, kRight = 16, kTop = 10, kBottom = 44;
constexpr std::size_t kColours = 7;

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
};

/// The drawing's frame and both axes.
class Frame {
 public:
  Frame(const Axis& x, const Axis& y, double height) : x_(x), y_(y), height_(height) {}
  double across(double value) const { return kLeft + x_.place(value) * (kWidth - kLeft - kRight); }
  double down(double value) const { return height_ - kBottom - y_.place(value) * (height_ - kTop - kBottom); }
  double bottom() const { return height_ - kBottom; }

  std::string open(const std::string& title) const {
    return fmt::format(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\" data-x=\"{:.9g},{:.9g},{}\" "
        "data-y=\"{:.9g},{:.9g},{}\" data-f=\"{},{},{},{}\">",
        kWidth, height_, escaped(title), x_.low(), x_.high(), x_.is_logarithmic() ? 1 : 0, y_.low(),
        y_.high(), y_.is_logarithmic() ? 1 : 0, kLeft, kWidth - kRight, kTop, bottom());
  }
  std::string marks(const std::string& x_name) const {
    std::string text = "<g class=\"axis\">";
    for (const auto& mark : y_.marks(5)) {
      const double y = down(mark.value);
      text += fmt::format("<path d=\"M{} {:.1f}H{}\"/><text x=\"{}\" y=\"{:.1f}\" class=\"e\">{}</text>",
                          kLeft, y, kWidth - kRight, kLeft - 6, y + 4, mark.text);
    }
    double last = -100;
    for (const auto& mark : x_.marks(6)) {
      const double x = across(mark.value);
      if (x - last < 42) continue;
      last = x;
      text += fmt::format(
          "<path d=\"M{0:.1f} {1}v4\" class=\"k\"/><text x=\"{0:.1f}\" y=\"{2}\" class=\"m\">{3}</text>", x,
          bottom(), bottom() + 19, mark.text);
    }
    text += fmt::format("<path d=\"M{} {}V{}H{}\" class=\"k\"/>", kLeft, kTop, bottom(), kWidth - kRight);
    return text + fmt::format("<text x=\"{}\" y=\"{}\" class=\"m\">{}</text></g>",
                              (kLeft + kWidth - kRight) / 2, height_ - 5, excerpt_of(x_name, 60));
  }

 private:
  const Axis &x_, &y_;
  double height_;
};

std::string path_of(const Line& line, const Frame& frame) {
  std::string path;
  bool pen = false;
  for (const auto& [x, y] : line.points) {
    const bool good = std::isfinite(x) && std::isfinite(y);
    if (good) path += fmt::format("{}{:.1f} {:.1f}", pen ? 'L' : 'M', frame.across(x), frame.down(y));
    pen = good;
  }
  return path;
}

std::string dots_of(const Line& line, const Frame& frame, const std::string& style, double radius) {
  std::string text;
  for (const auto& [x, y] : line.points)
    if (std::isfinite(x) && std::isfinite(y))
      text += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"/>", frame.across(x), frame.down(y),
                          radius);
  return fmt::format("<g class=\"dots {}\">{}</g>", style, text);
}

std::string style_of(const Line& line, std::size_t number) {
  if (line.faint) return "faint";
  return fmt::format("c{}{}", number % kColours, line.dashed ? " dash" : "");
}

std::string legend(const std::vector<Line>& lines) {
  std::string text;
  std::size_t number = 0;
  for (const auto& line : lines) {
    const auto style = style_of(line, number);
    if (!line.faint) ++number;
    if (line.name.empty()) continue;
    text += fmt::format(
        "<span><svg viewBox=\"0 0 22 8\" class=\"key {}\" aria-hidden=\"true\">{}</svg>{}</span>", style,
        line.dots ? "<circle cx=\"11\" cy=\"4\" r=\"3.5\" class=\"dot\"/>" : "<path d=\"M0 4H22\"/>",
        excerpt_of(line.name, 60));
  }
  return text.empty() ? "" : "<div class=\"legend\">" + text + "</div>";
}

}  // namespace

Points thinned(const Points& points, std::size_t most) {
  if (points.size() <= most) return points;
  const std::size_t buckets = std::max<std::size_t>(1, most / 4);
  Points result;
  for (std::size_t b = 0; b < buckets; ++b) {
    const std::size_t begin = b * points.size() / buckets, end = (b + 1) * points.size() / buckets;
    std::size_t low = begin, high = begin, lost = end;
    for (std::size_t i = begin; i < end; ++i) {
      if (!std::isfinite(points[i].second)) lost = std::min(lost, i);
      if (points[i].second < points[low].second || std::isnan(points[low].second)) low = i;
      if (points[i].second > points[high].second || std::isnan(points[high].second)) high = i;
    }
    std::vector<std::size_t> kept{begin, low, high, end - 1};
    if (lost < end) kept.push_back(lost);
    std::sort(kept.begin(), kept.end());
    kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
    for (const auto i : kept) result.push_back(points[i]);
  }
  return result;
}

std::string Plot::text() const {
  Range xs, ys;
  bool positive = true;
  for (const auto& line : lines)
    for (const auto& [px, py] : line.points) {
      if (!std::isfinite(px) || !std::isfinite(py)) continue;
      xs.take(px);
      ys.take(py);
      positive = positive && py > 0;
    }
  if (ys.empty()) return "";
  const bool logarithmic = may_be_logarithmic && positive && ys.high > 100 * ys.low;
  if (from_zero) ys.take(0);
  const Axis across = x_range ? Axis(x_range->first, x_range->second) : Axis(xs.low, xs.high);
  const Axis down =
      y_range ? Axis(y_range->first, y_range->second) : Axis(ys.low, ys.high, logarithmic).rounded(5);
  const Frame frame(across, down, square ? kWidth - kLeft - kRight + kTop + kBottom : kHeight);
  std::string drawing;
  std::size_t number = 0;
  for (const auto& line : lines) {
    const auto style = style_of(line, number);
    if (!line.faint) ++number;
    if (!line.dots)
      drawing += fmt::format("<path class=\"line {}\" data-n=\"{}\" d=\"{}\"/>", style, escaped(line.name),
                             path_of(line, frame));
    if (line.dots || (line.points.size() <= 40 && !line.faint))
      drawing += dots_of(line, frame, style,
                         line.points.size() > 200  ? 1.8
                         : line.points.size() == 1 ? 5
                                                   : 2.6);
  }
  return fmt::format(
      "<figure{}><figcaption>{}{}</figcaption>{}{}{}{}<g class=\"hover\"></g></svg></figure>",
      square ? " class=\"square\"" : "", escaped(title),
      y.empty() ? "" : " <small>" + escaped(y) + (logarithmic ? ", logarithmic" : "") + "</small>",
      legend(lines), frame.open(title), frame.marks(x), drawing);
}

std::string bars(const std::string& title, const std::vector<Bar>& bars) {
  double most = 0;
  for (const auto& bar : bars)
    if (std::isfinite(bar.value)) most = std::max(most, std::abs(bar.value));
  if (bars.empty()) return "";
  std::string rows;
  for (const auto& bar : bars)
    rows += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"bar\"><svg viewBox=\"0 0 100 10\" "
        "preserveAspectRatio=\"none\" "
        "aria-hidden=\"true\"><rect width=\"{:.2f}\" height=\"10\" class=\"{}\"/></svg></td><td>{}</td></tr>",
        excerpt_of(bar.name, 40), most > 0 && std::isfinite(bar.value) ? 100 * std::abs(bar.value) / most : 0,
        bar.value < 0 ? "b1" : "b0", bar.text);
  return fmt::format(
      "<figure><figcaption>{}</figcaption><table class=\"bars\"><tbody>{}</tbody></table></figure>",
      escaped(title), rows);
}

std::string Histogram::text() const {
  if (counts.empty() || edges.size() != counts.size() + 1) return "";
  const double most = *std::max_element(counts.begin(), counts.end());
  const Axis across(edges.front(), edges.back());
  const Axis down = Axis(0, std::max(1.0, most)).rounded(4);
  const Frame frame(across, down, kHeight);
  std::string drawing = "<g class=\"b0\">";
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double left = frame.across(edges[i]), top = frame.down(counts[i]);
    drawing += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"><title>{} to {}: "
        "{}</title></rect>",
        left, top, std::max(0.5, frame.across(edges[i + 1]) - left - 1), frame.bottom() - top,
        shown(edges[i]), shown(edges[i + 1]), shown(counts[i]));
  }
  return fmt::format("<figure><figcaption>{} <small>rows</small></figcaption>{}{}{}</g></svg></figure>",
                     escaped(title), frame.open(title), frame.marks(x), drawing);
}

}  // namespace ringtrain::report
