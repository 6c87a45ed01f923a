// Mistakes put into sound data, models and settings, and what the checks say of them. RINGTRAIN_CHECK_DATA
// names a folder of further data sets (soak.py makes it): without it there is one. A line for each is
// printed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "common/errors.h"
#include "tests/common/temporary_folder.h"
#include "tests/trainer/checks/spoilt_models.h"
#include "tests/trainer/checks/spoilt_rows.h"
#include "trainer/checks/check.h"
#include "trainer/checks/session.h"

namespace ringtrain {
namespace {

using test::Rows;
using Level = Finding::Level;
using Settings = std::vector<std::string>;

constexpr std::uint64_t kSeed = 7;

/// A data set, and what is changed of it and of the settings.
struct Trial {
  Rows rows;
  Settings set;
  std::optional<Rows> test_rows;  ///< a part with a file of its own
  std::mt19937_64 random{kSeed};

  double uniform() { return std::uniform_real_distribution<double>(0, 1)(random); }
  double normal() { return std::normal_distribution<double>(0, 1)(random); }
  void use_spoilt_model(const std::string& mistake) {
    set.insert(set.end(), {"model={type: spoilt, mistake: " + mistake + "}", "export.enabled=false"});
  }
};

struct Mistake {
  std::string name;
  std::vector<std::string> checks;  ///< of which one has to see it
  std::function<void(Trial&)> make;
};

std::string text(double number) { return fmt::format("{:.10g}", number); }

/// The spread of the target, in which mistakes are measured.
double spread_of_target(const Rows& rows) {
  double mean = 0, square = 0;
  const auto count = static_cast<double>(rows.rows.size());
  for (std::size_t r = 0; r < rows.rows.size(); ++r) mean += rows.target_number(r) / count;
  for (std::size_t r = 0; r < rows.rows.size(); ++r)
    square += std::pow(rows.target_number(r) - mean, 2) / count;
  return std::sqrt(square);
}

void leak_plainly(Trial& trial) {
  std::vector<double> values;
  for (std::size_t r = 0; r < trial.rows.rows.size(); ++r)
    values.push_back(3 * trial.rows.target_number(r) + 1);
  trial.rows.add("outcome_code", [&](std::size_t r) { return text(values[r]); });
}
void leak_noisily(Trial& trial) {
  const double noise = 0.1 * spread_of_target(trial.rows);
  std::vector<double> values;
  for (std::size_t r = 0; r < trial.rows.rows.size(); ++r)
    values.push_back(trial.rows.target_number(r) + noise * trial.normal());
  trial.rows.add("paid_back", [&](std::size_t r) { return text(values[r]); });
}
void repeat_rows(Trial& trial) {
  const auto rows = trial.rows.rows;
  for (const auto& row : rows)
    if (trial.uniform() < 0.4) trial.rows.rows.push_back(row);
  trial.rows.shuffle(kSeed);
}
void repeat_rows_with_identifier(Trial& trial) {
  repeat_rows(trial);
  std::vector<std::size_t> ids;
  for (std::size_t r = 0; r < trial.rows.rows.size(); ++r) ids.push_back(1000 + 7 * r);
  std::shuffle(ids.begin(), ids.end(), trial.random);
  trial.rows.add("record_id", [&](std::size_t r) { return std::to_string(ids[r]); });
}
void shuffle_labels(Trial& trial) {
  std::vector<std::string> targets;
  for (const auto& row : trial.rows.rows) targets.push_back(row.back());
  std::shuffle(targets.begin(), targets.end(), trial.random);
  for (std::size_t r = 0; r < targets.size(); ++r) trial.rows.rows[r].back() = targets[r];
}
void flip_labels(Trial& trial) { trial.rows.mix_targets(trial.rows.has_classes() ? 0.1 : 0, trial.random); }
/// Of numbers: some were written down in another unit.
void write_labels_wrongly(Trial& trial) {
  flip_labels(trial);
  if (trial.rows.has_classes()) return;
  for (auto& row : trial.rows.rows)
    if (trial.uniform() < 0.05) row.back() = text(10 * std::stod(row.back()));
}
void leave_inputs_as_they_are(Trial& trial) {
  for (auto& row : trial.rows.rows)
    for (std::size_t c = 0; c + 1 < row.size(); ++c) row[c] = text(std::stod(row[c]) * 1e4 + 1e3);
  trial.set.emplace_back("data.normalize=none");
}
void sort_rows(Trial& trial) { trial.rows.sort_by_target(); }
/// The target follows the time at which rows were written down.
void drift_with_time(Trial& trial) {
  trial.rows.sort_by_target();
  // Blocks of rows change places: there is an order still, not by the target.
  auto& rows = trial.rows.rows;
  std::rotate(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 3), rows.end());
  for (std::size_t r = 0; r + 1 < rows.size(); r += 2)
    if (trial.uniform() < 0.3) std::swap(rows[r], rows[trial.random() % rows.size()]);
}
void count_rows(Trial& trial) {
  trial.rows.sort_by_target();
  trial.rows.add("nr", [](std::size_t r) { return std::to_string(r + 1); });
  trial.rows.shuffle(kSeed);
}
void name_customers(Trial& trial) {
  std::vector<std::size_t> ids;
  for (std::size_t r = 0; r < trial.rows.rows.size(); ++r) ids.push_back(50'000 + 13 * r);
  std::shuffle(ids.begin(), ids.end(), trial.random);
  trial.rows.add("customer_id", [&](std::size_t r) { return std::to_string(ids[r]); });
}
void add_constant(Trial& trial) {
  trial.rows.add("country", [](std::size_t) { return "1"; });
}
void add_nearly_constant(Trial& trial) {
  trial.rows.add("flag", [](std::size_t r) { return r == 3 ? "1" : "0"; });
}
void repeat_column(Trial& trial) {
  std::vector<double> values;
  for (std::size_t r = 0; r < trial.rows.rows.size(); ++r)
    values.push_back(2.54 * trial.rows.number(r, 0) - 1);
  trial.rows.add("in_cm", [&](std::size_t r) { return text(values[r]); });
}
/// Of numbers: hardly any rows to judge by.
void make_class_rare(Trial& trial) {
  if (!trial.rows.has_classes()) {
    trial.rows.rows.resize(60);
    return;
  }
  const auto rare = trial.rows.classes().back();
  int left = 5;
  std::erase_if(trial.rows.rows, [&](const auto& row) { return row.back() == rare && left-- <= 0; });
}
void shift_test_part(Trial& trial) {
  auto& rows = trial.rows.rows;
  trial.test_rows = trial.rows;
  const auto half = static_cast<std::ptrdiff_t>(rows.size() * 7 / 10);
  trial.test_rows->rows.assign(rows.begin() + half, rows.end());
  rows.resize(static_cast<std::size_t>(half));
  const double spread = std::abs(trial.rows.number(0, 0)) + 1;
  for (auto& row : trial.test_rows->rows) row[0] = text(std::stod(row[0]) * 1.6 + 0.1 * spread);
}
/// The test part is what the training part has least of.
void choose_test_part_by_target(Trial& trial) {
  trial.rows.sort_by_target();
  auto& rows = trial.rows.rows;
  trial.test_rows = trial.rows;
  trial.test_rows->rows.clear();
  std::vector<std::vector<std::string>> kept;
  for (std::size_t r = 0; r < rows.size(); ++r)
    (trial.uniform() < 0.6 * static_cast<double>(r) / static_cast<double>(rows.size()) ? trial.test_rows->rows
                                                                                       : kept)
        .push_back(rows[r]);
  rows = kept;
}

std::function<void(Trial&)> setting(const std::string& text) {
  return [text](Trial& trial) { trial.set.push_back(text); };
}
std::function<void(Trial&)> model(const std::string& mistake) {
  return [mistake](Trial& trial) { trial.use_spoilt_model(mistake); };
}

const std::vector<Mistake>& mistakes() {
  static const std::vector<Mistake> all{
      {"a column that is the target", {"leak"}, leak_plainly},
      {"a column that is nearly the target", {"leak"}, leak_noisily},
      {"rows repeated before the split", {"duplicates"}, repeat_rows},
      {"the same, with another identifier", {"duplicates"}, repeat_rows_with_identifier},
      {"shuffled labels", {"labels"}, shuffle_labels},
      {"labels written wrongly, 5 to 10%", {"labels"}, write_labels_wrongly},
      {"inputs that are not normalised", {"start_loss"}, leave_inputs_as_they_are},
      {"rows sorted by the target", {"row_order"}, sort_rows},
      {"a target that follows time", {"row_order"}, drift_with_time},
      {"a row number as a feature", {"row_order"}, count_rows},
      {"a customer's number as a feature", {"row_order"}, name_customers},
      {"a constant column", {"columns"}, add_constant},
      {"a column that is constant but for one row", {"columns"}, add_nearly_constant},
      {"a column twice, in another unit", {"columns"}, repeat_column},
      {"a class of five rows; of numbers: 60 rows", {"classes", "settings"}, make_class_rare},
      {"a test part measured in another way", {"drift"}, shift_test_part},
      {"a test part chosen by the target", {"drift"}, choose_test_part_by_target},
      {"a frozen layer",
       {"gradients"},
       setting("trainer.optimizer.groups=[{match: [\"hidden0*\"], freeze: true}]")},
      {"a learning rate too high", {"learning_rate"}, setting("trainer.optimizer.lr=5")},
      {"a learning rate too low", {"learning_rate"}, setting("trainer.optimizer.lr=0.0000001")},
      {"far too much weight decay", {"one_batch", "baseline"}, setting("trainer.optimizer.weight_decay=100")},
      {"dead units", {"gradients"}, model("dead")},
      {"a part behind detach()", {"gradients"}, model("detached")},
      {"first weights that are too large", {"start_loss"}, model("large_start")},
      {"a mean over the batch", {"independence"}, model("over_batch")},
      {"a softmax over the batch", {"evaluation"}, model("softmax_over_batch")},
      {"dropout in evaluation", {"evaluation"}, model("always_dropped")},
      {"inputs that are left out", {"inputs"}, model("deaf")},
      {"a signal that vanishes", {"one_batch"}, model("vanished")},
  };
  return all;
}

class Mistakes : public testing::Test {
 protected:
  Mistakes() { catalogue_.add(std::make_shared<test::SpoiltKind>()); }

  /// What these checks say; of none: all of them.
  Findings look(const Trial& trial, const std::vector<std::string>& only) {
    const test::TemporaryFolder folder;
    const auto file = folder.write("rows.csv", trial.rows.csv());
    std::string parts = "split: {train: 0.6, validation: 0.2, test: 0.2}";
    if (trial.test_rows)
      parts = fmt::format("validation_file: {0}, test_file: {0}",
                          folder.write("test.csv", trial.test_rows->csv()).string());
    const auto classes = trial.rows.classes().size();
    const char* task = !trial.rows.has_classes() ? "regression"
                       : classes == 2            ? "binary_classification"
                                                 : "classification";
    folder.write("config.yaml",
                 fmt::format(R"(
name: spoilt
seed: 3
job_dir: {0}/job
data: {{train_file: {1}, target: {2}, {3}}}
model: {{type: mlp, hidden: [32, 16], dropout: 0.1}}
task: {{type: {4}}}
trainer: {{epochs: 60, global_batch_size: 32, optimizer: {{type: adamw, lr: 0.005}}}}
)",
                             folder.path().string(), file.string(), trial.rows.names.back(), parts, task));
    checks::Session session(
        world_, RunConfig::load((folder.path() / "config.yaml").string(), trial.set, catalogue_), signal_);
    auto chosen = checks::all_checks();
    checks::choose(chosen, only, {});
    return checks::run_checks(chosen, session.subject());
  }

  static std::vector<std::filesystem::path> data_sets() {
    std::vector<std::filesystem::path> files{std::filesystem::path(RINGTRAIN_SOURCE_DIR) /
                                             "datasets/cancer.csv"};
    if (const char* folder = std::getenv("RINGTRAIN_CHECK_DATA"))
      for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
    std::sort(files.begin() + 1, files.end());
    return files;
  }

  World world_;
  const StopSignal signal_;
  Catalogue catalogue_ = Catalogue::built_in();
};

bool is_seen(const Finding& finding) {
  return finding.level == Level::warning || finding.level == Level::bad;
}

TEST_F(Mistakes, AreSeen) {
  int seen = 0, all = 0;
  for (const auto& file : data_sets())
    for (const auto& mistake : mistakes()) {
      Trial trial{.rows = Rows::read(file), .set = {}, .test_rows = {}};
      const auto before = look(trial, mistake.checks);
      mistake.make(trial);
      const auto after = look(trial, mistake.checks);
      // What is said without the mistake too is no answer to it.
      bool found = false;
      std::string said;
      for (std::size_t i = 0; i < after.size(); ++i) {
        found |= is_seen(after[i]) && after[i].level > before[i].level;
        if (said.empty() || is_seen(after[i])) said = after[i].what + ": " + after[i].value;
      }
      ++all;
      seen += found;
      fmt::print("{} | {} | {} | {}\n", found ? "found " : "MISSED", file.stem().string(), mistake.name,
                 said);
      EXPECT_TRUE(found || data_sets().size() > 1) << mistake.name;
    }
  fmt::print("{} of {} found\n", seen, all);
  EXPECT_GE(seen * 10, all * 9);
}

TEST_F(Mistakes, SoundDataRaiseNoAlarm) {
  for (const auto& file : data_sets()) {
    const auto findings = look({.rows = Rows::read(file), .set = {}, .test_rows = {}}, {});
    int warnings = 0;
    for (const auto& finding : findings) {
      warnings += finding.level == Level::warning;
      EXPECT_NE(finding.level, Level::bad) << file << " " << finding.what << ": " << finding.value;
      if (is_seen(finding)) fmt::print("{} | {}: {}\n", file.stem().string(), finding.what, finding.value);
    }
    EXPECT_LE(warnings, 1) << file;
    EXPECT_EQ(findings.size(), checks::all_checks().size());
  }
}

TEST_F(Mistakes, LeaveTheReplicaAsItWas) {
  const test::TemporaryFolder folder;
  folder.write("config.yaml", fmt::format("data: {{train_file: {}/datasets/cancer.csv, target: diagnosis}}\n"
                                          "task: {{type: binary_classification}}\njob_dir: {}/job\n",
                                          RINGTRAIN_SOURCE_DIR, folder.path().string()));
  checks::Session session(world_, RunConfig::load((folder.path() / "config.yaml").string(), {}, catalogue_),
                          signal_);
  auto& replica = session.subject().replica();
  const auto values = replica.parameters->groups()[0].values.clone();
  auto chosen = checks::all_checks();
  checks::choose(chosen, {}, {"baseline", "learning_rate"});
  checks::run_checks(chosen, session.subject());
  EXPECT_TRUE(values.equal(replica.parameters->groups()[0].values));
  EXPECT_EQ(replica.parameters->groups()[0].gradients.abs().max().item<float>(), 0);
  EXPECT_TRUE(replica.model->is_training());
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "job"));
}

TEST(Choice, NamesWhatIsNoCheck) {
  auto all = checks::all_checks();
  try {
    checks::choose(all, {"leek"}, {"drift", "nothing"});
    FAIL();
  } catch (const ConfigError& error) {
    const std::string told = error.what();
    EXPECT_NE(told.find("--only: there is no check 'leek'. Did you mean 'leak'?"), std::string::npos) << told;
    EXPECT_NE(told.find("--skip: there is no check 'nothing'"), std::string::npos) << told;
  }
  checks::choose(all, {"leak", "drift"}, {"drift"});
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]->name(), "leak");
}

}  // namespace
}  // namespace ringtrain
