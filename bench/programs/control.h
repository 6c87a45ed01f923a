#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace ringtrain::bench {

/// A rank's line to the driver (bench/driver/workers.py): a Unix socket that carries one JSON object a line.
/// The driver sends a command to all ranks, each rank answers once; in between a rank sleeps in `next`, so
/// that the programs of one run can take turns on the same cores.
class Control {
 public:
  /// Connects and says which rank this is. Throws std::system_error.
  Control(const std::string& socket_path, int rank);
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  /// The next command; none when the driver says {"do": "quit"} or is gone.
  std::optional<nlohmann::json> next();
  void answer(const nlohmann::json& answer);

 private:
  int socket_;
  std::string received_;
};

/// This process's resident memory: {"resident_bytes", "peak_bytes"}.
nlohmann::json resident_memory();

}  // namespace ringtrain::bench
