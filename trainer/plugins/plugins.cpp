#include "trainer/plugins/plugins.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <sstream>
#include <string_view>

#include "common/errors.h"
#include "common/hash.h"
#include "trainer/plugins/plugin.h"

namespace ringtrain {
namespace {

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
  throw ConfigError(fmt::format("the plugin {}: {}", file, why));
}

std::string with_advice(const std::string& problem) {
  if (problem.find("undefined symbol") != std::string::npos)
    return problem +
           ". It lacks a library that it should be linked with, or it was built against another ringtrain or "
           "LibTorch: build it again against this one (ringtrain_add_plugin of find_package(ringtrain))";
  if (problem.find("cannot open shared object file") != std::string::npos)
    return problem + ". A path starts at the folder that the command is run in";
  return problem;
}

void* open(const std::string& file) {
  // What dlopen is given without '/' is searched elsewhere.
  const bool here = file.find('/') == std::string::npos && std::filesystem::exists(file);
  void* library = ::dlopen(here ? ("./" + file).c_str() : file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) refuse(file, with_advice(::dlerror()));
  return library;
}

/// Where it was found, by its full name.
std::string place_of(void* library, const std::string& file) {
  struct link_map* map = nullptr;
  if (::dlinfo(library, RTLD_DI_LINKMAP, &map) != 0 || map == nullptr) return file;
  std::error_code error;
  const auto place = std::filesystem::canonical(map->l_name, error);
  return error ? file : place.string();
}

const PluginEntry& entry_of(void* library, const std::string& file) {
  const auto* entry = static_cast<const PluginEntry*>(::dlsym(library, kPluginEntry));
  if (entry == nullptr)
    refuse(file,
           "it is a library, but no plugin of ringtrain: one of its files must say RINGTRAIN_PLUGIN "
           "(ringtrain/trainer/plugins/plugin.h)");
  if (std::string_view(entry->made_with) != RINGTRAIN_MADE_WITH)
    refuse(file, fmt::format("it was built with {}; this is {}. Build it again against this one",
                             entry->made_with, RINGTRAIN_MADE_WITH));
  return *entry;
}

}  // namespace

void add_plugin(const std::string& file, Catalogue& catalogue) {
  void* library = open(file);
  const auto place = place_of(library, file);
  const auto same = [&](const PluginFile& known) { return known.file == place; };
  if (std::any_of(catalogue.plugins.begin(), catalogue.plugins.end(), same)) return;
  const auto& entry = entry_of(library, file);
  auto with = catalogue;  // all of its kinds or none
  try {
    entry.add(with);
  } catch (const std::exception& error) {
    refuse(file, error.what());
  } catch (...) {
    refuse(file, "it threw something that is no std::exception while it added its kinds");
  }
  with.plugins.push_back({place, hash_file(place)});
  catalogue = std::move(with);
}

std::vector<std::string> plugins_of_environment() {
  std::vector<std::string> files;
  if (const char* text = std::getenv("RINGTRAIN_PLUGINS")) {
    std::istringstream stream(text);
    for (std::string file; std::getline(stream, file, ':');)
      if (!file.empty()) files.push_back(file);
  }
  return files;
}

std::string plugins_text(const std::vector<PluginFile>& plugins) {
  std::string text;
  for (const auto& plugin : plugins)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", plugin.file, plugin.hash);
  return text.empty() ? "none" : text;
}

}  // namespace ringtrain
