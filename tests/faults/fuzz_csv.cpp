// libFuzzer's target for the reader of CSV files: any bytes give records or a DataError; the fields are
// UTF-8, and passing over records finds as many as reading them.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "data/table/csv_header.h"

using namespace ringtrain;

namespace {

CsvScanner open(const std::string& text) {
  ByteStream in(text, "fuzz.csv");
  const auto dialect = find_dialect(in);
  describe(dialect);
  return CsvScanner(std::move(in), dialect);
}

std::int64_t count_read(const std::string& text) {
  auto scanner = open(text);
  std::int64_t records = 0;
  std::vector<std::string_view> fields;
  while (true) {
    try {
      if (!scanner.next(fields)) return records;
      for (const auto field : fields)
        if (check_utf8(field).valid != field.size()) std::abort();
    } catch (const CsvRecordError&) {
    }
    ++records;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    auto scanner = open(text);
    read_header(scanner);
  } catch (const DataError&) {
  }
  try {
    const auto records = count_read(text);
    auto skipping = open(text);
    std::int64_t skipped = 0;
    while (skipping.skip()) ++skipped;
    if (skipped != records) std::abort();
  } catch (const DataError&) {
  }
  return 0;
}
