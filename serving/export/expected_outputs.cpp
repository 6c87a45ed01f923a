#include "serving/export/expected_outputs.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include <cmath>

#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"
#include "data/schema/collate.h"
#include "data/schema/vocabulary.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

std::string random_word(const CategoricalColumn& column, std::uint64_t draw) {
  const std::uint64_t kind = draw % 8;
  if (kind == 0) return "a word that training did not see";
  if (kind == 1 && column.takes_missing()) return "";
  if (column.encoding == Encoding::hash) return "word " + std::to_string(draw / 8 % 1000);
  return column.vocabulary.empty() ? "unseen" : column.vocabulary[(draw / 8) % column.vocabulary.size()];
}

c10::IValue tuple(std::vector<c10::IValue> values) { return c10::ivalue::Tuple::create(std::move(values)); }

c10::IValue words_value(const std::vector<std::string>& words) {
  return tuple(std::vector<c10::IValue>(words.begin(), words.end()));
}

std::vector<std::string> words_of(const c10::IValue& value) {
  std::vector<std::string> words;
  for (const auto& word : value.toTupleRef().elements()) words.push_back(word.toStringRef());
  return words;
}

Fields tensors_of(const c10::IValue& value, const std::vector<std::string>& names) {
  std::vector<Fields::Field> fields;
  for (const auto& tensor : value.toTupleRef().elements())
    fields.emplace_back(names.at(fields.size()), tensor.toTensor());
  return Fields(std::move(fields));
}

/// The first two parts of a case.
std::pair<c10::IValue, c10::IValue> values_of(const Predictor::Rows& rows) {
  std::vector<c10::IValue> tensors, words;
  std::vector<std::string> names;
  for (const auto& [name, tensor] : rows.tensors) {
    tensors.emplace_back(tensor);
    names.push_back(name);
  }
  if (!tensors.empty()) return {tuple(tensors), words_value(names)};
  for (const auto& column : rows.categorical) words.push_back(words_value(column));
  return {rows.numeric, tuple(words)};
}

/// One sample of a signature, with values that a network may be given.
Fields random_sample(const Signature& signature, at::Generator& generator) {
  constexpr std::int64_t most = 9;  // of whole numbers that may be any
  std::vector<Fields::Field> fields;
  for (const auto* input : signature.given()) {
    auto dims = input->dims;
    if (input->pad) dims[0] = at::randint(1, dims[0] + 1, {}, generator, at::kLong).item<std::int64_t>();
    const auto low = input->below > 0 || input->type == at::kBool ? 0 : -most;
    const auto high = input->type == at::kBool ? 2 : input->below > 0 ? input->below : most + 1;
    fields.emplace_back(input->name,
                        at::isFloatingType(input->type)
                            ? at::randn(dims, generator, input->type)
                            : at::randint(low, high, dims, generator, at::kLong).to(input->type));
  }
  return Fields(std::move(fields));
}

ExpectedCase case_of(const c10::IValue& value) {
  const auto& parts = value.toTupleRef().elements();
  ExpectedCase result;
  if (parts.at(0).isTensor() && parts.at(0).toTensor().scalar_type() == at::kLong) {
    result.rows.tokens = parts.at(0).toTensor();
    result.answers.logits = parts.at(2).toTensor();
    return result;
  }
  if (!parts.at(4).isNone()) result.targets = parts.at(4).toTensor();
  if (parts.at(0).isTuple()) {
    result.rows.tensors = tensors_of(parts.at(0), words_of(parts.at(1)));
  } else {
    result.rows.numeric = parts.at(0).toTensor();
    for (const auto& words : parts.at(1).toTupleRef().elements())
      result.rows.categorical.push_back(words_of(words));
  }
  if (parts.at(3).isNone()) {
    result.answers.predictions = parts.at(2).toTensor();
  } else {
    result.answers.probabilities = parts.at(2).toTensor();
    const auto decisions = parts.at(3).toTensor();
    (decisions.dim() == 2 ? result.answers.labels : result.answers.classes) = decisions;
  }
  return result;
}

}  // namespace

Fields inputs_of(const Preprocessing& preprocessing, const Predictor::Rows& rows) {
  if (preprocessing.signature) return rows.tensors;
  if (preprocessing.tokens) return rows.tokens;
  const at::Tensor codes = encode_words(preprocessing.categorical, rows.categorical, rows.numeric.size(0));
  return preprocessing.apply(rows.numeric, codes, at::kFloat);
}

