#include "trainer/predictions_file.h"

#include <fmt/format.h>

#include <exception>
#include <memory>

#include "comm/agreement.h"
#include "common/output_file.h"

namespace ringtrain {
namespace {

constexpr std::size_t kPieceBytes = 1 << 20;

void append_names(std::string& text, const char* what, std::int64_t count, bool numbered) {
  for (std::int64_t i = 0; i < count; ++i)
    text += numbered ? fmt::format(",{}{}", what, i) : fmt::format(",{}", what);
}

void append_numbers(std::string& text, const std::vector<double>& numbers, std::size_t row,
                    std::int64_t width) {
  const auto count = static_cast<std::size_t>(width);
  for (std::size_t i = 0; i < count; ++i)
    fmt::format_to(std::back_inserter(text), ",{}", numbers[row * count + i]);
}

std::string names_line(const Evaluation& answers) {
  std::string text = "row";
  append_names(text, "target", answers.target_width, answers.target_width > 1);
  append_names(text, "score", answers.width, true);
  return text + '\n';
}

/// The lines of this rank's rows, a piece at a time; empty at the end.
class Lines {
 public:
  explicit Lines(const Evaluation& answers) : answers_(answers) {}
  std::string next() {
    std::string text;
    for (; next_ < answers_.rows.size() && text.size() < kPieceBytes; ++next_) {
      fmt::format_to(std::back_inserter(text), "{}", answers_.rows[next_]);
      append_numbers(text, answers_.targets, next_, answers_.target_width);
      append_numbers(text, answers_.scores, next_, answers_.width);
      text += '\n';
    }
    return text;
  }

 private:
  const Evaluation& answers_;
  std::size_t next_ = 0;
};

/// The file on the rank that writes it. After an error it writes no more, so that the ranks stay in step;
/// what went wrong is told at the end.
class Written {
 public:
  Written(const std::filesystem::path& file, bool here) {
    if (here) carefully([&] { file_ = std::make_unique<OutputFile>(file); });
  }
  void write(std::string_view text) {
    if (file_) carefully([&] { file_->write(text); });
  }
  std::exception_ptr end() {
    if (file_) carefully([&] { file_->commit(); });
    return failure_;
  }

 private:
  template <class Body>
  void carefully(const Body& body) {
    if (failure_) return;
    try {
      body();
    } catch (...) {
      failure_ = std::current_exception();
    }
  }
  std::unique_ptr<OutputFile> file_;
  std::exception_ptr failure_;
};

}  // namespace

void write_predictions(const std::filesystem::path& file, const Evaluation& answers) {
  const auto& holders = answers.holders;
  Written written(file, holders.rank() == 0);
  written.write(names_line(answers));
  Lines lines(answers);
  if (holders.rank() == 0)
    for (auto text = lines.next(); !text.empty(); text = lines.next()) written.write(text);
  for (int r = 1; r < holders.count(); ++r) {
    const auto next = [&] {
      return broadcast_string(*holders.ranks(), holders.rank() == r ? lines.next() : std::string(), r);
    };
    for (auto text = next(); !text.empty(); text = next()) written.write(text);
  }
  const auto failure = written.end();
  holders.together(
      [&] {
        if (failure) std::rethrow_exception(failure);
      },
      fmt::format("writing {}", file.filename().string()));
}

}  // namespace ringtrain
