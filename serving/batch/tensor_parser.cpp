#include "data/schema/collate.h"
#include "serving/batch/row_parser.h"
#include "serving/predict/json_text.h"
#include "serving/predict/tensor_reader.h"

namespace ringtrain {
namespace {

class TensorParser : public RowParser {
 public:
  TensorParser(const Signature& signature, std::vector<std::string> ignored, std::string key)
      : signature_(signature), reader_(signature, std::move(ignored)), key_(std::move(key)) {}

  void read(std::string_view line, RowBatch& batch, std::size_t row) const override {
    if (!key_.empty()) batch.keys[row] = key_of(line, key_);
    put_sample(signature_, reader_.read(parse_json(line)), static_cast<std::int64_t>(row),
               batch.rows.tensors);
  }

 private:
  const Signature& signature_;
  const TensorReader reader_;
  std::string key_;
};

}  // namespace

std::unique_ptr<RowParser> make_tensor_parser(const Signature& signature, std::vector<std::string> ignored,
                                              const RowOptions& options) {
  return std::make_unique<TensorParser>(signature, std::move(ignored), options.key);
}

}  // namespace ringtrain
