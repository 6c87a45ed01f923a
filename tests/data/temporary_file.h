#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "common/errors.h"
#include "data/data_config.h"
#include "tests/common/temporary_folder.h"

namespace ringtrain::testing {

using test::TemporaryFolder;

inline TableConfig config_for(const std::filesystem::path& file, std::string target) {
  TableConfig config;
  config.train_file = file.string();
  config.targets = {std::move(target)};
  return config;
}

/// The text of the DataError that `body` throws.
template <class Body>
std::string data_error(Body body) {
  try {
    body();
  } catch (const DataError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no DataError was thrown";
  return "";
}

#define EXPECT_CONTAINS(text, part) \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << "'" << (part) << "' is not in: " << (text)

}  // namespace ringtrain::testing
