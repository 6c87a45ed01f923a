#pragma once

#include <string>

#include "serving/client/http_client.h"
#include "serving/predict/predictor.h"

namespace ringtrain {

/// A model that a server answers with: `ringtrain serve`, which tells what its columns are.
class RemoteModel {
 public:
  /// `model`: NAME, NAME/VERSION, NAME@LABEL (NAME@live: the one that is live). Reads its manifest. Throws
  /// DataError when the server cannot be reached or has no such model, ConfigError for a language model.
  RemoteModel(std::string url, const std::string& model, HttpClient::Options options);

  const Manifest& manifest() const { return manifest_; }
  /// By TensorFlow Serving's column form, POST …:predict. A batch that is too big for the server is halved
  /// until it fits. Throws DataError with what the server says.
  Predictor::Answers predict(const Predictor::Rows& rows);

 private:
  Predictor::Answers ask(const Predictor::Rows& rows);

  HttpClient client_;
  std::string path_;
  Manifest manifest_;
};

}  // namespace ringtrain
