#include "serving/client/remote_model.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>
#include <unordered_map>

#include "common/errors.h"
#include "serving/client/tensor_columns.h"
#include "serving/predict/json_text.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

/// "fraud/3" as the path of its interface.
std::string path_of(const std::string& model) {
  if (const auto slash = model.find('/'); slash != std::string::npos)
    return fmt::format("/v1/models/{}/versions/{}", HttpClient::encode(model.substr(0, slash)),
                       HttpClient::encode(model.substr(slash + 1)));
  const auto at = model.find('@');
  const auto name = "/v1/models/" + HttpClient::encode(model.substr(0, at));
  const auto label = at == std::string::npos ? "live" : model.substr(at + 1);
  return label == "live" ? name : name + "/labels/" + HttpClient::encode(label);
}

std::string reason(const HttpAnswer& answer) {
  const auto body = nlohmann::json::parse(answer.body, nullptr, false);
  return body.is_object() && body.contains("error") && body["error"].is_string()
             ? body["error"].get<std::string>()
             : fmt::format("status {}", answer.status);
}

/// {"inputs": {"V1": [1.5, …], "color": ["red", …]}}; null for missing values. Or a signature's.
std::string request_of(const Predictor::Rows& rows, const Preprocessing& preprocessing) {
  if (const auto& signature = preprocessing.signature)
    return "{\"inputs\":" + tensor_columns(rows.tensors, *signature) + "}";
  const at::Tensor numbers = rows.numeric.to(at::kDouble).contiguous();
  const bool exact = rows.numeric.scalar_type() == at::kDouble;
  const auto* values = numbers.const_data_ptr<double>();
  const auto count = numbers.size(0), width = numbers.size(1);
  std::string text = "{\"inputs\":{";
  const auto column = [&](const std::string& name, const auto& append) {
    if (text.back() != '{') text += ',';
    append_string(text, name);
    text += ":[";
    for (std::int64_t r = 0; r < count; ++r) {
      if (r > 0) text += ',';
      append(r);
    }
    text += ']';
  };
  for (std::int64_t c = 0; c < width; ++c)
    column(preprocessing.numeric[static_cast<std::size_t>(c)].name, [&](std::int64_t r) {
      const auto value = values[r * width + c];
      if (std::isnan(value))
        text += "null";
      else if (exact)
        append_number(text, value);
      else
        append_number(text, static_cast<float>(value));
    });
  for (std::size_t c = 0; c < rows.categorical.size(); ++c)
    column(preprocessing.categorical[c].name,
           [&](std::int64_t r) { append_string(text, rows.categorical[c][static_cast<std::size_t>(r)]); });
  return text + "}}";
}

at::Tensor numbers_of(const rapidjson::Value& list, std::int64_t count, std::int64_t width) {
  at::Tensor numbers = at::empty({count, width}, at::kFloat);
  auto* to = numbers.mutable_data_ptr<float>();
  for (const auto& row : list.GetArray()) {
    if (!row.IsArray()) {
      *to++ = static_cast<float>(row.GetDouble());
      continue;
    }
    for (const auto& value : row.GetArray()) *to++ = static_cast<float>(value.GetDouble());
  }
  return numbers;
}

[[noreturn]] void fail_without(const std::string& name, std::int64_t count) {
  throw DataError(
      fmt::format("the server's answer lacks {} for {} rows; is it `ringtrain serve`?", name, count));
}

/// A field of an object, or of none. `count`: of the rows, for the error's text.
const rapidjson::Value& field(const rapidjson::Value& object, const std::string& name, std::int64_t count) {
  if (!object.IsObject() || !object.HasMember(name.c_str())) fail_without(name, count);
  return object[name.c_str()];
}

bool has_size(const rapidjson::Value& list, std::int64_t size) {
  return list.IsArray() && static_cast<std::int64_t>(list.Size()) == size;
}

/// A field of `outputs`, a list of `count` numbers, or of lists of `width` of them.
const rapidjson::Value& output(const rapidjson::Value& outputs, const std::string& name, std::int64_t count,
                               std::int64_t width) {
  const auto& list = field(outputs, name, count);
  bool whole = has_size(list, count);
  for (rapidjson::SizeType i = 0; whole && i < list.Size(); ++i) {
    whole = width > 0 ? has_size(list[i], width) : list[i].IsNumber();
    for (rapidjson::SizeType k = 0; whole && width > 0 && k < list[i].Size(); ++k)
      whole = list[i][k].IsNumber();
  }
  if (!whole) fail_without(name, count);
  return list;
}

/// [count] of one value, [count, k] of several, which are lists by their names.
at::Tensor predictions_of(const rapidjson::Value& outputs, const Head& head, std::int64_t count) {
  if (!has_several_values(head))
    return numbers_of(output(outputs, "prediction", count, 0), count, 1).view({count});
  const auto& by_name = field(outputs, "prediction", count);
  std::vector<at::Tensor> columns;
  for (const auto& name : head.names)
    columns.push_back(numbers_of(output(by_name, name, count, 0), count, 1));
  return at::cat(columns, 1);
}

