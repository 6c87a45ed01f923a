#pragma once

#include "trainer/tasks/task.h"

namespace ringtrain {

/// The next token: outputs are logits [n, T, vocabulary], targets int64 [n, T]. The loss is the sum of cross
/// entropies (nats), the weight the number of tokens. Answers are judged by sums over tokens: to gather the
/// scores of all of them would take `vocabulary` numbers a token. `chunked`: whether the loss is computed
/// over some tokens at a time (chunked_loss.h): on, off, or auto, on a GPU.
std::unique_ptr<Task> make_language_model_task(std::int64_t vocabulary, const std::string& chunked);

}  // namespace ringtrain
