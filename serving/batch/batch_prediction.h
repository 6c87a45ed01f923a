#pragma once

#include <functional>
#include <ostream>

#include "comm/communicator.h"
#include "serving/batch/answer_text.h"
#include "serving/batch/row_source.h"

namespace ringtrain {

/// How a batch of good rows is answered: by a model here, or by a server.
using AnswerRows = std::function<Predictor::Answers(const Predictor::Rows&)>;

struct BatchCounts {
  std::int64_t rows = 0, errors = 0;
};

/// Answers all rows of `source` to `out`, in input order, in constant memory. With several ranks each reads
/// all of the same input, passes over the batches of the others, and answers every n-th; rank 0 writes.
/// Collective. `progress(bytes, rows)` is called after each round. Returns the counts of all ranks. What
/// fails on one rank is thrown on all.
BatchCounts predict_rows(RowSource& source, const AnswerRows& answer, const AnswerText& text,
                         std::ostream& out, std::int64_t batch_size, Communicator& control,
                         const std::function<void(std::int64_t, std::int64_t)>& progress = {});

}  // namespace ringtrain
