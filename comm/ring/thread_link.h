#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <variant>
#include <vector>

#include "comm/ring/link.h"

namespace ringtrain::ring {

/// Messages between hosts that are threads of one process, by column, receiver and tag.
class ThreadMail {
 public:
  using Key = std::tuple<int, int, int>;
  void put(const Key& key, std::vector<std::byte> message);
  /// Moves the message into `data` if it is there.
  bool take(const Key& key, std::byte* data, std::size_t bytes);

 private:
  std::mutex mutex_;
  std::multimap<Key, std::vector<std::byte>> messages_;
};

class ThreadLink : public Link {
 public:
  ThreadLink(std::shared_ptr<ThreadMail> mail, int column, int host, int hosts)
      : mail_(std::move(mail)), column_(column), host_(host), hosts_(hosts) {}
  int host() const override { return host_; }
  int hosts() const override { return hosts_; }
  Ticket send(const void* data, std::size_t bytes, int tag) override;
  Ticket receive(void* data, std::size_t bytes, int tag) override;
  bool done(Ticket ticket) override;

 private:
  struct Awaited {
    std::byte* data;
    std::size_t bytes;
    int tag;
  };
  std::shared_ptr<ThreadMail> mail_;
  int column_, host_, hosts_;
  Ticket next_ = 1;
  std::map<Ticket, Awaited> awaited_;
};

}  // namespace ringtrain::ring
