#include "serving/log/feedback.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "common/errors.h"
#include "common/text.h"
#include "serving/log/json_cell.h"
#include "serving/log/parquet_text.h"
#include "serving/predict/json_text.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

using rapidjson::Value;

constexpr std::size_t kMost = 10'000;
constexpr std::chrono::minutes kAhead{5};

const Value* member(const Value& object, const char* name) {
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() || found->value.IsNull() ? nullptr : &found->value;
}

/// One object of feedback, with all that is wrong with it.
class Reader {
 public:
  Reader(const Value& value, UtcTime now) : value_(value), now_(now) {}

  void read(std::vector<Feedback>& into) {
    if (!value_.IsObject()) {
      problems_.push_back(fmt::format("expected an object, got {}", shown(value_)));
      return;
    }
    for (const auto& [name, unused] : value_.GetObject()) require_known(std::string(text_of(name)));
    Feedback one;
    one.model = text("model");
    if (one.model.empty()) problems_.emplace_back("\"model\" is missing");
    one.request_id = text("request_id");
    one.key = text("key");
    if (one.request_id.empty() == one.key.empty())
      problems_.emplace_back("one of \"request_id\" and \"key\" is needed");
    one.time = time();
    one.received = now_;
    const auto* label = member(value_, "label");
    const auto* labels = member(value_, "labels");
    if ((label == nullptr) == (labels == nullptr)) {
      problems_.emplace_back("one of \"label\" and \"labels\" is needed");
    } else if (label) {
      one.row = row();
      one.label = cell_of(*label);
      into.push_back(std::move(one));
    } else {
      add_labels(*labels, one, into);
    }
  }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  void require_known(const std::string& name) {
    static const std::vector<std::string> known{"model", "request_id", "key", "row",
                                                "label", "labels",     "time"};
    if (std::find(known.begin(), known.end(), name) == known.end())
      problems_.push_back(
          fmt::format("unknown field '{}'; there are: {}.{}", name, join(known), did_you_mean(name, known)));
  }
  std::string text(const char* name) {
    const auto* found = member(value_, name);
    if (!found) return "";
    if (found->IsString()) return std::string(text_of(*found));
    if (found->IsNumber()) return cell_of(*found);
    problems_.push_back(fmt::format("\"{}\": expected a text, got {}", name, shown(*found)));
    return "";
  }
  std::int64_t row() {
    const auto* found = member(value_, "row");
    if (!found) return 1;
    if (found->IsInt64() && found->GetInt64() >= 1 && found->GetInt64() <= INT32_MAX)
      return found->GetInt64();
    problems_.push_back(fmt::format("\"row\": expected a number from 1 on, got {}", shown(*found)));
    return 1;
  }
  UtcTime time() {
    const auto* found = member(value_, "time");
    if (!found) return now_;
    const auto given = utc_of(text("time"));
    if (!given)
      problems_.push_back(
          fmt::format("\"time\": expected a time such as 2026-01-05T12:00:03Z or seconds since 1970, got {}",
                      shown(*found)));
    else if (*given > now_ + kAhead)
      problems_.push_back(fmt::format("\"time\": {} is in the future", utc_text(*given)));
    return given.value_or(now_);
  }
  void add_labels(const Value& labels, const Feedback& one, std::vector<Feedback>& into) {
    if (!labels.IsArray() || labels.Empty() || labels.Size() > kMost)
      return problems_.push_back(
          fmt::format("\"labels\": expected an array of 1 to {} labels", with_commas(kMost)));
    if (!one.key.empty() || member(value_, "row"))
      return problems_.push_back("\"labels\" are those of all rows of a \"request_id\", without \"row\"");
    for (rapidjson::SizeType r = 0; r < labels.Size(); ++r) {
      if (labels[r].IsNull()) continue;  // not known of this row
      into.push_back(one);
      into.back().row = static_cast<std::int64_t>(r) + 1;
      into.back().label = cell_of(labels[r]);
    }
  }

