#pragma once

#include <cstdint>
#include <filesystem>

namespace ringtrain {

/// Writes synthetic card payments with the header of the public file creditcard.csv
/// ("Time","V1",...,"V28","Amount","Class"), for trying ringtrain without that download. Nothing in it is
/// measured:
///
///   Time     whole seconds, ascending, over two days (172,792 s); at night a fifth of the day's rate
///   V1..V28  independent, mean 0, deviation falling from 1.96 to 0.33, as principal components have it;
///            one payment in twenty is unusual: all its V's are twice as wide
///   Amount   log-normal with cents, half of them below 22, at most 25,691.16; frauds: smaller, wider
///   Class    "1" for frauds: 0.173 % of the rows (rounded, at least 2), anywhere in the file; shifted in
///            ten of the V's by a strength of their own; two in a hundred are not shifted at all
///
/// A good classifier reaches a PR-AUC of about 0.8 and a ROC-AUC of about 0.97. The same rows and seed give
/// the same bytes. The file appears whole or not at all. Throws ConfigError for fewer than 10 rows, Error
/// when it cannot be written.
void write_synthetic_fraud(const std::filesystem::path& file, std::int64_t rows, std::uint64_t seed);

}  // namespace ringtrain
