#include "trainer/data_kinds/streamed_parts.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "comm/agreement.h"
#include "comm/local/local_communicator.h"
#include "common/errors.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/text.h"
#include "data/blocks/streamed_rows.h"
#include "storage/location.h"

namespace ringtrain {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr std::int64_t kMostLanes = 64;
/// Of the pieces that an evaluation, which goes through its rows in order, keeps.
constexpr std::int64_t kEvaluationBytes = 4 * kMiB;

/// Where an index and what belongs to it may be kept: beside the data, else in the folder of decoded rows.
std::vector<Location> index_files(const TableConfig& config, const std::string& file) {
  const auto beside = index_file(file);
  const fs::path folder =
      config.streaming.folder.empty() ? fs::temp_directory_path() : fs::path(config.streaming.folder);
  const auto own = fmt::format("ringtrain-index-{}", ::getuid());
  const auto name = is_remote(file) ? file : fs::absolute(file).string();
  return {beside, folder / own / (hash_text(name) + ".json")};
}

/// A file of the run in blocks, with all that its rows are read by.
struct StreamedFile {
  TableConfig config;
  BlockIndex index;
  BlockPlan plan;
  std::unique_ptr<BlockDecoder> decoder;
  std::unique_ptr<DecodedBlocks> blocks;

  void open_blocks(TargetKind kind, at::ScalarType type) {
    decoder = std::make_unique<BlockDecoder>(index, plan, config, kind, type);
    auto key = index.hash() + plan.preprocessing.to_json().dump() + plan.split.to_json().dump();
    if (!plan.split.config.group.empty()) key += hash_text(plan.split.config.group);
    key += fmt::format("{} {} {}", static_cast<int>(type), config.streaming.block_mib, plan.split.seed);
    for (const auto& rows : plan.rows) key += fmt::format(" {} {} {}", rows[0], rows[1], rows[2]);
    blocks = std::make_unique<DecodedBlocks>(
        DecodedBlocks::Options{.folder = config.streaming.folder,
                               .key = hash_text(key),
                               .most_bytes = config.streaming.folder_mib * kMiB},
        *decoder, plan);
  }
};

std::shared_ptr<StreamedFile> open_streamed(const TableConfig& config, const std::string& file,
                                            const DataRequest& request, const Preprocessing* schema,
                                            std::optional<SplitPart> only, Communicator& control) {
  auto streamed = std::make_shared<StreamedFile>();
  streamed->config = config;
  streamed->config.train_file = file;
  const auto files = index_files(config, file);
  streamed->index = open_index(files, file, config.csv, config.streaming.block_mib * kMiB, control);
  std::vector<Location> folders;
  for (const auto& one : files) folders.push_back(one.parent_path());
  const PlanRequest plan{.config = streamed->config,
                         .kind = request.task.target(),
                         .type = request.type,
                         .seed = request.seed,
                         .schema = schema,
                         .positive = request.task.positive_class().value_or(""),
                         .scales_target = request.task.scales_target(),
                         .only = only};
  streamed->plan = open_plan(folders, streamed->index, plan, control);
  together(control, "opening the data", [&] { streamed->open_blocks(request.task.target(), request.type); });
  return streamed;
}

std::unique_ptr<Dataset> part_of(const std::shared_ptr<StreamedFile>& file, SplitPart part,
                                 std::int64_t bytes) {
  return std::make_unique<StreamedRows>(std::shared_ptr<DecodedBlocks>(file, file->blocks.get()), part,
                                        bytes);
}

std::int64_t memory_of_rank(const StreamingConfig& streaming, int ranks_of_host) {
  if (streaming.memory_mib > 0) return streaming.memory_mib * kMiB;
  const auto host = static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  return host / 4 / std::max(1, ranks_of_host);
}

std::int64_t lanes_of(const StreamingConfig& streaming, std::int64_t blocks, std::int64_t batch) {
  const auto wanted =
      streaming.lanes > 0 ? streaming.lanes : std::clamp<std::int64_t>(blocks / 4, 1, kMostLanes);
  return std::min(wanted, batch);
}

/// Lanes of which a rank holds a window: its share of a batch begins and ends within one.
std::int64_t lanes_of_rank(std::int64_t lanes, int ranks) {
  return std::min(lanes, (lanes + ranks - 1) / ranks + 2);
}

/// Throws ConfigError with a window that fits where this one does not.
std::int64_t bytes_of_windows(const EpochOrder::Options& order, std::int64_t record_bytes,
                              const StreamingConfig& streaming, const DataRequest& request, int ranks) {
  const auto lanes = lanes_of_rank(order.lanes, ranks);
  const auto bytes = StreamedRows::bytes_of_windows(lanes, order.window, record_bytes);
  const auto most = memory_of_rank(streaming, request.ranks_of_host);
  if (bytes <= most) return bytes;
  auto fits = order.window;
  while (fits > 1 && StreamedRows::bytes_of_windows(lanes, fits, record_bytes) > most) fits /= 2;
  throw ConfigError(
      fmt::format("data.streaming.window: {} rows of {} bytes in each of the {} lanes that a rank reads take "
                  "{} MiB, more "
                  "than its {} MiB (data.streaming.memory_mib); a window of {} fits, or fewer "
                  "data.streaming.lanes than {}",
                  order.window, record_bytes, lanes, bytes / kMiB, most / kMiB, fits, order.lanes));
}

RowSample sample_of_test(const StreamedFile& file, SplitPart part) {
  const auto& preprocessing = file.plan.preprocessing;
  const std::int64_t most = preprocessing.numeric.size() > 100 ? 64 : 512;
  const auto rows = file.decoder->first_rows(part, most);
  RowSample sample;
  for (std::int64_t i = 0; i < rows.rows(); ++i) sample.places.push_back(i);
  sample.numeric = rows.numeric.to(preprocessing.numeric_type()).contiguous();
  sample.categorical = rows.categorical;
  return sample;
}

}  // namespace

