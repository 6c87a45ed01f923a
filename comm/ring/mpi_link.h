#pragma once

#include <vector>

#include "comm/mpi/session.h"
#include "comm/ring/link.h"

namespace ringtrain::ring {

/// A ring of hosts over MPI. The ranks of `column` stand in host order, one of each host.
class MpiLink : public Link {
 public:
  explicit MpiLink(mpi::Handle column);
  int host() const override { return host_; }
  int hosts() const override { return hosts_; }
  Ticket send(const void* data, std::size_t bytes, int tag) override;
  Ticket receive(void* data, std::size_t bytes, int tag) override;
  bool done(Ticket ticket) override;

 private:
  Ticket free_ticket();
  mpi::Handle column_;
  int host_ = 0, hosts_ = 1;
  std::vector<MPI_Request> requests_;
  std::vector<Ticket> free_;
};

}  // namespace ringtrain::ring
