#include "launch/drift/drift_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/text.h"
#include "launch/findings_table.h"
#include "launch/report/frame.h"
#include "launch/report/html.h"
#include "launch/report/plot.h"

namespace ringtrain::drift {
namespace {

using report::Bar;
using report::escaped;
using report::HtmlTable;
using report::shown;

constexpr std::size_t kMostPictures = 60, kMostWords = 12;

/// Where bins begin and end; the outer ones, which have no end, are drawn as wide as the others in the mean.
std::vector<double> drawn_edges(const BesideColumn& column) {
  const auto& then = column.then();
  auto edges = then.edges;
  if (edges.empty()) return {then.low - 0.5, then.high + 0.5};
  const auto& now = column.now();
  const double low = now.present > 0 ? std::min(then.low, now.low) : then.low;
  const double high = now.present > 0 ? std::max(then.high, now.high) : then.high;
  const double all = edges.back() - edges.front();
  const double width = all > 0 ? 2 * all / static_cast<double>(edges.size()) : (high - low) / 2;
  edges.insert(edges.begin(), std::max(low, edges.front() - width));
  edges.push_back(std::min(high, edges.back() + width));
  return edges;
}

std::vector<double> densities(const Distribution& column, const std::vector<double>& edges) {
  std::vector<double> result;
  const auto all = static_cast<double>(std::max<std::int64_t>(column.counted(), 1));
  for (std::size_t i = 0; i < column.bins.size(); ++i) {
    const double width = edges[i + 1] - edges[i];
    result.push_back(width > 0 ? static_cast<double>(column.bins[i]) / all / width : 0);
  }
  return result;
}

/// The outline of a histogram; thinner than a pixel between two bins, since x rises.
report::Points steps(const std::vector<double>& edges, const std::vector<double>& heights) {
  report::Points points{{edges.front(), 0}};
  for (std::size_t i = 0; i < heights.size(); ++i)
    points.insert(points.end(), {{edges[i], heights[i]}, {edges[i + 1], heights[i]}});
  points.emplace_back(edges.back(), 0);
  return points;
}

std::string picture_of_numbers(const ColumnDrift& column) {
  const auto edges = drawn_edges(*column.counts);
  report::Plot picture{column.name, column.name, "density", {}};
  picture.lines = {{"then", steps(edges, densities(column.counts->then(), edges))},
                   {"now", steps(edges, densities(column.counts->now(), edges)), true}};
  picture.from_zero = true;
  return picture.text();
}

/// Words in the order of then, the rest behind them.
std::string words_of(const Distribution& column, const Distribution& order, const std::string& title) {
  std::vector<Bar> shown_bars;
  const auto all = static_cast<double>(std::max<std::int64_t>(column.counted(), 1));
  const auto add = [&](const std::string& name, std::int64_t count) {
    const double share = static_cast<double>(count) / all;
    shown_bars.push_back({name, share, report::percent(share)});
  };
  std::int64_t others = column.rest;
  for (std::size_t i = 0; i < order.words.size(); ++i)
    i < kMostWords ? add(column.words[i].first, column.words[i].second)
                   : static_cast<void>(others += column.words[i].second);
  if (others > 0 || order.rest > 0 || order.words.size() > kMostWords) add("(all others)", others);
  return report::bars(title, shown_bars);
}

std::string picture_of(const ColumnDrift& column) {
  if (!column.why_not.empty()) return "";
  const auto& then = column.counts->then();
  const auto& now = column.counts->now();
  if (!then.of_words) return picture_of_numbers(column);
  return report::side_by_side(
      {words_of(then, then, column.name + ", then"), words_of(now, then, column.name + ", now")});
}

/// What has changed most comes first.
std::vector<const ColumnDrift*> by_level(const std::vector<ColumnDrift>& columns) {
  std::vector<const ColumnDrift*> sorted;
  for (const auto& column : columns) sorted.push_back(&column);
  const auto rank = [](const ColumnDrift* column) {
    const auto level = column->finding().level;
    return level == Finding::Level::skipped ? -1 : static_cast<int>(level);
  };
  std::stable_sort(sorted.begin(), sorted.end(), [&](auto* a, auto* b) { return rank(a) > rank(b); });
  return sorted;
}

std::string pictures(const std::vector<const ColumnDrift*>& columns, bool words) {
  std::vector<std::string> blocks;
  for (const auto* column : columns)
    if (blocks.size() < kMostPictures && column->why_not.empty() && column->counts->then().of_words == words)
      blocks.push_back(picture_of(*column));
  if (!words) return report::side_by_side(blocks);
  std::string text;
  for (const auto& block : blocks) text += block;
  return text;
}

std::string overview(const Comparison& all) {
  HtmlTable table{{"", "what", "found", "what to do"}, {}, report::kAllTexts};
  for (const auto& one : findings_json(all.findings()))
    table.rows.push_back({escaped(one["level"].get<std::string>()), escaped(one["what"].get<std::string>()),
                          escaped(one["value"].get<std::string>()),
                          escaped(one["remedy"].get<std::string>())});
  std::stable_sort(table.rows.begin(), table.rows.end(), [](const auto& a, const auto& b) {
    const auto rank = [](const std::string& level) {
      return level == "bad" ? 0 : level == "warning" ? 1 : 2;
    };
    return rank(a[0]) < rank(b[0]);
  });
  const auto then = all.reference.empty() ? "the rows that it was trained on" : all.reference;
  return fmt::format("<p>Model <b>{}</b>. Then: {}, {} of them looked at. Now: {} rows of {}.</p>",
                     escaped(all.model), escaped(then), with_commas(all.profile.looked_at),
                     with_commas(all.rows), escaped(all.data)) +
         table.text();
}

std::string course(const ErrorCourse& found) {
  std::vector<std::string> blocks;
  for (const auto& name : found.metrics) {
    report::Plot plot{name, "row", "", {}};
    report::Points points;
    for (const auto& window : found.windows)
      points.emplace_back(static_cast<double>(window.last), window.report.find(name).value_or(NAN));
    plot.lines.push_back({"", points});
    blocks.push_back(plot.text());
  }
  HtmlTable table{{"a change found at row", "since about row", "error before", "after"}};
  for (const auto& change : found.changes)
    table.rows.push_back(
        {with_commas(change.found), with_commas(change.since), shown(change.before), shown(change.after)});
  const auto changes = table.rows.empty() ? "<p>ADWIN finds no change.</p>" : table.text();
  return report::side_by_side(blocks) + changes + report::remark("Error: " + escaped(found.error) + ".");
}

}  // namespace

std::string page_of(const Comparison& all) {
  const auto columns = by_level(all.columns);
  std::string body = report::section("overview", "What was found", overview(all));
  if (all.course && all.course->rows > 0)
    body += report::section("course", "Metrics over time", course(*all.course),
                            fmt::format("{} rows with truth", with_commas(all.course->rows)));
  body += report::section("numbers", "Numbers then and now", pictures(columns, false));
  body += report::section("words", "Words then and now", pictures(columns, true));
  return report::framed("drift", body, all.to_json());
}

}  // namespace ringtrain::drift
