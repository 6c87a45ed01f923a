#include "serving/server/token_request.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "common/text.h"
#include "serving/batch/row_batch.h"
#include "serving/batch/token_answers.h"
#include "serving/predict/model_outputs.h"
#include "serving/server/rest.h"

namespace ringtrain {
namespace {

RowBatch rows_of(const rapidjson::Value& rows, const TokenInput& input, const TokenReader& reader) {
  const auto count = static_cast<std::int64_t>(rows.Size());
  if (count > kMostValues / input.context)
    throw DataError(fmt::format("{} rows of {} tokens are more than are answered at once ({} values)",
                                with_commas(count), input.context, with_commas(kMostValues)));
  RowBatch batch;
  batch.errors.assign(rows.Size(), "");
  batch.rows.tokens = at::zeros({count, input.context}, at::kLong);
  auto* to = batch.rows.tokens.mutable_data_ptr<std::int64_t>();
  for (rapidjson::SizeType row = 0; row < rows.Size(); ++row, to += input.context) {
    try {
      const auto tokens = reader.read(rows[row]);
      std::copy(tokens.begin(), tokens.end(), to);
      batch.lengths.push_back(static_cast<std::int64_t>(tokens.size()));
    } catch (const DataError& error) {
      throw DataError(fmt::format("row {}: {}", row + 1, error.what()));
    }
  }
  return batch;
}

/// One request: some rows are computed, then their answers written, then the next ones. Lives as long as it
/// is under way.
class TokenRequest : public std::enable_shared_from_this<TokenRequest> {
 public:
  TokenRequest(ServedModels::Loaded version, RowBatch batch, bool by_column,
               std::shared_ptr<RequestContext> context, HttpServer::Respond respond)
      : version_(std::move(version)),
        batch_(std::move(batch)),
        by_column_(by_column),
        context_(std::move(context)),
        respond_(std::move(respond)) {}

  /// Throws Overloaded.
  void go_on() {
    const auto count = static_cast<std::int64_t>(batch_.size()) - done_;
    Predictor::Rows rows;
    rows.tokens = batch_.rows.tokens.narrow(0, done_, rows_at_once(version_->predictor->manifest(), count));
    version_->answer(
        std::move(rows), *context_,
        [self = shared_from_this()](const Predictor::Answers& answers, const std::exception_ptr& error) {
          try {
            if (error) std::rethrow_exception(error);
            self->add(answers.logits);
            if (self->done_ < static_cast<std::int64_t>(self->batch_.size())) return self->go_on();
            self->respond_({200, self->body()});
          } catch (const std::exception& failure) {
            self->respond_(rest::refuse(failure));
          }
        });
  }

 private:
  void add(const at::Tensor& logits) {
    const auto& input = *version_->predictor->manifest().preprocessing.tokens;
    for (std::int64_t row = 0; row < logits.size(0); ++row, ++done_) {
      std::string text = "{";
      append_token_answer(text, input, batch_, static_cast<std::size_t>(done_), logits[row]);
      text.pop_back();  // the line's end
      answers_.push_back(std::move(text));
    }
  }

  std::string body() const {
    if (!by_column_) return "{\"predictions\":[" + join(answers_, ",") + "]}\n";
    auto columns = nlohmann::ordered_json::object();
    for (const auto& text : answers_) {
      const auto answer = nlohmann::ordered_json::parse(text);
      for (const auto& [name, value] : answer.items()) columns[name].push_back(value);
    }
    return "{\"outputs\":" + columns.dump() + "}\n";
  }

  const ServedModels::Loaded version_;
  const RowBatch batch_;
  const bool by_column_;
  const std::shared_ptr<RequestContext> context_;
  const HttpServer::Respond respond_;
  std::int64_t done_ = 0;
  std::vector<std::string> answers_;
};

}  // namespace

void answer_tokens(const ServedModels::Loaded& version, const rapidjson::Value& rows, bool by_column,
                   const std::shared_ptr<RequestContext>& context, const HttpServer::Respond& respond) {
  if (!rows.IsArray() || rows.Empty())
    throw DataError(fmt::format("\"{}\": expected an array of rows", by_column ? "inputs" : "instances"));
  auto batch = rows_of(rows, *version->predictor->manifest().preprocessing.tokens, *version->tokens);
  std::make_shared<TokenRequest>(version, std::move(batch), by_column, context, respond)->go_on();
}

}  // namespace ringtrain
