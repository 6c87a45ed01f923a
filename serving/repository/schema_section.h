#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace ringtrain {

/// A section of the schema.json of an exported version's folder, as ExportRequest::schema_sections wrote it;
/// null where it has none, as those of earlier versions. Throws ExportError where the file cannot be read.
nlohmann::json schema_section(const std::filesystem::path& version, const std::string& name);

}  // namespace ringtrain
