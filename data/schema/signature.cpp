#include "data/schema/signature.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cfloat>
#include <cmath>
#include <set>

#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {
namespace {

struct NamedType {
  const char* name;
  at::ScalarType type;
};
constexpr std::array kTypes{NamedType{"float32", at::kFloat}, NamedType{"float64", at::kDouble},
                            NamedType{"int64", at::kLong}, NamedType{"bool", at::kBool}};

/// The exported models' own words, and those that TorchScript reads as something else.
bool is_reserved(const std::string& name) {
  static const std::set<std::string> words{
      "and",      "as",   "assert", "async",  "await",      "break",  "class",         "continue", "def",
      "del",      "elif", "else",   "except", "finally",    "for",    "from",          "global",   "if",
      "import",   "in",   "inf",    "is",     "label",      "labels", "lambda",        "logits",   "nan",
      "nonlocal", "not",  "or",     "pass",   "prediction", "print",  "probabilities", "raise",    "return",
      "scores",   "self", "torch",  "try",    "while",      "with",   "yield",         "False",    "None",
      "True"};
  return words.contains(name) || name.starts_with("INPUT__") || name.starts_with("OUTPUT__");
}

bool is_identifier(const std::string& name) {
  const auto letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; };
  return !name.empty() && letter(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
    return letter(c) || std::isdigit(static_cast<unsigned char>(c));
  });
}

bool holds(const TensorInput& input, double value) {
  if (input.type == at::kBool) return value == 0 || value == 1;
  if (input.type == at::kFloat) return std::abs(value) <= FLT_MAX;
  if (input.type != at::kLong) return std::isfinite(value);
  return std::abs(value) <= 0x1p53 && std::nearbyint(value) == value &&
         (input.below == 0 || (value >= 0 && value < static_cast<double>(input.below)));
}

template <class T>
T read(const nlohmann::json& json, const char* key) {
  try {
    return json.at(key).get<T>();
  } catch (const nlohmann::json::exception& error) {
    throw DataError(
        fmt::format("signature: field '{}' is missing or of a wrong type ({})", key, error.what()));
  }
}

at::ScalarType type_of(const std::string& name) {
  for (const auto& one : kTypes)
    if (name == one.name) return one.type;
  throw DataError(
      fmt::format("signature: unknown type '{}'; expected float32, float64, int64 or bool", name));
}

/// What is wrong with one input; `add` takes sentences.
template <class Add>
void judge(const Signature& signature, const TensorInput& input, const Add& add) {
  const auto known =
      std::any_of(kTypes.begin(), kTypes.end(), [&](const NamedType& one) { return one.type == input.type; });
  if (!is_identifier(input.name))
    add("its name is no identifier (letters, digits and _, no digit first)");
  else if (is_reserved(input.name))
    add("its name means something else in exported models; choose another one");
  if (!known)
    add(fmt::format("its type {} is none of float32, float64, int64, bool", c10::toString(input.type)));
  std::int64_t values = 1;
  for (const auto size : input.dims)
    if (size < 1 || __builtin_mul_overflow(values, size, &values) || values > (std::int64_t{1} << 31))
      return add(fmt::format("its dims [{}] are not possible", fmt::join(input.dims, ", ")));
  if (input.below < 0 || (input.below > 0 && input.type != at::kLong))
    add("`below` is for int64, and not negative");
  if (input.pad && input.dims.empty()) add("`pad` needs a dimension that may be shorter");
  if (input.pad && !holds(input, *input.pad))
    add(fmt::format("its type does not hold the pad {}", *input.pad));
  if (input.mask.empty()) return;
  if (!input.pad) return add("`mask` is for an input with a `pad`");
  const auto* mask = signature.find(input.mask);
  if (!mask) return add(fmt::format("there is no input '{}', its mask", input.mask));
  if ((mask->type != at::kFloat && mask->type != at::kBool) || input.dims.empty() ||
      mask->dims != std::vector{input.dims[0]} || mask->pad)
    add(fmt::format("its mask '{}' must be float32 or bool [{}], without a pad", input.mask,
                    input.dims.empty() ? 0 : input.dims[0]));
  if (signature.masked_by(input.mask) != &input)
    add(fmt::format("'{}' is the mask of another input too", input.mask));
}

}  // namespace

std::int64_t TensorInput::values() const {
  std::int64_t count = 1;
  for (const auto size : dims) count *= size;
  return count;
}

const TensorInput* Signature::find(std::string_view name) const {
  for (const auto& input : inputs)
    if (input.name == name) return &input;
  return nullptr;
}

const TensorInput* Signature::masked_by(std::string_view mask) const {
  for (const auto& input : inputs)
    if (!input.mask.empty() && input.mask == mask) return &input;
  return nullptr;
}

std::vector<const TensorInput*> Signature::given() const {
  std::vector<const TensorInput*> result;
  for (const auto& input : inputs)
    if (!masked_by(input.name)) result.push_back(&input);
  return result;
}

std::int64_t Signature::values() const {
  std::int64_t count = 0;
  for (const auto& input : inputs) count += input.values();
  return count;
}

void Signature::require_valid() const {
  std::vector<std::string> problems;
  if (inputs.empty()) problems.emplace_back("there are no inputs");
  for (const auto& input : inputs) {
    const auto add = [&](const std::string& what) {
      problems.push_back(fmt::format("input '{}': {}", input.name, what));
    };
    if (find(input.name) != &input) add("there are two of this name");
    judge(*this, input, add);
  }
  if (!problems.empty()) throw DataError("signature: " + join(problems, "; "));
}

nlohmann::json Signature::to_json() const {
  auto list = nlohmann::json::array();
  for (const auto& input : inputs) {
    list.push_back({{"name", input.name}, {"type", type_name(input.type)}, {"dims", input.dims}});
    auto& last = list.back();
    if (input.pad) last["pad"] = *input.pad;
    if (!input.mask.empty()) last["mask"] = input.mask;
    if (input.below > 0) last["below"] = input.below;
  }
  return list;
}

Signature Signature::from_json(const nlohmann::json& json) {
  if (!json.is_array()) throw DataError("signature: expected a list of inputs");
  Signature result;
  for (const auto& one : json) {
    TensorInput input{.name = read<std::string>(one, "name"),
                      .type = type_of(read<std::string>(one, "type")),
                      .dims = read<std::vector<std::int64_t>>(one, "dims")};
    if (one.contains("pad")) input.pad = read<double>(one, "pad");
    if (one.contains("mask")) input.mask = read<std::string>(one, "mask");
    if (one.contains("below")) input.below = read<std::int64_t>(one, "below");
    result.inputs.push_back(std::move(input));
  }
  result.require_valid();
  return result;
}

const char* type_name(at::ScalarType type) {
  for (const auto& one : kTypes)
    if (type == one.type) return one.name;
  return c10::toString(type);
}

std::string text_of(const TensorInput& input) {
  return fmt::format("{} [{}]", type_name(input.type), fmt::join(input.dims, ", "));
}

}  // namespace ringtrain
