#include "comm/ring/ring_pass.h"

#include <algorithm>

#include "comm/ring/reduce.h"

namespace ringtrain::ring {
namespace {

// Large enough to hide the cost of a message, small enough to keep all links busy in a small bucket.
constexpr std::int64_t block_bytes = 64 << 10;
constexpr std::size_t least_window = 16;

}  // namespace

std::vector<std::byte> BufferPool::take() {
  if (free_.empty()) return std::vector<std::byte>(block_bytes);
  auto buffer = std::move(free_.back());
  free_.pop_back();
  return buffer;
}

RingPass::RingPass(Link& link, BufferPool& buffers, const RingTensor& tensor, int first_tag)
    : link_(link), buffers_(buffers), tensor_(tensor), tag_(first_tag), window_(window(link.hosts())) {}

// Each block is on one link at a time.
std::size_t RingPass::window(int hosts) {
  return std::max(least_window, 4 * static_cast<std::size_t>(hosts));
}

RingPass::~RingPass() {
  for (auto& block : active_) buffers_.give_back(std::move(block.buffer));
}

std::byte* RingPass::data(const Block& block) const {
  return tensor_.data + block.begin * static_cast<std::int64_t>(c10::elementSize(tensor_.dtype));
}

std::size_t RingPass::wire_bytes(const Block& block) const {
  return static_cast<std::size_t>(block.count) * c10::elementSize(tensor_.wire);
}

bool RingPass::advance(bool& moved) {
  for (bool again = true; again;) {
    again = false;
    while (active_.size() < window_ && next_ < tensor_.numel) {
      activate();
      again = true;
    }
    for (auto& block : active_) again |= step(block);
    while (!active_.empty() && active_.front().stage == Stage::done) {
      buffers_.give_back(std::move(active_.front().buffer));
      active_.pop_front();
    }
    moved |= again;
  }
  return active_.empty() && next_ == tensor_.numel;
}

void RingPass::activate() {
  const std::int64_t elements = block_bytes / static_cast<std::int64_t>(c10::elementSize(tensor_.dtype));
  const std::int64_t absolute = tensor_.position + next_;
  const std::int64_t number = absolute / elements;
  const int start = static_cast<int>(number % link_.hosts());
  Block block{.begin = next_,
              .count = std::min((number + 1) * elements - absolute, tensor_.numel - next_),
              .distance = (link_.host() - start + link_.hosts()) % link_.hosts(),
              .tag = tag_ + static_cast<int>(2 * (begun_++ % window_)),
              .stage = Stage::receiving_partial,
              .ticket = 0,
              .buffer = buffers_.take()};
  next_ += block.count;
  if (block.distance == 0)
    send(block, Stage::sending_partial);
  else
    block.ticket = link_.receive(block.buffer.data(), wire_bytes(block), block.tag);
  active_.push_back(std::move(block));
}

void RingPass::send(Block& block, Stage stage) {
  const std::byte* from = data(block);
  if (converts()) {
    if (block.stage != Stage::receiving_total)  // what was received is passed on as it came
      to_wire(tensor_.dtype, from, tensor_.wire, block.buffer.data(), block.count);
    from = block.buffer.data();
  }
  block.stage = stage;
  block.ticket = link_.send(from, wire_bytes(block), block.tag + (stage == Stage::sending_total ? 1 : 0));
}

void RingPass::receive_total(Block& block) {
  block.stage = Stage::receiving_total;
  block.ticket =
      link_.receive(converts() ? block.buffer.data() : data(block), wire_bytes(block), block.tag + 1);
}

// One stage further, if the message that it waits for is through.
bool RingPass::step(Block& block) {
  if (block.stage == Stage::done || !link_.done(block.ticket)) return false;
  const int last = link_.hosts() - 1;
  switch (block.stage) {
    case Stage::receiving_partial:
      reduce_into(tensor_.dtype, tensor_.op, data(block), block.buffer.data(), tensor_.wire, block.count);
      if (block.distance < last) {
        send(block, Stage::sending_partial);
      } else {
        send(block, Stage::sending_total);
        // This host keeps what the others get, to the bit.
        if (converts()) from_wire(tensor_.wire, block.buffer.data(), tensor_.dtype, data(block), block.count);
      }
      break;
    case Stage::sending_partial:
      receive_total(block);
      break;
    case Stage::receiving_total:
      if (converts()) from_wire(tensor_.wire, block.buffer.data(), tensor_.dtype, data(block), block.count);
      if (block.distance == last - 1)
        block.stage = Stage::done;
      else
        send(block, Stage::sending_total);
      break;
    default:
      block.stage = Stage::done;
  }
  return true;
}

}  // namespace ringtrain::ring