/// [count, K] int64 from lists of the names that are given.
at::Tensor labels_of(const rapidjson::Value& outputs, const Manifest& manifest, std::int64_t count) {
  const auto width = manifest.head.width();
  std::unordered_map<std::string, std::int64_t> places;
  for (std::int64_t k = 0; k < width; ++k) places.emplace(label_of(manifest, k), k);
  const auto& list = field(outputs, "labels", count);
  if (!has_size(list, count)) fail_without("labels", count);
  at::Tensor labels = at::zeros({count, width}, at::kLong);
  auto* row = labels.mutable_data_ptr<std::int64_t>();
  for (const auto& names : list.GetArray()) {
    if (!names.IsArray()) fail_without("labels", count);
    for (const auto& name : names.GetArray()) {
      const auto place = name.IsString() ? places.find(name.GetString()) : places.end();
      if (place == places.end())
        throw DataError("the server answers with a label that its model does not have");
      row[place->second] = 1;
    }
    row += width;
  }
  return labels;
}

Predictor::Rows part(const Predictor::Rows& rows, std::int64_t begin, std::int64_t count) {
  Predictor::Rows result;
  if (!rows.tensors.empty()) {
    result.tensors = rows.tensors.narrow(begin, count);
    return result;
  }
  result.numeric = rows.numeric.narrow(0, begin, count);
  for (const auto& words : rows.categorical)
    result.categorical.emplace_back(words.begin() + begin, words.begin() + begin + count);
  return result;
}

Predictor::Answers joined(const Predictor::Answers& a, const Predictor::Answers& b) {
  const auto both = [](const at::Tensor& x, const at::Tensor& y) {
    return x.defined() ? at::cat({x, y}) : at::Tensor();
  };
  return {both(a.probabilities, b.probabilities),
          both(a.classes, b.classes),
          both(a.predictions, b.predictions),
          {},
          both(a.labels, b.labels)};
}

constexpr long kTooLarge = 413;

struct TooLarge : DataError {
  using DataError::DataError;
};

}  // namespace

RemoteModel::RemoteModel(std::string url, const std::string& model, HttpClient::Options options)
    : client_(std::move(url), std::move(options)), path_(path_of(model)) {
  const auto answer = client_.ask(path_ + "/metadata");
  if (answer.status != 200) throw DataError(fmt::format("{}{}: {}", client_.url(), path_, reason(answer)));
  const auto body = nlohmann::json::parse(answer.body, nullptr, false);
  if (!body.is_object() || !body.contains("metadata") || !body["metadata"].contains("columns"))
    throw DataError(
        fmt::format("{}{}/metadata does not say what the model's columns are; is it `ringtrain serve`?",
                    client_.url(), path_));
  manifest_ = Manifest::from_json(body["metadata"]);
  if (manifest_.preprocessing.tokens)
    throw ConfigError(
        fmt::format("--server is for models of columns and named tensors; a language model is asked by: curl "
                    "-d '{{\"instances\": "
                    "[{{\"text\": \"…\"}}]}}' {}{}:predict",
                    client_.url(), path_));
}

Predictor::Answers RemoteModel::predict(const Predictor::Rows& rows) {
  try {
    return ask(rows);
  } catch (const TooLarge&) {
    const auto count = rows.size(), half = count / 2;
    if (half == 0) throw;
    return joined(predict(part(rows, 0, half)), predict(part(rows, half, count - half)));
  }
}

Predictor::Answers RemoteModel::ask(const Predictor::Rows& rows) {
  const auto request = request_of(rows, manifest_.preprocessing);
  const auto answer = client_.ask(path_ + ":predict", &request);
  if (answer.status == kTooLarge) throw TooLarge(reason(answer));
  if (answer.status != 200) throw DataError(fmt::format("{}{}: {}", client_.url(), path_, reason(answer)));
  const auto reply = parse_json(answer.body);
  const auto count = rows.size();
  const auto& outputs = field(reply, "outputs", count);
  const Head& head = manifest_.head;
  Predictor::Answers answers;
  if (head.form == AnswerForm::values) {
    answers.predictions = predictions_of(outputs, head, count);
    return answers;
  }
  const auto width = head.width();
  answers.probabilities = numbers_of(output(outputs, "probabilities", count, width), count, width);
  if (head.form == AnswerForm::labels) {
    answers.labels = labels_of(outputs, manifest_, count);
    return answers;
  }
  answers.classes = numbers_of(output(outputs, "class", count, 0), count, 1).view({count}).to(at::kLong);
  if (answers.classes.lt(0).logical_or(answers.classes.ge(width)).any().item<bool>())
    throw DataError("the server answers with a class that its model does not have");
  return answers;
}

}  // namespace ringtrain
