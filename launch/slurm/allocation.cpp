#include "launch/slurm/allocation.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>
#include <string_view>

#include "common/errors.h"

namespace ringtrain::slurm {
namespace {

/// Takes a number off the front; none when there is none from 1 to a million.
std::optional<int> take_number(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 1 || number > 1000000) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<int> part_of_sum(std::string_view part) {
  const auto tasks = take_number(part);
  if (!tasks || part.empty()) return tasks;
  if (!part.starts_with("(x")) return std::nullopt;
  part.remove_prefix(2);
  const auto nodes = take_number(part);
  if (!nodes || part != ")") return std::nullopt;
  return *tasks * *nodes;
}

}  // namespace

int sum_of_tasks(const std::string& per_node) {
  int sum = 0;
  std::istringstream parts(per_node);
  for (std::string part; std::getline(parts, part, ',');) {
    const auto tasks = part_of_sum(part);
    if (!tasks) throw ConfigError(fmt::format("SLURM_TASKS_PER_NODE: cannot read '{}'", per_node));
    sum += *tasks;
  }
  return sum;
}

std::optional<Allocation> current_allocation(const launcher::Environment& get) {
  const char* job = get("SLURM_JOB_ID");
  const char* nodes = get("SLURM_JOB_NODELIST");
  if (!job || !nodes || launcher::started_rank(get)) return std::nullopt;
  Allocation found{.job = job, .nodes = nodes};
  if (const char* tasks = get("SLURM_NTASKS"))
    found.tasks = sum_of_tasks(tasks);
  else if (const char* per_node = get("SLURM_TASKS_PER_NODE"))
    found.tasks = sum_of_tasks(per_node);
  return found;
}

}  // namespace ringtrain::slurm
