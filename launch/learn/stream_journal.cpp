#include "launch/learn/stream_journal.h"

#include <fmt/format.h>

#include <utility>

#include "common/errors.h"
#include "common/files.h"
#include "common/hash.h"

namespace ringtrain {
namespace {

using nlohmann::ordered_json;

const char* const kChecksum = "checksum";

std::string line_of(ordered_json entry) {
  entry[kChecksum] = hash_text(entry.dump());
  return entry.dump();
}

/// The entry of a line; null where the line is not what was written.
ordered_json entry_of(std::string_view line) {
  auto entry = ordered_json::parse(line, nullptr, false);
  if (!entry.is_object() || !entry.contains(kChecksum)) return nullptr;
  const auto checksum = entry.at(kChecksum);
  entry.erase(kChecksum);
  return checksum == hash_text(entry.dump()) ? entry : ordered_json();
}

struct ReadJournal {
  std::vector<ordered_json> entries;
  std::int64_t bytes = 0;  // of whole lines
};

ReadJournal read_journal(const std::filesystem::path& file) {
  ReadJournal journal;
  const auto text = read_file(file);
  for (std::size_t begin = 0, number = 1; begin < text.size(); ++number) {
    const auto end = text.find('\n', begin);
    if (end == std::string::npos) break;  // torn by a kill: it never counted
    auto entry = entry_of(std::string_view(text).substr(begin, end - begin));
    if (entry.is_null())
      throw CheckpointError(fmt::format(
          "{}: line {} is not what was written (its checksum differs). Bring the file back from a copy, or "
          "begin anew with --overwrite",
          file.string(), number));
    journal.entries.push_back(std::move(entry));
    begin = end + 1;
    journal.bytes = static_cast<std::int64_t>(begin);
  }
  return journal;
}

/// What differs in two objects, a line each; of objects in them only what differs.
std::string differences(const ordered_json& before, const ordered_json& now, const std::string& within = "") {
  std::string lines;
  auto names = before;
  names.update(now);
  for (const auto& [name, value] : names.items()) {
    const auto one = before.value(name, ordered_json()), other = now.value(name, ordered_json());
    if (one.is_object() && other.is_object())
      lines += differences(one, other, name + ".");
    else if (one != other)
      lines += fmt::format("\n  {}{}: {} before, {} now", within, name, one.dump(), other.dump());
  }
  return lines;
}

}  // namespace

StreamJournal::StreamJournal(std::filesystem::path file, const Entry& about) : file_(std::move(file)) {
  out_.emplace(file_, 0);
  out_->add(line_of(about), true);
  done_ = 1;
}

StreamJournal::StreamJournal(std::filesystem::path file, const Entry& about, std::int64_t done)
    : file_(std::move(file)), done_(done) {
  auto journal = read_journal(file_);
  if (journal.entries.empty())
    throw CheckpointError(fmt::format("{}: it has no entries; begin anew with --overwrite", file_.string()));
  if (journal.entries.front() != about)
    throw ConfigError(
        fmt::format("{} is of another job than this one; what differs:{}\nSet it as it was, or "
                    "begin a new job with another --job-dir",
                    file_.string(), differences(journal.entries.front(), about)));
  const auto there = static_cast<std::int64_t>(journal.entries.size());
  if (there < done)
    throw CheckpointError(
        fmt::format("{}: it has {} entries, and had {} at the checkpoint. Bring the file "
                    "back from a copy, or begin anew with --overwrite",
                    file_.string(), there, done));
  ahead_.assign(journal.entries.begin() + done, journal.entries.end());
  out_.emplace(file_, journal.bytes);
}

void StreamJournal::add(Entry entry) {
  ++done_;
  if (ahead_.empty()) return out_->add(line_of(std::move(entry)), true);
  if (ahead_.front() != entry)
    throw CheckpointError(fmt::format(
        "{}: what was done after the checkpoint cannot be done again, since the stream or the configuration "
        "is another one now:{}\nGive the same stream, or begin a new job with another --job-dir",
        file_.string(), differences(ahead_.front(), entry)));
  ahead_.pop_front();
}

std::optional<StreamJournal::Entry> StreamJournal::expected(const std::string& kind) const {
  if (ahead_.empty() || ahead_.front().value("kind", "") != kind) return std::nullopt;
  return ahead_.front();
}

std::vector<StreamJournal::Entry> StreamJournal::read(const std::filesystem::path& file) {
  return read_journal(file).entries;
}

}  // namespace ringtrain
