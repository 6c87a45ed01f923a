#include "trainer/learn_config.h"

namespace ringtrain {

using config::at_least;
using config::fraction;
using config::fraction_below_one;
using config::non_negative;

void ReservoirConfig::describe(config::Visitor& v) {
  v.field(
      "rows", rows,
      "So many rows are kept of all that were learned from, each with the same chance (Vitter's algorithm "
      "R). 0: none.",
      non_negative());
  v.field("share", share, "The share of each batch that is drawn from them.", fraction_below_one());
}

void LearnLimitsConfig::describe(config::Visitor& v) {
  v.field("learning_rate", learning_rate, "The most that trainer.optimizer.lr may be. 0: any.",
          non_negative());
  v.field(
      "update_norm", update_norm,
      "The most that a step may change the weights: the norm of the change of all of them; a longer one is "
      "shortened. 0: any.",
      non_negative());
  v.field(
      "distance", distance,
      "How far the weights may go from those of the version that learning began with, as a share of their "
      "norm; beyond it learning begins again with that version. 0: any.",
      non_negative());
}

void LearnGuardsConfig::describe(config::Visitor& v) {
  v.field("far", far,
          "A row is quarantined where a number is so many deviations (with data.normalize: minmax so many "
          "ranges) away from what the version was trained on. 0: any number is taken.",
          non_negative());
  v.field(
      "key", key,
      "The column that says whom a row is from: a user, a device. Empty: rows that are equal in all values "
      "count as from one.");
  v.field(
      "key_share", key_share,
      "At most this share of the last `key_rows` rows is learned from one key; the others are quarantined. "
      "1: any.",
      fraction());
  v.field("key_rows", key_rows, "Over how many rows that share is counted.", at_least(10));
  v.field("least_rows", least_rows,
          "So many rows the held-out window must have before a version is made live.", at_least(1));
  v.field("promotions_a_day", promotions_a_day, "At most so many versions a day are made live. 0: any.",
          non_negative());
  v.field("time", time,
          "The column with the time of a row, a date or a number of days, whose days those are. Empty: "
          "`day_rows` rows are a day.");
  v.field("day_rows", day_rows, "Rows that are a day where no column has the time.", at_least(1));
}

void LearnConfig::describe(config::Visitor& v) {
  v.field("window_rows", window_rows, "Rows of the sliding window of metrics.csv.", at_least(1));
  v.field("hold_out_every", hold_out_every,
          "Every so many rows one is never trained on: candidates are measured on the last of them.",
          at_least(2));
  v.field("held_out_rows", held_out_rows, "How many of those rows the window has.", at_least(1));
  v.field("candidate_rows", candidate_rows, "After so many rows of the stream a candidate is measured.",
          at_least(1));
  v.field("margin", margin, "By how much a candidate must be better than the live version.", non_negative());
  v.field("metric", metric, "What decides. Empty: trainer.checkpoint.metric.");
  v.field("checkpoint_steps", checkpoint_steps, "A checkpoint after so many steps.", at_least(1));
  v.section("reservoir", "Earlier rows, against forgetting.", reservoir);
  v.section("limits", "How far learning may go.", limits);
  v.section("guards", "Rows that are not learned from, and when nothing is made live.", guards);
}

}  // namespace ringtrain
