#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringtrain {

/// Tensors of some samples, each with a name, in an order. The first dimension of each is the samples.
class Fields {
 public:
  using Field = std::pair<std::string, at::Tensor>;

  Fields() = default;
  /// One tensor, whose name nobody asks for; none where it is undefined.
  Fields(at::Tensor only);  // NOLINT
  /// Throws Error for a name that occurs twice.
  explicit Fields(std::vector<Field> fields);

  std::size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  /// Of the first tensor; 0 where there is none.
  std::int64_t samples() const;

  /// The tensor where there is one. Throws Error, which names them, where there are several or none.
  const at::Tensor& only() const;
  operator const at::Tensor&() const { return only(); }  // NOLINT
  /// Throws Error that names those there are.
  const at::Tensor& at(std::string_view name) const;

  Fields narrow(std::int64_t begin, std::int64_t count) const;
  Fields to(const at::Device& device) const;
  Fields clone() const;
  /// Copies values into these tensors, from those of the same order.
  void copy_from(const Fields& other) const;
  /// Whether names, shapes and types are equal.
  bool is_like(const Fields& other) const;

  /// `change` makes a tensor of each.
  template <class Change>
  Fields map(const Change& change) const {
    Fields result;
    for (const auto& [name, tensor] : fields_) result.fields_.emplace_back(name, change(tensor));
    return result;
  }

 private:
  std::string names() const;
  std::vector<Field> fields_;
};

}  // namespace ringtrain
