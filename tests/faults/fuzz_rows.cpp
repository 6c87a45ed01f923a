// libFuzzer's target for what turns a client's or a file's JSON into a model's rows: any bytes give rows of
// the right shapes, or a DataError. What was read and is written by our own writers is read again as it was.
//
// The first byte says what the rest is and which model it is for: '0' to '3' numeric columns, '4' to '7'
// categorical ones too, '8' to ';' tokens, '<' to '?' named tensors; of each TensorFlow Serving's predict,
// the Open Inference Protocol's infer, the same with binary tensors (the JSON ends with the first line), and
// JSON lines of `ringtrain predict`.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "common/errors.h"
#include "data/schema/collate.h"
#include "serving/batch/row_source.h"
#include "serving/predict/json_text.h"
#include "serving/server/infer_json.h"
#include "serving/server/rows_from_json.h"

namespace {

using namespace ringtrain;

void require(bool good) {
  if (!good) std::abort();
}

Preprocessing columns(bool with_words) {
  Preprocessing result;
  result.numeric = {{"a", 0, 1, 0.5}, {"b", 0, 1, std::nullopt}};
  if (with_words) result.categorical = {{"c", {"x", "y"}, true}, {"class", {"z"}, false}};
  result.targets = {"t"};
  return result;
}

std::vector<Manifest> make_models() {
  std::vector<Manifest> models(4);
  models[0].preprocessing = columns(false);
  models[1].preprocessing = columns(true);
  models[2].head.form = AnswerForm::tokens;
  models[2].preprocessing.tokens = TokenInput{4, 3, {"a", "b", "ab"}};
  models[3].preprocessing.signature = Signature{{{.name = "s", .dims = {3, 2}, .pad = -1, .mask = "m"},
                                                 {.name = "m", .type = at::kBool, .dims = {3}},
                                                 {.name = "k", .type = at::kLong, .below = 5},
                                                 {.name = "x", .type = at::kDouble}}};
  return models;
}

/// One NaN is as good as another.
bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  const auto plain = [](const at::Tensor& t) { return t.masked_fill(t.isnan(), 0).contiguous(); };
  const at::Tensor x = plain(a), y = plain(b);
  return x.nbytes() == 0 || std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
}

/// Whether collate could have made them. What refuses a request is no failure, this is.
bool is_whole(const Signature& signature, const Predictor::Rows& rows) {
  try {
    require_inputs(signature, rows.tensors);
  } catch (const DataError&) {
    return false;
  }
  return rows.size() > 0;
}

/// Shapes, and that nothing is missing where the model takes nothing that is.
void check(const Predictor::Rows& rows, const Preprocessing& preprocessing) {
  if (preprocessing.signature) return require(is_whole(*preprocessing.signature, rows));
  if (const auto& tokens = preprocessing.tokens) {
    require(rows.tokens.dim() == 2 && rows.tokens.size(0) > 0 && rows.tokens.size(1) == tokens->context);
    require(rows.tokens.scalar_type() == at::kLong && rows.tokens.ge(0).all().item<bool>() &&
            rows.tokens.lt(tokens->vocabulary).all().item<bool>());
    return;
  }
  const auto width = static_cast<std::int64_t>(preprocessing.numeric.size());
  require(rows.numeric.dim() == 2 && rows.numeric.size(0) > 0 && rows.numeric.size(1) == width);
  require(rows.numeric.scalar_type() == at::kFloat && !rows.numeric.isinf().any().item<bool>());
  require(!rows.numeric.select(1, 1).isnan().any().item<bool>());
  require(rows.categorical.size() == preprocessing.categorical.size());
  for (std::size_t c = 0; c < rows.categorical.size(); ++c) {
    const auto& words = rows.categorical[c];
    require(static_cast<std::int64_t>(words.size()) == rows.numeric.size(0));
    require(preprocessing.categorical[c].missing_is_category ||
            std::find(words.begin(), words.end(), "") == words.end());
  }
}

/// The rows as an array of arrays.
std::string written(const Predictor::Rows& rows) {
  std::string text = "[";
  const at::Tensor numeric = rows.numeric.contiguous();
  for (std::int64_t r = 0; r < numeric.size(0); ++r) {
    text += r > 0 ? ",[" : "[";
    for (std::int64_t c = 0; c < numeric.size(1); ++c) {
      if (c > 0) text += ',';
      append_number(text, numeric.const_data_ptr<float>()[r * numeric.size(1) + c]);
    }
    for (const auto& words : rows.categorical) {
      text += ',';
      append_string(text, words[static_cast<std::size_t>(r)]);
    }
    text += ']';
  }
  return text + ']';
}

