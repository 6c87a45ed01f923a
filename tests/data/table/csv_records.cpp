// Reads files named on standard input, one a line, as CSV, and prints for each what it holds, as JSON on one
// line: {"dialect": ..., "header": [...], "rows": [[...], ...]} or {"error": ...}. For the comparison with
// other writers.

#include <iostream>
#include <nlohmann/json.hpp>

#include "data/table/csv_header.h"

using namespace ringtrain;

static nlohmann::json read(const std::string& file) {
  try {
    CsvScanner scanner{std::filesystem::path(file)};
    nlohmann::json found{{"dialect", describe(scanner.dialect())},
                         {"decimal", std::string(1, scanner.dialect().decimal)},
                         {"header", read_header(scanner)},
                         {"rows", nlohmann::json::array()}};
    std::vector<std::string_view> fields;
    while (scanner.next(fields)) found["rows"].push_back(fields);
    return found;
  } catch (const DataError& error) {
    return {{"error", error.what()}};
  }
}

int main() {
  for (std::string file; std::getline(std::cin, file);) std::cout << read(file).dump() << std::endl;
}
