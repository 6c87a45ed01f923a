#include "serving/server/serve_config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "common/errors.h"
#include "tests/serving/test_models.h"
#include "tests/serving/thrown.h"

namespace ringtrain::test {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

class ServeConfigTest : public testing::Test {
 protected:
  ServeConfig load(const std::string& text, const Strings& overrides = {}) {
    std::ofstream(file_) << text;
    return ServeConfig::load(file_, overrides);
  }
  /// The text of the error; the file is F in it.
  std::string problem(const std::string& text, const Strings& overrides = {}) {
    auto problem = thrown<ConfigError>([&] { load(text, overrides); });
    const auto name = file_.string();
    for (auto at = problem.find(name); at != std::string::npos; at = problem.find(name))
      problem.replace(at, name.size(), "F");
    return problem;
  }
  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "serve.yaml";
};

TEST_F(ServeConfigTest, WithoutAFileTheDefaults) {
  const auto config = ServeConfig::load("", {});
  EXPECT_EQ(config.address, "127.0.0.1");
  EXPECT_EQ(config.port, 8501);
  EXPECT_EQ(config.grpc_port, -1);
  const auto http = config.http();
  EXPECT_EQ(http.most_body_bytes, 64U << 20);
  EXPECT_EQ(http.most_connections, 10'000U);
  EXPECT_EQ(http.header_limit, 10s);
  EXPECT_EQ(http.request_limit, 60s);
  EXPECT_EQ(http.drain_limit, 25s) << "Kubernetes kills after 30";
  EXPECT_EQ(config.models().loading.batching.most_rows, 64);
  EXPECT_EQ(config.models().loading.batching.delay, 0us);
  EXPECT_EQ(config.models().loading.batching.most_waiting_rows, 100'000);
  EXPECT_TRUE(config.tokens().empty());
}

TEST_F(ServeConfigTest, AFileAndTheCommandLine) {
  const auto config = load(R"(
address: 0.0.0.0
port: 0
threads: 3
warm_up: false
tls: {certificate: c.pem, key: k.pem}
batching: {max_rows: 32, delay_us: 500, max_waiting_rows: 1000}
limits: {body_bytes: 1000, connections: 7, header_seconds: 0.5, body_seconds: 2, idle_seconds: 0.2, drain_seconds: 1.5}
)",
                           {"batching.max_rows=16", "grpc_port=0"});
  const auto http = config.http();
  EXPECT_EQ(http.address, "0.0.0.0");
  EXPECT_EQ(http.port, 0);
  EXPECT_EQ(http.threads, 3);
  EXPECT_EQ(http.certificate, "c.pem");
  EXPECT_EQ(http.key, "k.pem");
  EXPECT_EQ(http.most_body_bytes, 1000U);
  EXPECT_EQ(http.most_connections, 7U);
  EXPECT_EQ(http.header_limit, 500ms);
  EXPECT_EQ(http.request_limit, 2s);
  EXPECT_EQ(http.idle_limit, 1s) << "whole seconds, upwards: 0 would end every connection";
  EXPECT_EQ(http.drain_limit, 1500ms);
  const auto models = config.models();
  EXPECT_FALSE(models.loading.warm_up);
  EXPECT_EQ(models.loading.batching.most_rows, 16);
  EXPECT_EQ(models.loading.batching.delay, 500us);
  EXPECT_EQ(models.loading.batching.most_waiting_rows, 1000);
  EXPECT_EQ(models.loading.batching.threads, 3);
  EXPECT_EQ(config.grpc_port, 0);
}

TEST_F(ServeConfigTest, AllMistakesAtOnceWithFileAndLine) {
  EXPECT_EQ(problem(R"(port: 65536
thread: 2
poll_seconds: 0
batching:
  max_rows: 0
  delay_us: -1
limits: {idle_seconds: 0}
tls:
  key: k.pem
)",
                    {"limits.connections=many"}),
            "F: 8 problems\n"
            "  port: expected a number in [0, 65535], got 65536 (F:1)\n"
            "  poll_seconds: expected a number in [0.05, 1000000], got 0 (F:3)\n"
            "  batching.max_rows: expected a number of at least 1, got 0 (F:5)\n"
            "  batching.delay_us: expected a number in [0, 1000000000], got -1 (F:6)\n"
            "  limits.connections: expected a whole number, got 'many' (--set limits.connections)\n"
            "  limits.idle_seconds: expected a number in (0, 1000000], got 0 (F:7)\n"
            "  tls: certificate and key: both or none (F:8)\n"
            "  thread: unknown key. Did you mean 'threads'? (F:2)");
}

TEST_F(ServeConfigTest, Boundaries) {
  EXPECT_EQ(load("port: 65535\ngrpc_port: 65535\n").http().port, 65535);
  EXPECT_EQ(load("poll_seconds: 0.05\nbatching: {max_rows: 1, max_waiting_rows: 1}\n")
                .models()
                .loading.batching.most_rows,
            1);
  EXPECT_EQ(problem("port: -1\n"), "port: expected a number in [0, 65535], got -1 (F:1)");
  EXPECT_EQ(problem("grpc_port: -2\n"), "grpc_port: expected a number in [-1, 65535], got -2 (F:1)");
  EXPECT_EQ(problem("grpc_port: 65536\n"), "grpc_port: expected a number in [-1, 65535], got 65536 (F:1)");
  // What a clock's numbers, or an int, cannot hold.
  for (const char* text :
       {"threads: 100000\n", "limits: {header_seconds: 1e300}\n", "limits: {drain_seconds: .inf}\n",
        "poll_seconds: 1e300\n", "batching: {delay_us: 1000000000000000}\n"})
    EXPECT_NE(problem(text).find("expected a number in "), std::string::npos) << text;
}

TEST_F(ServeConfigTest, ATokenFileOrACertificateThatIsNothingIsNoServerWithout) {
  for (const char* field : {"token_file", "tls.certificate", "tls.key"}) {
    const auto refused =
        std::string(field) + ": expected a file, got nothing; leave the field out for a server without";
    const auto refuse = [&](const std::string& text) {
      EXPECT_EQ(problem("{}", {field + text}), refused) << text;
    };
    for (const char* nothing : {"=", "=~", "=null", "=\"\"", "=''", "= # x"}) refuse(nothing);
  }
  EXPECT_NE(problem("token_file:\nport: 1\n").find("token_file: expected a file"), std::string::npos);
  EXPECT_NE(problem("tls: {certificate: c, key: ''}\n").find("tls.key: expected a file"), std::string::npos);
}

TEST_F(ServeConfigTest, TokensAreTheLinesOfTheirFile) {
  const auto tokens = folder_.path() / "tokens";
  std::ofstream(tokens) << "first\n\n  \r\nsecond word\r\nthird \t ";
  EXPECT_EQ(load("token_file: " + tokens.string()).tokens(), (Strings{"first", "second word", "third"}));
  std::ofstream(tokens) << "\n \n";
  EXPECT_EQ(thrown<ConfigError>([&] { load("token_file: " + tokens.string()).tokens(); }),
            "token_file: " + tokens.string() + " holds no token; a line is one");
  EXPECT_NE(
      thrown<Error>([&] { load("token_file: " + tokens.string() + ".none").tokens(); }).find("tokens.none"),
      std::string::npos);
}

}  // namespace
}  // namespace ringtrain::test
