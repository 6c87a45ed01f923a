#include "models/gpt_published.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/text.h"

namespace ringtrain {
namespace {

constexpr std::string_view kPrefix = "transformer.";
constexpr double kNormEpsilon = 1e-5;  // of torch::nn::LayerNorm

bool is_linear_map(const std::string& name) {
  return matches("h.*.c_attn.weight", name) || matches("h.*.c_proj.weight", name) ||
         matches("h.*.c_fc.weight", name);
}

/// The masks that older versions keep with each block.
bool is_mask(const std::string& name) {
  return matches("h.*.attn.bias", name) || matches("h.*.attn.masked_bias", name);
}

std::string bare(const std::string& name) {
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

/// Whether its linear maps are [in, out].
bool is_transposed(const PublishedForm::Tensors& stored) {
  for (const auto& [name, tensor] : stored)
    if (matches("h.*.attn.c_attn.weight", bare(name)) && tensor.dim() == 2)
      return tensor.size(0) < tensor.size(1);
  return false;
}

bool same(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() && at::equal(a, b);
}

}  // namespace

std::map<std::string, WeightPlace> GptPublished::places(const Tensors& stored) const {
  const bool transposed = is_transposed(stored);
  std::map<std::string, WeightPlace> places;
  const at::Tensor* embedding = nullptr;
  for (const auto& [name, tensor] : stored) {
    auto own = bare(name);
    if (own == "wte.weight") embedding = &tensor;
    const bool turned = transposed && is_linear_map(own);
    places[name] = is_mask(own) ? WeightPlace{} : WeightPlace{std::move(own), turned};
  }
  // Tied to the embedding, as here; one that is not stays what it is: a weight that this model has not.
  if (const auto head = stored.find("lm_head.weight"); head != stored.end()) {
    if (!embedding)
      places["lm_head.weight"] = {"wte.weight"};
    else if (same(*embedding, head->second))
      places["lm_head.weight"] = {};
  }
  return places;
}

std::vector<std::string> GptPublished::differences(const std::string& config) const {
  const auto json = nlohmann::json::parse(config, nullptr, false);
  if (!json.is_object()) return {"config.json is no JSON object"};
  std::vector<std::string> told;
  const auto expect = [&](const char* key, const std::vector<nlohmann::json>& known) {
    if (!json.contains(key) || std::find(known.begin(), known.end(), json[key]) != known.end()) return;
    told.push_back(fmt::format("config.json: {} is {}, here {}", key, json[key].dump(), known[0].dump()));
  };
  expect("model_type", {"gpt2"});
  expect("n_head", {heads_});
  expect("activation_function", {"gelu_new", "gelu_pytorch_tanh"});
  expect("layer_norm_epsilon", {kNormEpsilon});
  expect("scale_attn_weights", {true});
  expect("scale_attn_by_inverse_layer_idx", {false});
  expect("tie_word_embeddings", {true});
  return told;
}

PublishedForm::Written GptPublished::write(const Tensors& own) const {
  Written written;
  std::int64_t layers = 0;
  for (const auto& [name, tensor] : own) {
    if (matches("h.*.attn.c_attn.weight", name)) ++layers;
    written.weights[std::string(kPrefix) + name] = is_linear_map(name) ? tensor.t().contiguous() : tensor;
  }
  const auto& tokens = own.at("wte.weight");
  written.config =
      nlohmann::ordered_json{{"model_type", "gpt2"},
                             {"architectures", {"GPT2LMHeadModel"}},
                             {"vocab_size", tokens.size(0)},
                             {"n_positions", own.at("wpe.weight").size(0)},
                             {"n_embd", tokens.size(1)},
                             {"n_layer", layers},
                             {"n_head", heads_},
                             {"n_inner", nullptr},
                             {"activation_function", "gelu_new"},
                             {"layer_norm_epsilon", kNormEpsilon},
                             {"embd_pdrop", dropout_},
                             {"attn_pdrop", dropout_},
                             {"resid_pdrop", dropout_},
                             {"scale_attn_weights", true},
                             {"tie_word_embeddings", true},
                             {"bos_token_id", nullptr},
                             {"eos_token_id", nullptr},
                             {"torch_dtype", tokens.scalar_type() == at::kDouble ? "float64" : "float32"}}
          .dump(2) +
      "\n";
  return written;
}

}  // namespace ringtrain
