#include "serving/server/rows_from_json.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"
#include "common/text.h"
#include "data/schema/collate.h"
#include "serving/batch/row_batch.h"
#include "serving/predict/json_text.h"

namespace ringtrain {
namespace {

[[noreturn]] void fail(std::int64_t row, const std::string& text) {
  throw DataError(fmt::format("row {}: {}", row + 1, text));
}

/// All columns of [n] have one length; returns it.
std::int64_t column_length(const rapidjson::Value& columns) {
  std::int64_t size = -1;
  for (const auto& [name, column] : columns.GetObject()) {
    if (!column.IsArray()) throw DataError(fmt::format("\"inputs\": column '{}' is no array", text_of(name)));
    if (size >= 0 && size != column.Size())
      throw DataError(fmt::format("\"inputs\": column '{}' has {} values, others {}", text_of(name),
                                  column.Size(), size));
    size = column.Size();
  }
  return size;
}

/// What is short in the request may be long when it is padded.
Predictor::Rows blank_rows(const Signature& signature, std::int64_t count) {
  if (count > kMostValues / signature.values())
    throw DataError(fmt::format("{} rows of {} values are more than are answered at once ({} values)",
                                with_commas(count), with_commas(signature.values()),
                                with_commas(kMostValues)));
  Predictor::Rows rows;
  rows.tensors = blank_inputs(signature, count);
  return rows;
}

}  // namespace

void require_filled(const Predictor::Rows& rows, const Preprocessing& preprocessing) {
  for (std::int64_t r = 0; r < rows.numeric.size(0); ++r)
    if (const auto error = value_error(preprocessing, rows, static_cast<std::size_t>(r)); !error.empty())
      fail(r, error);
}

Predictor::Rows rows_of_instances(const rapidjson::Value& instances, const Preprocessing& preprocessing,
                                  const JsonRowReader& reader) {
  if (!instances.IsArray() || instances.Empty()) throw DataError("\"instances\": expected an array of rows");
  auto rows = missing_rows(preprocessing, instances.Size());
  for (rapidjson::SizeType r = 0; r < instances.Size(); ++r) {
    try {
      reader.read(instances[r], JsonRowReader::row_of(rows, r));
    } catch (const DataError& error) {
      fail(r, error.what());
    }
  }
  require_filled(rows, preprocessing);
  return rows;
}

Predictor::Rows rows_of_inputs(const rapidjson::Value& inputs, const Preprocessing& preprocessing,
                               const JsonRowReader& reader) {
  if (inputs.IsArray()) return rows_of_instances(inputs, preprocessing, reader);
  if (!inputs.IsObject() || inputs.ObjectEmpty())
    throw DataError("\"inputs\": expected an object of columns, {\"Amount\": [1.5, 2.0]}");
  if (inputs.MemberCount() == 1 && inputs.HasMember("numeric") && !reader.has("numeric"))
    return rows_of_instances(inputs["numeric"], preprocessing, reader);
  const auto count = column_length(inputs);
  if (count == 0) throw DataError("\"inputs\": the columns are empty");
  auto rows = missing_rows(preprocessing, count);
  for (const auto& [name, column] : inputs.GetObject()) {
    if (!reader.has(text_of(name)))
      reader.set(text_of(name), column, JsonRowReader::row_of(rows, 0));  // throws
    for (rapidjson::SizeType r = 0; r < column.Size(); ++r) {
      // A column may be [n] or [n, 1].
      const auto& value = column[r].IsArray() && column[r].Size() == 1 ? column[r][0] : column[r];
      try {
        reader.set(text_of(name), value, JsonRowReader::row_of(rows, r));
      } catch (const DataError& error) {
        fail(r, error.what());
      }
    }
  }
  require_filled(rows, preprocessing);
  return rows;
}

Predictor::Rows rows_of_instances(const rapidjson::Value& instances, const Signature& signature,
                                  const TensorReader& reader) {
  if (!instances.IsArray() || instances.Empty()) throw DataError("\"instances\": expected an array of rows");
  auto rows = blank_rows(signature, instances.Size());
  for (rapidjson::SizeType r = 0; r < instances.Size(); ++r) {
    try {
      put_sample(signature, reader.read(instances[r]), r, rows.tensors);
    } catch (const DataError& error) {
      fail(r, error.what());
    }
  }
  return rows;
}

Predictor::Rows rows_of_inputs(const rapidjson::Value& inputs, const Signature& signature,
                               const TensorReader& reader) {
  if (inputs.IsArray()) return rows_of_instances(inputs, signature, reader);
  if (!inputs.IsObject())
    throw DataError("\"inputs\": expected an object with an array of samples for each of the model's inputs");
  const auto samples = reader.read_columns(inputs);
  auto rows = blank_rows(signature, static_cast<std::int64_t>(samples.size()));
  for (std::size_t r = 0; r < samples.size(); ++r)
    put_sample(signature, samples[r], static_cast<std::int64_t>(r), rows.tensors);
  return rows;
}

}  // namespace ringtrain
