#include "serving/predict/tensor_reader.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <set>

#include "common/errors.h"
#include "common/text.h"
#include "serving/predict/json_text.h"

namespace ringtrain {
namespace {

using rapidjson::Value;

constexpr std::size_t kMostProblems = 8;
constexpr std::int64_t kMostExact = std::int64_t{1} << 53;  // of whole numbers in float64

/// Throws them, where there are any; the first of many.
void raise(std::vector<std::string> problems) {
  if (problems.empty()) return;
  if (problems.size() > kMostProblems) {
    problems.resize(kMostProblems);
    problems.emplace_back("and more");
  }
  throw DataError(join(problems, "; "));
}

/// Reads one input's values, in order, and keeps what is wrong.
class ValueReader {
 public:
  ValueReader(const TensorInput& input, std::vector<std::string>& problems)
      : input_(input), problems_(problems) {}

  at::Tensor read(const Value& value) {
    const auto before = problems_.size();
    read(value, 0);
    if (problems_.size() > before) return {};
    auto dims = input_.dims;
    if (input_.pad) dims[0] = entries_;
    if (input_.type == at::kLong) return at::tensor(whole_, at::kLong).reshape(dims);
    return at::tensor(numbers_, at::kDouble).reshape(dims).to(input_.type);
  }

 private:
  void read(const Value& value, std::size_t depth) {
    if (depth == input_.dims.size()) return take(value);
    const auto wanted = input_.dims[depth];
    const bool padded = depth == 0 && input_.pad;
    if (!value.IsArray()) {
      problems_.push_back(fmt::format("{}: expected an array of {}{} {}, got {}", place(),
                                      padded ? "at most " : "", wanted, entry_of(depth, wanted),
                                      shown(value)));
      return;
    }
    const std::int64_t size = value.Size();
    if (padded ? size > wanted : size != wanted) {
      problems_.push_back(
          padded ? fmt::format("{}: {} entries are more than the {} that the model takes; give "
                               "the last ones",
                               place(), size, wanted)
                 : fmt::format("{}: expected {} {}, got {}", place(), wanted, entry_of(depth, wanted), size));
      return;
    }
    if (depth == 0) entries_ = size;
    for (rapidjson::SizeType i = 0; i < value.Size() && problems_.size() <= kMostProblems; ++i) {
      path_.push_back(i);
      read(value[i], depth + 1);
      path_.pop_back();
    }
  }

  std::string place() const {
    std::string text = input_.name;
    for (const auto index : path_) text += fmt::format("[{}]", index);
    return text;
  }

  /// What the entries of a dimension are called.
  std::string entry_of(std::size_t depth, std::int64_t count) const {
    const bool last = depth + 1 == input_.dims.size();
    return fmt::format("{}{}", last ? "value" : "array", count == 1 ? "" : "s");
  }

  void take(const Value& value) {
    const auto wrong = [&](const std::string& expected) {
      problems_.push_back(fmt::format("{}: expected {}, got {}", place(), expected, shown(value)));
    };
    if (input_.type == at::kBool) {
      const bool is_number = value.IsInt64() && (value.GetInt64() == 0 || value.GetInt64() == 1);
      if (!value.IsBool() && !is_number) return wrong("true or false");
      numbers_.push_back((value.IsBool() ? value.GetBool() : value.GetInt64() != 0) ? 1 : 0);
    } else if (input_.type == at::kLong) {
      const bool fits = value.IsInt64() &&
                        (input_.below == 0 || (value.GetInt64() >= 0 && value.GetInt64() < input_.below));
      if (!fits)
        return wrong(input_.below > 0 ? fmt::format("a whole number from 0 to {}", input_.below - 1)
                                      : "a whole number that int64 holds");
      whole_.push_back(value.GetInt64());
    } else {
      take_number(value, wrong);
    }
  }

