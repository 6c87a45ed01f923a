#include "launch/jobs/journal.h"

#include <fmt/format.h>

#include <sstream>
#include <utility>

#include "common/errors.h"
#include "common/files.h"
#include "common/text.h"

namespace ringtrain {
namespace {

using nlohmann::ordered_json;

std::string shown_value(const ordered_json& of, const std::string& name) {
  const auto found = of.find(name);
  if (found == of.end()) return "nothing";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

/// "trainer.epochs: 3 there, 4 now" of each field that differs; of fields that are objects by their own.
void find_changes(const ordered_json& there, const ordered_json& now, const std::string& path,
                  std::vector<std::string>& changes) {
  auto names = there;
  names.update(now);
  for (const auto& [name, value] : names.items()) {
    const auto before = there.value(name, ordered_json()), after = now.value(name, ordered_json());
    if (before == after) continue;
    if (before.is_object() && after.is_object())
      find_changes(before, after, path + name + ": ", changes);
    else
      changes.push_back(fmt::format("{}{}: {} there, {} now", path, name, shown_value(there, name),
                                    shown_value(now, name)));
  }
}

}  // namespace

Journal::Journal(std::filesystem::path file, const ordered_json& about)
    : file_(std::move(file)), about_(about) {
  if (!std::filesystem::exists(file_)) {
    ensure_writable_folder(file_.parent_path());
    write();
    return;
  }
  std::istringstream lines(read_file(file_));
  for (std::string line; std::getline(lines, line);) {
    auto entry = ordered_json::parse(line, nullptr, false);
    if (!entry.is_object())
      throw ConfigError(
          fmt::format("{} is no journal of ringtrain; name another folder with --job-dir", file_.string()));
    entries_.push_back(std::move(entry));
  }
  const auto there = entries_.empty() ? ordered_json::object() : entries_.front();
  if (!entries_.empty()) entries_.erase(entries_.begin());
  std::vector<std::string> changes;
  find_changes(there, about_, "", changes);
  if (!changes.empty())
    throw ConfigError(
        fmt::format("{} is of other trainings than these; what differs:\n  {}\nSet it as it was, to go on; "
                    "or begin anew: "
                    "with --overwrite, or with another --job-dir",
                    file_.string(), join(changes, "\n  ")));
}

void Journal::add(ordered_json entry) {
  entries_.push_back(std::move(entry));
  write();
}

/// Whole each time: it is short, and never torn.
void Journal::write() const {
  std::string text = about_.dump() + "\n";
  for (const auto& entry : entries_) text += entry.dump() + "\n";
  write_file_atomically(file_, text);
}

}  // namespace ringtrain
