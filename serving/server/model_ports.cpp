#include "serving/server/model_ports.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/collate.h"
#include "data/schema/excerpt.h"
#include "data/table/column_stream.h"
#include "serving/batch/row_batch.h"
#include "serving/onnx/export.h"
#include "serving/predict/model_outputs.h"
#include "serving/server/rows_from_json.h"

namespace ringtrain {
namespace {

InferTensor numbers(std::string name, std::string datatype, const at::Tensor& values) {
  return {std::move(name), std::move(datatype), values.sizes().vec(), values.contiguous(), {}};
}

/// What a name means: Triton's LibTorch backend numbers the inputs, and two outputs at most.
std::string port_name(const std::string& name, const char* prefix, const std::vector<Port>& ports) {
  const std::size_t most = std::string_view(prefix) == "INPUT" ? ports.size() : 2;
  for (std::size_t i = 0; i < std::min(ports.size(), most); ++i)
    if (name == fmt::format("{}__{}", prefix, i)) return ports[i].name;
  return name;
}

std::vector<std::string> names_of(const std::vector<Port>& ports) {
  std::vector<std::string> names;
  for (const auto& port : ports) names.push_back(port.name);
  return names;
}

bool names_any(const std::vector<InferTensor>& inputs, const std::string& name,
               const std::vector<Port>& ports) {
  return std::any_of(inputs.begin(), inputs.end(),
                     [&](const InferTensor& one) { return port_name(one.name, "INPUT", ports) == name; });
}

/// [n] from [n] or [n, 1].
std::int64_t column_rows(const InferTensor& tensor) {
  const auto& shape = tensor.shape;
  if (shape.size() == 1 || (shape.size() == 2 && shape[1] == 1)) return shape[0];
  throw DataError(fmt::format("input '{}': expected the shape [n] or [n, 1], got [{}]", tensor.name,
                              fmt::join(shape, ", ")));
}

/// Whether a column needs more digits than these tensors have, where it is wide.
bool loses_digits(const InferTensor& tensor) {
  return tensor.datatype == "FP32" || tensor.datatype == "FP16" || tensor.datatype == "BF16";
}

/// The values of a tensor as float64; texts and missing values are read as those of files are.
at::Tensor number_values(const InferTensor& tensor, const Reading& reading) {
  const auto fail = [&](const std::string& why) {
    throw DataError(fmt::format("input '{}': {}", tensor.name, why));
  };
  if (tensor.values.defined() && tensor.values.scalar_type() != at::kLong) {
    const at::Tensor values = tensor.values.to(at::kDouble);
    if (values.isinf().any().item<bool>()) fail("a number is not within the range of float32");
    return values;
  }
  std::vector<double> numbers;
  const auto keep = [&](const Number& number, const std::string& found) {
    if (number.state == ValueState::inexact)
      fail(fmt::format("{} is a whole number beyond 2^53, which float64 does not hold", found));
    if (number.state == ValueState::infinite) fail("a number is not within the range of float32");
    if (number.state == ValueState::not_a_number)
      fail(fmt::format("expected numbers (FP32), got {} {}", tensor.datatype, found));
    numbers.push_back(number.state == ValueState::missing ? NAN : number.value);
  };
  if (tensor.values.defined()) {
    const at::Tensor whole = tensor.values.contiguous();
    for (std::int64_t i = 0; i < whole.numel(); ++i) {
      const auto value = whole.const_data_ptr<std::int64_t>()[i];
      keep(reading.number(value), std::to_string(value));
    }
  }
  for (const auto& text : tensor.strings) keep(reading.number(text), excerpt(text));
  return at::tensor(numbers, at::kDouble).reshape(tensor.shape);
}

/// The values of a tensor as words.
std::vector<std::string> word_values(const InferTensor& tensor, const Reading& reading) {
  std::vector<std::string> words;
  for (const auto& text : tensor.strings) {
    auto word = reading.word(text);
    if (word.state == ValueState::not_utf8)
      throw DataError(fmt::format("input '{}': expected text in UTF-8", tensor.name));
    words.push_back(std::move(word.text));
  }
  if (!tensor.values.defined()) return words;
  const bool whole = at::isIntegralType(tensor.values.scalar_type(), false);
  const bool logical = tensor.values.scalar_type() == at::kBool;
  const at::Tensor values = tensor.values.to(whole || logical ? at::kLong : at::kDouble).contiguous();
  for (std::int64_t i = 0; i < values.numel(); ++i)
    words.push_back((logical ? Reading::word(values.const_data_ptr<std::int64_t>()[i] != 0)
                     : whole ? reading.word(values.const_data_ptr<std::int64_t>()[i])
                     : tensor.values.scalar_type() == at::kFloat
                         ? reading.word(static_cast<float>(values.const_data_ptr<double>()[i]))
                         : reading.word(values.const_data_ptr<double>()[i]))
                        .text);
  return words;
}

Predictor::Rows token_rows(const std::vector<InferTensor>& inputs, const TokenInput& tokens,
                           const std::vector<Port>& ports) {
  if (inputs.size() != 1 || port_name(inputs[0].name, "INPUT", ports) != "tokens")
    throw DataError("expected one input, 'tokens'");
  const auto& input = inputs[0];
  if (input.shape.size() != 2 || input.shape[1] != tokens.context || !input.values.defined() ||
      !at::isIntegralType(input.values.scalar_type(), false))
    throw DataError(fmt::format("input 'tokens': expected INT64 [n, {}], got {} [{}]", tokens.context,
                                input.datatype, fmt::join(input.shape, ", ")));
  Predictor::Rows rows;
  rows.tokens = input.values.to(at::kLong);
  if (rows.tokens.numel() > 0 && (rows.tokens.min().item<std::int64_t>() < 0 ||
                                  rows.tokens.max().item<std::int64_t>() >= tokens.vocabulary))
    throw DataError(fmt::format("input 'tokens': a token is not in the vocabulary of {}", tokens.vocabulary));
  return rows;
}

std::vector<std::int64_t> shape_of(const TensorInput& input, std::int64_t rows) {
  std::vector<std::int64_t> shape{rows};
  shape.insert(shape.end(), input.dims.begin(), input.dims.end());
  return shape;
}

/// Exactly the signature's inputs, masks and padding among them.
Predictor::Rows tensor_rows(const std::vector<InferTensor>& inputs, const Signature& signature,
                            const std::vector<Port>& ports) {
  std::vector<std::string> problems;
  std::map<std::string, at::Tensor> given;
  const auto rows = inputs[0].shape[0];
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto& tensor = inputs[i];
    const auto name = port_name(tensor.name, "INPUT", ports);
    const auto* input = signature.find(name);
    if (!input) {
      const auto known = names_of(ports);
      problems.push_back(fmt::format("unknown input '{}'; the model has: {}.{}", name, join(known),
                                     did_you_mean(name, known)));
    } else if (tensor.datatype != datatype_of(input->type) || tensor.shape != shape_of(*input, rows)) {
      problems.push_back(fmt::format("input '{}': expected {} [{}], got {} [{}]", name,
                                     datatype_of(input->type), fmt::join(shape_of(*input, rows), ", "),
                                     tensor.datatype, fmt::join(tensor.shape, ", ")));
    } else if (!given.emplace(name, tensor.values).second) {
      problems.push_back(fmt::format("input '{}' is given twice", name));
    }
  }
  std::vector<Fields::Field> fields;
  for (const auto& input : signature.inputs) {
    if (const auto found = given.find(input.name); found != given.end())
      fields.emplace_back(input.name, found->second);
    else if (!names_any(inputs, input.name, ports))
      problems.push_back(fmt::format("input '{}' is missing", input.name));
  }
  if (!problems.empty()) throw DataError(join(problems, "; "));
  Predictor::Rows result;
  result.tensors = Fields(std::move(fields));
  require_inputs(signature, result.tensors);
  return result;
}

/// The places of an input in `rows`, for the columns that it carries.
class RowFiller {
 public:
  RowFiller(const Manifest& manifest, std::int64_t count)
      : preprocessing_(manifest.preprocessing),
        count_(count),
        names_(onnx_input_names(manifest.preprocessing)),
        reading_(manifest.preprocessing.reading),
        rows_(missing_rows(manifest.preprocessing, count)) {}

