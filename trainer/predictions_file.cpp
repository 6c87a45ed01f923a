#include "trainer/predictions_file.h"

#include <fmt/format.h>

#include "common/files.h"

namespace ringtrain {
namespace {

void append_names(std::string& text, const char* what, std::int64_t count, bool numbered) {
  for (std::int64_t i = 0; i < count; ++i)
    text += numbered ? fmt::format(",{}{}", what, i) : fmt::format(",{}", what);
}

void append_numbers(std::string& text, const std::vector<double>& numbers, std::size_t row,
                    std::int64_t width) {
  const auto count = static_cast<std::size_t>(width);
  for (std::size_t i = 0; i < count; ++i) text += fmt::format(",{}", numbers[row * count + i]);
}

}  // namespace

void write_predictions(const std::filesystem::path& file, const Evaluation& answers) {
  std::string text = "row";
  append_names(text, "target", answers.target_width, answers.target_width > 1);
  append_names(text, "score", answers.width, true);
  text += '\n';
  for (std::size_t row = 0; row < answers.rows.size(); ++row) {
    text += fmt::format("{}", answers.rows[row]);
    append_numbers(text, answers.targets, row, answers.target_width);
    append_numbers(text, answers.scores, row, answers.width);
    text += '\n';
  }
  write_file_atomically(file, text);
}

}  // namespace ringtrain