void check_round_trip(const Predictor::Rows& rows, const Preprocessing& preprocessing) {
  const JsonRowReader reader(preprocessing);
  const auto again = rows_of_instances(parse_json(written(rows)), preprocessing, reader);
  require(same_bits(again.numeric, rows.numeric) && again.categorical == rows.categorical);
}

/// Rows and columns of a signature.
void predict(std::string_view body, const Signature& signature) {
  const TensorReader reader(signature);
  const auto document = parse_json(body);
  if (!document.IsObject()) return;
  if (document.HasMember("instances"))
    require(is_whole(signature, rows_of_instances(document["instances"], signature, reader)));
  if (document.HasMember("inputs"))
    require(is_whole(signature, rows_of_inputs(document["inputs"], signature, reader)));
}

void predict(std::string_view body, const Preprocessing& preprocessing) {
  if (preprocessing.signature) return predict(body, *preprocessing.signature);
  const JsonRowReader reader(preprocessing);
  const auto document = parse_json(body);
  const auto accept = [&](const Predictor::Rows& rows) {
    check(rows, preprocessing);
    check_round_trip(rows, preprocessing);
  };
  if (!document.IsObject()) return;
  if (document.HasMember("instances"))
    accept(rows_of_instances(document["instances"], preprocessing, reader));
  if (document.HasMember("inputs")) accept(rows_of_inputs(document["inputs"], preprocessing, reader));
}

bool same(const InferTensor& a, const InferTensor& b) {
  return a.name == b.name && a.datatype == b.datatype && a.shape == b.shape && a.strings == b.strings &&
         a.values.defined() == b.values.defined() && (!a.values.defined() || same_bits(a.values, b.values));
}

/// The tensors as an answer is written, read as a request.
void check_answer(const InferRequest& request) {
  for (const auto& tensor : request.inputs)
    if (tensor.datatype != "FP32" && tensor.datatype != "INT64" && tensor.datatype != "BYTES") return;
  auto body = infer_reply({}, "m", 1, request.inputs).body;
  const std::string was = ",\"outputs\":[", becomes = ",\"inputs\":[";
  body.replace(body.find(was), was.size(), becomes);
  const auto again = parse_infer_request(body, -1);
  require(std::equal(again.inputs.begin(), again.inputs.end(), request.inputs.begin(), request.inputs.end(),
                     same));
}

void infer(std::string_view body, bool with_binary, const Manifest& model) {
  const auto end = with_binary ? body.find('\n') : std::string_view::npos;
  const auto header = end == std::string_view::npos ? -1 : static_cast<std::int64_t>(end) + 1;
  const auto request = parse_infer_request(body, header);
  std::size_t held = 0;
  for (const auto& tensor : request.inputs) {
    held += bytes_of(tensor).size();
    const auto again = tensor_from_bytes(tensor.name, tensor.datatype, tensor.shape, bytes_of(tensor));
    require(bytes_of(again) == bytes_of(tensor));
  }
  if (header < 0)
    check_answer(request);
  else
    require(held >= body.size() - static_cast<std::size_t>(header));
  check(rows_of(request.inputs, model), model.preprocessing);
}

void lines(std::string_view text, const Preprocessing& preprocessing) {
  std::istringstream in{std::string(text)};
  const RowOptions options{.key = preprocessing.categorical.empty() ? "" : "id", .dropped = {"dropped"}};
  const auto source = open_json_lines(in, preprocessing, options);
  constexpr std::int64_t most = 3;
  for (RowBatch batch; source->next(batch, most);) {
    require(batch.size() > 0 && batch.size() <= most);
    require(batch.keys.size() == (options.key.empty() ? 0 : batch.size()));
    const auto good = batch.good_rows();
    const auto count = static_cast<std::int64_t>(std::count(batch.errors.begin(), batch.errors.end(), ""));
    require(good.size() == count);
    if (count == 0) continue;
    check(good, preprocessing);
    if (!preprocessing.tokens && !preprocessing.signature) check_round_trip(good, preprocessing);
    for (const auto length : batch.lengths) require(length >= 0 && length <= preprocessing.tokens->context);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto models = make_models();
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto& model = models[data[0] / 4 % 4];
  const auto way = data[0] % 4;
  try {
    if (way == 1 || way == 2)
      infer(body, way == 2, model);
    else if (way == 3 || model.preprocessing.tokens)
      lines(body, model.preprocessing);
    else
      predict(body, model.preprocessing);
  } catch (const DataError&) {
  }
  return 0;
}