  void fill(const std::string& name, const InferTensor& tensor) {
    const auto& numeric = preprocessing_.numeric;
    const auto width = static_cast<std::int64_t>(numeric.size());
    if (name == "numeric" && width > 0) {
      const std::vector<std::int64_t> expected{count_, width};
      if (tensor.shape != expected)
        throw DataError(fmt::format("input 'numeric': expected the shape [n, {}], got [{}]", width,
                                    fmt::join(tensor.shape, ", ")));
      const at::Tensor values = number_values(tensor, reading_);
      for (std::size_t c = 0; c < numeric.size(); ++c)
        keep(c, values.select(1, static_cast<std::int64_t>(c)), tensor);
      return;
    }
    if (column_rows(tensor) != count_)
      throw DataError(fmt::format("input '{}' has {} rows, others {}", name, column_rows(tensor), count_));
    for (std::size_t c = 0; c < numeric.size(); ++c)
      if (numeric[c].name == name) return keep(c, number_values(tensor, reading_).reshape({count_}), tensor);
    if (!fill_date(name, tensor) && !is_passed_over(name)) fill_words(name, tensor);
  }

  Predictor::Rows take() {
    require_filled(rows_, preprocessing_);
    return std::move(rows_);
  }

 private:
  /// Whether a column of the training file is none of the model's.
  bool is_passed_over(const std::string& name) const {
    const auto holds = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    return (holds(preprocessing_.ignored) || holds(preprocessing_.targets)) && !holds(names_);
  }

