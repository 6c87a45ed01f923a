#include "comm/ring/thread_link.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/errors.h"

namespace ringtrain::ring {

void ThreadMail::put(const Key& key, std::vector<std::byte> message) {
  const std::lock_guard lock(mutex_);
  messages_.emplace(key, std::move(message));
}

bool ThreadMail::take(const Key& key, std::byte* data, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = messages_.lower_bound(key);  // the first that was put there
  if (found == messages_.end() || found->first != key) return false;
  if (found->second.size() != bytes)
    throw CommError(fmt::format("a message of {} bytes where {} were expected", found->second.size(), bytes));
  std::copy(found->second.begin(), found->second.end(), data);
  messages_.erase(found);
  return true;
}

// A message that was copied away has been sent.
Link::Ticket ThreadLink::send(const void* data, std::size_t bytes, int tag) {
  const auto* first = static_cast<const std::byte*>(data);
  mail_->put({column_, (host_ + 1) % hosts_, tag}, {first, first + bytes});
  return 0;
}

Link::Ticket ThreadLink::receive(void* data, std::size_t bytes, int tag) {
  awaited_.emplace(next_, Awaited{static_cast<std::byte*>(data), bytes, tag});
  return next_++;
}

bool ThreadLink::done(Ticket ticket) {
  if (ticket == 0) return true;
  const auto found = awaited_.find(ticket);
  if (!mail_->take({column_, host_, found->second.tag}, found->second.data, found->second.bytes))
    return false;
  awaited_.erase(found);
  return true;
}

}  // namespace ringtrain::ring
