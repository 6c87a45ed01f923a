#include "serving/log/logged_rows.h"

#include <arrow/api.h>
#include <stdlib.h>

#include <limits>

#include "serving/log/parquet_text.h"
#include "serving/predict/model_outputs.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

/// As parquet_of_requests calls them.
std::vector<std::string> answer_columns(const Manifest& manifest) {
  const auto& head = manifest.head;
  std::vector<std::string> names;
  if (head.form == AnswerForm::values) {
    if (!has_several_values(head)) return {"answer.prediction"};
    for (const auto& name : head.names) names.push_back("answer.prediction_" + name);
    return names;
  }
  for (std::int64_t k = 0; k < head.width(); ++k) names.push_back("answer.p_" + label_of(manifest, k));
  return names;
}

}  // namespace

bool is_request_log(const fs::path& folder) {
  std::error_code none;
  if (!fs::is_directory(folder, none)) return false;
  for (const auto& entry : fs::directory_iterator(folder, none))
    if (fs::is_directory(entry.path() / "requests", none)) return true;
  return false;
}

LoggedRows::LoggedRows(const fs::path& log, const Manifest& manifest) : manifest_(manifest) {
  auto name = (fs::temp_directory_path() / "ringtrain-log-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw Error(fmt::format("cannot make a temporary folder {}", name));
  folder_ = name;
  try {
    export_log({.folder = log, .model = manifest.name, .version = manifest.version, .from = {}, .to = {}},
               file());
  } catch (...) {
    fs::remove_all(folder_);
    throw;
  }
}

LoggedRows::~LoggedRows() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::vector<double> LoggedRows::answers() const {
  const auto table = require_arrow(read_parquet_table(file())->CombineChunks(), file().string());
  const auto names = answer_columns(manifest_);
  std::vector<double> answers(static_cast<std::size_t>(table->num_rows()) * names.size(),
                              std::numeric_limits<double>::quiet_NaN());
  for (std::size_t k = 0; k < names.size(); ++k) {
    const auto column = table->GetColumnByName(names[k]);
    if (!column || column->type()->id() != arrow::Type::FLOAT)
      throw DataError(
          fmt::format("the log has no column {} of numbers: its rows are of another model than {} {}",
                      names[k], manifest_.name, manifest_.version));
    std::size_t row = 0;
    for (const auto& chunk : column->chunks()) {
      const auto& numbers = static_cast<const arrow::FloatArray&>(*chunk);
      for (std::int64_t i = 0; i < numbers.length(); ++i, ++row)
        if (!numbers.IsNull(i)) answers[row * names.size() + k] = numbers.Value(i);
    }
  }
  return answers;
}

}  // namespace ringtrain
