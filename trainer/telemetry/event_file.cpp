#include "trainer/telemetry/event_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>

#include "common/files.h"

namespace ringtrain {
namespace {

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

template <class Number>
std::string little_endian(Number number) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof number; ++i) bytes += static_cast<char>(number >> (8 * i));
  return bytes;
}

// The fields of a protocol buffer: a number with the wire type in its low bits, then the value.
std::string number_field(unsigned field, std::uint64_t value) { return varint(field << 3) + varint(value); }
std::string double_field(unsigned field, double value) {
  return varint(field << 3 | 1) + little_endian(std::bit_cast<std::uint64_t>(value));
}
std::string float_field(unsigned field, float value) {
  return varint(field << 3 | 5) + little_endian(std::bit_cast<std::uint32_t>(value));
}
std::string bytes_field(unsigned field, std::string_view value) {
  return varint(field << 3 | 2) + varint(value.size()) + std::string(value);
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::uint32_t masked_crc(std::string_view bytes) {
  const auto crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

std::string record(std::string_view event) {
  const auto length = little_endian(static_cast<std::uint64_t>(event.size()));
  return length + little_endian(masked_crc(length)) + std::string(event) + little_endian(masked_crc(event));
}

std::filesystem::path new_file(const std::filesystem::path& folder) {
  ensure_writable_folder(folder);
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return folder / fmt::format("events.out.tfevents.{:.0f}.{}.{}.{}", seconds_now(), host.data(), ::getpid(),
                              unique_word().substr(0, 6));
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82f63b78U & (0U - (crc & 1)));
  }
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& folder, std::int64_t resume_step)
    : file_(std::make_unique<AppendFile>(new_file(folder))) {
  add(0, bytes_field(3, "brain.Event:2"));
  // A session that starts: readers drop what earlier files have from this step on.
  if (resume_step > 0) add(resume_step + 1, bytes_field(7, number_field(1, 1)));
}

void EventFile::scalar(std::string_view tag, std::int64_t step, double value) {
  const auto entry = bytes_field(1, tag) + float_field(2, static_cast<float>(value));
  add(step, bytes_field(5, bytes_field(1, entry)));
}

void EventFile::histogram(std::string_view tag, std::int64_t step, const Histogram& histogram) {
  const auto packed = [](const std::vector<double>& numbers) {
    std::string bytes;
    for (const double number : numbers) bytes += little_endian(std::bit_cast<std::uint64_t>(number));
    return bytes;
  };
  const auto proto = double_field(1, histogram.least) + double_field(2, histogram.most) +
                     double_field(3, static_cast<double>(histogram.numbers)) +
                     double_field(4, histogram.sum) + double_field(5, histogram.sum_of_squares) +
                     bytes_field(6, packed(histogram.limits)) + bytes_field(7, packed(histogram.counts));
  const auto entry = bytes_field(1, tag) + bytes_field(5, proto);
  add(step, bytes_field(5, bytes_field(1, entry)));
}

void EventFile::text(std::string_view tag, std::int64_t step, std::string_view text) {
  // In Markdown four spaces make a block of code, which no content can end.
  std::string block = "    ";
  for (const char letter : text) block += letter == '\n' ? "\n    " : std::string(1, letter);
  constexpr std::uint64_t string_type = 7;
  const auto shape = bytes_field(2, bytes_field(2, number_field(1, 1)));  // [1]
  const auto tensor = number_field(1, string_type) + shape + bytes_field(8, block);
  const auto plugin = bytes_field(1, bytes_field(1, "text"));
  const auto entry = bytes_field(1, tag) + bytes_field(8, tensor) + bytes_field(9, plugin);
  add(step, bytes_field(5, bytes_field(1, entry)));
}

void EventFile::add(std::int64_t step, std::string_view fields) {
  file_->add_bytes(record(double_field(1, seconds_now()) + number_field(2, static_cast<std::uint64_t>(step)) +
                          std::string(fields)));
}

}  // namespace ringtrain