  /// A column may stand in one input only.
  void claim(const std::string& column, const InferTensor& tensor) {
    const auto [before, is_first] = given_.emplace(column, tensor.name);
    if (!is_first)
      throw DataError(fmt::format("column '{}' is given twice, by the inputs '{}' and '{}'", column,
                                  before->second, tensor.name));
  }

  void keep(std::size_t column, const at::Tensor& values, const InferTensor& tensor) {
    const auto& about = preprocessing_.numeric[column];
    claim(about.name, tensor);
    if (about.wide && loses_digits(tensor))
      throw DataError(
          fmt::format("input '{}': column '{}' needs more digits than {} has; send FP64 (or INT64)",
                      tensor.name, about.name, tensor.datatype));
    if (!about.wide && values.to(at::kFloat).isinf().any().item<bool>())
      throw DataError(fmt::format("input '{}': a number is not within the range of float32", tensor.name));
    rows_.numeric.select(1, static_cast<std::int64_t>(column)).copy_(values);
  }

  /// Dates as texts, by the name of their column.
  bool fill_date(const std::string& name, const InferTensor& tensor) {
    bool found = false;
    const auto& numeric = preprocessing_.numeric;
    for (std::size_t c = 0; c < numeric.size(); ++c) {
      if (numeric[c].part == DatePart::none || numeric[c].source != name) continue;
      found = true;
      if (tensor.datatype != "BYTES")
        throw DataError(
            fmt::format("input '{}': expected dates as strings (BYTES), got {}", name, tensor.datatype));
      std::vector<double> values;
      for (const auto& text : tensor.strings) {
        const auto number = number_of_date(text, numeric[c].part, reading_);
        if (number.state == ValueState::not_a_number)
          throw DataError(
              fmt::format("input '{}': expected a date such as 2024-07-01, got {}", name, excerpt(text)));
        values.push_back(number.value);
      }
      keep(c, at::tensor(values, at::kDouble), tensor);
    }
    return found;
  }

  void fill_words(const std::string& name, const InferTensor& tensor) {
    const auto& categorical = preprocessing_.categorical;
    const auto first = names_.size() - categorical.size();
    for (std::size_t c = 0; c < categorical.size(); ++c) {
      if (categorical[c].name != name && names_[first + c] != name) continue;
      claim(categorical[c].name, tensor);
      rows_.categorical[c] = word_values(tensor, reading_);
      return;
    }
    std::vector<std::string> known = names_;
    for (const auto& column : preprocessing_.numeric) known.push_back(column.name);
    throw DataError(fmt::format("unknown input '{}'; the model has: {}.{}", name, join(names_),
                                did_you_mean(name, known)));
  }

  const Preprocessing& preprocessing_;
  std::int64_t count_;
  std::vector<std::string> names_;
  Reading reading_;
  Predictor::Rows rows_;
  std::map<std::string, std::string> given_;  // the input of each column
};

InferTensor output_of(const std::string& name, const Predictor::Answers& answers, const Manifest& manifest) {
  if (name == "probabilities") return numbers(name, "FP32", answers.probabilities);
  if (name == "labels") return numbers(name, "INT64", answers.labels);
  if (name == "class") return numbers(name, "INT64", answers.classes);
  if (name == "prediction") return numbers(name, "FP32", answers.predictions);
  if (name == "logits") return numbers(name, "FP32", answers.logits);
  InferTensor labels{name, "BYTES", answers.classes.sizes().vec(), {}, {}};
  const at::Tensor classes = answers.classes.contiguous();
  for (std::int64_t r = 0; r < classes.numel(); ++r)
    labels.strings.push_back(label_of(manifest, classes.const_data_ptr<std::int64_t>()[r]));
  return labels;
}

/// The `count` largest values of each row as "value:index:label"; labels are those of `manifest`, which may
/// be null.
InferTensor classification(const InferTensor& output, std::int64_t count, const Manifest* manifest) {
  const auto rows = output.shape[0];
  const at::Tensor values = output.values.reshape({rows, -1});
  const auto width = values.size(1), kept = std::min(count, width);
  const auto [sorted, places] = values.sort(/*stable=*/true, /*dim=*/1, /*descending=*/true);
  const bool whole = values.scalar_type() == at::kLong;
  InferTensor result{output.name, "BYTES", {rows, kept}, {}, {}};
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t k = 0; k < kept; ++k) {
      const auto place = places[r][k].item<std::int64_t>();
      auto text = whole ? fmt::format("{}:{}", sorted[r][k].item<std::int64_t>(), place)
                        : fmt::format("{:f}:{}", sorted[r][k].item<float>(), place);
      if (manifest) text += ":" + label_of(*manifest, place);
      result.strings.push_back(std::move(text));
    }
  return result;
}

}  // namespace

