#include "data/schema/collate.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {
namespace {

using Problems = std::vector<std::string>;

at::ScalarType type_in(const TensorInput& input, at::ScalarType floating) {
  return input.type == at::kFloat ? floating : input.type;
}

std::vector<std::int64_t> sizes_of(const TensorInput& input, std::int64_t count) {
  std::vector<std::int64_t> sizes{count};
  sizes.insert(sizes.end(), input.dims.begin(), input.dims.end());
  return sizes;
}

/// Null where there is none.
const at::Tensor* find(const Fields& fields, std::string_view name) {
  for (const auto& [known, tensor] : fields)
    if (known == name) return &tensor;
  return nullptr;
}

/// bool → int64 → floating.
bool is_convertible(at::ScalarType from, at::ScalarType to) {
  const auto rank = [](at::ScalarType type) {
    return type == at::kBool ? 0 : at::isIntegralType(type, false) ? 1 : 2;
  };
  return rank(from) <= rank(to);
}

std::string shape_of(const TensorInput& input) {
  if (!input.pad) return fmt::format("[{}]", fmt::join(input.dims, ", "));
  const std::vector<std::int64_t> rest(input.dims.begin() + 1, input.dims.end());
  return fmt::format("[at most {}{}{}]", input.dims[0], rest.empty() ? "" : ", ", fmt::join(rest, ", "));
}

void judge(const TensorInput& input, const at::Tensor& value, Problems& problems) {
  const auto add = [&](const std::string& what) {
    problems.push_back(fmt::format("input '{}': {}", input.name, what));
  };
  if (!is_convertible(value.scalar_type(), input.type))
    add(fmt::format("expected {}, got {}", type_name(input.type), type_name(value.scalar_type())));
  const auto sizes = value.sizes().vec();
  const bool same_rest =
      sizes.size() == input.dims.size() &&
      (sizes.empty() || std::equal(sizes.begin() + 1, sizes.end(), input.dims.begin() + 1));
  if (!same_rest || (!sizes.empty() && !input.pad && sizes[0] != input.dims[0]))
    add(fmt::format("expected the dims {}, got [{}]", shape_of(input), fmt::join(sizes, ", ")));
  else if (!sizes.empty() && sizes[0] > input.dims[0])
    add(fmt::format("{} entries are more than the {} that the model takes; give the last ones", sizes[0],
                    input.dims[0]));
}

Problems problems_of(const Signature& signature, const Fields& sample) {
  Problems problems;
  for (const auto* input : signature.given()) {
    if (const auto* value = find(sample, input->name))
      judge(*input, *value, problems);
    else
      problems.push_back(fmt::format("input '{}' is missing", input->name));
  }
  for (const auto& [name, value] : sample) {
    if (const auto* owner = signature.masked_by(name))
      problems.push_back(fmt::format("input '{}' is made of '{}', not given", name, owner->name));
    else if (!signature.find(name))
      problems.push_back(fmt::format("there is no input '{}'", name));
  }
  return problems;
}

/// The first row (from 1) where `wrong` [n, …] is true; 0: none.
std::int64_t first_row(const at::Tensor& wrong) {
  const at::Tensor rows = wrong.reshape({wrong.size(0), -1}).any(1);
  return rows.any().item<bool>() ? rows.to(at::kByte).argmax(0).item<std::int64_t>() + 1 : 0;
}

void judge_values(const Signature& signature, const TensorInput& input, const at::Tensor& values,
                  Problems& problems) {
  const auto add = [&](std::int64_t row, const std::string& what) {
    if (row > 0) problems.push_back(fmt::format("input '{}', row {}: {}", input.name, row, what));
  };
  if (at::isFloatingType(values.scalar_type()))
    add(first_row(values.isfinite().logical_not()), "a value is no finite number");
  if (values.scalar_type() == at::kBool)
    add(first_row(values.view(at::kByte).gt(1)), "a value is neither true nor false");
  if (input.below > 0)
    add(first_row(values.lt(0).logical_or(values.ge(input.below))),
        fmt::format("a value does not lie between 0 and {}", input.below - 1));
  if (signature.masked_by(input.name)) {
    const at::Tensor ones = values.to(at::kFloat);
    add(first_row(ones.ne(0)
                      .logical_and(ones.ne(1))
                      .logical_or(at::constant_pad_nd(ones, {1, 0}, 1).narrow(1, 0, ones.size(1)).lt(ones))),
        "a mask is 1 for what is given, then 0 for the padding");
  }
}

void judge_padding(const TensorInput& input, const at::Tensor& values, const at::Tensor& mask,
                   Problems& problems) {
  const at::Tensor other = values.ne(*input.pad).reshape({values.size(0), input.dims[0], -1}).any(2);
  if (const auto row = first_row(other.logical_and(mask.eq(0))); row > 0)
    problems.push_back(
        fmt::format("input '{}', row {}: its values are not the pad {} where its mask '{}' is 0", input.name,
                    row, *input.pad, input.mask));
}

}  // namespace

