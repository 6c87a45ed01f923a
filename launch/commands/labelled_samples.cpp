#include "launch/commands/labelled_samples.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "comm/local/local_communicator.h"
#include "common/errors.h"
#include "common/literal_override.h"
#include "common/text.h"
#include "common/yaml_reader.h"
#include "data/schema/collate.h"
#include "launch/commands/model_evaluation.h"
#include "launch/commands/version_origin.h"
#include "trainer/checkpoint/checkpoint_store.h"

namespace ringtrain {
namespace {

class RowsOfSamples : public LabelledRows {
 public:
  /// One part behind the other.
  RowsOfSamples(PreparedData data, std::vector<const Dataset*> parts, std::string kind, Head head)
      : data_(std::move(data)), parts_(std::move(parts)), kind_(std::move(kind)), head_(std::move(head)) {}

  std::int64_t size() const override {
    std::int64_t sum = 0;
    for (const auto* part : parts_) sum += part->size();
    return sum;
  }

  Piece read(std::int64_t begin, std::int64_t most) const override {
    auto part = parts_.begin();
    for (; begin >= (*part)->size(); ++part) begin -= (*part)->size();
    const Batch batch = samples(**part, begin, std::min(begin + most, (*part)->size()));
    Piece piece;
    piece.rows.tensors = served(batch);
    piece.targets = numbers_of(batch.targets);
    require_targets(piece.targets);
    const at::Tensor places = batch.sample.to(at::kLong).contiguous();
    piece.places.assign(places.const_data_ptr<std::int64_t>(),
                        places.const_data_ptr<std::int64_t>() + places.numel());
    return piece;
  }

 private:
  Batch samples(const Dataset& part, std::int64_t from, std::int64_t to) const {
    std::vector<std::int64_t> indices(static_cast<std::size_t>(to - from));
    std::iota(indices.begin(), indices.end(), from);
    Batch batch = part.read(indices);
    const auto count = to - from;
    if (!batch.sample.defined() || batch.sample.numel() != count)
      throw DataError(
          fmt::format("data.format {}: Batch::sample of a batch of {} must say where each sample stands in "
                      "the data",
                      kind_, count));
    return batch;
  }

  Fields served(const Batch& batch) const {
    const auto& signature = *data_.preprocessing.signature;
    auto inputs = as_served(signature, batch.inputs);
    try {
      require_inputs(signature, inputs);
    } catch (const DataError& error) {
      throw DataError(fmt::format("data.format {}: a batch of samples is not what the signature says: {}",
                                  kind_, error.what()));
    }
    return inputs;
  }

  /// [n, targets] float64: all that a sample's targets hold, as training's evaluation takes them.
  static at::Tensor numbers_of(const Fields& targets) {
    std::vector<at::Tensor> columns;
    for (const auto& [name, tensor] : targets)
      columns.push_back(tensor.to(at::kDouble).reshape({tensor.size(0), -1}));
    return at::cat(columns, 1);
  }

  /// What metrics take for granted.
  void require_targets(const at::Tensor& targets) const {
    const auto width = head_.width();
    const bool fits = head_.form == AnswerForm::one_class ? targets.size(1) == 1
                      : head_.form == AnswerForm::labels  ? targets.size(1) == width
                                                          : true;
    const bool whole = head_.form != AnswerForm::values;
    const double below = static_cast<double>(head_.form == AnswerForm::labels ? 2 : width);
    const bool good =
        fits && at::isfinite(targets).all().item<bool>() &&
        (!whole || (targets.ge(0) & targets.lt(below) & targets.eq(targets.floor())).all().item<bool>());
    if (!good)
      throw DataError(fmt::format("data.format {}: targets must be {}, as in training", kind_,
                                  !whole ? "finite numbers"
                                  : head_.form == AnswerForm::labels
                                      ? fmt::format("{} zeros or ones a sample", width)
                                      : fmt::format("the number of a class, from 0 to {}", width - 1)));
  }

  PreparedData data_;
  std::vector<const Dataset*> parts_;  // of data_
  std::string kind_;
  Head head_;
};

std::vector<const Dataset*> chosen(const PreparedData& data, Part part) {
  if (part == Part::train) return {data.train.get()};
  if (part == Part::validation) return {data.validation.get()};
  if (part == Part::test) return {data.test.get()};
  return {data.train.get(), data.validation.get(), data.test.get()};
}

const char* text_of(Part part) {
  return part == Part::all     ? "all of it"
         : part == Part::train ? "train"
         : part == Part::test  ? "test"
                               : "validation";
}

/// A kind that only the program which trained the model has.
void require_known_data(const std::string& format, const LabelledRequest& request) {
  std::vector<std::string> names;
  for (const auto& kind : request.catalogue.data) names.push_back(kind->name());
  if (std::find(names.begin(), names.end(), format) != names.end()) return;
  throw ConfigError(fmt::format(
      "the model {} was trained on data.format: {}, which this program does not know (it knows: {}). {}. "
      "predict and serve need no data",
      request.manifest.name, format, join(names), whose_kind(request.manifest)));
}

}  // namespace

RunConfig training_of(const LabelledRequest& request) {
  const auto origin = origin_of(request.manifest, request.version);
  const auto step = request.manifest.provenance.value("step", std::int64_t{-1});
  const auto text = CheckpointStore(origin.parent_path()).load(step).config;  // verified
  const auto formats = config::YamlDocument::from_text(text, "config.yaml").texts("data.format");
  if (!formats.empty()) require_known_data(formats.front(), request);
  // A plugin that the model names is not opened for that: who evaluates says what is to be trusted.
  return RunConfig::load((origin / "config.yaml").string(),
                         {"plugins=[]", config::literal_override("data.train_file", request.data)},
                         request.catalogue);
}

std::unique_ptr<LabelledRows> labelled_samples(const RunConfig& config, const LabelledRequest& request,
                                               Part part) {
  const auto& kind = config.data.kind();
  LocalCommunicator alone;
  const std::optional<Preprocessing> fitted = request.manifest.preprocessing;
  auto data = kind.prepare({config.data.train_file, config.task.kind(), config.model.kind(),
                            static_cast<std::uint64_t>(config.seed),
                            config.trainer.precision == "float64" ? at::kDouble : at::kFloat, fitted},
                           alone);
  if (data.preprocessing.to_json() != fitted->to_json())
    throw ConfigError(fmt::format(
        "data.format {}: of {} it makes other data than the model {} takes: its `prepare` must take the "
        "preprocessing of DataRequest::fitted, signature and all, where it is given, and fit one only where "
        "it is not",
        kind.name(), config.data.train_file, request.manifest.name));
  auto parts = chosen(data, part);
  auto rows =
      std::make_unique<RowsOfSamples>(std::move(data), std::move(parts), kind.name(), request.manifest.head);
  if (rows->size() == 0)
    throw DataError(fmt::format("data.format {}: {} has no samples ({})", kind.name(), config.data.train_file,
                                text_of(part)));
  return rows;
}

}  // namespace ringtrain
