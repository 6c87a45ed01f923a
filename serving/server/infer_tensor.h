#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringtrain {

/// A tensor of a request or of an answer, as the Open Inference Protocol names it.
struct InferTensor {
  std::string name;
  std::string datatype;  ///< "FP32", "INT64", "BYTES"
  std::vector<std::int64_t> shape;
  at::Tensor values;                 ///< of `shape`; undefined for BYTES. Of UINT16 int32, of UINT32 and
                                     ///< UINT64 int64: LibTorch computes with few unsigned types
  std::vector<std::string> strings;  ///< of BYTES
};

/// The type that holds a datatype's values. Throws DataError that names the input `tensor` and the known
/// ones.
at::ScalarType scalar_type(const std::string& tensor, const std::string& datatype);
/// The datatype of values of a type: "INT64" of int64.
const char* datatype_of(at::ScalarType type);
/// The largest value of an unsigned datatype that is held in a wider type; none of others. Of UINT64 it is
/// that of int64.
std::optional<std::int64_t> largest_unsigned(const std::string& datatype);

/// How many values a shape holds. Throws DataError that names `tensor` when a dimension is negative or there
/// are more than 2^31.
std::int64_t element_count(const std::string& tensor, const std::vector<std::int64_t>& shape);

/// A tensor from its bytes, little-endian (BYTES: each with its length in 4 bytes before it), as the binary
/// tensor extension and raw_input_contents carry them. Throws DataError that names the tensor.
InferTensor tensor_from_bytes(std::string name, std::string datatype, std::vector<std::int64_t> shape,
                              std::string_view bytes);
std::string bytes_of(const InferTensor& tensor);

}  // namespace ringtrain
