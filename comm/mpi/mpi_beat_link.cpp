#include "comm/mpi/mpi_beat_link.h"

#include <type_traits>
#include <utility>

namespace ringtrain::mpi {

static_assert(std::is_trivially_copyable_v<Beat>);
constexpr int kTag = 1;

// A beat that MPI cannot carry is one that is missing: the watch will say so. Its errors are not raised here.

MpiBeatLink::MpiBeatLink(Handle handle) : handle_(std::move(handle)) {
  MPI_Comm_rank(handle_.get(), &rank_);
  MPI_Comm_size(handle_.get(), &world_size_);
}

MpiBeatLink::~MpiBeatLink() {
  const bool usable = handle_.session().is_usable();
  const auto give_up = [usable](MPI_Request& request) {
    if (!usable || request == MPI_REQUEST_NULL) return;
    int done = 0;
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done) return;
    MPI_Cancel(&request);
    MPI_Request_free(&request);
  };
  give_up(receiving_);
  for (auto& [to, sent] : sent_) {
    give_up(sent->request);
    (void)sent.release();  // MPI may still read a message that could not be taken back
  }
}

void MpiBeatLink::send(int to, const Beat& beat) {
  if (!handle_.session().is_usable()) return;
  auto& sent = sent_[to];
  if (!sent) sent = std::make_unique<Sent>();
  int done = 1;
  if (sent->request != MPI_REQUEST_NULL) MPI_Test(&sent->request, &done, MPI_STATUS_IGNORE);
  if (!done) return;  // it does not take the one before
  sent->beat = beat;
  MPI_Isend(&sent->beat, sizeof(Beat), MPI_BYTE, to, kTag, handle_.get(), &sent->request);
}

std::optional<Beat> MpiBeatLink::receive() {
  if (!handle_.session().is_usable()) return {};
  if (receiving_ == MPI_REQUEST_NULL && MPI_Irecv(&received_, sizeof(Beat), MPI_BYTE, MPI_ANY_SOURCE, kTag,
                                                  handle_.get(), &receiving_) != MPI_SUCCESS)
    return {};
  int done = 0;
  MPI_Test(&receiving_, &done, MPI_STATUS_IGNORE);
  if (!done) return {};
  return received_;
}

}  // namespace ringtrain::mpi