  const Value& value_;
  const UtcTime now_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<Feedback> read_feedback(std::string_view json, UtcTime now) {
  const auto document = parse_json(json);
  std::vector<Feedback> feedback;
  std::vector<std::string> problems;
  const auto read = [&](const Value& value, std::size_t number) {
    Reader reader(value, now);
    reader.read(feedback);
    if (problems.size() < 20)
      for (const auto& problem : reader.problems())
        problems.push_back(number == 0 ? problem : fmt::format("feedback {}: {}", number, problem));
  };
  if (!document.IsArray()) {
    read(document, 0);
  } else if (document.Empty() || document.Size() > kMost) {
    problems.push_back(fmt::format("expected 1 to {} objects, got {}", with_commas(kMost), document.Size()));
  } else {
    for (rapidjson::SizeType i = 0; i < document.Size(); ++i) read(document[i], i + 1);
  }
  if (!problems.empty()) throw DataError(join(problems, "; "));
  return feedback;
}

void require_possible(const Feedback& feedback, const Manifest& manifest) {
  const auto& head = manifest.head;
  if (head.form == AnswerForm::one_class) {
    std::vector<std::string> known;
    for (std::int64_t k = 0; k < head.width(); ++k) known.push_back(label_of(manifest, k));
    if (std::find(known.begin(), known.end(), feedback.label) == known.end())
      throw DataError(fmt::format("\"label\": model {} has no class '{}'; there are: {}.{}", manifest.name,
                                  feedback.label, join(known), did_you_mean(feedback.label, known)));
  }
  if (head.form == AnswerForm::values && !has_several_values(head)) {
    const auto& text = feedback.label;
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
      throw DataError(
          fmt::format("\"label\": model {} answers with a number, and '{}' is none", manifest.name, text));
  }
}

std::string parquet_of_feedback(const std::vector<Feedback>& feedback, const LogColumns& columns) {
  constexpr const char* what = "feedback cannot be written";
  const auto moment = arrow::timestamp(arrow::TimeUnit::MILLI, "UTC");
  arrow::StringBuilder ids, keys, labels;
  arrow::Int32Builder rows;
  arrow::TimestampBuilder times(moment, arrow::default_memory_pool()),
      received(moment, arrow::default_memory_pool());
  const auto text_or_null = [&](arrow::StringBuilder& to, const std::string& text) {
    require_arrow(text.empty() ? to.AppendNull() : to.Append(text), what);
  };
  for (const auto& one : feedback) {
    text_or_null(ids, one.request_id);
    text_or_null(keys, one.key.empty() ? "" : columns.kept_key(one.key));
    require_arrow(rows.Append(static_cast<std::int32_t>(one.row)), what);
    require_arrow(labels.Append(one.label), what);
    require_arrow(times.Append(milliseconds_of(one.time)), what);
    require_arrow(received.Append(milliseconds_of(one.received)), what);
  }
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  for (arrow::ArrayBuilder* builder :
       std::initializer_list<arrow::ArrayBuilder*>{&ids, &keys, &rows, &labels, &times, &received})
    arrays.push_back(require_arrow(builder->Finish(), what));
  const auto schema =
      arrow::schema({arrow::field("request_id", arrow::utf8()), arrow::field("key", arrow::utf8()),
                     arrow::field("row", arrow::int32()), arrow::field("label", arrow::utf8()),
                     arrow::field("time", moment), arrow::field("received", moment)});
  const auto [first, last] = std::minmax_element(
      feedback.begin(), feedback.end(), [](const auto& a, const auto& b) { return a.received < b.received; });
  return parquet_text(*arrow::Table::Make(schema, arrays), {{log_files::kFirst, utc_text(first->received)},
                                                            {log_files::kLast, utc_text(last->received)}});
}

std::vector<Feedback> read_feedback_file(const std::filesystem::path& file, const std::string& model) {
  const auto table = require_arrow(read_parquet_table(file)->CombineChunks(), file.string());
  std::vector<Feedback> feedback(static_cast<std::size_t>(table->num_rows()));
  if (feedback.empty()) return feedback;
  const auto column = [&](const char* name) {
    const auto found = table->GetColumnByName(name);
    if (!found) throw DataError(fmt::format("{}: column '{}' is missing", file.string(), name));
    return found->chunk(0);
  };
  const auto ids = std::static_pointer_cast<arrow::StringArray>(column("request_id")),
             keys = std::static_pointer_cast<arrow::StringArray>(column("key")),
             labels = std::static_pointer_cast<arrow::StringArray>(column("label"));
  const auto rows = std::static_pointer_cast<arrow::Int32Array>(column("row"));
  const auto times = std::static_pointer_cast<arrow::TimestampArray>(column("time")),
             received = std::static_pointer_cast<arrow::TimestampArray>(column("received"));
  for (std::int64_t r = 0; r < table->num_rows(); ++r)
    feedback[static_cast<std::size_t>(r)] = {
        .model = model,
        .request_id = ids->IsNull(r) ? "" : ids->GetString(r),
        .key = keys->IsNull(r) ? "" : keys->GetString(r),
        .row = rows->Value(r),
        .label = labels->GetString(r),
        .time = UtcTime(std::chrono::milliseconds(times->Value(r))),
        .received = UtcTime(std::chrono::milliseconds(received->Value(r)))};
  return feedback;
}

}  // namespace ringtrain
