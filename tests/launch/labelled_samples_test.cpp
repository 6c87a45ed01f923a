#include "launch/commands/labelled_samples.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "data/schema/collate.h"

namespace ringtrain {
namespace {

/// What a kind of one's own may do wrong.
struct Faults {
  bool fits_anew = false, no_places = false, wrong_inputs = false;
  double target = 1;
};

Signature signature_of(std::int64_t below) {
  return {{{.name = "words", .type = at::kLong, .dims = {3}, .pad = 0, .mask = "known", .below = below},
           {.name = "known", .dims = {3}}}};
}

/// Sample i has 1 + i % 3 words, of which each is i % 5; its target is i % 2.
class Words : public Dataset {
 public:
  Words(std::int64_t first, std::int64_t size, Faults faults) : first_(first), size_(size), faults_(faults) {}
  std::int64_t size() const override { return size_; }
  Batch read(const std::vector<std::int64_t>& indices) const override {
    std::vector<Fields> samples;
    std::vector<std::int64_t> places, classes;
    for (const auto index : indices) {
      places.push_back(first_ + index);
      classes.push_back(places.back() % 2);
      samples.push_back(Fields({{"words", at::full({1 + places.back() % 3}, places.back() % 5, at::kLong)}}));
    }
    auto inputs = collate(signature_of(5), samples);
    if (faults_.wrong_inputs) inputs.at("words")[0][0] = 9;
    return {inputs, Fields(at::tensor(classes, at::kDouble) * faults_.target),
            faults_.no_places ? at::Tensor() : at::tensor(places, at::kLong)};
  }

 private:
  std::int64_t first_, size_;
  Faults faults_;
};

class WordsKind : public DataKind {
 public:
  explicit WordsKind(Faults faults = {}) : faults_(faults) {}
  std::shared_ptr<DataKind> clone() const override { return std::make_shared<WordsKind>(*this); }
  std::string name() const override { return "words"; }
  std::string doc() const override { return "Words."; }
  void describe(config::Visitor&) override {}
  bool can_be_exported() const override { return true; }
  std::string hash(const std::string& file) const override { return file; }
  PreparedData prepare(const DataRequest& request, Communicator&) const override {
    PreparedData data;
    data.preprocessing = *request.fitted;
    if (faults_.fits_anew) data.preprocessing.signature = signature_of(6);
    data.train = std::make_unique<Words>(0, 10, faults_);
    data.validation = std::make_unique<Words>(10, 0, faults_);
    data.test = std::make_unique<Words>(10, 4, faults_);
    return data;
  }

 private:
  Faults faults_;
};

struct Asked {
  explicit Asked(Faults faults = {}) {
    catalogue.add(std::make_shared<WordsKind>(faults));
    manifest.name = "sentences";
    manifest.preprocessing.signature = signature_of(5);
    manifest.preprocessing.targets = {"kind"};
    manifest.preprocessing.labels = {"a", "b"};
    manifest.head = {.form = AnswerForm::one_class, .outputs = 2};
  }
  std::unique_ptr<LabelledRows> rows(Part part = Part::all) const {
    const auto config = RunConfig::from_text(
        "data: {format: words, train_file: a.txt}\ntask: {type: classification}\n", "a.yaml", catalogue);
    return labelled_samples(config, {config.data.train_file, "none", manifest, catalogue}, part);
  }
  std::string refusal(Part part = Part::all) const {
    try {
      rows(part)->read(0, 100);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  Catalogue catalogue = Catalogue::built_in();
  Manifest manifest;
};

void expect_says(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(LabelledSamples, ArePartAfterPartInBatches) {
  const auto rows = Asked().rows();
  ASSERT_EQ(rows->size(), 14);
  std::vector<std::int64_t> places;
  for (std::int64_t done = 0; done < 14; done = static_cast<std::int64_t>(places.size())) {
    const auto piece = rows->read(done, 4);
    EXPECT_LE(piece.places.size(), 4U);
    ASSERT_FALSE(piece.places.empty());
    for (std::size_t i = 0; i < piece.places.size(); ++i) {
      const auto place = piece.places[i], row = static_cast<std::int64_t>(i);
      EXPECT_EQ(piece.targets[row][0].item<double>(), place % 2);
      EXPECT_EQ(piece.rows.tensors.at("known")[row].sum().item<double>(), 1 + place % 3);
      EXPECT_EQ(piece.rows.tensors.at("words")[row][0].item<std::int64_t>(), place % 5);
    }
    places.insert(places.end(), piece.places.begin(), piece.places.end());
  }
  for (std::int64_t i = 0; i < 14; ++i) EXPECT_EQ(places[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(Asked().rows(Part::test)->read(0, 100).places, (std::vector<std::int64_t>{10, 11, 12, 13}));
}

TEST(LabelledSamples, AKindIsToldWhatItLacks) {
  expect_says(Asked({.fits_anew = true}).refusal(), "must take the preprocessing of DataRequest::fitted");
  expect_says(Asked({.no_places = true}).refusal(), "Batch::sample of a batch of 10 must say where");
  expect_says(Asked({.wrong_inputs = true}).refusal(),
              "is not what the signature says: input 'words', row 1");
  expect_says(Asked({.target = 2}).refusal(), "targets must be the number of a class, from 0 to 1");
  expect_says(Asked({.target = 0.5}).refusal(), "targets must be the number of a class");
  expect_says(Asked().refusal(Part::validation), "a.txt has no samples (validation)");
  EXPECT_EQ(Asked().refusal(), "");
}

TEST(LabelledSamples, TargetsAreThoseOfTheHead) {
  Asked of_values({.target = NAN});
  of_values.manifest.head = {.form = AnswerForm::values};
  expect_says(of_values.refusal(), "targets must be finite numbers");
  Asked of_labels;
  of_labels.manifest.head = {.form = AnswerForm::labels, .outputs = 2};
  expect_says(of_labels.refusal(), "targets must be 2 zeros or ones a sample");
}

}  // namespace
}  // namespace ringtrain
