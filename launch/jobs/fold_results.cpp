#include "launch/jobs/fold_results.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "common/errors.h"
#include "common/files.h"
#include "common/output_file.h"
#include "common/text.h"
#include "data/schema/preprocessing.h"
#include "launch/report/run_record.h"
#include "trainer/checkpoint/checkpoint_store.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

/// Lines of numbers under a line of names.
struct NumberLines {
  std::vector<std::string> names;
  std::vector<std::vector<double>> lines;

  static NumberLines read(const fs::path& file) {
    NumberLines read;
    std::istringstream in(read_file(file));
    std::string line;
    std::getline(in, line);
    std::istringstream header(line);
    for (std::string name; std::getline(header, name, ',');) read.names.push_back(name);
    while (std::getline(in, line)) {
      auto& numbers = read.lines.emplace_back();
      const char* at = line.c_str();
      for (char* end = nullptr; *at != '\0'; at = *end == ',' ? end + 1 : end) {
        numbers.push_back(std::strtod(at, &end));
        if (end == at) break;
      }
      if (numbers.size() != read.names.size())
        throw DataError(fmt::format("{} is not as the run wrote it: a line has {} numbers, the header {}",
                                    file.string(), numbers.size(), read.names.size()));
    }
    return read;
  }
  std::size_t count(std::string_view prefix) const {
    return static_cast<std::size_t>(std::count_if(
        names.begin(), names.end(), [&](const auto& name) { return name.starts_with(prefix); }));
  }
};

std::string in_csv(const std::string& word) {
  if (word.find_first_of(",\"\r\n") == std::string::npos) return word;
  std::string text = "\"";
  for (const char c : word) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

/// Answers to some rows: [rows][columns] as text.
class AnswerTexts {
 public:
  AnswerTexts(const FoldResult& fold, const NumberLines& lines)
      : fold_(fold), targets_(lines.count("target")), scores_(lines.count("score")) {}

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    const auto add = [&](const char* what, std::size_t count, bool numbered) {
      for (std::size_t i = 0; i < count; ++i) all.push_back(numbered ? fmt::format("{}{}", what, i) : what);
    };
    add("target", targets_, targets_ > 1);
    const auto answers = fold_.head.form == AnswerForm::one_class ? 1 : scores_;
    add("answer", answers, answers > 1);
    if (has_scores()) add("score", scores_, true);
    return all;
  }
  /// `line`: row, targets, scores.
  std::vector<std::string> of(const std::vector<double>& line) const {
    const auto begin = line.begin() + 1 + static_cast<std::ptrdiff_t>(targets_);
    const std::vector<double> scores(begin, line.end());
    std::vector<std::string> all;
    for (std::size_t t = 0; t < targets_; ++t) all.push_back(value_text(line[1 + t]));
    for (const double answer : answers(scores)) all.push_back(value_text(answer));
    if (has_scores())
      for (const double score : scores) all.push_back(fmt::format("{}", score));
    return all;
  }

 private:
  bool has_scores() const { return fold_.head.form != AnswerForm::values; }
  std::string value_text(double value) const {
    if (fold_.head.form != AnswerForm::one_class) return fmt::format("{}", value);
    return in_csv(fold_.labels.at(static_cast<std::size_t>(value)));
  }
  std::vector<double> answers(const std::vector<double>& scores) const {
    if (!has_scores()) return scores;
    const auto row = at::tensor(scores, at::kDouble).unsqueeze(0);
    const auto decided = decisions_of(fold_.head, row).reshape({-1}).to(at::kDouble).contiguous();
    return {decided.const_data_ptr<double>(), decided.const_data_ptr<double>() + decided.numel()};
  }

  const FoldResult& fold_;
  std::size_t targets_, scores_;
};

struct OutOfFoldLine {
  std::int64_t row;
  std::string text;
};

}  // namespace

FoldResult FoldResult::read(const fs::path& folder, std::int64_t repeat, std::int64_t fold) {
  const auto record = report::RunRecord::read(folder);
  const auto* test = record.last_of("test");
  if (!test || !record.ended || record.head.is_null() || record.starts.empty())
    throw Error(fmt::format("{}: its log does not tell how the run ended; remove the folder, and start again",
                            folder.string()));
  FoldResult result{.repeat = repeat,
                    .fold = fold,
                    .folder = folder,
                    .step = test->step,
                    .metrics = test->values,
                    .head = Head::from_json(record.head),
                    .labels = {}};
  const auto& rows = record.starts.back().at("rows");
  result.train_rows = rows.at("train");
  result.test_rows = rows.at("test");
  const CheckpointStore store(folder / "checkpoints");
  const auto schema = store.folder_of(store.best().value_or(store.steps().back())) / "schema.json";
  result.labels = Preprocessing::from_json(nlohmann::json::parse(read_file(schema))).labels;
  return result;
}

std::int64_t write_out_of_fold(const fs::path& file, const std::vector<FoldResult>& folds) {
  OutputFile out(file);
  std::int64_t written = 0;
  for (std::size_t first = 0; first < folds.size();) {
    std::vector<OutOfFoldLine> lines;
    const auto repeat = folds[first].repeat;
    for (; first < folds.size() && folds[first].repeat == repeat; ++first) {
      const auto& fold = folds[first];
      const auto numbers = NumberLines::read(fold.folder / "predictions.csv");
      const AnswerTexts texts(fold, numbers);
      if (first == 0) out.write(fmt::format("repeat,row,fold,{}\n", join(texts.names(), ",")));
      for (const auto& line : numbers.lines)
        lines.push_back({static_cast<std::int64_t>(line[0]),
                         fmt::format("{},{},{},{}\n", repeat, static_cast<std::int64_t>(line[0]), fold.fold,
                                     join(texts.of(line), ","))});
    }
    std::sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) { return a.row < b.row; });
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (i > 0 && lines[i].row == lines[i - 1].row)
        throw DataError(fmt::format("{}: row {} is in two folds; was the data file changed meanwhile?",
                                    file.string(), lines[i].row));
      out.write(lines[i].text);
    }
    written += static_cast<std::int64_t>(lines.size());
  }
  out.commit();
  return written;
}

}  // namespace ringtrain
