#include "launch/report/findings.h"

#include <fmt/format.h>

#include <fstream>

#include "common/errors.h"
#include "common/files.h"
#include "common/log.h"
#include "launch/report/answer_measures.h"
#include "launch/report/data_profile.h"
#include "launch/report/importance.h"
#include "launch/report/slices.h"
#include "launch/report/worst_rows.h"

namespace ringtrain::report {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr int kFormat = 1;

ordered_json about(const Manifest& manifest) {
  static const std::map<AnswerForm, std::string> forms{{AnswerForm::one_class, "one_class"},
                                                       {AnswerForm::labels, "labels"},
                                                       {AnswerForm::values, "values"},
                                                       {AnswerForm::tokens, "tokens"}};
  const auto& from = manifest.provenance;
  return {{"format", kFormat},
          {"checkpoint", from.is_object() ? from.value("checkpoint_hash", std::string()) : ""},
          {"model", manifest.name},
          {"version", manifest.version},
          {"step", from.is_object() ? from.value("step", std::int64_t{0}) : 0},
          {"libraries",
           from.is_object() ? from.value("libraries", nlohmann::json::object()) : nlohmann::json::object()},
          {"form", forms.at(manifest.head.form)},
          {"labels", manifest.preprocessing.labels},
          {"thresholds", manifest.head.thresholds},
          {"tests", manifest.tests.is_object() ? manifest.tests.value("results", nlohmann::json::array())
                                               : nlohmann::json::array()}};
}

/// What an earlier report found, where it is of this version; else null.
ordered_json kept(const fs::path& file, const ordered_json& about) {
  std::ifstream in(file);
  auto json = ordered_json::parse(in, nullptr, false);
  if (!json.is_object() || !json.value("complete", false)) return nullptr;
  for (const char* field : {"format", "checkpoint", "model", "version"})
    if (json.value(field, ordered_json()) != about[field]) return nullptr;
  return json;
}

void ask(const RunRecord& record, const Catalogue& catalogue, const Effort& effort, ordered_json& json) {
  const AskedModel model(record, catalogue, effort);
  json["data"] = data_profile_of(model, record);
  json["parts"] = ordered_json::object();
  for (const auto& part : model.answered()) json["parts"][part.name] = measures_of(model, part);
  const auto* shown = model.shown();
  if (!shown) {
    json["problem"] = "the validation and test parts have no rows";
    return;
  }
  json["shown"] = shown->name;
  json["slices"] = slices_of(model, *shown);
  json["importance"] = importance_of(model, *shown, effort);
  json["worst"] = worst_rows_of(model, *shown, json["importance"]);
  const bool late = json["importance"].value("left_out", 0) > 0 && effort.is_over();
  json["complete"] = model.whole() && !late;
}

}  // namespace

ordered_json findings_of(const RunRecord& record, const Catalogue& catalogue, const Effort& effort) {
  ordered_json json{{"complete", false}, {"problem", ""}};
  const auto file = record.folder / "report.json";
  try {
    const auto version = exported_version(record);
    if (!version) throw ConfigError("the run has exported no model");
    const auto manifest = Manifest::read(*version);
    json.update(about(manifest));
    if (auto before = kept(file, json); before.is_object()) return before;
    if (manifest.preprocessing.tokens)
      throw ConfigError("a language model is judged by its loss and perplexity over all tokens, above");
    if (manifest.preprocessing.signature)
      throw ConfigError("the model reads named tensors, not the columns of a table");
    ask(record, catalogue, effort, json);
  } catch (const Error& error) {
    json["problem"] = error.what();
    return json;
  } catch (const nlohmann::json::exception& error) {
    json["problem"] = fmt::format("the exported version's files cannot be understood: {}", error.what());
    return json;
  }
  try {
    write_file_atomically(file, json.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
  } catch (const Error& error) {
    log::warn(fmt::format("{}; the next report will ask the model again", error.what()));
  }
  return json;
}

}  // namespace ringtrain::report
