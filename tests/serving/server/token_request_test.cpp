#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>
#include <sstream>

#include "models/gpt.h"
#include "serving/server/rest_v1.h"
#include "tests/serving/test_models.h"

namespace ringtrain::test {
namespace {

using nlohmann::json;

constexpr std::int64_t kContext = 6, kVocabulary = 8;

/// A language model over the letters a to h, served by version 1 of the interface.
class TokenRequestTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    base_ = std::make_unique<TemporaryFolder>();
    at::manual_seed(4);
    GptKind kind;
    kind.layers = 1;
    kind.heads = 2;
    kind.width = 8;
    kind.context = kContext;
    export_model(
        request_of(base_->path(),
                   make_manifest("letters", "language_model", token_input(kContext, kVocabulary, true)),
                   [kind] { return kind.make({.outputs = kVocabulary}); }),
        verify_command());
  }
  static void TearDownTestSuite() { base_.reset(); }
  void SetUp() override { models_.scan(); }

  HttpReply ask(const std::string& body) {
    std::promise<HttpReply> reply;
    HttpRequest request;
    request.method = "POST";
    request.path = "/v1/models/letters:predict";
    request.body = body;
    try {
      RestV1(models_).answer(
          std::move(request), [&reply](HttpReply one) { reply.set_value(std::move(one)); },
          std::make_shared<RequestContext>());
    } catch (const std::exception& error) {
      return {400, error.what()};
    }
    return reply.get_future().get();
  }
  /// What `predict` says of the same rows.
  static json predicted(const json& rows) {
    std::string lines;
    for (const auto& row : rows) lines += row.dump() + "\n";
    std::istringstream in(lines);
    std::ostringstream out;
    EXPECT_EQ(predict_json_lines(Predictor(base_->path() / "letters"), in, out, {}), 0);
    json answers = json::array();
    std::istringstream text(out.str());
    for (std::string line; std::getline(text, line);) answers.push_back(json::parse(line));
    return answers;
  }
  static void expect_near(const json& found, const json& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t row = 0; row < expected.size(); ++row) {
      for (const char* name : {"loss", "perplexity"}) {
        ASSERT_EQ(found[row][name].is_null(), expected[row][name].is_null());
        if (!expected[row][name].is_null()) {
          EXPECT_NEAR(found[row][name].get<double>(), expected[row][name].get<double>(), 1e-5);
        }
      }
      for (std::size_t i = 0; i < 5; ++i)
        EXPECT_NEAR(found[row]["next"][i]["probability"].get<double>(),
                    expected[row]["next"][i]["probability"].get<double>(), 1e-6);
      EXPECT_EQ(found[row]["next"][0]["text"], expected[row]["next"][0]["text"]);
    }
  }
  /// Rows that the model ran, and in how many runs.
  std::pair<double, double> counted() {
    const auto text = metrics_.text({});
    const auto value = [&](const std::string& name) {
      const auto at = text.find("\n" + name + "{model=\"letters\"");
      return at == std::string::npos ? -1 : std::stod(text.substr(text.find("} ", at) + 2));
    };
    return {value("ringtrain_rows_total"), value("ringtrain_batch_rows_count")};
  }

  inline static std::unique_ptr<TemporaryFolder> base_;
  Metrics metrics_;
  boost::asio::thread_pool pool_{1};
  ServedModels models_{
      base_->path(), {.loading = {.batching = {}, .warm_up = false}, .retry = {}}, pool_, metrics_};
};

TEST_F(TokenRequestTest, RowsAndColumnsAreAnsweredAsPredictDoes) {
  const json rows{{1, 2, 3}, {{"tokens", {4}}}, {{"text", "abcdef"}}};
  const auto expected = predicted(rows);
  const auto by_row = ask(json{{"instances", rows}}.dump());
  ASSERT_EQ(by_row.status, 200) << by_row.body;
  expect_near(json::parse(by_row.body)["predictions"], expected);
  const auto by_column = ask(json{{"inputs", rows}}.dump());
  ASSERT_EQ(by_column.status, 200) << by_column.body;
  const auto columns = json::parse(by_column.body)["outputs"];
  json again = json::array();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    again.push_back(json::object());
    for (const auto& [name, values] : columns.items()) again.back()[name] = values[row];
  }
  expect_near(again, expected);
}

TEST_F(TokenRequestTest, TheyGoThroughTheBatcherAndAreCounted) {
  EXPECT_EQ(ask(R"({"instances": [[1, 2], [3]]})").status, 200);
  pool_.join();
  EXPECT_EQ(counted(), (std::pair<double, double>{2, 1}));
}

TEST_F(TokenRequestTest, ManyRowsAreComputedSomeAtATime) {
  json rows = json::array();
  for (int i = 0; i < 3000; ++i) rows.push_back({i % kVocabulary, 1});
  const auto reply = ask(json{{"instances", rows}}.dump());
  ASSERT_EQ(reply.status, 200) << reply.body.substr(0, 200);
  const auto answers = json::parse(reply.body)["predictions"];
  ASSERT_EQ(answers.size(), 3000U);
  expect_near(json(answers.begin() + 2990, answers.end()), predicted(json(rows.begin() + 2990, rows.end())));
}

TEST_F(TokenRequestTest, MistakesNameTheRow) {
  const auto error = [&](const std::string& body) {
    const auto reply = ask(body);
    EXPECT_EQ(reply.status, 400);
    return reply.body;
  };
  EXPECT_EQ(error(R"({"instances": []})"), "\"instances\": expected an array of rows");
  EXPECT_EQ(error(R"({"inputs": 3})"), "\"inputs\": expected an array of rows");
  EXPECT_EQ(error(R"({"instances": [[1], [8]]})"), "row 2: token 8 is not in the vocabulary of 8");
  EXPECT_EQ(error(R"({"instances": [[1, NaN]]})"), "row 1: expected tokens as whole numbers, got NaN");
  EXPECT_EQ(error(R"({"instances": [[1,1,1,1,1,1,1]]})"),
            "row 1: 7 tokens are more than the 6 that the model sees at once; give the last ones");
  EXPECT_NE(error(R"({"instances": [{"words": 1}]})").find("row 1: expected tokens as [1, 2, 3]"),
            std::string::npos);
}

}  // namespace
}  // namespace ringtrain::test