Fields blank_inputs(const Signature& signature, std::int64_t count, at::ScalarType floating) {
  std::vector<Fields::Field> fields;
  for (const auto& input : signature.inputs)
    fields.emplace_back(input.name, at::full(sizes_of(input, count), input.pad.value_or(0),
                                             at::TensorOptions(type_in(input, floating))));
  return Fields(std::move(fields));
}

void put_sample(const Signature& signature, const Fields& sample, std::int64_t row, const Fields& inputs) {
  if (const auto problems = problems_of(signature, sample); !problems.empty())
    throw DataError(join(problems, "; "));
  for (const auto* input : signature.given()) {
    const at::Tensor& value = sample.at(input->name);
    at::Tensor place = inputs.at(input->name).select(0, row);
    if (!input->pad) {
      place.copy_(value);
      continue;
    }
    place.fill_(*input->pad);
    place.narrow(0, 0, value.size(0)).copy_(value);
    if (input->mask.empty()) continue;
    at::Tensor mask = inputs.at(input->mask).select(0, row);
    mask.zero_();
    mask.narrow(0, 0, value.size(0)).fill_(1);
  }
}

Fields collate(const Signature& signature, const std::vector<Fields>& samples, at::ScalarType floating) {
  auto inputs = blank_inputs(signature, static_cast<std::int64_t>(samples.size()), floating);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    try {
      put_sample(signature, samples[i], static_cast<std::int64_t>(i), inputs);
    } catch (const DataError& error) {
      throw DataError(fmt::format("sample {}: {}", i + 1, error.what()));
    }
  }
  return inputs;
}

void require_inputs(const Signature& signature, const Fields& inputs, at::ScalarType floating) {
  Problems problems;
  std::vector<const TensorInput*> good;
  const auto rows = inputs.samples();
  for (const auto& input : signature.inputs) {
    const auto* tensor = find(inputs, input.name);
    const auto expected = type_in(input, floating);
    if (!tensor) {
      problems.push_back(fmt::format("input '{}' is missing", input.name));
    } else if (tensor->scalar_type() != expected || tensor->sizes() != sizes_of(input, rows)) {
      problems.push_back(fmt::format("input '{}': expected {} [{}], got {} [{}]", input.name,
                                     type_name(expected), fmt::join(sizes_of(input, rows), ", "),
                                     type_name(tensor->scalar_type()), fmt::join(tensor->sizes(), ", ")));
    } else {
      good.push_back(&input);
    }
  }
  for (const auto& [name, tensor] : inputs)
    if (!signature.find(name)) problems.push_back(fmt::format("there is no input '{}'", name));
  if (problems.empty() && rows > 0) {
    for (const auto* input : good) judge_values(signature, *input, inputs.at(input->name), problems);
    for (const auto* input : good)
      if (problems.empty() && !input->mask.empty())
        judge_padding(*input, inputs.at(input->name), inputs.at(input->mask), problems);
  }
  if (!problems.empty()) throw DataError(join(problems, "; "));
}

Fields as_served(const Signature& signature, const Fields& inputs) {
  std::vector<Fields::Field> fields;
  for (const auto& input : signature.inputs)
    fields.emplace_back(input.name, inputs.at(input.name).to(at::kCPU).to(input.type));
  return Fields(std::move(fields));
}

}  // namespace ringtrain
