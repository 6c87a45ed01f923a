#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/finding.h"
#include "trainer/checks/subject.h"

/// Mistakes that do not crash: of the data, the model, the settings. Each check shows numbers, and says what
/// to do (docs/checking.md).
namespace ringtrain::checks {

class Check {
 public:
  virtual ~Check() = default;
  /// One word, for --only and --skip; `what` of its finding.
  virtual std::string name() const = 0;
  /// What it looks for, as a sentence.
  virtual std::string doc() const = 0;
  /// Whether it takes a fraction of a second: then it runs before each training too, on rank 0 alone.
  virtual bool is_cheap() const { return false; }
  /// Leaves what it looks at as it was. What it throws becomes a finding (run_checks).
  virtual Finding run(Subject& subject) const = 0;
};
using Checks = std::vector<std::unique_ptr<Check>>;

/// All of them, in the order in which they are shown: of data, of the model, of learning.
Checks all_checks();

/// Keeps those of `only` (empty: all) that are not in `skip`. Throws ConfigError that names what is no check,
/// and lists those there are.
void choose(Checks& checks, const std::vector<std::string>& only, const std::vector<std::string>& skip);

/// A finding for each; `about` is told each one's name before it. What a check throws is bad: the model
/// cannot do what the check asked; a stop is thrown on.
Findings run_checks(const Checks& checks, Subject& subject,
                    const std::function<void(const Check&)>& about = nullptr);

/// Before a training: the cheap ones, of which only what is not good is returned. Never throws. Not
/// collective.
Findings findings_before_training(const Subject::Run& run);

}  // namespace ringtrain::checks
