#include <fmt/format.h>

#include <cmath>
#include <istream>
#include <limits>
#include <unordered_map>

#include "common/errors.h"
#include "common/text.h"
#include "serving/row_batch.h"
#include "serving/token_rows.h"

namespace ringtrain {
namespace {

using nlohmann::json;

/// A value as the error text shows it, shortened.
std::string shown(const json& value) {
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

/// Reads rows given as JSON.
class JsonRowReader {
 public:
  explicit JsonRowReader(const Preprocessing& preprocessing) : preprocessing_(preprocessing) {
    for (const auto& column : preprocessing.numeric) names_.push_back(column.name);
    for (const auto& column : preprocessing.categorical) names_.push_back(column.name);
    for (std::size_t i = 0; i < names_.size(); ++i) places_[names_[i]] = i;
  }

  /// `line`: an object or an array. Problems go into the row's error, without its number.
  RawRow read(const std::string& line) const {
    RawRow row{std::vector<float>(preprocessing_.numeric.size(), std::numeric_limits<float>::quiet_NaN()),
               std::vector<std::string>(preprocessing_.categorical.size()), ""};
    try {
      fill(json::parse(line), row);
      row.error = missing_value_error(preprocessing_, row.numbers, row.words);
    } catch (const json::out_of_range&) {
      row.error = "a number is too large";
    } catch (const json::exception& error) {
      row.error = fmt::format("not JSON: {}", reason(error.what()));
    } catch (const DataError& error) {
      row.error = error.what();
    }
    return row;
  }

 private:
  /// Without the library's "[json.exception.parse_error.101] ".
  static std::string reason(const std::string& text) {
    const auto end = text.find("] ");
    return end == std::string::npos ? text : text.substr(end + 2);
  }

  void fill(const json& value, RawRow& row) const {
    if (value.is_array()) {
      if (value.size() != names_.size())
        throw DataError(
            fmt::format("expected {} values ({}), got {}", names_.size(), join(names_), value.size()));
      for (std::size_t i = 0; i < names_.size(); ++i) set(i, value[i], row);
    } else if (value.is_object()) {
      for (const auto& [key, field] : value.items()) {
        const auto place = places_.find(key);
        if (place != places_.end())
          set(place->second, field, row);
        else if (key != preprocessing_.target)  // rows of the training file have it
          throw DataError(fmt::format("unknown field '{}'.{}", key, did_you_mean(key, names_)));
      }
    } else {
      throw DataError(fmt::format("expected an object or an array, got {}", shown(value)));
    }
  }

  void set(std::size_t place, const json& value, RawRow& row) const {
    if (value.is_null()) return;
    const auto wrong = [&](const char* expected) {
      throw DataError(fmt::format("field '{}': expected {}, got {}", names_[place], expected, shown(value)));
    };
    if (place >= row.numbers.size()) {
      if (!value.is_string()) wrong("a string");
      row.words[place - row.numbers.size()] = value.get<std::string>();
      return;
    }
    if (!value.is_number()) wrong("a number");
    const auto number = static_cast<float>(value.get<double>());
    if (!std::isfinite(number)) wrong("a number within the range of float32");
    row.numbers[place] = number;
  }

  const Preprocessing& preprocessing_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> places_;
};

}  // namespace

std::int64_t predict_json_lines(const Predictor& predictor, std::istream& in, std::ostream& out,
                                const PredictOptions& options) {
  if (predictor.manifest().preprocessing.tokens) return predict_token_lines(predictor, in, out, options);
  const JsonRowReader reader(predictor.manifest().preprocessing);
  AnswerWriter writer(predictor, out, options);
  std::string line;
  for (std::int64_t row = 1; std::getline(in, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    RawRow raw = reader.read(line);
    if (!raw.error.empty()) raw.error = fmt::format("row {}: {}", row, raw.error);
    writer.add(std::move(raw));
    ++row;
  }
  if (in.bad()) throw DataError("the JSON rows cannot be read to their end");
  return writer.finish();
}

}  // namespace ringtrain
