#include "serving/repository/schema_section.h"

#include <fmt/format.h>

#include "common/errors.h"
#include "common/files.h"

namespace ringtrain {

nlohmann::json schema_section(const std::filesystem::path& version, const std::string& name) {
  const auto file = version / "schema.json";
  if (!std::filesystem::exists(file)) return nullptr;  // the first ones kept it in their manifest
  try {
    return nlohmann::json::parse(read_file(file)).value(name, nlohmann::json());
  } catch (const nlohmann::json::exception& error) {
    throw ExportError(fmt::format("{} is not JSON: {}", file.string(), error.what()));
  }
}

}  // namespace ringtrain
