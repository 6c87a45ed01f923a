#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "trainer/metrics/exact_sum.h"

namespace ringtrain {

class Communicator;

/// Who holds the rows of a part of the data: the ranks of a communicator, which outlives this, each its own
/// rows; or this process alone. The rows count in rank order.
///
/// All but the accessors is collective: every rank calls the same in the same order, also one without rows.
class Holders {
 public:
  Holders() = default;  ///< this process alone
  explicit Holders(Communicator& ranks);

  int rank() const;
  int count() const;
  /// Null: this process alone.
  Communicator* ranks() const { return ranks_; }

  /// Runs `body` on every rank; what it throws on one is thrown on all, by a message that names rank and
  /// `phase` (comm/agreement.h). For what a rank does with its own rows, so that bad ones are no hang
  /// elsewhere.
  void together(const std::function<void()>& body, std::string_view phase = "computing metrics") const;

  /// Adds up what the ranks have, on all of them: the same bits on any number of ranks.
  std::int64_t sum(std::int64_t mine) const;
  void sum(std::span<std::int64_t> mine) const;
  double sum(const ExactSum& mine) const;
  std::vector<double> sum(std::span<const ExactSum> mine) const;
  std::int64_t largest(std::int64_t mine) const;
  /// What the ranks before this one have.
  std::int64_t before(std::int64_t mine) const;
  /// What each rank has, in rank order; as many numbers on each.
  std::vector<std::int64_t> of_each(std::span<const std::int64_t> mine) const;

 private:
  Communicator* ranks_ = nullptr;
};

}  // namespace ringtrain
