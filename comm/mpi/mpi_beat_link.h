#pragma once

#include <map>
#include <memory>

#include "comm/mpi/session.h"
#include "comm/watch/beat_link.h"

namespace ringtrain::mpi {

/// Beats by point-to-point messages on a communicator of their own: they arrive while the ranks' other
/// threads are inside of collectives. Its destructor gives up what was not received.
class MpiBeatLink : public BeatLink {
 public:
  explicit MpiBeatLink(Handle handle);
  ~MpiBeatLink() override;
  int rank() const override { return rank_; }
  int world_size() const override { return world_size_; }
  void send(int to, const Beat& beat) override;
  std::optional<Beat> receive() override;

 private:
  struct Sent {
    MPI_Request request = MPI_REQUEST_NULL;
    Beat beat;
  };
  Handle handle_;
  int rank_ = 0, world_size_ = 1;
  std::map<int, std::unique_ptr<Sent>> sent_;
  MPI_Request receiving_ = MPI_REQUEST_NULL;
  Beat received_;
};

}  // namespace ringtrain::mpi
