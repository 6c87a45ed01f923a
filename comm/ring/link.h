#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ringtrain::ring {

/// The hosts of a job in a ring: messages go to the next one and come from the one before.
class Link {
 public:
  using Ticket = std::size_t;
  virtual ~Link() = default;
  virtual int host() const = 0;
  virtual int hosts() const = 0;
  /// Begins to send or receive; the memory stays untouched until `done`. A message is received by a call
  /// with the same `tag`; messages of one tag arrive in the order in which they were sent. Throws CommError.
  virtual Ticket send(const void* data, std::size_t bytes, int tag) = 0;
  virtual Ticket receive(void* data, std::size_t bytes, int tag) = 0;
  /// Whether it has ended; asked until it has, and then no more. Does not wait. Throws CommError.
  virtual bool done(Ticket ticket) = 0;
};

}  // namespace ringtrain::ring