Predictor::Rows random_rows(const Preprocessing& preprocessing, std::int64_t rows, std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  if (const auto& tokens = preprocessing.tokens)
    return {.numeric = {},
            .categorical = {},
            .tokens = at::randint(tokens->vocabulary, {rows, tokens->context}, generator, at::kLong)};
  Predictor::Rows result;
  if (const auto& signature = preprocessing.signature) {
    std::vector<Fields> samples;
    for (std::int64_t r = 0; r < rows; ++r) samples.push_back(random_sample(*signature, generator));
    result.tensors = collate(*signature, samples);
    return result;
  }
  const auto columns = static_cast<std::int64_t>(preprocessing.numeric.size());
  at::Tensor numbers = at::randn({rows, columns}, generator, at::kDouble);
  const at::Tensor missing = at::rand({rows, columns}, generator) < 0.1;
  for (std::int64_t c = 0; c < columns; ++c) {
    const auto& column = preprocessing.numeric[static_cast<std::size_t>(c)];
    at::Tensor values = numbers.select(1, c);
    values.div_(column.scale == 0 ? 1 : column.scale).add_(column.shift);
    if (column.fill) values.masked_fill_(missing.select(1, c), std::nan(""));
  }
  result.numeric = numbers.to(preprocessing.numeric_type());
  for (std::size_t c = 0; c < preprocessing.categorical.size(); ++c) {
    auto& words = result.categorical.emplace_back();
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto draw = seed_of({seed, c, static_cast<std::uint64_t>(r)});
      const bool chosen = rows > 2 && r < 2;
      words.push_back(
          random_word(preprocessing.categorical[c], chosen ? static_cast<std::uint64_t>(r) : draw));
    }
  }
  return result;
}

std::vector<ExpectedCase> expected_cases(const Manifest& manifest, const Network& network,
                                         std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  std::vector<ExpectedCase> cases;
  for (const std::int64_t rows : {1, 2, 7, 64}) {
    if (rows > 2 && rows_at_once(manifest, rows) < rows) continue;
    ExpectedCase result;
    result.rows =
        random_rows(manifest.preprocessing, rows, seed_of({seed, static_cast<std::uint64_t>(rows)}));
    result.answers = answers_of(manifest, network.forward(inputs_of(manifest.preprocessing, result.rows)));
    cases.push_back(std::move(result));
  }
  return cases;
}

double loss_of(const Predictor::Answers& answers, const at::Tensor& targets) {
  const auto rows = targets.size(0);
  if (answers.predictions.defined()) {
    const at::Tensor values = answers.predictions.to(at::kDouble).reshape({rows, -1});
    return std::sqrt((values - targets.reshape({rows, -1})).square().mean().item<double>());
  }
  const at::Tensor p = answers.probabilities.to(at::kDouble);
  const at::Tensor chosen = answers.labels.defined() ? at::where(targets.gt(0.5), p, 1 - p)
                                                     : p.gather(1, targets.to(at::kLong).unsqueeze(1));
  return -chosen.clamp_min(1e-12).log().mean().item<double>();
}

void write_cases(const std::filesystem::path& file, const std::vector<ExpectedCase>& cases) {
  std::vector<c10::IValue> values;
  for (const auto& one : cases) {
    if (one.rows.tokens.defined()) {
      values.push_back(tuple({one.rows.tokens, tuple({}), one.answers.logits, c10::IValue(), c10::IValue()}));
      continue;
    }
    const auto [raw, words] = values_of(one.rows);
    const auto& answers = one.answers;
    const at::Tensor& decisions = answers.labels.defined() ? answers.labels : answers.classes;
    values.push_back(tuple({raw, words, decisions.defined() ? answers.probabilities : answers.predictions,
                            decisions.defined() ? c10::IValue(decisions) : c10::IValue(),
                            one.targets.defined() ? c10::IValue(one.targets) : c10::IValue()}));
  }
  const auto bytes = torch::jit::pickle_save(tuple(values));
  write_file_synced(file, {bytes.data(), bytes.size()});
}

std::vector<ExpectedCase> read_cases(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  std::vector<ExpectedCase> cases;
  try {
    const auto value = torch::jit::pickle_load({text.begin(), text.end()});
    for (const auto& one : value.toTupleRef().elements()) cases.push_back(case_of(one));
  } catch (const std::exception& error) {
    const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
    throw ExportError(fmt::format("{} does not hold expected outputs: {}", file.string(),
                                  torch_error ? torch_error->what_without_backtrace() : error.what()));
  }
  return cases;
}

}  // namespace ringtrain
