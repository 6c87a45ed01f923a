#include "comm/ring/thread_ring.h"

#include <algorithm>
#include <map>

#include "comm/backends.h"
#include "comm/ring/ring_communicator.h"
#include "comm/ring/thread_link.h"
#include "comm/ring/thread_neighbours.h"
#include "comm/threads/thread_communicator.h"
#include "common/errors.h"

namespace ringtrain {
namespace ring {
namespace {

/// What the ranks of one communicator share.
struct Machine {
  std::vector<std::shared_ptr<ThreadHost>> hosts;
  std::shared_ptr<ThreadMail> mail = std::make_shared<ThreadMail>();
};

/// Machines by the number of the communicator; each is made by the rank that comes first.
class Machines {
 public:
  Machines(int world_size, int ranks_per_host) : world_size_(world_size), ranks_per_host_(ranks_per_host) {}
  int ranks_per_host() const { return ranks_per_host_; }
  int smallest_host() const {
    return world_size_ % ranks_per_host_ == 0 ? ranks_per_host_ : world_size_ % ranks_per_host_;
  }
  std::shared_ptr<Machine> machine(int number) {
    const std::lock_guard lock(mutex_);
    auto& made = machines_[number];
    if (!made) {
      made = std::make_shared<Machine>();
      for (int left = world_size_; left > 0; left -= ranks_per_host_)
        made->hosts.push_back(std::make_shared<ThreadHost>(std::min(left, ranks_per_host_)));
    }
    return made;
  }

 private:
  int world_size_, ranks_per_host_;
  std::mutex mutex_;
  std::map<int, std::shared_ptr<Machine>> machines_;
};

RingCommunicator::Parts make_parts(Machines& machines, int number, Communicator& original,
                                   const RingOptions& options) {
  RingCommunicator::Parts parts;
  parts.base = original.duplicate();
  const auto machine = machines.machine(number);
  const int host = original.rank() / machines.ranks_per_host(),
            local = original.rank() % machines.ranks_per_host();
  const int hosts = static_cast<int>(machine->hosts.size()), columns = machines.smallest_host();
  const auto& threads = dynamic_cast<threads::ThreadCommunicator&>(original);
  parts.neighbours = std::make_unique<ThreadNeighbours>(machine->hosts[static_cast<std::size_t>(host)], local,
                                                        [run = threads.run()] { run->throw_if_failed(); });
  if (hosts > 1 && local < columns)
    parts.link = std::make_unique<ThreadLink>(machine->mail, local, host, hosts);
  parts.seat = {.neighbours = parts.neighbours.get(),
                .link = parts.link.get(),
                .columns = columns,
                .ranks_on_host = original.world_size(),
                .several_hosts = hosts > 1,
                .wire = options.wire};
  parts.thread = options.thread == RingOptions::Thread::on;
  return parts;
}

}  // namespace
}  // namespace ring

void run_as_ring_of_threads(int world_size, const RingOptions& options,
                            const std::function<void(Communicator&)>& body) {
  const int per_host = options.ranks_per_host > 0 ? options.ranks_per_host : world_size;
  ring::Machines machines(world_size, per_host);
  run_as_threads(world_size, [&](Communicator& original) {
    int made = 0;
    ring::RingCommunicator communicator([&] { return ring::make_parts(machines, made++, original, options); },
                                        [](std::unique_ptr<Communicator> group) { return group; });
    body(communicator);
  });
}

}  // namespace ringtrain
