#pragma once

#include <protozero/types.hpp>

/// Field numbers of onnx.proto.
namespace ringtrain::onnx::fields {

using Tag = protozero::pbf_tag_type;

namespace model {
inline constexpr Tag ir_version = 1, producer_name = 2, producer_version = 3, graph = 7, opset_import = 8,
                     metadata_props = 14;
}
namespace opset_id {
inline constexpr Tag domain = 1, version = 2;
}
namespace string_entry {
inline constexpr Tag key = 1, value = 2;
}
namespace graph {
inline constexpr Tag node = 1, name = 2, initializer = 5, input = 11, output = 12;
}
namespace node {
inline constexpr Tag input = 1, output = 2, name = 3, op_type = 4, attribute = 5, domain = 7;
}
namespace attribute {
inline constexpr Tag name = 1, f = 2, i = 3, s = 4, floats = 7, ints = 8, strings = 9, type = 20;
/// AttributeProto.AttributeType, in the order of AttributeValue's alternatives.
inline constexpr int types[] = {1, 2, 3, 6, 7, 8};
}  // namespace attribute
namespace tensor {
inline constexpr Tag dims = 1, data_type = 2, name = 8, raw_data = 9;
}
namespace value_info {
inline constexpr Tag name = 1, type = 2;
}
namespace type {
inline constexpr Tag tensor_type = 1;
}
namespace tensor_type {
inline constexpr Tag elem_type = 1, shape = 2;
}
namespace shape {
inline constexpr Tag dim = 1;
}
namespace dimension {
inline constexpr Tag dim_value = 1, dim_param = 2;
}

}  // namespace ringtrain::onnx::fields
