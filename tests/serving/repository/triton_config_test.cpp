#include "serving/repository/triton_config.h"

#include <gtest/gtest.h>

#include "tests/serving/test_models.h"

namespace ringtrain::test {
namespace {

TEST(TritonConfig, LibTorchServesNumericColumns) {
  const auto manifest = make_manifest("fraud", "binary_classification", numeric_columns(30, {"0", "1"}));
  EXPECT_EQ(triton_config(manifest, {"torchscript", "onnx"}), R"(name: "fraud"
platform: "pytorch_libtorch"
default_model_filename: "model.pt"
max_batch_size: 1024
dynamic_batching { }
input [
  {
    name: "INPUT__0"
    data_type: TYPE_FP32
    dims: [ 30 ]
  }
]
output [
  {
    name: "OUTPUT__0"
    data_type: TYPE_FP32
    dims: [ 2 ]
    label_filename: "labels.txt"
  },
  {
    name: "OUTPUT__1"
    data_type: TYPE_INT64
    dims: [ 1 ]
    reshape: { shape: [ ] }
  }
]
)");
  EXPECT_EQ(triton_labels(manifest), "0\n1\n");
}

TEST(TritonConfig, OnnxServesWords) {
  auto manifest = make_manifest("m", "regression", mixed_columns({}));
  manifest.preprocessing.categorical[0].name = "the \"color\"";
  EXPECT_EQ(triton_config(manifest, {"torchscript", "onnx"}), R"(name: "m"
platform: "onnxruntime_onnx"
default_model_filename: "model.onnx"
max_batch_size: 1024
dynamic_batching { }
input [
  {
    name: "numeric"
    data_type: TYPE_FP32
    dims: [ 3 ]
  },
  {
    name: "the \"color\""
    data_type: TYPE_STRING
    dims: [ 1 ]
    reshape: { shape: [ ] }
  },
  {
    name: "class_column"
    data_type: TYPE_STRING
    dims: [ 1 ]
    reshape: { shape: [ ] }
  }
]
output [
  {
    name: "prediction"
    data_type: TYPE_FP32
    dims: [ 1 ]
    reshape: { shape: [ ] }
  }
]
)");
  EXPECT_EQ(triton_labels(manifest), "");
  EXPECT_EQ(triton_config(manifest, {"torchscript"}), "") << "no backend takes several lists of words";
}

TEST(TritonConfig, ColumnsAsInputsAreServedByOnnx) {
  auto manifest = make_manifest("m", "regression", mixed_columns({}));
  manifest.inputs = "columns";
  const auto text = triton_config(manifest, {"torchscript", "onnx"});
  EXPECT_NE(text.find("platform: \"onnxruntime_onnx\""), std::string::npos);
  EXPECT_EQ(text.find("\"numeric\""), std::string::npos);
  const auto& columns = manifest.preprocessing.numeric;
  ASSERT_EQ(columns.size(), 3U);
  for (const auto& column : columns)
    EXPECT_NE(text.find("    name: \"" + column.name +
                        "\"\n    data_type: TYPE_FP32\n    dims: [ 1 ]\n    reshape: { shape: [ ] }\n"),
              std::string::npos)
        << text;
  // TorchScript has no names for them.
  EXPECT_NE(triton_config(make_manifest("m", "regression", numeric_columns(2, {})), {"torchscript"})
                .find("INPUT__0"),
            std::string::npos);
}

}  // namespace
}  // namespace ringtrain::test
