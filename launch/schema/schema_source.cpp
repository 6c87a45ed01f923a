#include "launch/schema/schema_source.h"

#include <fmt/format.h>

#include <filesystem>
#include <sstream>

#include "common/errors.h"
#include "common/files.h"
#include "common/text.h"
#include "data/profile/schema_infer.h"
#include "launch/commands/remote_model.h"
#include "serving/repository/manifest.h"
#include "serving/repository/schema_section.h"
#include "serving/repository/version_state.h"
#include "storage/location.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

bool is_yaml(const std::string& place) { return place.ends_with(".yaml") || place.ends_with(".yml"); }

/// Whether there is more in it than data.schema.
bool is_configuration(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto begin = line.find_first_not_of(' ');
    if (begin == std::string::npos || line[begin] == '#') continue;
    if (begin == 0 && !line.starts_with("data:") && line != "---") return true;
    const auto key = line.substr(begin, line.find(':', begin) - begin);
    if (key == "train_file" || key == "target") return true;
  }
  return false;
}

/// data.schema alone, out of a resolved configuration, whose levels are two blanks each.
std::string schema_block(const std::string& yaml) {
  std::istringstream lines(yaml);
  std::string block = "data:\n", section;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    const auto level = line.find_first_not_of(' ');
    if (level == 0) section = line;
    if (level <= 2) inside = section == "data:" && line.starts_with("  schema:");
    if (inside) block += line + "\n";
  }
  return block;
}

bool is_model(const std::string& place) {
  if (place.find('@') != std::string::npos) return !is_table_file(place);
  if (is_remote(place)) return false;
  std::error_code none;
  if (!fs::is_directory(place, none)) return false;
  if (fs::exists(fs::path(place) / "manifest.json", none)) return true;
  for (const auto& entry : fs::directory_iterator(place, none))
    if (fs::exists(entry.path() / "manifest.json", none)) return true;
  return false;
}

SchemaSource of_table(const std::string& place) {
  const auto table = profile_table(Location(place));
  const auto rows = with_commas(table.all_rows);
  return {.kind = SchemaSource::Kind::data,
          .schema = infer_schema(table),
          .remark = table.whole()
                        ? fmt::format("{} rows of {}", rows, place)
                        : fmt::format("the first {} of {} rows of {}", with_commas(table.rows), rows, place)};
}

SchemaSource of_model(const std::string& place) {
  const auto folder = find_version(local_model(place));
  const auto manifest = Manifest::read(folder);
  if (manifest.preprocessing.tokens || manifest.preprocessing.signature)
    throw ConfigError(fmt::format("{} reads no columns: it has no schema of a table", folder.string()));
  const auto profile = schema_section(folder, kProfileSection);
  return {.kind = SchemaSource::Kind::model,
          .schema = schema_of_model(manifest.preprocessing,
                                    profile.is_null() ? DataProfile() : DataProfile::from_json(profile)),
          .remark = folder.string()};
}

SchemaSource of_yaml(const std::string& place, const Catalogue& catalogue, bool of_data) {
  const auto text = read_file(place);
  if (!is_configuration(text)) {
    return {.kind = SchemaSource::Kind::schema_file,
            .schema = read_schema(text, place).resolved(),
            .remark = place};
  }
  const auto config = RunConfig::load(place, {}, catalogue);
  const auto table = config.data.kind().table(config.data.train_file);
  if (!table) throw ConfigError(fmt::format("{}: its data are no table, which alone has a schema", place));
  if (of_data) return of_table(config.data.train_file);
  const auto schema = read_schema(schema_block(config.to_yaml()), place).resolved();
  if (schema.empty())
    throw ConfigError(fmt::format(
        "{}: it has no data.schema; `ringtrain schema infer {}` writes one that you can put there", place,
        place));
  return {.kind = SchemaSource::Kind::configuration, .schema = schema, .csv = table->csv, .remark = place};
}

}  // namespace

SchemaSource find_schema(const std::string& place, const Catalogue& catalogue, bool of_data) {
  if (is_yaml(place)) return of_yaml(place, catalogue, of_data);
  return is_model(place) ? of_model(place) : of_table(place);
}

}  // namespace ringtrain
