#include "serving/client/tensor_columns.h"

#include <ATen/ATen.h>

#include "serving/predict/json_text.h"

namespace ringtrain {
namespace {

void append_value(std::string& text, const at::Tensor& flat, std::int64_t place) {
  switch (flat.scalar_type()) {
    case at::kFloat:
      return append_number(text, flat.const_data_ptr<float>()[place]);
    case at::kDouble:
      return append_number(text, flat.const_data_ptr<double>()[place]);
    case at::kBool:
      text += flat.const_data_ptr<bool>()[place] ? "true" : "false";
      return;
    default:
      text += std::to_string(flat.const_data_ptr<std::int64_t>()[place]);
  }
}

/// `value` as nested lists.
void append(std::string& text, const at::Tensor& value) {
  if (value.dim() == 0) return append_value(text, value, 0);
  text += '[';
  for (std::int64_t i = 0; i < value.size(0); ++i) {
    if (i > 0) text += ',';
    if (value.dim() == 1)
      append_value(text, value, i);
    else
      append(text, value.select(0, i));
  }
  text += ']';
}

}  // namespace

std::string tensor_columns(const Fields& tensors, const Signature& signature) {
  std::string text = "{";
  for (const auto* input : signature.given()) {
    const at::Tensor values = tensors.at(input->name).contiguous();
    if (text.size() > 1) text += ',';
    append_string(text, input->name);
    text += ":[";
    for (std::int64_t row = 0; row < values.size(0); ++row) {
      if (row > 0) text += ',';
      at::Tensor value = values.select(0, row);
      if (!input->mask.empty())
        value = value.narrow(0, 0, tensors.at(input->mask).select(0, row).ne(0).sum().item<std::int64_t>());
      append(text, value);
    }
    text += ']';
  }
  return text + '}';
}

}  // namespace ringtrain
