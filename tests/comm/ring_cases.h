#pragma once

#include "tests/comm/conformance.h"

/// What the all-reduce by shared memory and rings promises beyond the contract of all backends.
namespace ringtrain::ring_cases {

/// Tensors made by `allocate`, whole and in parts, several under way at a time, reduced in place.
void allocated_tensors(Communicator& communicator);
/// A tensor cut into buckets in different ways gives the same bits.
void cuts_change_no_bit(Communicator& communicator);
/// More all-reduces than there are slots, small and large in turn, waited for in another order.
void many_under_way(Communicator& communicator);
/// The same for numbers that travel in the board.
void many_small_under_way(Communicator& communicator);
/// Unallocated tensors of several pieces.
void pieces(Communicator& communicator);

std::vector<conformance::Case> all();

}  // namespace ringtrain::ring_cases
