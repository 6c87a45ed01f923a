#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace ringtrain {

/// How values are read, as a schema keeps it.
struct ReadingRules {
  /// 2: words are trimmed, composed (Unicode NFC), and numbers and booleans among them written in one way.
  /// 1: words are taken as they are, as ringtrain did before schemas had a version.
  int version = 2;
  /// The texts that stand for a missing value, besides an empty one.
  std::vector<std::string> missing = usual_missing();

  /// "NA", "NaN", "null" and their usual spellings, as pandas has them.
  static const std::vector<std::string>& usual_missing();
};

enum class ValueState {
  good,
  missing,
  not_a_number,
  infinite,
  inexact,  ///< a whole number beyond 2^53 that float64 does not hold
  not_utf8
};

struct Number {
  double value = 0;
  ValueState state = ValueState::good;
};

struct Word {
  std::string text;  ///< "" for missing
  ValueState state = ValueState::good;
};

/// The one reading of a value: of CSV, Parquet and JSON, in training, evaluation, prediction and the server.
///
/// Numbers: blanks around a text are left out; a sign, digits with a point, an exponent. What is smaller than
/// float64 holds is 0; "inf" and what is larger is infinite. "true" and "false" are 1 and 0, as booleans of
/// Parquet and JSON are.
///
/// Words: blanks around a text are left out, the text is composed (Unicode Standard Annex 15, NFC). A number
/// in plain digits is written in the shortest way: 3.0, 3.00 and the numbers 3 and 3.0 of Parquet and JSON
/// are "3"; 007, 1e5 and +5 stay texts. True, TRUE and a boolean are "true".
///
/// Missing, in both: an empty text, null, NaN, and the spellings of the rules, quoted or not.
class Reading {
 public:
  explicit Reading(const ReadingRules& rules);

  Number number(std::string_view text) const;
  Number number(double value) const;
  Number number(std::int64_t value) const;
  Number number(std::uint64_t value) const;
  template <std::same_as<bool> Bool>  // else a const char* would become one
  static Number number(Bool value) {
    return {value ? 1.0 : 0.0, ValueState::good};
  }

  Word word(std::string_view text) const;
  Word word(double value) const;
  Word word(float value) const;
  Word word(std::int64_t value) const;
  Word word(std::uint64_t value) const;
  template <std::same_as<bool> Bool>
  static Word word(Bool value) {
    return {value ? "true" : "false", ValueState::good};
  }

  bool is_missing(std::string_view text) const;

 private:
  Number checked(double value) const;

  int version_;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_set<std::string, Hash, std::equal_to<>> missing_;
  std::size_t longest_missing_ = 0;
  std::vector<double> missing_numbers_;  ///< spellings that are numbers: -999
};

/// Blanks (Unicode's too) around a text are left out.
std::string_view trimmed(std::string_view text);

}  // namespace ringtrain
