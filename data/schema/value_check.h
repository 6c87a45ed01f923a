#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "data/data_config.h"
#include "data/table/table.h"

namespace ringtrain {

/// Why a value of a table is refused, with what to do, or "". Values are given as text, "" for missing.
class ValueCheck {
 public:
  ValueCheck(const DataConfig& config, TargetKind kind, at::ScalarType dtype);

  std::string number(const std::string& text) const;
  std::string word(const std::string& text) const;
  std::string target(const std::string& text) const;

 private:
  std::string missing_number() const;
  std::string infinite(const std::string& text, double value) const;

  const DataConfig& config_;
  TargetKind kind_;
  at::ScalarType dtype_;
};

}  // namespace ringtrain
