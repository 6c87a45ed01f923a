#include "trainer/weights/weights_config.h"

#include <algorithm>

namespace ringtrain {

void RenameConfig::describe(config::Visitor& v) {
  v.field("match", match, "A name in the file; one `*` in it stands for any characters: `backbone.*`.");
  v.field("to", to, "The name here; a `*` in it is what the one of `match` stands for: `*`.");
  const auto stars = [](const std::string& text) { return std::count(text.begin(), text.end(), '*'); };
  v.require("match", !match.empty() && stars(match) <= 1, "expected a name with at most one *");
  v.require("to", !to.empty() && stars(to) <= stars(match),
            "expected a name, with a * only where match has one");
}

bool RenameConfig::apply(std::string& name) const {
  const auto star = match.find('*');
  if (star == std::string::npos) {
    if (name != match) return false;
    name = to;
    return true;
  }
  const std::string_view before = std::string_view(match).substr(0, star),
                         after = std::string_view(match).substr(star + 1);
  if (name.size() < before.size() + after.size() || !name.starts_with(before) || !name.ends_with(after))
    return false;
  const auto middle = name.substr(before.size(), name.size() - before.size() - after.size());
  const auto place = to.find('*');
  name = place == std::string::npos ? to : to.substr(0, place) + middle + to.substr(place + 1);
  return true;
}

void WeightsConfig::describe(config::Visitor& v) {
  v.field("from", from,
          "Weights that a new run begins with: a file (*.safetensors, *.safetensors.index.json, or "
          "torch.save's *.pt, *.pth, *.bin), or a folder with one, or a job's folder, a checkpoint, an "
          "exported version. The preprocessing is fitted on the data all the same (trainer.start_from takes "
          "it too). Empty: random weights.");
  v.field("strict", strict,
          "What is missing in the file, too much in it, or of another shape is an error. false: it is told, "
          "and those weights start at random.");
  v.field("ignore", ignore,
          "Names of weights that are not taken from the file and start at random, as a new head does: "
          "`fc.*`; `*` stands for any characters.");
  v.sections("rename",
             "Names in the file that are other ones here; the first rule that matches counts. An example: "
             "`rename: {match: 'backbone.*', to: '*'}`.",
             rename);
  v.field("optimizer", optimizer,
          "Goes on with the optimizer's state and the step of torch.save({\"model\": …, \"optimizer\": "
          "…state_dict(), \"step\": n}).");
  const bool idle = from.empty() && (!strict || !ignore.empty() || !rename.empty() || optimizer);
  v.require("from", !idle, "missing: without it the other settings of model.weights have no effect");
  v.require("optimizer", !optimizer || (strict && ignore.empty()),
            "true needs all weights of the file: strict: true, and nothing to ignore");
}

}  // namespace ringtrain
