#include "launch/new/new_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "common/errors.h"
#include "common/files.h"
#include "common/text.h"
#include "launch/new/kind_name.h"
#include "new_templates.h"

namespace ringtrain {
namespace fs = std::filesystem;
namespace {

struct KindOfThing {
  std::string word, key;  ///< as it is typed; where configurations name it
  std::vector<std::string> taken;
};

template <class Kinds>
std::vector<std::string> names_of(const Kinds& kinds) {
  std::vector<std::string> names;
  for (const auto& kind : kinds) names.push_back(kind->name());
  return names;
}

std::vector<KindOfThing> things(const Catalogue& catalogue) {
  return {{"model", "model", names_of(catalogue.models)},
          {"dataset", "data", names_of(catalogue.data)},
          {"task", "task", names_of(catalogue.tasks)},
          {"callback", "trainer.callbacks", names_of(catalogue.callbacks)}};
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (auto place = text.find(from); place != std::string::npos; place = text.find(from, place + to.size()))
    text.replace(place, from.size(), to);
}

/// Lines that begin with "@plugin@" or "@program@" are for that form alone.
std::string for_form(const std::string& text, const std::string& form) {
  std::string kept;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size() - 1) + 1;
    auto line = text.substr(begin, end - begin);
    begin = end;
    if (line.starts_with("@" + form + "@"))
      line.erase(0, form.size() + 2);
    else if (line.starts_with("@plugin@") || line.starts_with("@program@"))
      continue;
    kept += line;
  }
  return kept;
}

/// Where this program's package is: what CMAKE_PREFIX_PATH is to be. In a build folder there is none.
std::string prefix() {
  std::error_code error;
  const auto folder = fs::read_symlink("/proc/self/exe", error).parent_path().parent_path();
  return fs::exists(folder / "lib/cmake/ringtrain/ringtrain-config.cmake", error)
             ? folder.string()
             : "/where/ringtrain/is/installed";
}

/// By name. A file of several templates is these, one after the other.
std::map<std::string, std::string> texts_of(const std::string& what, const std::string& form) {
  std::map<std::string, std::string> texts;
  // The test begins with what all kinds have in common, the README ends with it.
  for (const auto& folder : {std::string("common/"), what + "/", form + "/"})
    for (const auto& [path, text] : kNewTemplates) {
      if (!path.starts_with(folder)) continue;
      const std::string name(path.substr(folder.size())), here(text);
      if (name == "flats.csv" && what == "dataset") continue;  // it has data of its own
      auto& whole = texts[name];
      whole = name == "README.md" ? here + whole : whole.empty() ? here : whole + "\n" + here;
    }
  return texts;
}

/// All of what is wrong with it, or none; `name`: as `kind_name` gives it.
std::vector<std::string> problems_of(const NewKind& wanted, const std::string& name, const fs::path& folder,
                                     const std::vector<KindOfThing>& known) {
  std::vector<std::string> problems, words;
  const KindOfThing* thing = nullptr;
  for (const auto& one : known) {
    words.push_back(one.word);
    if (one.word == wanted.what) thing = &one;
  }
  if (!thing)
    problems.push_back(fmt::format("KIND: expected one of: {}; got '{}'.{}", join(words), wanted.what,
                                   did_you_mean(wanted.what, words)));
  if (const auto problem = problem_of_name(name); !problem.empty())
    problems.push_back(fmt::format("NAME: '{}' {}", wanted.name, problem));
  else if (thing && std::find(thing->taken.begin(), thing->taken.end(), name) != thing->taken.end())
    problems.push_back(fmt::format(
        "NAME: there is a {} '{}' already, and a configuration could not tell which is meant; take another "
        "name, such as my_{}",
        wanted.what, name, name));
  std::error_code ignored;
  if (!folder.empty() && fs::exists(fs::symlink_status(folder, ignored)))
    problems.push_back(fmt::format(
        "{} is there already, and is not written over; name another folder with --folder", folder.string()));
  return problems;
}

/// What stands in the place of what in templates.
std::vector<std::pair<std::string, std::string>> words_of(const NewKind& wanted, const std::string& name,
                                                          const std::string& key, const std::string& run) {
  const std::string version = RINGTRAIN_VERSION;
  const auto plugin = wanted.program ? "" : fmt::format("RINGTRAIN_PLUGINS=build/lib{}_plugin.so ", name);
  return {{"@version@", version.substr(0, version.rfind('.'))},
          {"@prefix@", prefix()},
          {"@config@", fmt::format("{}{} config {}", plugin, run, key)},
          {"@run@", run},
          {"your_name", name},
          {"YourName", class_name(name)}};
}

}  // namespace

WrittenKind write_new_kind(const NewKind& wanted, const Catalogue& catalogue, const std::string& program) {
  const auto known = things(catalogue);
  WrittenKind written;
  written.name = kind_name(wanted.name);
  written.folder = wanted.folder.empty() ? written.name : wanted.folder;
  const auto problems = problems_of(wanted, written.name, written.folder, known);
  if (!problems.empty()) throw ConfigError(join(problems, "\n  "));

  const auto thing = std::find_if(known.begin(), known.end(),
                                  [&](const KindOfThing& one) { return one.word == wanted.what; });
  const std::string form = wanted.program ? "program" : "plugin";
  const auto run = wanted.program ? "build/" + written.name : program;
  // Callbacks are a list: the reference has all of them in one place.
  const auto key = wanted.what == "callback" ? thing->key : thing->key + "." + written.name;
  const auto words = words_of(wanted, written.name, key, run);
  auto folder = fs::absolute(written.folder).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();  // it ended with a '/'
  ensure_writable_folder(folder.parent_path());
  StagedFolder staged(folder);
  for (const auto& [template_name, template_text] : texts_of(wanted.what, form)) {
    auto name = template_name, text = for_form(template_text, form);
    for (const auto& [from, to] : words) {
      replace_all(text, from, to);
      replace_all(name, from, to);
    }
    write_file_synced(staged.path() / name, text);
    written.files.push_back(name);
  }
  staged.commit();
  std::sort(written.files.begin(), written.files.end());
  written.next = fmt::format(
      "  cd {}\n"
      "  cmake -S . -B build -G Ninja -DCMAKE_PREFIX_PATH={}\n"
      "  cmake --build build\n"
      "  ctest --test-dir build\n"
      "  {} train {}.yaml --ranks 2\n",
      written.folder, prefix(), run, written.name);
  return written;
}

}  // namespace ringtrain
