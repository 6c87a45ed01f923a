// What metrics of many rows take: mpirun -np RANKS bench_metrics ROWS [drawn|equal|rounded]
//
// ROWS answers of a binary classifier, an even share on each rank: scores that are drawn, all one number, or
// rounded to hundredths. Prints seconds of choosing a threshold and of judging, and a rank's peak memory
// before and after.
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string>

#include "comm/world.h"
#include "data/order/share.h"
#include "trainer/tasks/task_config.h"

namespace {

using namespace ringtrain;

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// Between 0 and 1, for this number alone (SplitMix64): the same rows on any number of ranks.
float drawn_for(std::int64_t number) {
  auto bits = (static_cast<std::uint64_t>(number) + 1) * 0x9e3779b97f4a7c15;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  return static_cast<float>((bits ^ (bits >> 31)) >> 40) / (1 << 24);
}

Evaluation answers_of(Communicator& control, std::int64_t count, const std::string& how) {
  const Range share = even_share(count, control.rank(), control.world_size());
  const auto size = static_cast<std::size_t>(share.size());
  Evaluation answers{.width = 2, .holders = Holders(control)};
  answers.scores.reserve(2 * size);
  answers.targets.reserve(size);
  answers.rows.reserve(size);
  for (auto row = share.begin; row < share.end; ++row) {
    const double drawn = drawn_for(2 * row);
    const double score = how == "equal" ? 0.5 : how == "rounded" ? std::round(drawn * 100) / 100 : drawn;
    answers.scores.insert(answers.scores.end(), {1 - score, score});
    answers.targets.push_back(drawn_for(2 * row + 1) < drawn ? 1 : 0);
    answers.rows.push_back(row);
  }
  return answers;
}

template <class Body>
double seconds_of(Communicator& control, const Body& body) {
  control.barrier();
  const auto begin = std::chrono::steady_clock::now();
  body();
  control.barrier();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    fmt::print(stderr, "usage: mpirun -np RANKS bench_metrics ROWS [drawn|equal|rounded]\n");
    return 2;
  }
  at::set_num_threads(1);
  World world;
  const std::int64_t rows = std::atoll(words[1]);
  const auto answers = answers_of(world.control(), rows, count > 2 ? words[2] : "drawn");
  const TaskConfig task;
  const double before = peak_mib();
  std::vector<double> thresholds;
  MetricsReport report;
  const double choosing =
      seconds_of(world.control(), [&] { thresholds = task.kind().choose_thresholds(answers); });
  const double judging =
      seconds_of(world.control(), [&] { report = task.kind().judge(answers, thresholds); });
  const double after = peak_mib();
  const auto here = static_cast<double>(answers.size());
  fmt::print(
      "rank {} of {}: {} of {} rows; threshold {:.2f} s, metrics {:.2f} s; peak {:.0f} MiB with the answers, "
      "{:.0f} MiB after: {:.1f} bytes a row of its own more\n",
      world.rank(), world.world_size(), answers.size(), rows, choosing, judging, before, after,
      (after - before) * 1024 * 1024 / here);
  world.control().barrier();
  if (world.rank() == 0)
    fmt::print("threshold {}, roc_auc {}, pr_auc {}\n", thresholds[0], report.get("roc_auc"),
               report.get("pr_auc"));
  world.close();
}
