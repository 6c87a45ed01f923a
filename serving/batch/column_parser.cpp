#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "common/errors.h"
#include "serving/batch/row_parser.h"
#include "serving/predict/json_row_reader.h"
#include "serving/predict/json_text.h"

namespace ringtrain {
namespace {

RowKey key_in(const rapidjson::Value& value, const std::string& name) {
  if (!value.IsObject())
    throw DataError(fmt::format("no field '{}' (--key); rows with a key are objects", name));
  const auto found = value.FindMember(rapidjson::StringRef(name.data(), name.size()));
  if (found == value.MemberEnd()) throw DataError(fmt::format("no field '{}' (--key)", name));
  if (found->value.IsString()) return {std::string(text_of(found->value)), true};
  if (found->value.IsArray() || found->value.IsObject())
    throw DataError(
        fmt::format("field '{}' (--key): expected a string or a number, got {}", name, shown(found->value)));
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  if (!found->value.Accept(writer))
    throw DataError(fmt::format("field '{}' (--key): no finite number", name));
  return {std::string(text.GetString(), text.GetSize()), false};
}

std::vector<std::string> ignored(const RowOptions& options) {
  auto names = options.dropped;
  if (!options.key.empty()) names.push_back(options.key);
  return names;
}

class ColumnParser : public RowParser {
 public:
  ColumnParser(const Preprocessing& preprocessing, const RowOptions& options)
      : preprocessing_(preprocessing),
        key_(options.key),
        may_lack_key_(options.may_lack_key),
        reader_(preprocessing, ignored(options)) {}

  void read(std::string_view line, RowBatch& batch, std::size_t row) const override {
    const auto value = parse_json(line);
    if (!key_.empty() && (!may_lack_key_ || has_key(value))) batch.keys[row] = key_in(value, key_);
    reader_.read(value, JsonRowReader::row_of(batch.rows, row));
    if (const auto error = value_error(preprocessing_, batch.rows, row); !error.empty())
      throw DataError(error);
  }

 private:
  bool has_key(const rapidjson::Value& value) const {
    return value.IsObject() && value.HasMember(key_.c_str());
  }

  const Preprocessing& preprocessing_;
  std::string key_;
  bool may_lack_key_;
  JsonRowReader reader_;
};

}  // namespace

RowKey key_of(std::string_view line, const std::string& name) { return key_in(parse_json(line), name); }

std::unique_ptr<RowParser> make_row_parser(const Preprocessing& preprocessing, const RowOptions& options) {
  if (preprocessing.tokens) return make_token_parser(*preprocessing.tokens, options);
  if (preprocessing.signature) {
    auto passed_over = ignored(options);
    passed_over.insert(passed_over.end(), preprocessing.targets.begin(), preprocessing.targets.end());
    return make_tensor_parser(*preprocessing.signature, std::move(passed_over), options);
  }
  return std::make_unique<ColumnParser>(preprocessing, options);
}

}  // namespace ringtrain
