#include "serving/repository/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/errors.h"
#include "common/files.h"
#include "common/text.h"

namespace ringtrain {
namespace {

constexpr std::int64_t format_version = 1;
constexpr std::array input_forms{"matrix", "columns"};

/// The columns as a server's client sends them, for readers that know nothing of ringtrain.
nlohmann::json columns_of(const Preprocessing& preprocessing) {
  auto columns = nlohmann::json::array();
  for (const auto& column : preprocessing.numeric) {
    columns.push_back({{"name", column.name},
                       {"type", "number"},
                       {"dtype", column.wide ? "float64" : "float32"},
                       {"may_be_missing", column.fill.has_value()}});
    if (column.part != DatePart::none) columns.back()["date"] = column.source;
  }
  for (const auto& column : preprocessing.categorical) {
    columns.push_back(
        {{"name", column.name}, {"type", "string"}, {"may_be_missing", column.takes_missing()}});
    if (column.encoding == Encoding::hash) columns.back()["hash_buckets"] = column.buckets;
  }
  return columns;
}

/// What a program that runs the model files by itself has to know.
std::vector<std::string> notes_of(const Preprocessing& preprocessing) {
  std::vector<std::string> notes;
  if (preprocessing.has_wide())
    notes.emplace_back(
        "numeric columns of dtype float64 lose their digits in servers that cast inputs to float32 "
        "(OpenVINO, TensorRT); ONNX Runtime, LibTorch and TensorFlow compute them rightly");
  std::vector<std::string> hashed;
  for (const auto& column : preprocessing.categorical)
    if (column.encoding == Encoding::hash) hashed.push_back("'" + column.name + "'");
  if (!hashed.empty())
    notes.push_back(fmt::format(
        "model.onnx, model.pt and saved_model.pb do not hash: of {} they take codes, int64 [n] (NAME_code): "
        "0 "
        "for a missing value, else 1 + XXH3_64(UTF-8 of the word, seed 0) modulo hash_buckets (unsigned); "
        "`ringtrain "
        "serve` and `ringtrain predict` take the words",
        join(hashed)));
  return notes;
}

/// The same of a signature: a batch has one dimension more, the rows.
nlohmann::json tensors_of(const Signature& signature) {
  auto tensors = nlohmann::json::array();
  for (const auto& input : signature.inputs) {
    std::vector<std::int64_t> shape{-1};
    shape.insert(shape.end(), input.dims.begin(), input.dims.end());
    tensors.push_back({{"name", input.name}, {"dtype", type_name(input.type)}, {"shape", shape}});
    if (input.pad) tensors.back()["pad"] = *input.pad;
    if (!input.mask.empty()) tensors.back()["mask"] = input.mask;
    if (input.below > 0) tensors.back()["below"] = input.below;
  }
  return tensors;
}

/// The threshold beside the head, for readers that know no heads.
double threshold_of(const Head& head) { return head.is_binary() ? head.thresholds[0] : 0.5; }

Head head_of(const nlohmann::json& json, const Manifest& manifest) {
  if (json.contains("head")) return Head::from_json(json["head"]);
  return head_of_earlier(manifest.task, manifest.preprocessing, json.at("threshold").get<double>());
}

}  // namespace

Head head_of_earlier(const std::string& task, const Preprocessing& preprocessing, double threshold) {
  using Kind = HeadOperation::Kind;
  if (task == "binary_classification") return {AnswerForm::one_class, 1, {{Kind::sigmoid}}, {threshold}, {}};
  if (task == "classification")
    return {AnswerForm::one_class,
            static_cast<std::int64_t>(preprocessing.labels.size()),
            {{Kind::softmax}},
            {},
            {}};
  if (task == "regression") {
    Head head{AnswerForm::values, 1, {}, {}, {}};
    const auto [shift, scale] = preprocessing.scale_of(0);
    if (preprocessing.scales_target()) head.operations = {{Kind::scale, {scale}, {shift}}};
    return head;
  }
  if (task == "language_model")
    return {AnswerForm::tokens, preprocessing.tokens ? preprocessing.tokens->vocabulary : 0, {}, {}, {}};
  throw ExportError(fmt::format(
      "task: unknown '{}'; expected binary_classification, classification, regression or language_model",
      task));
}

nlohmann::json Manifest::to_json() const {
  nlohmann::json json{{"format", format_version},
                      {"name", name},
                      {"version", version},
                      {"task", task},
                      {"columns", columns_of(preprocessing)},
                      {"inputs", inputs},
                      {"labels", preprocessing.labels},
                      {"head", head.to_json()},
                      {"threshold", threshold_of(head)},
                      {"preprocessing", preprocessing.to_json()},
                      {"metrics", metrics.is_null() ? nlohmann::json::object() : metrics},
                      {"provenance", provenance.is_null() ? nlohmann::json::object() : provenance},
                      {"files", files.is_null() ? nlohmann::json::object() : files}};
  if (preprocessing.signature) json["tensors"] = tensors_of(*preprocessing.signature);
  if (head.is_binary() && preprocessing.labels.size() == 2) json["positive_class"] = preprocessing.labels[1];
  if (!tests.is_null()) json["tests"] = tests;
  if (const auto notes = notes_of(preprocessing); !notes.empty()) json["notes"] = notes;
  return json;
}

/// Of no object, or without a format: what reads it says so.
static void require_known_format(const nlohmann::json& json) {
  const auto format = json.is_object() ? json.value("format", nlohmann::json()) : nlohmann::json();
  if (format.is_number_integer() && format > format_version)
    throw ExportError(
        fmt::format("it has format {}, but this ringtrain reads up to {}; use a newer ringtrain",
                    format.dump(), format_version));
}

Manifest Manifest::from_json(const nlohmann::json& json) {
  Manifest result;
  try {
    require_known_format(json);
    static_cast<void>(json.at("format").get<std::int64_t>());
    result.name = json.at("name").get<std::string>();
    result.version = json.at("version").get<std::int64_t>();
    result.task = json.at("task").get<std::string>();
    result.inputs = json.value("inputs", result.inputs);
    result.preprocessing = Preprocessing::from_json(json.at("preprocessing"));
    result.head = head_of(json, result);
    result.metrics = json.at("metrics");
    result.provenance = json.at("provenance");
    result.tests = json.value("tests", nlohmann::json());
    result.files = json.at("files");
  } catch (const nlohmann::json::exception& error) {
    throw ExportError(fmt::format("a field is missing or of a wrong type ({})", error.what()));
  } catch (const DataError& error) {
    throw ExportError(error.what());
  }
  if (std::find(input_forms.begin(), input_forms.end(), result.inputs) == input_forms.end())
    throw ExportError(fmt::format("inputs: unknown '{}'; expected matrix or columns", result.inputs));
  if ((result.head.form == AnswerForm::tokens) != result.preprocessing.tokens.has_value())
    throw ExportError(fmt::format("head: its form does not fit preprocessing.tokens (task {})", result.task));
  return result;
}

std::string Manifest::file_text() const {
  auto json = to_json();
  json.erase("preprocessing");
  return json.dump(2) + "\n";
}

Manifest Manifest::read(const std::filesystem::path& folder) {
  auto file = folder / "manifest.json";
  std::error_code unknown;
  if (!std::filesystem::exists(file, unknown) && !unknown)
    throw ExportError(fmt::format(
        "{} is missing: the version is not whole; copy all its files, or export again", file.string()));
  try {
    auto json = nlohmann::json::parse(read_file(file));
    require_known_format(json);  // a later one may keep its schema elsewhere
    if (json.is_object() && !json.contains("preprocessing")) {
      const auto schema = folder / "schema.json";
      if (!std::filesystem::exists(schema, unknown) && !unknown)
        throw ExportError(
            "schema.json is missing beside it: the version is not whole; copy all its files, or "
            "export again");
      file = schema;
      json["preprocessing"] = nlohmann::json::parse(read_file(schema));
    }
    return from_json(json);
  } catch (const nlohmann::json::exception& error) {
    throw ExportError(fmt::format("{} is not JSON: {}", file.string(), error.what()));
  } catch (const ExportError& error) {
    throw ExportError(fmt::format("{}: {}", file.string(), error.what()));
  } catch (const DataError& error) {
    throw ExportError(error.what());
  }
}

}  // namespace ringtrain
