#include "data/fields.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "common/text.h"

namespace ringtrain {

Fields::Fields(at::Tensor only) {
  if (only.defined()) fields_.emplace_back("", std::move(only));
}

Fields::Fields(std::vector<Field> fields) : fields_(std::move(fields)) {
  for (auto field = fields_.begin(); field != fields_.end(); ++field)
    if (std::any_of(fields_.begin(), field, [&](const Field& one) { return one.first == field->first; }))
      throw Error(fmt::format("a batch has two tensors of the name '{}'", field->first));
}

std::int64_t Fields::samples() const { return empty() ? 0 : fields_.front().second.size(0); }

const at::Tensor& Fields::only() const {
  if (size() == 1) return fields_.front().second;
  throw Error(empty() ? "a batch has no tensor here, where one is wanted"
                      : fmt::format("a batch has {} tensors here ({}), where one is wanted: take one by its "
                                    "name",
                                    size(), names()));
}

const at::Tensor& Fields::at(std::string_view name) const {
  for (const auto& [known, tensor] : fields_)
    if (known == name) return tensor;
  throw Error(fmt::format("a batch has no tensor '{}'; there are: {}", name, names()));
}

Fields Fields::narrow(std::int64_t begin, std::int64_t count) const {
  return map([&](const at::Tensor& tensor) { return tensor.narrow(0, begin, count); });
}

Fields Fields::to(const at::Device& device) const {
  return map([&](const at::Tensor& tensor) { return tensor.to(device); });
}

Fields Fields::clone() const {
  return map([](const at::Tensor& tensor) { return tensor.clone(); });
}

void Fields::copy_from(const Fields& other) const {
  for (std::size_t i = 0; i < size(); ++i) fields_[i].second.copy_(other.fields_[i].second);
}

bool Fields::is_like(const Fields& other) const {
  return std::equal(begin(), end(), other.begin(), other.end(), [](const Field& a, const Field& b) {
    return a.first == b.first && a.second.sizes() == b.second.sizes() &&
           a.second.scalar_type() == b.second.scalar_type();
  });
}

std::string Fields::names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : fields_) names.push_back(name);
  return join(names);
}

}  // namespace ringtrain
