#include "comm/ring/mpi_link.h"

#include <fmt/format.h>

#include "comm/ring/operation.h"
#include "common/errors.h"

namespace ringtrain::ring {

MpiLink::MpiLink(mpi::Handle column) : column_(std::move(column)) {
  mpi::check(MPI_Comm_rank(column_.get(), &host_), "MPI_Comm_rank");
  mpi::check(MPI_Comm_size(column_.get(), &hosts_), "MPI_Comm_size");
  int* largest = nullptr;
  int known = 0;
  mpi::check(MPI_Comm_get_attr(column_.get(), MPI_TAG_UB, static_cast<void*>(&largest), &known),
             "MPI_Comm_get_attr");
  if (known && Operation::tags(hosts_) - 1 > *largest)
    throw CommError(
        fmt::format("a ring of {} hosts needs {} message tags, this MPI has {}; set comm.algorithm: mpi",
                    hosts_, Operation::tags(hosts_), *largest));
}

Link::Ticket MpiLink::free_ticket() {
  if (free_.empty()) {
    free_.push_back(requests_.size());
    requests_.push_back(MPI_REQUEST_NULL);
  }
  const Ticket ticket = free_.back();
  free_.pop_back();
  return ticket;
}

Link::Ticket MpiLink::send(const void* data, std::size_t bytes, int tag) {
  const Ticket ticket = free_ticket();
  mpi::check(MPI_Isend(data, static_cast<int>(bytes), MPI_BYTE, (host_ + 1) % hosts_, tag, column_.get(),
                       &requests_[ticket]),
             "MPI_Isend");
  return ticket;
}

Link::Ticket MpiLink::receive(void* data, std::size_t bytes, int tag) {
  const Ticket ticket = free_ticket();
  mpi::check(MPI_Irecv(data, static_cast<int>(bytes), MPI_BYTE, (host_ + hosts_ - 1) % hosts_, tag,
                       column_.get(), &requests_[ticket]),
             "MPI_Irecv");
  return ticket;
}

bool MpiLink::done(Ticket ticket) {
  column_.session().require_open();
  int done = 0;
  mpi::check(MPI_Test(&requests_[ticket], &done, MPI_STATUS_IGNORE), "MPI_Test");
  if (done) free_.push_back(ticket);
  return done != 0;
}

}  // namespace ringtrain::ring