PreparedData prepare_streamed(const TableConfig& config, const DataRequest& request, Communicator& control) {
  const bool split = config.validation_file.empty() && config.test_file.empty();
  together(control, "looking at the split", [&] {
    if (config.split.folds > 0 && request.task.target() != TargetKind::classes)
      throw ConfigError(
          "data.split.folds: a table in blocks (data.streaming) has folds of classes alone; leave out "
          "data.streaming.enabled, or give files of the parts: data.train_file, validation_file, test_file");
  });
  const auto* fitted = request.fitted ? &*request.fitted : nullptr;
  const auto only = [&](SplitPart part) { return split ? std::nullopt : std::optional(part); };
  const auto train =
      open_streamed(config, config.train_file, request, fitted, only(SplitPart::train), control);
  PreparedData data;
  data.preprocessing = train->plan.preprocessing;
  const auto part_file = [&](const std::string& file, SplitPart part) {
    return file.empty() ? train
                        : open_streamed(config, file, request, &data.preprocessing, only(part), control);
  };
  const auto validation = part_file(config.validation_file, SplitPart::validation);
  const auto test = part_file(config.test_file, SplitPart::test);

  data.features = data.preprocessing.width();
  data.categories = data.preprocessing.coded();
  data.class_counts = train->plan.class_counts;
  data.left_out = {train->plan.note, train->plan.dropped_rows, train->plan.bad_rows, train->plan.first_bad};
  data.train_file_rows = train->index.rows();
  data.file_hash = train->index.hash();
  if (validation != train) data.file_hash += "+" + validation->index.hash();
  if (test != train) data.file_hash += "+" + test->index.hash();
  for (const auto& rows : train->plan.rows) data.order.blocks.push_back(rows[0]);
  data.order.lanes = lanes_of(config.streaming, static_cast<std::int64_t>(data.order.blocks.size()),
                              request.global_batch_size);
  data.order.window = config.streaming.window;
  together(control, "preparing the data", [&] {
    const auto bytes = bytes_of_windows(data.order, train->decoder->records().bytes(), config.streaming,
                                        request, control.world_size());
    data.train = part_of(train, SplitPart::train, bytes);
    data.validation = part_of(validation, SplitPart::validation, kEvaluationBytes);
    data.test = part_of(test, SplitPart::test, kEvaluationBytes);
    data.test_sample = sample_of_test(*test, SplitPart::test);
  });
  if (const auto warning = train->plan.far_from_shares(); control.rank() == 0 && !warning.empty())
    log::warn(warning);
  log::info(fmt::format("data {}: read in {} blocks, {} lanes, windows of {} rows", config.train_file,
                        with_commas(static_cast<long long>(data.order.blocks.size())), data.order.lanes,
                        with_commas(data.order.window)));
  return data;
}

std::string hash_of_streamed(const TableConfig& config) {
  LocalCommunicator alone;
  const auto hash = [&](const std::string& file) {
    return open_index(index_files(config, file), file, config.csv, config.streaming.block_mib * kMiB, alone)
        .hash();
  };
  auto all = hash(config.train_file);
  for (const auto& file : {config.validation_file, config.test_file})
    if (!file.empty()) all += "+" + hash(file);
  return all;
}

}  // namespace ringtrain
