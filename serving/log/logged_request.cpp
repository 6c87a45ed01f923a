#include "serving/log/logged_request.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/hash.h"
#include "common/text.h"
#include "data/schema/dates.h"
#include "serving/log/parquet_text.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace {

constexpr const char* kWhat = "a request cannot be logged";

bool matches_any(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const auto& pattern) { return matches(pattern, name); });
}

/// The date of days since 1970: float32 holds them to some minutes, `hour` says which hour is meant.
std::string date_text(double days, double hour, bool exact) {
  if (!exact) {
    const double day = std::round((days * 24 - hour - 0.5) / 24);
    const double minutes = std::clamp(std::round((days - day) * 1440 - hour * 60), 0.0, 59.0);
    days = day + (hour * 60 + minutes) / 1440;
  }
  constexpr double ms_of_a_day = 86'400'000;
  const auto time = UtcTime(std::chrono::milliseconds(std::llround(days * ms_of_a_day)));
  auto text = utc_text(time);
  constexpr std::string_view midnight = "T00:00:00.000Z";
  if (text.ends_with(midnight)) text.resize(text.size() - midnight.size());
  return text;
}

/// A tensor of each request, [n] or [n, width], as plain memory.
template <class Number>
class Memory {
 public:
  /// `tensor_of`: that of a request.
  template <class TensorOf>
  Memory(const std::vector<LoggedRequest>& requests, const TensorOf& tensor_of) {
    for (const auto& request : requests) {
      tensors_.push_back(tensor_of(request).to(c10::CppTypeToScalarType<Number>::value).contiguous());
      width_ = tensors_.back().dim() > 1 ? tensors_.back().size(1) : 1;
    }
  }
  Number at(std::size_t request, std::int64_t row, std::size_t column = 0) const {
    return tensors_[request]
        .template const_data_ptr<Number>()[row * width_ + static_cast<std::int64_t>(column)];
  }

 private:
  std::vector<at::Tensor> tensors_;
  std::int64_t width_ = 1;
};

/// The columns of a table, filled request by request.
class TableOfRequests {
 public:
  TableOfRequests(const std::vector<LoggedRequest>& requests, const LogColumns& columns)
      : requests_(requests), columns_(columns), manifest_(requests.front().predictor->manifest()) {}

  std::shared_ptr<arrow::Table> make() {
    add_requests();
    add_numbers();
    add_words();
    add_answers();
    return arrow::Table::Make(arrow::schema(fields_), arrays_);
  }

 private:
  using Answers = Predictor::Answers;

  /// `append` appends the value of row `r` of request number `i`.
  template <class Builder, class Append>
  void add(const std::string& name, Builder& builder, const Append& append) {
    for (std::size_t i = 0; i < requests_.size(); ++i)
      for (std::int64_t r = 0; r < requests_[i].size(); ++r) require_arrow(append(builder, i, r), kWhat);
    const auto array = require_arrow(builder.Finish(), kWhat);
    fields_.push_back(arrow::field(name, array->type()));
    arrays_.push_back(array);
  }
  template <class Builder, class Append>
  void add(const std::string& name, const Append& append) {
    Builder builder;
    add(name, builder, append);
  }

