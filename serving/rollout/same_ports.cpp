#include "serving/rollout/same_ports.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"

namespace ringtrain {
namespace {

class Differences {
 public:
  Differences(const Manifest& candidate, const Manifest& live, const std::string& candidate_name,
              const std::string& live_name)
      : candidate_(candidate),
        live_(live),
        ours_(candidate.preprocessing),
        theirs_(live.preprocessing),
        candidate_name_(candidate_name),
        live_name_(live_name) {}

  std::vector<std::string> find() {
    if (kind_of(ours_) != kind_of(theirs_)) {
      differ("takes", kind_of(ours_), kind_of(theirs_));
    } else if (ours_.tokens) {
      compare_tokens();
    } else if (ours_.signature) {
      compare_tensors();
    } else {
      compare_columns(ours_.numeric, theirs_.numeric, "numbers");
      compare_columns(ours_.categorical, theirs_.categorical, "words");
      if (found_.empty()) compare_reading();
    }
    compare_answers();
    return std::move(found_);
  }

 private:
  static std::string kind_of(const Preprocessing& one) {
    return one.tokens ? "tokens" : one.signature ? "named tensors" : "columns";
  }
  void differ(const std::string& verb, const std::string& ours, const std::string& theirs) {
    found_.push_back(
        fmt::format("{} {} {}, {} {} {}", candidate_name_, verb, ours, live_name_, verb, theirs));
  }
  void compare_tokens() {
    if (ours_.tokens->context != theirs_.tokens->context)
      differ("sees at once", fmt::format("{} tokens", ours_.tokens->context),
             fmt::format("{} tokens", theirs_.tokens->context));
    if (ours_.tokens->vocabulary != theirs_.tokens->vocabulary ||
        ours_.tokens->texts != theirs_.tokens->texts)
      found_.push_back(fmt::format("{} has other tokens than {}", candidate_name_, live_name_));
  }
  void compare_tensors() {
    const auto texts = [](const Signature& signature) {
      std::vector<std::string> texts;
      for (const auto& input : signature.inputs) texts.push_back(input.name + " " + text_of(input));
      return join(texts);
    };
    if (texts(*ours_.signature) != texts(*theirs_.signature))
      differ("takes", texts(*ours_.signature), texts(*theirs_.signature));
  }
  template <class Column>
  static std::vector<std::string> names_of(const std::vector<Column>& columns) {
    std::vector<std::string> names;
    for (const auto& column : columns) names.push_back(column.name);
    return names;
  }
  static std::vector<std::string> missing_from(const std::vector<std::string>& of,
                                               const std::vector<std::string>& in) {
    std::vector<std::string> missing;
    for (const auto& name : of)
      if (std::find(in.begin(), in.end(), name) == in.end()) missing.push_back(name);
    return missing;
  }
  template <class Column>
  void compare_columns(const std::vector<Column>& ours, const std::vector<Column>& theirs, const char* what) {
    const auto our_names = names_of(ours), their_names = names_of(theirs);
    const auto more = missing_from(our_names, their_names), fewer = missing_from(their_names, our_names);
    if (!more.empty())
      found_.push_back(
          fmt::format("{} takes {} that {} does not: {}", candidate_name_, what, live_name_, join(more)));
    if (!fewer.empty())
      found_.push_back(fmt::format("{} does not take {} that {} does: {}", candidate_name_, what, live_name_,
                                   join(fewer)));
    if (more.empty() && fewer.empty() && our_names != their_names)
      differ("takes them in the order", join(our_names), join(their_names));
  }
  void compare_reading() {
    for (std::size_t c = 0; c < ours_.numeric.size(); ++c) {
      const auto &our = ours_.numeric[c], &their = theirs_.numeric[c];
      if (our.part != their.part || our.column() != their.column())
        found_.push_back(fmt::format("column {}: a date in one of them alone", our.name));
      if (our.wide != their.wide)
        differ("reads " + our.name + " in", our.wide ? "float64" : "float32",
               their.wide ? "float64" : "float32");
      if (!our.fill && their.fill) refuses("missing values", our.name);
    }
    for (std::size_t c = 0; c < ours_.categorical.size(); ++c)
      if (!ours_.categorical[c].takes_missing() && theirs_.categorical[c].takes_missing())
        refuses("missing values", ours_.categorical[c].name);
    auto passed_over = theirs_.targets;
    passed_over.insert(passed_over.end(), theirs_.ignored.begin(), theirs_.ignored.end());
    auto known = ours_.targets;
    known.insert(known.end(), ours_.ignored.begin(), ours_.ignored.end());
    if (const auto refused = missing_from(passed_over, known); !refused.empty())
      found_.push_back(fmt::format("{} refuses fields that {} passes over: {}", candidate_name_, live_name_,
                                   join(refused)));
    if (ours_.refuse_unseen && !theirs_.refuse_unseen)
      found_.push_back(fmt::format("{} refuses words that training did not see, {} takes them",
                                   candidate_name_, live_name_));
  }
  void refuses(const char* what, const std::string& column) {
    found_.push_back(
        fmt::format("column {}: {} refuses {}, {} takes them", column, candidate_name_, what, live_name_));
  }
  void compare_answers() {
    if (candidate_.head.form != live_.head.form || candidate_.head.width() != live_.head.width() ||
        candidate_.head.names != live_.head.names)
      found_.push_back(fmt::format("{} gives answers of another form than {}", candidate_name_, live_name_));
    else if (ours_.labels != theirs_.labels)
      differ("answers with", join(ours_.labels), join(theirs_.labels));
  }

  const Manifest &candidate_, &live_;
  const Preprocessing &ours_, &theirs_;
  const std::string &candidate_name_, &live_name_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> differences_of_ports(const Manifest& candidate, const Manifest& live,
                                              const std::string& candidate_name,
                                              const std::string& live_name) {
  return Differences(candidate, live, candidate_name, live_name).find();
}

}  // namespace ringtrain
