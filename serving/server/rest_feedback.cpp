#include "serving/server/rest_feedback.h"

#include "serving/server/rest.h"
#include "serving/server/rollouts.h"

namespace ringtrain {

HttpReply keep_feedback(const HttpRequest& request, const ServedModels& models, RequestLog* log,
                        Metrics& metrics) {
  if (auto refused = rest::other_method(request, "POST")) return *refused;
  if (!log)
    return rest::refuse(404, "this server keeps no feedback; `ringtrain serve --log-folder FOLDER` does");
  rest::require_own_origin(request);
  auto feedback = read_feedback(request.body, std::chrono::system_clock::now());
  for (const auto& one : feedback) {
    if (models.versions_of(one.model).empty()) return rest::no_version(models, one.model, {});
    if (const auto version = models.find(one.model)) require_possible(one, version->predictor->manifest());
  }
  std::size_t kept = 0;
  for (auto& one : feedback) {
    const auto model = one.model;
    if (models.rollouts()) models.rollouts()->learn(one);
    if (!log->add(std::move(one))) break;
    metrics.feedback(model);
    ++kept;
  }
  if (kept == 0 && !feedback.empty())
    return rest::refuse(503, "too much feedback waits to be written; try again later");
  return rest::reply(200, {{"kept", kept}});
}

}  // namespace ringtrain
