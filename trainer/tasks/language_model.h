#pragma once

#include "trainer/tasks/task.h"

namespace ringtrain {

/// The next token: outputs are logits [n, T, vocabulary], targets int64 [n, T]. The loss is the sum of cross
/// entropies (nats), the weight the number of tokens. Answers are judged by sums over tokens: to gather the
/// scores of all of them would take `vocabulary` numbers a token.
std::unique_ptr<Task> make_language_model_task(std::int64_t vocabulary);

}  // namespace ringtrain
