#pragma once

#include <cstdint>
#include <string>

#include "common/config.h"

namespace ringtrain {

/// Earlier rows that are learned from again, beside new ones.
struct ReservoirConfig {
  std::int64_t rows = 1000;  ///< 0: none
  double share = 0.25;       ///< of a batch
  void describe(config::Visitor& v);
};

/// How far learning may go; 0: any distance.
struct LearnLimitsConfig {
  double learning_rate = 0;
  double update_norm = 0;  ///< of the change of all weights in a step
  double distance = 0;     ///< from the anchor version, of the anchor's own norm
  void describe(config::Visitor& v);
};

/// Which rows are not learned from, and when nothing is made live.
struct LearnGuardsConfig {
  double far = 20;         ///< deviations (or ranges) from the anchor's mean; 0: any value
  std::string key;         ///< the column that says whom a row is from; "": rows that are equal
  double key_share = 0.1;  ///< of the last key_rows; 1: any
  std::int64_t key_rows = 1000;
  std::int64_t least_rows = 200;      ///< in the held-out window, before a version is made live
  std::int64_t promotions_a_day = 0;  ///< 0: any number
  std::string time;                   ///< the column whose days count; "": day_rows are a day
  std::int64_t day_rows = 100000;
  void describe(config::Visitor& v);
};

/// The `learn:` block: learning from a stream of rows (`ringtrain learn`).
struct LearnConfig {
  std::int64_t window_rows = 1000;
  std::int64_t hold_out_every = 10;
  std::int64_t held_out_rows = 1000;
  std::int64_t candidate_rows = 5000;
  double margin = 0;
  std::string metric;  ///< that of trainer.checkpoint.metric when empty
  std::int64_t checkpoint_steps = 100;
  ReservoirConfig reservoir;
  LearnLimitsConfig limits;
  LearnGuardsConfig guards;
  void describe(config::Visitor& v);
};

}  // namespace ringtrain
