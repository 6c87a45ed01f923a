#include "data/schema/head.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "common/errors.h"

namespace ringtrain {
namespace {

using Kind = HeadOperation::Kind;

template <class Value>
struct Named {
  Value value;
  const char* name;
};

constexpr std::array forms{
    Named<AnswerForm>{AnswerForm::one_class, "one_class"}, Named<AnswerForm>{AnswerForm::labels, "labels"},
    Named<AnswerForm>{AnswerForm::values, "values"}, Named<AnswerForm>{AnswerForm::tokens, "tokens"}};
constexpr std::array kinds{Named<Kind>{Kind::sigmoid, "sigmoid"}, Named<Kind>{Kind::softmax, "softmax"},
                           Named<Kind>{Kind::exponential, "exponential"}, Named<Kind>{Kind::scale, "scale"}};

template <class List, class Value>
const char* name_of(const List& list, Value value) {
  for (const auto& one : list)
    if (one.value == value) return one.name;
  return "";
}

template <class List>
auto value_of(const List& list, const char* field, const std::string& name) {
  for (const auto& one : list)
    if (name == one.name) return one.value;
  throw DataError(fmt::format("head: {}: unknown '{}'; a newer ringtrain may know it", field, name));
}

at::Tensor row_of(const std::vector<double>& numbers, const at::Tensor& like) {
  return at::tensor(numbers, at::kDouble).to(like.options());
}

void require_fitting(const Head& head) {
  const auto count = static_cast<std::size_t>(head.outputs);
  bool fits = head.outputs >= 1;
  for (const auto& one : head.operations)
    if (one.kind == Kind::scale)
      fits = fits && one.scale.size() == one.shift.size() &&
             (one.scale.size() == 1 || one.scale.size() == count);
  for (const double threshold : head.thresholds) fits = fits && std::isfinite(threshold);
  if (head.form == AnswerForm::one_class) fits = fits && (head.thresholds.empty() || count == 1);
  if (head.form == AnswerForm::labels) fits = fits && head.thresholds.size() == count;
  if (head.form == AnswerForm::values)
    fits = fits && (head.names.empty() ? count == 1 : head.names.size() == count);
  if (!fits) throw DataError("head: its outputs, operations, thresholds and names do not fit each other");
}

}  // namespace

std::int64_t Head::width() const {
  if (form == AnswerForm::tokens) return 0;
  return is_binary() ? 2 : outputs;
}

nlohmann::json Head::to_json() const {
  auto list = nlohmann::json::array();
  for (const auto& one : operations) {
    list.push_back({{"op", name_of(kinds, one.kind)}});
    if (one.kind == Kind::scale) {
      list.back()["scale"] = one.scale;
      list.back()["shift"] = one.shift;
    }
  }
  return {{"form", name_of(forms, form)},
          {"outputs", outputs},
          {"operations", list},
          {"thresholds", thresholds},
          {"names", names}};
}

Head Head::from_json(const nlohmann::json& json) {
  Head head;
  try {
    head.form = value_of(forms, "form", json.at("form").get<std::string>());
    head.outputs = json.at("outputs").get<std::int64_t>();
    for (const auto& one : json.at("operations")) {
      HeadOperation operation{value_of(kinds, "operations", one.at("op").get<std::string>())};
      if (operation.kind == Kind::scale) {
        operation.scale = one.at("scale").get<std::vector<double>>();
        operation.shift = one.at("shift").get<std::vector<double>>();
      }
      head.operations.push_back(std::move(operation));
    }
    head.thresholds = json.at("thresholds").get<std::vector<double>>();
    head.names = json.at("names").get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception& error) {
    throw DataError(fmt::format("head: a field is missing or of a wrong type ({})", error.what()));
  }
  require_fitting(head);
  return head;
}

at::Tensor scores_of(const Head& head, const at::Tensor& outputs, at::ScalarType scale_type) {
  at::Tensor values = outputs;
  for (const auto& one : head.operations) switch (one.kind) {
      case Kind::sigmoid:
        values = at::sigmoid(values);
        break;
      case Kind::softmax:
        values = at::softmax(values, -1);
        break;
      case Kind::exponential:
        values = at::exp(values);
        break;
      case Kind::scale:
        values = values.to(scale_type);
        values = one.scale.size() == 1 ? values * one.scale[0] + one.shift[0]
                                       : values * row_of(one.scale, values) + row_of(one.shift, values);
        break;
    }
  return values;
}

at::Tensor answer_scores(const Head& head, const at::Tensor& scores) {
  return head.is_binary() ? at::cat({1 - scores, scores}, 1) : scores;
}

at::Tensor decisions_of(const Head& head, const at::Tensor& probabilities) {
  if (head.form == AnswerForm::labels)
    return probabilities.ge(row_of(head.thresholds, probabilities)).to(at::kLong);
  if (head.is_binary()) return probabilities.select(1, 1).ge(head.thresholds[0]).to(at::kLong);
  return probabilities.argmax(1);
}

}  // namespace ringtrain