  void add_requests() {
    add<arrow::StringBuilder>(
        "request.id", [&](auto& to, std::size_t i, std::int64_t) { return to.Append(requests_[i].id); });
    add<arrow::Int32Builder>("request.row", [](auto& to, std::size_t, std::int64_t r) {
      return to.Append(static_cast<std::int32_t>(r + 1));
    });
    arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"),
                                  arrow::default_memory_pool());
    add("request.time", times,
        [&](auto& to, std::size_t i, std::int64_t) { return to.Append(milliseconds_of(requests_[i].time)); });
    if (columns_.key.empty()) return;
    add<arrow::StringBuilder>("request.key", [&](auto& to, std::size_t i, std::int64_t r) {
      const auto& keys = requests_[i].keys;
      const auto place = static_cast<std::size_t>(r);
      if (place >= keys.size() || keys[place].empty()) return to.AppendNull();
      return to.Append(columns_.kept_key(keys[place]));
    });
  }

  void add_numbers() {
    const Memory<double> numbers(requests_, [](const auto& request) { return request.rows.numeric; });
    const auto& numeric = manifest_.preprocessing.numeric;
    for (std::size_t c = 0; c < numeric.size(); ++c) {
      const auto& name = numeric[c].column();
      if (columns_.leaves_out(name)) continue;
      if (numeric[c].part == DatePart::days) add_date(name, c, numbers);
      if (numeric[c].part != DatePart::none) continue;
      if (columns_.hashes(name))
        add<arrow::StringBuilder>(name, [&](auto& to, std::size_t i, std::int64_t r) {
          const double value = numbers.at(i, r, c);
          return std::isnan(value) ? to.AppendNull() : to.Append(hash_text(fmt::format("{}", value)));
        });
      else if (numeric[c].wide)
        add<arrow::DoubleBuilder>(name, [&](auto& to, std::size_t i, std::int64_t r) {
          const double value = numbers.at(i, r, c);
          return std::isnan(value) ? to.AppendNull() : to.Append(value);
        });
      else
        add<arrow::FloatBuilder>(name, [&](auto& to, std::size_t i, std::int64_t r) {
          const double value = numbers.at(i, r, c);
          return std::isnan(value) ? to.AppendNull() : to.Append(static_cast<float>(value));
        });
    }
  }

  /// A date is read from its days and its hour.
  void add_date(const std::string& name, std::size_t days, const Memory<double>& numbers) {
    const auto& numeric = manifest_.preprocessing.numeric;
    const auto hour = std::find_if(numeric.begin(), numeric.end(), [&](const NumericColumn& one) {
      return one.part == DatePart::hour && one.source == name;
    });
    const bool has_hour = hour != numeric.end();
    const auto hours = static_cast<std::size_t>(has_hour ? hour - numeric.begin() : 0);
    const bool exact = manifest_.preprocessing.has_wide() || !has_hour;
    add<arrow::StringBuilder>(name, [&](auto& to, std::size_t i, std::int64_t r) {
      const double value = numbers.at(i, r, days);
      if (std::isnan(value)) return to.AppendNull();
      const auto text = date_text(value, has_hour ? numbers.at(i, r, hours) : 0, exact);
      return to.Append(columns_.hashes(name) ? hash_text(text) : text);
    });
  }

  void add_words() {
    const auto& categorical = manifest_.preprocessing.categorical;
    for (std::size_t c = 0; c < categorical.size(); ++c) {
      const auto& name = categorical[c].name;
      if (columns_.leaves_out(name)) continue;
      const bool hashes = columns_.hashes(name);
      add<arrow::StringBuilder>(name, [&](auto& to, std::size_t i, std::int64_t r) {
        const auto& word = requests_[i].rows.categorical[c][static_cast<std::size_t>(r)];
        if (word.empty()) return to.AppendNull();
        return to.Append(hashes ? hash_text(word) : word);
      });
    }
  }

  /// Columns of a tensor of the answers, by their names.
  template <class Builder>
  void add_answers(const std::vector<std::string>& names, at::Tensor Answers::*tensor) {
    using Number = typename Builder::value_type;
    const Memory<Number> values(requests_, [&](const auto& request) { return request.answers.*tensor; });
    for (std::size_t k = 0; k < names.size(); ++k)
      add<Builder>("answer." + names[k],
                   [&](auto& to, std::size_t i, std::int64_t r) { return to.Append(values.at(i, r, k)); });
  }

  std::vector<std::string> label_names(const std::string& lead) const {
    std::vector<std::string> names;
    for (std::int64_t k = 0; k < manifest_.head.width(); ++k) names.push_back(lead + label_of(manifest_, k));
    return names;
  }

  void add_answers() {
    const auto& head = manifest_.head;
    if (head.form == AnswerForm::values) {
      std::vector<std::string> names;
      for (const auto& name : head.names) names.push_back("prediction_" + name);
      if (!has_several_values(head)) names = {"prediction"};
      return add_answers<arrow::FloatBuilder>(names, &Answers::predictions);
    }
    if (head.form == AnswerForm::labels) {
      add_answers<arrow::Int64Builder>(label_names("is_"), &Answers::labels);
    } else {
      add_answers<arrow::Int64Builder>({"class"}, &Answers::classes);
      const Memory<std::int64_t> classes(requests_,
                                         [](const auto& request) { return request.answers.classes; });
      add<arrow::StringBuilder>("answer.label", [&](auto& to, std::size_t i, std::int64_t r) {
        return to.Append(label_of(manifest_, classes.at(i, r)));
      });
    }
    add_answers<arrow::FloatBuilder>(label_names("p_"), &Answers::probabilities);
  }

  const std::vector<LoggedRequest>& requests_;
  const LogColumns& columns_;
  const Manifest& manifest_;
  std::vector<std::shared_ptr<arrow::Field>> fields_;
  std::vector<std::shared_ptr<arrow::Array>> arrays_;
};

}  // namespace

std::int64_t LoggedRequest::values() const {
  return (rows.numeric.defined() ? rows.numeric.numel() : 0) +
         size() * static_cast<std::int64_t>(rows.categorical.size() + 1);
}

bool LogColumns::leaves_out(const std::string& column) const { return matches_any(leave_out, column); }

bool LogColumns::hashes(const std::string& column) const { return matches_any(hash, column); }

std::string LogColumns::kept_key(const std::string& value) const {
  return hashes(key) ? hash_text(value) : value;
}

std::string parquet_of_requests(const std::vector<LoggedRequest>& requests, const LogColumns& columns,
                                std::size_t dropped) {
  const auto table = TableOfRequests(requests, columns).make();
  const auto [first, last] = std::minmax_element(
      requests.begin(), requests.end(), [](const auto& a, const auto& b) { return a.time < b.time; });
  log_files::Notes notes{{log_files::kFirst, utc_text(first->time)},
                         {log_files::kLast, utc_text(last->time)},
                         {log_files::kDropped, std::to_string(dropped)}};
  const auto& targets = requests.front().predictor->manifest().preprocessing.targets;
  if (targets.size() == 1) notes[log_files::kTarget] = targets[0];
  return parquet_text(*table, notes);
}

}  // namespace ringtrain
