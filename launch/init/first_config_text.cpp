#include <fmt/format.h>

#include <algorithm>

#include "common/config_writer.h"
#include "common/pattern.h"
#include "common/text.h"
#include "launch/init/first_config.h"

namespace ringtrain {
namespace {

/// As a comment takes it: one line, no control characters.
std::string comment(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

/// `text`, and a comment that begins in column 40 where there is room.
std::string commented(std::string text, const std::string& why) {
  if (why.empty()) return text + "\n";
  text.resize(std::max<std::size_t>(text.size() + 2, 40), ' ');
  return fmt::format("{}# {}\n", text, comment(why));
}

std::string list_of(const FirstConfig& config, const TableProfile& table, Role role, const std::string& key) {
  std::string text;
  for (std::size_t c = 0; c < config.roles.size(); ++c)
    if (config.roles[c].role == role)
      text +=
          commented("      - " + config::to_scalar(as_pattern(table.columns[c].name)), config.roles[c].why);
  return text.empty() ? "" : fmt::format("    {}:\n{}", key, text);
}

std::vector<std::string> names_of(const FirstConfig& config, const TableProfile& table, Role role) {
  std::vector<std::string> names;
  for (std::size_t c = 0; c < config.roles.size(); ++c)
    if (config.roles[c].role == role) names.push_back(comment(table.columns[c].name));
  return names;
}

/// Names as a comment of several lines.
std::string wrapped(const std::vector<std::string>& names, const std::string& indent) {
  std::string text, line = indent + "#  ";
  for (std::size_t n = 0; n < names.size(); ++n) {
    const auto word = " " + names[n] + (n + 1 < names.size() ? "," : "");
    if (line.size() + word.size() > 100 && line.size() > indent.size() + 3) {
      text += line + "\n";
      line = indent + "#  ";
    }
    line += word;
  }
  return text + line + "\n";
}

/// The columns whose words are not one-hot.
std::string encodings_block(const FirstConfig& config, const TableProfile& table) {
  const auto list = [&](Encoding encoding, const std::string& key, const std::string& why) {
    std::string text;
    for (std::size_t c = 0; c < config.roles.size(); ++c)
      if (config.roles[c].role == Role::category && config.roles[c].encoding == encoding)
        text += "        - " + config::to_scalar(as_pattern(table.columns[c].name)) + "\n";
    return text.empty() ? "" : commented("      " + key + ":", why) + text;
  };
  const auto text = list(Encoding::embedding, "embedding", "many words: a learned vector for each") +
                    list(Encoding::hash, "hash", "a great many: a learned vector for each group of them");
  return text.empty() ? "" : "    encodings:\n" + text;
}

std::string features_block(const FirstConfig& config, const TableProfile& table) {
  const auto numbers = names_of(config, table, Role::number);
  std::string text = "  features:\n";
  if (numbers.empty())
    text += commented("    numeric: []", "no column holds numbers");
  else
    text += fmt::format("    # Numbers are the columns that are not listed below, {}:\n{}",
                        with_commas(static_cast<long long>(numbers.size())), wrapped(numbers, "    ")) +
            "    numeric: [\"*\"]\n";
  text += list_of(config, table, Role::category, "categorical");
  text += encodings_block(config, table);
  text += list_of(config, table, Role::date, "date");
  text += list_of(config, table, Role::ignored, "ignore");
  return text;
}

std::string missing_block(const FirstConfig& config, const TableProfile& table) {
  // Rows that nobody has looked at may miss what the others have.
  const auto unseen = table.whole() ? ""
                                    : fmt::format("none in the first {} rows; the others were not looked at",
                                                  with_commas(table.rows));
  std::string text;
  if (const auto& why = config.missing_numbers; !why.empty() || !unseen.empty())
    text += commented("    numeric: mean", why.empty() ? unseen : why + " missing");
  if (const auto& why = config.missing_words; !why.empty() || !unseen.empty())
    text += commented("    categorical: category", why.empty() ? unseen : why + " missing");
  if (config.missing_targets > 0)
    text += commented("    target: drop", fmt::format("{} rows have none: they are left out",
                                                      with_commas(config.missing_targets)));
  return text.empty() ? "" : "  missing:\n" + text;
}

std::string task_block(const FirstConfig& config) {
  std::string text = "task:\n" + commented("  type: " + config.task(), config.task_why);
  if (config.asks_for == Asked::one_of_two)
    text += config.imbalanced
                ? commented("  threshold: best_f1", "of the validation part; the classes are far from equal")
                : commented("  threshold: fixed", "the likelier class is the answer") +
                      "  fixed_threshold: 0.5\n";
  if (config.asks_for == Asked::one_of_two && config.imbalanced && !config.positive.empty())
    text += commented("  positive: " + config::to_scalar(config.positive), "the rarer class");
  return text;
}

std::string model_block(const FirstConfig& config) {
  std::vector<std::string> widths;
  for (const auto width : config.hidden) widths.push_back(std::to_string(width));
  auto text = fmt::format("model:\n  type: mlp\n  hidden: [{}]\n", join(widths));
  if (config.dropout > 0) text += fmt::format("  dropout: {}\n", config.dropout);
  return text;
}

std::string trainer_block(const FirstConfig& config) {
  return "trainer:\n" +
         commented("  steps: auto", "3,000 steps or 30 epochs, 5 minutes at most; stops early") +
         commented("  # epochs: 30", "in place of steps: 30 passes over the rows") +
         commented(fmt::format("  global_batch_size: {}", config.batch), "rows / 64, from 16 to 1,024") +
         fmt::format("  optimizer: {{type: adamw, lr: {}, weight_decay: {}}}\n", config.learning_rate,
                     config.weight_decay) +
         "  schedule: {type: cosine, warmup_steps: 50}\n" +
         fmt::format("  checkpoint: {{metric: {}}}\n", config.imbalanced ? "pr_auc" : "loss");
}

std::string looked_at(const TableProfile& table) {
  return table.whole()
             ? fmt::format("{} rows", with_commas(table.rows))
             : fmt::format("the first {} of {} rows", with_commas(table.rows), with_commas(table.all_rows));
}

const char* word_of(Role role) {
  switch (role) {
    case Role::target:
      return "target";
    case Role::number:
      return "number";
    case Role::category:
      return "category";
    case Role::date:
      return "date";
    default:
      return "ignored";
  }
}

/// How many columns a text takes on a terminal, about: its code points.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(std::string text, std::size_t width) {
  for (std::size_t at = width_of(text); at < width; ++at) text += ' ';
  return text;
}

}  // namespace

std::string FirstConfig::to_yaml(const TableProfile& table) const {
  std::string text = fmt::format("# Written by `ringtrain init` after a look at {} of {}.\n",
                                 looked_at(table), comment(train_file));
  text += "# What each field means: `ringtrain config`, `ringtrain config trainer`.\n";
  for (const auto& note : notes) text += fmt::format("# Note: {}.\n", comment(note));
  text += "name: " + config::to_scalar(name) + "\n";
  text += "data:\n  train_file: " + config::to_scalar(train_file) + "\n";
  text += commented("  target: " + config::to_scalar(target), target_is);
  return text + features_block(*this, table) + missing_block(*this, table) + model_block(*this) +
         task_block(*this) + trainer_block(*this);
}

std::string FirstConfig::to_table(const TableProfile& table) const {
  constexpr std::size_t kMostNumbers = 20, kWidest = 32;
  std::size_t width = 6;
  for (const auto& column : table.columns) width = std::max(width, std::min(kWidest, width_of(column.name)));
  std::string text = fmt::format("{}: {}, {} columns\n\n{}  role      why\n", train_file, looked_at(table),
                                 table.columns.size(), padded("column", width));
  std::size_t numbers = 0;
  for (std::size_t c = 0; c < roles.size(); ++c) {
    if (roles[c].role == Role::number && ++numbers > kMostNumbers) continue;
    const auto& why = roles[c].role == Role::target ? target_is : roles[c].why;
    text += fmt::format("{}  {:<8}  {}\n", padded(comment(table.columns[c].name), width),
                        word_of(roles[c].role), comment(why));
  }
  if (numbers > kMostNumbers)
    text +=
        fmt::format("{}  number    numbers\n", padded(fmt::format("{} more", numbers - kMostNumbers), width));
  text += fmt::format("\nTask    {}: {}\n", task(), task_why);
  for (const auto& note : notes) text += fmt::format("Note    {}\n", comment(note));
  return text;
}

}  // namespace ringtrain
