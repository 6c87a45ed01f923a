// export_samples FOLDER: exports one model of each kind with FOLDER/NAME.expected beside it, for the
// comparison with Python.
#include <ATen/ATen.h>

#include <cstdio>
#include <exception>

#include "models/resnet.h"
#include "serving/export/expected_outputs.h"
#include "tests/serving/test_models.h"

namespace {

using namespace ringtrain;

/// `meaning`: a task's name, or a head.
template <class Meaning>
void export_sample(const std::filesystem::path& base, const std::string& name, const Meaning& meaning,
                   const Preprocessing& preprocessing, const test::MakeModel& make,
                   const std::string& inputs = "matrix") {
  auto request = test::request_of(base, test::make_manifest(name, meaning, preprocessing), make);
  request.manifest.inputs = inputs;
  if (!preprocessing.tokens) request.formats.emplace_back("savedmodel");
  export_model(request, test::verify_command());
  request.model->to(at::kFloat);
  request.model->eval();
  write_cases(base / (name + ".expected"), expected_cases(request.manifest, request.model, 77));
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  try {
    at::manual_seed(21);
    const std::filesystem::path base = arguments[1];
    export_sample(base, "binary", "binary_classification", test::numeric_columns(5, {"a", "b"}),
                  test::make_mlp(5, 1));
    export_sample(base, "mixed", "classification", test::mixed_columns({"a", "b", "c"}),
                  test::make_mlp(9, 3));
    auto scaled = test::mixed_columns({});
    scaled.target_scales = {{.shift = -30, .scale = 12.5}};
    export_sample(base, "regression", "regression", scaled, test::make_mlp(9, 1));
    export_sample(base, "convnet", "classification", test::numeric_columns(36, {"a", "b", "c", "d"}),
                  test::make_convnet(4));
    export_sample(base, "zoo", "classification", test::numeric_columns(24, {"a", "b"}),
                  test::make_operator_zoo(2));
    export_sample(base, "columns", "classification", test::mixed_columns({"a", "b", "c"}),
                  test::make_mlp(9, 3), "columns");
    export_sample(base, "one_column", "regression", test::numeric_columns(1, {}), test::make_mlp(1, 1),
                  "columns");
    export_sample(base, "labels", test::labels_head(), test::mixed_columns({"a", "b", "c"}),
                  test::make_mlp(9, 3));
    export_sample(base, "values", test::values_head(), test::numeric_columns(5, {}), test::make_mlp(5, 3));
    export_sample(base, "exponential", test::exponential_head(), test::numeric_columns(5, {}),
                  test::make_mlp(5, 1));
    export_sample(base, "tensors", "classification", test::named_tensors({"a", "b", "c"}),
                  test::make_sequences(3));
    export_sample(base, "tensor_values", test::values_head(), test::named_tensors({}),
                  test::make_sequences(3));
    auto words = test::mixed_columns({"a", "b"});
    words.numeric.clear();
    export_sample(base, "words", "binary_classification", words, test::make_mlp(6, 1));
    for (const auto& kind : built_in_models()) {
      const std::string name = "built_in_" + kind->name();
      if (const auto sequence = kind->sequence()) {
        export_sample(base, name, "language_model", test::token_input(sequence->context, 50),
                      [kind] { return kind->make({.outputs = 50}); });
        continue;
      }
      const bool convnet = kind->name() == "convnet", resnet = kind->name() == "resnet";
      const std::int64_t features = convnet ? 784 : resnet ? 3072 : 12;
      export_sample(base, name, "classification", test::numeric_columns(features, {"a", "b", "c"}),
                    [kind, features] { return kind->make({.features = features, .outputs = 3}); });
    }
    export_sample(base, "resnet50", "classification", test::numeric_columns(3 * 32 * 32, {"a", "b", "c"}),
                  [] {
                    ResnetKind kind;
                    kind.depth = "50";
                    kind.image = {3, 32, 32};
                    return kind.make({.features = 3 * 32 * 32, .outputs = 3});
                  });
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
