#include "serving/batch/batch_prediction.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include "comm/agreement.h"
#include "common/errors.h"

namespace ringtrain {
namespace {

/// What one rank has answered in a round.
struct Answered {
  std::string lines;
  BatchCounts counts;
};

/// This rank's batch of the round. False when no rank had one.
bool answer_round(RowSource& source, const AnswerRows& answer, const AnswerText& text,
                  std::int64_t batch_size, const Communicator& control, Answered& mine) {
  RowBatch batch;
  mine = {};
  bool any = false;
  for (int rank = 0; rank < control.world_size(); ++rank) {
    if (rank != control.rank()) {
      any = source.skip(batch_size) || any;
      continue;
    }
    if (!source.next(batch, batch_size)) continue;
    any = true;
    const auto good = batch.good_rows();
    Predictor::Answers answers;
    if (good.size() > 0) answers = answer(good);
    mine.lines = text.lines(batch, answers, mine.counts.errors);
    mine.counts.rows = static_cast<std::int64_t>(batch.size());
  }
  return any;
}

void write(std::ostream& out, std::string_view text) {
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.flush();
  if (!out) throw Error("the answers cannot be written: the output is closed or full");
}

}  // namespace

BatchCounts predict_rows(RowSource& source, const AnswerRows& answer, const AnswerText& text,
                         std::ostream& out, std::int64_t batch_size, Communicator& control,
                         const std::function<void(std::int64_t, std::int64_t)>& progress) {
  if (batch_size < 1) throw ConfigError(fmt::format("the batch size must be at least 1, got {}", batch_size));
  const at::NoGradGuard no_grad;
  const bool writes = control.rank() == 0;
  const auto safely = [&](const char* phase, const std::function<void()>& body) {
    control.world_size() == 1 ? body() : together(control, phase, body);
  };
  safely("writing the answers", [&] {
    if (writes) write(out, text.header());
  });
  BatchCounts all;
  for (bool any = true; any;) {
    Answered mine;
    safely("answering rows", [&] { any = answer_round(source, answer, text, batch_size, control, mine); });
    if (control.world_size() == 1) {
      all.rows += mine.counts.rows;
      all.errors += mine.counts.errors;
      write(out, mine.lines);
    } else {
      at::Tensor counts = at::tensor({mine.counts.rows, mine.counts.errors}, at::kLong);
      control.all_reduce(counts).wait();
      all.rows += counts[0].item<std::int64_t>();
      all.errors += counts[1].item<std::int64_t>();
      const auto lines = all_gather_strings(control, mine.lines);
      safely("writing the answers", [&] {
        if (!writes) return;
        for (const auto& one : lines) write(out, one);
      });
    }
    if (progress) progress(source.bytes(), all.rows);
  }
  return all;
}

}  // namespace ringtrain
