#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "ringtrain/comm/averaging/gradient_averager.h"
#include "ringtrain/comm/communicator.h"
#include "ringtrain/comm/world.h"

/// What users of other libraries take for granted, asked of the installed package: each case checks a result
/// against arithmetic, or expects an error that names what is wrong.
namespace cases {

using Overlap = ringtrain::AveragerOptions::Overlap;

/// What a case is given, on each rank.
struct Ranks {
  ringtrain::World& world;
  ringtrain::Communicator& communicator;  ///< the case's own: no other uses it
  Overlap overlap = Overlap::off;
  int rank() const { return communicator.rank(); }
  int size() const { return communicator.world_size(); }
  bool is_last() const { return rank() == size() - 1; }
};

struct Case {
  std::string name, proves;
  std::function<void(Ranks&)> body;
  bool averages = false;  ///< runs with overlap off and on
  int at_least = 1;       ///< ranks
};
using Cases = std::vector<Case>;

Cases of_collectives();
Cases of_groups();
Cases of_refusals();
Cases of_averaging();
Cases of_networks();

/// Throws where `good` is false.
inline void expect(bool good, const std::string& what) {
  if (!good) throw std::runtime_error(what);
}

inline void expect_equal(const at::Tensor& got, const at::Tensor& wanted,
                         const std::string& what = "values") {
  if (got.sizes() == wanted.sizes() && got.scalar_type() == wanted.scalar_type() && at::equal(got, wanted))
    return;
  throw std::runtime_error(
      what + " differ: " + got.toString() + " " + std::to_string(got.numel()) +
      (got.numel() > 0 && got.sizes() == wanted.sizes()
           ? ", largest difference " +
                 std::to_string((got.to(at::kDouble) - wanted.to(at::kDouble)).abs().max().item<double>())
           : ""));
}

inline void expect_near(const at::Tensor& got, const at::Tensor& wanted, double tolerance,
                        const std::string& what) {
  expect(got.sizes() == wanted.sizes(), what + " has another shape");
  const auto difference = (got.to(at::kDouble) - wanted.to(at::kDouble)).abs();
  if (got.numel() > 0 && !(difference.max().item<double>() <= tolerance))
    throw std::runtime_error(what + " is wrong by " + std::to_string(difference.max().item<double>()));
}

/// Expects an Error whose text has all of `parts`.
template <class Error, class Body>
void expect_error(const Body& body, const std::vector<std::string>& parts) {
  try {
    body();
  } catch (const Error& error) {
    const std::string text = error.what();
    for (const auto& part : parts)
      expect(text.find(part) != std::string::npos, "'" + text + "' lacks '" + part + "'");
    return;
  }
  throw std::runtime_error("no error");
}

/// 1 + 2 + … + n.
inline std::int64_t sum_to(std::int64_t n) { return n * (n + 1) / 2; }

}  // namespace cases