  template <class Wrong>
  void take_number(const Value& value, const Wrong& wrong) {
    if (!value.IsNumber()) return wrong("a number");
    const double number = value.GetDouble();
    if (!std::isfinite(number)) return wrong("a finite number");
    if (input_.type == at::kFloat && std::abs(number) > FLT_MAX)
      return wrong("a number within the range of float32");
    const bool whole = value.IsInt64() || value.IsUint64();
    const bool exact =
        !whole || (value.IsInt64() && value.GetInt64() >= -kMostExact && value.GetInt64() <= kMostExact);
    if (input_.type == at::kDouble && !exact)
      return wrong("a number that float64 holds (whole ones beyond 2^53 lose their last digits)");
    numbers_.push_back(number);
  }

  const TensorInput& input_;
  std::vector<std::string>& problems_;
  std::vector<rapidjson::SizeType> path_;
  std::int64_t entries_ = 0;
  std::vector<double> numbers_;
  std::vector<std::int64_t> whole_;
};

}  // namespace

TensorReader::TensorReader(const Signature& signature, std::vector<std::string> ignored)
    : signature_(signature), given_(signature.given()), ignored_(std::move(ignored)) {}

at::Tensor TensorReader::read_input(const TensorInput& input, const Value& value, Problems& problems) const {
  return ValueReader(input, problems).read(value);
}

void TensorReader::judge_names(const Value& object, Problems& problems) const {
  std::vector<std::string> known;
  for (const auto* input : given_) {
    known.push_back(input->name);
    if (!object.HasMember(input->name.c_str()))
      problems.push_back(fmt::format("'{}' is missing", input->name));
  }
  std::set<std::string> seen;
  for (const auto& [key, value] : object.GetObject()) {
    const std::string name(text_of(key));
    if (!seen.insert(name).second)
      problems.push_back(fmt::format("'{}' is given twice", name));
    else if (const auto* owner = signature_.masked_by(name))
      problems.push_back(fmt::format("'{}' is made of '{}', not given", name, owner->name));
    else if (!signature_.find(name) && std::find(ignored_.begin(), ignored_.end(), name) == ignored_.end())
      problems.push_back(fmt::format("unknown name {}; the model takes: {}.{}", shown(key), join(known),
                                     did_you_mean(name, known)));
  }
}

Fields TensorReader::read(const Value& value) const {
  Problems problems;
  std::vector<Fields::Field> fields;
  const bool alone = given_.size() == 1 && !value.IsObject();
  if (!alone && !value.IsObject()) {
    std::vector<std::string> names;
    for (const auto* input : given_) names.push_back(input->name);
    throw DataError(fmt::format("expected an object with {}, got {}", join(names), shown(value)));
  }
  if (!alone) judge_names(value, problems);
  for (const auto* input : given_) {
    const auto found = alone ? Value::ConstMemberIterator() : value.FindMember(input->name.c_str());
    if (!alone && found == value.MemberEnd()) continue;
    fields.emplace_back(input->name, read_input(*input, alone ? value : found->value, problems));
  }
  raise(std::move(problems));
  return Fields(std::move(fields));
}

std::vector<Fields> TensorReader::read_columns(const Value& columns) const {
  Problems problems;
  judge_names(columns, problems);
  std::int64_t rows = -1;
  for (const auto& [key, column] : columns.GetObject()) {
    if (!column.IsArray())
      problems.push_back(
          fmt::format("'{}': expected an array of samples, got {}", text_of(key), shown(column)));
    else if (rows >= 0 && rows != column.Size())
      problems.push_back(fmt::format("'{}' has {} rows, others {}", text_of(key), column.Size(), rows));
    else
      rows = column.Size();
  }
  if (problems.empty() && rows == 0) problems.emplace_back("there are no rows");
  raise(std::move(problems));
  std::vector<Fields> samples;
  for (rapidjson::SizeType r = 0; r < rows; ++r) {
    Problems of_row;
    std::vector<Fields::Field> fields;
    for (const auto* input : given_)
      fields.emplace_back(input->name, read_input(*input, columns[input->name.c_str()][r], of_row));
    if (!of_row.empty()) of_row.front() = fmt::format("row {}: {}", r + 1, of_row.front());
    raise(std::move(of_row));
    samples.emplace_back(std::move(fields));
  }
  return samples;
}

}  // namespace ringtrain
