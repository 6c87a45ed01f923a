// library_cases [--list | --tell]: runs all cases on the ranks that mpirun started, says which failed, and
// ends with 1 where one did. --tell names each before it runs; --list prints what there is. See cases.h.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>

#include "cases.h"
#include "ringtrain/comm/agreement.h"
#include "ringtrain/comm/backends.h"

namespace {

cases::Cases all_cases() {
  cases::Cases all;
  for (const auto& some : {cases::of_collectives(), cases::of_groups(), cases::of_refusals(),
                           cases::of_averaging(), cases::of_networks()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

/// "" or what is wrong, of all ranks.
std::string run(const cases::Case& one, ringtrain::World& world, ringtrain::Communicator& communicator,
                cases::Overlap overlap) {
  std::string wrong;
  try {
    const auto own = communicator.duplicate();
    cases::Ranks ranks{world, *own, overlap};
    one.body(ranks);
  } catch (const std::exception& error) {
    wrong = error.what();
    wrong.resize(std::min(wrong.size(), wrong.find("\nException raised from")));  // LibTorch's backtrace
    if (wrong.empty()) wrong = "an error without a text";
  }
  std::string said;
  const auto all = ringtrain::all_gather_strings(world.control(), wrong);
  for (std::size_t rank = 0; rank < all.size(); ++rank)
    if (!all[rank].empty()) said += "\n    rank " + std::to_string(rank) + ": " + all[rank];
  return said;
}

int run_all(bool tells) {
  ringtrain::World world;
  const auto communicator = ringtrain::make_communicator(world, "auto", "cpu");
  int done = 0, failed = 0, left_out = 0;
  for (const auto& one : all_cases()) {
    if (world.world_size() < one.at_least) {
      ++left_out;
      continue;
    }
    for (const auto overlap : {cases::Overlap::off, cases::Overlap::on}) {
      if (overlap == cases::Overlap::on && !one.averages) continue;
      if (tells && world.rank() == 0) std::fprintf(stderr, "%s\n", one.name.c_str());
      const auto wrong = run(one, world, *communicator, overlap);
      ++done;
      if (wrong.empty()) continue;
      ++failed;
      if (world.rank() == 0)
        std::printf("FAILED %s%s%s\n", one.name.c_str(), overlap == cases::Overlap::on ? " (overlap)" : "",
                    wrong.c_str());
    }
  }
  if (world.rank() == 0)
    std::printf("%d ranks: %d runs of cases, %d failed, %d need more ranks\n", world.world_size(), done,
                failed, left_out);
  std::fflush(stdout);
  world.close();
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--list") == 0) {
    const auto all = all_cases();
    std::printf("| case | what it proves |\n|---|---|\n");
    for (const auto& one : all)
      std::printf("| %s | %s%s%s |\n", one.name.c_str(), one.proves.c_str(),
                  one.averages ? " (overlap off and on)" : "", one.at_least > 1 ? " (2 ranks and more)" : "");
    return 0;
  }
  try {
    return run_all(argc > 1 && std::strcmp(argv[1], "--tell") == 0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "library_cases: %s\n", error.what());
    return 1;
  }
}
