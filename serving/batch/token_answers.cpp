#include "serving/batch/token_answers.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace ringtrain {
namespace {

using nlohmann::ordered_json;

/// `tokens`: those that are given.
/// `logits`: [context, vocabulary].
ordered_json answer_of(const TokenInput& input, const at::Tensor& tokens, const at::Tensor& logits) {
  constexpr std::int64_t shown = 5;
  const auto count = tokens.size(0);
  const auto [probabilities, places] =
      at::softmax(logits[count - 1], 0).topk(std::min(shown, input.vocabulary));
  auto next = ordered_json::array();
  for (std::int64_t i = 0; i < places.size(0); ++i) {
    const auto token = places[i].item<std::int64_t>();
    ordered_json entry{{"token", token}};
    if (static_cast<std::size_t>(token) < input.texts.size())
      entry["text"] = input.texts[static_cast<std::size_t>(token)];
    entry["probability"] = probabilities[i].item<double>();
    next.push_back(entry);
  }
  ordered_json answer{{"next", next}, {"loss", nullptr}, {"perplexity", nullptr}};
  if (count > 1) {
    const double loss =
        at::cross_entropy_loss(logits.narrow(0, 0, count - 1), tokens.narrow(0, 1, count - 1)).item<double>();
    answer["loss"] = loss;
    answer["perplexity"] = std::exp(loss);
  }
  return answer;
}

}  // namespace

void append_token_answer(std::string& text, const TokenInput& input, const RowBatch& batch, std::size_t row,
                         const at::Tensor& logits) {
  const auto answer = answer_of(
      input, batch.rows.tokens[static_cast<std::int64_t>(row)].narrow(0, 0, batch.lengths[row]), logits);
  text += answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).substr(1);
  text += '\n';
}

}  // namespace ringtrain
