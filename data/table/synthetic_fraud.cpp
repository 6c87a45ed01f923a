#include "data/table/synthetic_fraud.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "common/errors.h"
#include "common/output_file.h"
#include "data/order/random.h"

namespace ringtrain {
namespace {

constexpr int components = 28;
constexpr std::int64_t last_second = 172792;
constexpr double fraud_rate = 492.0 / 284807.0;  // that of the public file

constexpr std::array<double, components> deviation{1.96, 1.65, 1.52, 1.42, 1.38, 1.33, 1.24, 1.19, 1.10, 1.09,
                                                   1.02, 1.00, 0.99, 0.96, 0.92, 0.88, 0.85, 0.84, 0.81, 0.77,
                                                   0.73, 0.73, 0.62, 0.61, 0.52, 0.48, 0.40, 0.33};
/// Where frauds are shifted to, in deviations, for a strength of 1.
constexpr std::array<double, components> direction{
    0, 0,     -0.35, 0.40, 0, 0, -0.25, 0, -0.25, -0.35, 0.35, -0.42, 0, -0.50,
    0, -0.30, -0.35, 0,    0, 0, 0,     0, 0,     0,     0,    0,     0, 0};

class Source {
 public:
  explicit Source(std::uint64_t seed) : random_(seed) {}
  double uniform() { return random_.uniform(); }

  /// Box and Muller's transform: two of the same pair one after the other.
  double normal() {
    if (std::exchange(has_spare_, false)) return spare_;
    const double radius = std::sqrt(-2 * std::log(1 - random_.uniform()));
    const double angle = 2 * std::numbers::pi * random_.uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

 private:
  SplitMix64 random_;
  double spare_ = 0;
  bool has_spare_ = false;
};

/// Turns evenly spread numbers of [0, 1) into seconds with the rhythm of the day: the rate is lowest at four
/// in the morning.
class DailyRhythm {
 public:
  DailyRhythm() {
    double sum = 0;
    for (std::int64_t minute = 0; minute <= last_second / 60; ++minute) {
      const double hour = static_cast<double>(minute) / 60;
      sum += 1 - (2.0 / 3) * std::cos(2 * std::numbers::pi * (hour - 4) / 24);
      until_.push_back(sum);
    }
    for (double& value : until_) value /= sum;
  }

  std::int64_t second(double share) const {
    const auto minute = std::upper_bound(until_.begin(), until_.end(), share) - until_.begin();
    const double before = minute == 0 ? 0 : until_[static_cast<std::size_t>(minute) - 1];
    const double inside = (share - before) / (until_[static_cast<std::size_t>(minute)] - before);
    return std::min(last_second, static_cast<std::int64_t>((static_cast<double>(minute) + inside) * 60));
  }

 private:
  std::vector<double> until_;  ///< share of the payments up to the end of each minute
};

struct Payment {
  std::array<double, components> v;
  double amount;
};

Payment make_payment(Source& source, bool fraud) {
  Payment payment{};
  const double width = source.uniform() < 0.05 ? 2 : 1;
  // How far a fraud stands out: log-normal, so that a few are plain to see and some hardly; three in a
  // hundred not at all.
  const bool hidden = fraud && source.uniform() < 0.02;
  const double strength = fraud && !hidden ? 6.5 * std::exp(0.65 * source.normal()) : 0;
  for (std::size_t k = 0; k < components; ++k)
    payment.v[k] = deviation[k] * (width * source.normal() + strength * direction[k]);
  const double amount =
      fraud ? std::exp(2.3 + 2.0 * source.normal()) : std::exp(3.09 + 1.6 * source.normal());
  payment.amount = std::min(amount, 25691.16);
  return payment;
}

/// Appends `value` with `digits` decimals, at most 6. Through whole numbers: many times faster than printing
/// a double.
void append_fixed(std::string& to, double value, int digits) {
  static constexpr std::array<std::int64_t, 7> powers{1, 10, 100, 1000, 10000, 100000, 1000000};
  const std::int64_t power = powers[static_cast<std::size_t>(digits)];
  const auto scaled = static_cast<std::int64_t>(std::llround(std::abs(value) * static_cast<double>(power)));
  if (value < 0 && scaled != 0) to += '-';
  std::array<char, 32> text;
  char* end = std::to_chars(text.data(), text.data() + text.size(), scaled / power).ptr;
  *end++ = '.';
  std::int64_t rest = scaled % power;
  for (int digit = digits - 1; digit >= 0; --digit, rest /= 10)
    end[digit] = static_cast<char>('0' + rest % 10);
  to.append(text.data(), end + digits);
}

std::string header() {
  std::string line = "\"Time\"";
  for (int k = 1; k <= components; ++k) line += fmt::format(",\"V{}\"", k);
  return line + ",\"Amount\",\"Class\"\n";
}

void write_rows(std::ostream& out, std::int64_t rows, std::uint64_t seed) {
  const DailyRhythm rhythm;
  Source source(seed_of({seed, static_cast<std::uint64_t>(rows)}));
  auto frauds_left = std::max<std::int64_t>(2, std::llround(static_cast<double>(rows) * fraud_rate));
  std::string text = header();
  for (std::int64_t row = 0; row < rows; ++row) {
    const double share = (static_cast<double>(row) + source.uniform()) / static_cast<double>(rows);
    // Knuth's selection sampling: exactly as many as wanted, each row as likely.
    const bool fraud = source.uniform() * static_cast<double>(rows - row) < static_cast<double>(frauds_left);
    frauds_left -= fraud;
    const Payment payment = make_payment(source, fraud);
    text += std::to_string(rhythm.second(share));
    for (double v : payment.v) append_fixed(text += ',', v, 6);
    append_fixed(text += ',', payment.amount, 2);
    text += fraud ? ",\"1\"\n" : ",\"0\"\n";
    if (text.size() > (1 << 20)) {
      out << text;
      text.clear();
    }
  }
  out << text;
}

}  // namespace

void write_synthetic_fraud(const std::filesystem::path& file, std::int64_t rows, std::uint64_t seed) {
  if (rows < 10)
    throw ConfigError(fmt::format("synthetic fraud data: expected at least 10 rows, got {}", rows));
  OutputFile output(file);
  write_rows(output.stream(), rows, seed);
  output.commit();
}

}  // namespace ringtrain
