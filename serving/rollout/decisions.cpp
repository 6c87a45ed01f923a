#include "serving/rollout/decisions.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "common/descriptor.h"
#include "common/errors.h"
#include "common/files.h"
#include "serving/log/utc_time.h"

namespace ringtrain {
namespace fs = std::filesystem;

static fs::path decisions_of(const fs::path& model) { return model / "decisions.jsonl"; }

void append_decision(const fs::path& model, const Rollout& rollout, const std::string& event,
                     const std::string& reason) {
  nlohmann::ordered_json decision{
      {"time", utc_text(std::chrono::system_clock::now())}, {"event", event}, {"id", rollout.id}};
  if (!reason.empty()) decision["reason"] = reason;
  decision.update(summary_of(rollout));
  auto line = decision.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  const auto file = decisions_of(model);
  const Descriptor descriptor(::open(file.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666));
  // A line that was cut, because a disk was full, stands alone.
  if (const auto size = descriptor ? ::lseek(descriptor.get(), 0, SEEK_END) : 0; size > 0) {
    char last = 0;
    if (::pread(descriptor.get(), &last, 1, size - 1) == 1 && last != '\n') line.insert(0, "\n");
  }
  if (!descriptor ||
      ::write(descriptor.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
      ::fsync(descriptor.get()) != 0)
    throw Error(fmt::format("{} cannot be written: {}", file.string(), std::strerror(errno)));
}

std::optional<nlohmann::ordered_json> last_decision(const fs::path& model) {
  std::error_code unknown;
  if (!fs::exists(decisions_of(model), unknown)) return std::nullopt;
  auto text = read_file(decisions_of(model));
  while (text.ends_with('\n')) text.pop_back();
  auto line = nlohmann::ordered_json::parse(text.substr(text.rfind('\n') + 1), nullptr,
                                            /*allow_exceptions=*/false);
  if (!line.is_object()) return std::nullopt;
  return line;
}

std::set<std::string> keys_of_canaries(const fs::path& model) {
  std::set<std::string> keys;
  std::error_code unknown;
  if (!fs::exists(decisions_of(model), unknown)) return keys;
  std::istringstream lines(read_file(decisions_of(model)));
  for (std::string line; std::getline(lines, line);) {
    const auto decision = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    const auto key = decision.is_object() ? decision.find("key") : decision.end();
    if (decision.is_object() && key != decision.end() && key->is_string())
      keys.insert(key->get<std::string>());
  }
  return keys;
}

}  // namespace ringtrain
