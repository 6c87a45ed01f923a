#include "serving/client/remote_model.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

#include "common/errors.h"
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

/// {"inputs": {"V1": [1.5, …], "color": ["red", …]}}; null for missing values.
std::string request_of(const Predictor::Rows& rows, const Preprocessing& preprocessing) {
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

/// A field of "outputs", a list of `count` values, or of lists of `width` of them.
const rapidjson::Value& output(const rapidjson::Document& reply, const char* name, std::int64_t count,
                               std::int64_t width) {
  const auto good = [&](const rapidjson::Value& list, std::int64_t size) {
    return list.IsArray() && static_cast<std::int64_t>(list.Size()) == size;
  };
  if (reply.IsObject() && reply.HasMember("outputs") && reply["outputs"].IsObject() &&
      reply["outputs"].HasMember(name)) {
    const auto& list = reply["outputs"][name];
    bool whole = good(list, count);
    for (rapidjson::SizeType i = 0; whole && i < list.Size(); ++i) {
      whole = width > 0 ? good(list[i], width) : list[i].IsNumber();
      for (rapidjson::SizeType k = 0; whole && width > 0 && k < list[i].Size(); ++k)
        whole = list[i][k].IsNumber();
    }
    if (whole) return list;
  }
  throw DataError(
      fmt::format("the server's answer lacks {} for {} rows; is it `ringtrain serve`?", name, count));
}

Predictor::Rows part(const Predictor::Rows& rows, std::int64_t begin, std::int64_t count) {
  Predictor::Rows result;
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
          {}};
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
    throw ConfigError(fmt::format(
        "--server is for models of columns; a language model is asked by: curl -d '{{\"instances\": "
        "[{{\"text\": \"…\"}}]}}' {}{}:predict",
        client_.url(), path_));
}

Predictor::Answers RemoteModel::predict(const Predictor::Rows& rows) {
  try {
    return ask(rows);
  } catch (const TooLarge&) {
    const auto count = rows.numeric.size(0), half = count / 2;
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
  const auto count = rows.numeric.size(0);
  Predictor::Answers answers;
  if (!is_classification(manifest_)) {
    answers.predictions = numbers_of(output(reply, "prediction", count, 0), count, 1).view({count});
    return answers;
  }
  const auto width = class_count(manifest_);
  answers.probabilities = numbers_of(output(reply, "probabilities", count, width), count, width);
  answers.classes = numbers_of(output(reply, "class", count, 0), count, 1).view({count}).to(at::kLong);
  if (answers.classes.lt(0).logical_or(answers.classes.ge(width)).any().item<bool>())
    throw DataError("the server answers with a class that its model does not have");
  return answers;
}

}  // namespace ringtrain
