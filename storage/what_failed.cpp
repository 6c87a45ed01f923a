#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "storage/arrow_files.h"

namespace ringtrain {
namespace {

/// Texts of servers may repeat what they were sent.
std::string without_secrets(std::string text) {
  for (const char* name : {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"}) {
    const char* secret = std::getenv(name);
    if (!secret || std::string_view(secret).size() < 4) continue;
    const std::string_view value = secret;
    for (auto at = text.find(value); at != std::string::npos; at = text.find(value, at))
      text.replace(at, value.size(), std::string("$") + name);
  }
  if (const auto more = text.find(" error_info="); more != std::string::npos) text.erase(more);
  std::replace(text.begin(), text.end(), '\n', ' ');
  constexpr std::size_t most = 600;
  if (text.size() > most) text = text.substr(0, most) + "...";
  return text;
}

struct Remedy {
  std::vector<const char*> words;
  const char* what;
  const char* next;
};

/// The first whose words a message has.
const Remedy* remedy_of(const Location& place, const std::string& message) {
  static const std::vector<Remedy> all{
      {{"NO_SUCH_BUCKET", "Bucket not found", "bucket does not exist", "not found in bucket"},
       "there is no such bucket, or not for these credentials",
       "Check its name, and the server that endpoint_override or AWS_ENDPOINT_URL names"},
      {{"ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "InvalidAccessKeyId", "SIGNATURE_DOES_NOT_MATCH",
        "SignatureDoesNotMatch", "EXPIRED_TOKEN", "ExpiredToken", "HTTP status 403", "HTTP status 401",
        "PERMISSION_DENIED", "UNAUTHENTICATED", "Could not create a OAuth2", "credentials"},
       "the store refuses the credentials, or has none",
       ""},
      {{"NETWORK_CONNECTION", "UNAVAILABLE", "curlCode", "Could not connect", "Couldn't connect",
        "is shorter than"},
       "the store does not answer",
       "Is the network there, and does a server listen at that address (endpoint_override, scheme)?"},
      {{"Path does not exist", "NOT_FOUND", "No such file", "not found"},
       "there is no such object or bucket",
       "Check the name; upper and lower case differ"}};
  static const Remedy aws{
      {},
      "the store refuses the credentials, or has none",
      "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, of an account that may "
      "use the bucket"};
  static const Remedy google{
      {},
      "the store refuses the credentials, or has none",
      "Set GOOGLE_APPLICATION_CREDENTIALS to a key file of an account that may use the bucket; "
      "gs://anonymous@BUCKET reads a public one"};
  for (const auto& remedy : all)
    for (const char* word : remedy.words)
      if (message.find(word) != std::string::npos)
        return *remedy.next != '\0' ? &remedy : place.scheme() == "s3" ? &aws : &google;
  return nullptr;
}

}  // namespace

std::string what_failed(const Location& place, const arrow::Status& status) {
  const auto message = without_secrets(status.message());
  const auto name = place.empty() ? std::string("object stores") : place.string();
  if (const auto* remedy = remedy_of(place, message))
    return fmt::format("{}: {}. {}. ({})", name, remedy->what, remedy->next, message);
  return fmt::format("{}: {}", name, message);
}

}  // namespace ringtrain
