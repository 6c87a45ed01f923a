#include "launch/drift/comparison.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "common/text.h"
#include "launch/drift/model_rows.h"
#include "launch/drift/reference.h"
#include "launch/drift/scores.h"
#include "launch/findings_table.h"
#include "serving/predict/score_columns.h"
#include "serving/repository/schema_section.h"

namespace ringtrain::drift {
namespace {

using nlohmann::ordered_json;

/// Rows that the model does not answer.
constexpr Limit kRefused{0.0, 0.05};

DataProfile profile_for(const Request& request) {
  if (!request.reference.empty()) return profile_of_rows(request.predictor, request.reference);
  const auto profile = schema_section(request.predictor.folder(), kProfileSection);
  if (!profile.is_null()) return DataProfile::from_json(profile);
  throw ConfigError(fmt::format(
      "{} has no profile of what it learned from: it was exported by an earlier version, trained with "
      "data.streaming, or learned from a stream. Give rows that it was trained on: --reference FILE",
      request.predictor.folder().string()));
}

/// The columns of a profile in the order of the model's.
class ModelColumns {
 public:
  ModelColumns(const Manifest& manifest, Comparison& result) : manifest_(manifest) {
    const auto& schema = manifest.preprocessing;
    for (const auto& column : schema.numeric) numbers_.push_back(beside(result, column.name, false));
    for (const auto& column : schema.categorical) words_.push_back(beside(result, column.name, true));
  }

  void add(const ModelRows::Piece& piece) {
    for (std::size_t c = 0; c < numbers_.size(); ++c)
      for (const double value : piece.numbers(c)) numbers_[c]->add(value);
    for (std::size_t c = 0; c < words_.size(); ++c)
      for (const auto& word : piece.batch.rows.categorical[c])
        words_[c]->add(word, word.empty() || manifest_.preprocessing.categorical[c].knows(word));
  }

 private:
  static BesideColumn* beside(Comparison& result, const std::string& name, bool words) {
    const auto& columns = result.profile.columns;
    const auto found = std::find_if(columns.begin(), columns.end(),
                                    [&](const Distribution& one) { return one.name == name; });
    if (found == columns.end() || found->of_words != words)
      throw DataError(fmt::format("the profile lacks the model's column '{}'; export again", name));
    result.beside.push_back(std::make_unique<BesideColumn>(*found));
    return result.beside.back().get();
  }

  const Manifest& manifest_;
  std::vector<BesideColumn*> numbers_, words_;
};

void add_scores(const Manifest& manifest, const ModelRows::Piece& piece,
                const std::vector<BesideColumn*>& scores) {
  if (!piece.answers.defined() || scores.empty()) return;
  const auto columns = score_columns(manifest, piece.answers);
  for (std::size_t k = 0; k < std::min(scores.size(), columns.size()); ++k)
    for (const double value : columns[k]) scores[k]->add(value);
}

Finding refused_finding(const Comparison& all) {
  const auto share = static_cast<double>(all.refused) / static_cast<double>(all.rows);
  const auto value = fmt::format("{} of {} ({:.1f}%); {}", with_commas(all.refused), with_commas(all.rows),
                                 100 * share, all.first_refusal);
  const char* const remedy = "mend the rows, or train with data.missing and data.unseen that take them";
  return share > kRefused.bad ? bad("rows without an answer", value, remedy)
                              : warning("rows without an answer", value, remedy);
}

}  // namespace

Comparison compare(const Request& request, const std::function<void(const ModelRows&)>& progress) {
  const auto& manifest = request.predictor.manifest();
  ModelRows rows(request.predictor, request.data);
  Comparison result;
  result.model = request.predictor.folder().string();
  result.data = request.data;
  result.reference = request.reference;
  result.profile = profile_for(request);
  ModelColumns columns(manifest, result);
  const auto inputs = result.beside.size();
  BesideColumn* target = nullptr;
  std::optional<TruthReader> truth;
  const auto* const target_then = result.profile.targets.empty() ? nullptr : &result.profile.targets[0];
  if (rows.has_truth() && TruthReader::knows(manifest)) {
    truth.emplace(manifest, request.catalogue, target_then);
    if (target_then) {
      result.beside.push_back(std::make_unique<BesideColumn>(*target_then));
      target = result.beside.back().get();
    }
  }
  std::vector<BesideColumn*> scores;
  for (const auto& one : result.profile.scores) {
    result.beside.push_back(std::make_unique<BesideColumn>(one));
    scores.push_back(result.beside.back().get());
  }
  SkewReader skew(request.predictor, request.logged);
  ModelRows::Piece piece;
  while (rows.next(piece)) {
    columns.add(piece);
    add_scores(manifest, piece, scores);
    if (truth) truth->add(piece, target);
    skew.add(piece);
    if (progress) progress(rows);
  }
  if (rows.rows() == 0) throw DataError(fmt::format("{}: it has no rows", request.data));
  for (std::size_t i = 0; i < result.beside.size(); ++i) {
    const auto& one = *result.beside[i];
    const auto* const kind = i < inputs       ? (one.then().of_words ? "word" : "number")
                             : &one == target ? "target"
                                              : "score";
    result.columns.push_back(drift_of(one, kind, request.limits, result.beside.size()));
  }
  if (truth) result.course = truth->finish(request.window);
  result.skew = skew.finish();
  result.rows = rows.rows();
  result.refused = rows.refused();
  result.first_refusal = rows.first_refusal();
  return result;
}

Findings Comparison::findings() const {
  Findings all;
  for (const auto& column : columns) all.push_back(column.finding());
  if (refused > 0) all.push_back(refused_finding(*this));
  if (course) all.push_back(course->finding());
  for (auto& finding : skew.findings()) all.push_back(std::move(finding));
  return all;
}

ordered_json Comparison::to_json() const {
  ordered_json json{{"model", model},
                    {"data", data},
                    {"reference", reference.empty() ? ordered_json() : ordered_json(reference)},
                    {"trained_rows", profile.rows},
                    {"looked_at", profile.looked_at},
                    {"scored", profile.scored},
                    {"rows", rows},
                    {"refused", refused},
                    {"columns", ordered_json::array()}};
  for (const auto& column : columns) json["columns"].push_back(column.to_json());
  if (course) json["course"] = course->to_json();
  json["skew"] = skew.to_json();
  json["findings"] = findings_json(findings());
  return json;
}

}  // namespace ringtrain::drift
