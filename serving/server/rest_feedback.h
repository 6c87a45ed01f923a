#pragma once

#include "serving/log/request_log.h"
#include "serving/server/http_server.h"
#include "serving/server/metrics.h"
#include "serving/server/served_models.h"

namespace ringtrain {

/// POST /v1/feedback: what came to be known of rows that were answered (read_feedback), {"kept": N}. 400 for
/// what cannot be understood, or that the model cannot have answered; 404 for a model that is not there, and
/// where the server keeps no log (`log` is null); 503 where too much waits to be written.
HttpReply keep_feedback(const HttpRequest& request, const ServedModels& models, RequestLog* log,
                        Metrics& metrics);

}  // namespace ringtrain