std::vector<Port> input_ports(const Manifest& manifest) {
  const auto& preprocessing = manifest.preprocessing;
  if (preprocessing.tokens) return {{"tokens", "INT64", {-1, preprocessing.tokens->context}}};
  std::vector<Port> ports;
  if (preprocessing.signature) {
    for (const auto& input : preprocessing.signature->inputs)
      ports.push_back({input.name, datatype_of(input.type), shape_of(input, -1)});
    return ports;
  }
  for (const auto& name : onnx_input_names(preprocessing)) ports.push_back({name, "BYTES", {-1}});
  if (!preprocessing.numeric.empty())
    ports[0] = {"numeric",
                preprocessing.has_wide() ? "FP64" : "FP32",
                {-1, static_cast<std::int64_t>(preprocessing.numeric.size())}};
  return ports;
}

std::vector<Port> output_ports(const Manifest& manifest) {
  if (const auto& tokens = manifest.preprocessing.tokens)
    return {{"logits", "FP32", {-1, tokens->context, tokens->vocabulary}}};
  const Head& head = manifest.head;
  if (has_several_values(head)) return {{"prediction", "FP32", {-1, head.width()}}};
  if (head.form == AnswerForm::values) return {{"prediction", "FP32", {-1}}};
  if (head.form == AnswerForm::labels)
    return {{"probabilities", "FP32", {-1, head.width()}}, {"labels", "INT64", {-1, head.width()}}};
  return {{"probabilities", "FP32", {-1, head.width()}}, {"class", "INT64", {-1}}, {"label", "BYTES", {-1}}};
}

Predictor::Rows rows_of(const std::vector<InferTensor>& inputs, const Manifest& manifest) {
  const auto ports = input_ports(manifest);
  if (inputs.empty()) throw DataError(fmt::format("no inputs; the model has: {}", join(names_of(ports))));
  for (const auto& input : inputs)
    // Else [2147483648, 0] would be so many rows without a byte that was sent for them.
    if (input.shape.empty() || element_count(input.name, input.shape) < 1)
      throw DataError(
          fmt::format("input '{}': its shape [{}] has no rows", input.name, fmt::join(input.shape, ", ")));
  if (manifest.preprocessing.tokens) return token_rows(inputs, *manifest.preprocessing.tokens, ports);
  if (manifest.preprocessing.signature) return tensor_rows(inputs, *manifest.preprocessing.signature, ports);
  RowFiller filler(manifest, inputs[0].shape[0]);
  std::set<std::string> names;
  for (const auto& input : inputs)
    if (!names.insert(port_name(input.name, "INPUT", ports)).second)
      throw DataError(fmt::format("input '{}' is given twice", input.name));
  for (const auto& input : inputs) filler.fill(port_name(input.name, "INPUT", ports), input);
  return filler.take();
}

void require_outputs(const std::vector<WantedOutput>& wanted, const Manifest& manifest) {
  const auto ports = output_ports(manifest);
  const auto known = names_of(ports);
  if (wanted.size() > known.size())
    throw DataError(fmt::format("{} outputs are asked for; the model has: {}", wanted.size(), join(known)));
  for (const auto& [name, classes] : wanted) {
    const auto port = std::find(known.begin(), known.end(), port_name(name, "OUTPUT", ports));
    if (port == known.end())
      throw DataError(fmt::format("unknown output '{}'; the model has: {}.{}", name, join(known),
                                  did_you_mean(name, known)));
    if (classes > 0 && *port == "label")
      throw DataError(fmt::format("output '{}': it holds texts; \"classification\" is for numbers", name));
  }
}

std::vector<InferTensor> tensors_of(const Predictor::Answers& answers, const Manifest& manifest,
                                    const std::vector<WantedOutput>& wanted) {
  require_outputs(wanted, manifest);
  const auto ports = output_ports(manifest);
  std::vector<InferTensor> outputs;
  if (wanted.empty())
    for (const auto& port : ports) outputs.push_back(output_of(port.name, answers, manifest));
  for (const auto& [name, classes] : wanted) {
    const auto port = port_name(name, "OUTPUT", ports);
    auto output = output_of(port, answers, manifest);
    if (classes > 0) output = classification(output, classes, port == "probabilities" ? &manifest : nullptr);
    outputs.push_back(std::move(output));
    outputs.back().name = name;
  }
  return outputs;
}

}  // namespace ringtrain
