#include "data/profile/column_roles.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "tests/data/temporary_file.h"

namespace ringtrain {
namespace {

using testing::TemporaryFolder;
using Cell = std::function<std::string(int row)>;

/// The roles of columns that are made row by row.
std::map<std::string, ColumnRole> roles_of(const std::vector<std::pair<std::string, Cell>>& columns, int rows,
                                           const std::string& target, bool classes) {
  const TemporaryFolder folder;
  std::string text;
  for (const auto& [name, cell] : columns) text += (text.empty() ? "" : ",") + name;
  text += "\n";
  for (int row = 0; row < rows; ++row)
    for (std::size_t c = 0; c < columns.size(); ++c)
      text += columns[c].second(row) + (c + 1 < columns.size() ? "," : "\n");
  const auto table = profile_table(folder.write("a.csv", text));
  const auto roles = choose_roles(table, target, classes);
  std::map<std::string, ColumnRole> by_name;
  for (std::size_t c = 0; c < roles.size(); ++c) by_name[table.columns[c].name] = roles[c];
  return by_name;
}

/// Some number below `most` that looks random.
int mixed(int row, int most) {
  return static_cast<int>(static_cast<unsigned>(row) * 2654435761U >> 7) % most;
}

TEST(ColumnRoles, OfAllKinds) {
  const auto roles =
      roles_of({{"y", [](int r) { return mixed(r, 5) < 2 ? "yes" : "no"; }},
                {"amount", [](int r) { return fmt::format("{}.5", mixed(r + 3, 97)); }},
                {"color",
                 [](int r) {
                   return std::vector{"red", "green", ""}[static_cast<std::size_t>(mixed(r + 7, 3))];
                 }},
                {"day", [](int r) { return fmt::format("2024-07-{:02}", 1 + r % 28); }},
                {"row", [](int r) { return std::to_string(r + 1); }},
                {"userId", [](int r) { return std::to_string(1000 + r * 7); }},
                {"paid", [](int r) { return std::to_string(1000 + r * 7); }},
                {"name", [](int r) { return fmt::format("n{}", r); }},
                {"one", [](int) { return "x"; }},
                {"none", [](int) { return "NA"; }},
                {"text", [](int r) { return fmt::format("this is what {} said", r / 2); }},
                {"town", [](int r) { return fmt::format("t{}", mixed(r, 150)); }},
                {"again", [](int r) { return mixed(r, 5) < 2 ? "1" : "0"; }},
                {"dirty", [](int r) { return r == 31 ? "?" : std::to_string(mixed(r, 40)); }}},
               300, "y", true);
  const auto expect = [&](const std::string& name, Role role, const std::string& why) {
    EXPECT_EQ(static_cast<int>(roles.at(name).role), static_cast<int>(role))
        << name << ": " << roles.at(name).why;
    EXPECT_CONTAINS(roles.at(name).why, why);
  };
  expect("y", Role::target, "");
  expect("amount", Role::number, "numbers, 0.5 to 96.5");
  expect("color", Role::category, "2 words: ");
  expect("color", Role::category, " missing");
  expect("day", Role::date, "dates such as '2024-07-");
  expect("row", Role::ignored, "row numbers, 1 to 300");
  expect("userId", Role::ignored, "an identifier");
  expect("paid", Role::number, "numbers");
  expect("name", Role::ignored, "300 different words in 300 rows");
  expect("one", Role::ignored, "one value: 'x'");
  expect("none", Role::ignored, "no values");
  expect("text", Role::ignored, "text: 'this is what");
  expect("town", Role::ignored, "too many to learn from");
  expect("again", Role::ignored, "says 'y' again");
  expect("dirty", Role::category, "299 of 300 are numbers: '?' in row 32 is none");
  EXPECT_TRUE(roles.at("again").warning);
  EXPECT_TRUE(roles.at("dirty").warning);
  EXPECT_FALSE(roles.at("name").warning);
}

TEST(ColumnRoles, ATwinOfANumberIsFoundByItsCorrelation) {
  const auto roles =
      roles_of({{"celsius", [](int r) { return fmt::format("{}.5", mixed(r, 40)); }},
                {"fahrenheit", [](int r) { return fmt::format("{}", (mixed(r, 40) + 0.5) * 1.8 + 32); }},
                {"near", [](int r) { return fmt::format("{}", mixed(r, 40) + mixed(r + 5, 7)); }}},
               100, "celsius", false);
  EXPECT_EQ(roles.at("fahrenheit").role, Role::ignored);
  EXPECT_TRUE(roles.at("fahrenheit").warning);
  EXPECT_EQ(roles.at("near").role, Role::number);
}

TEST(ColumnRoles, ManyWordsAreEmbeddedOrHashed) {
  const auto word = [](int most) { return [most](int r) { return fmt::format("w{}", r % most); }; };
  const auto roles = roles_of({{"y", [](int r) { return mixed(r, 2) ? "yes" : "no"; }},
                               {"few", word(60)},
                               {"many", word(1001)},
                               {"most", word(10'001)},
                               {"rare", word(11'000)}},
                              41'000, "y", true);
  EXPECT_EQ(roles.at("few").encoding, Encoding::one_hot);
  EXPECT_EQ(roles.at("many").role, Role::category);
  EXPECT_EQ(roles.at("many").encoding, Encoding::embedding);
  EXPECT_CONTAINS(roles.at("many").why, "1,001 words");
  EXPECT_EQ(roles.at("most").encoding, Encoding::hash);
  EXPECT_EQ(roles.at("rare").role, Role::ignored);
}

// Of few rows everything may be true by chance.
TEST(ColumnRoles, FewRowsProveNothing) {
  const auto roles = roles_of({{"y", [](int r) { return r % 2 ? "yes" : "no"; }},
                               {"x", [](int r) { return r % 2 ? "a" : "b"; }},
                               {"word", [](int r) { return fmt::format("w{}", r); }}},
                              12, "y", true);
  EXPECT_EQ(roles.at("x").role, Role::category);
  EXPECT_EQ(roles.at("word").role, Role::category);
}

// Postal codes: 01234 is a town, not an amount.
TEST(ColumnRoles, NumbersWithZerosInFrontAreCodes) {
  const auto roles =
      roles_of({{"y", [](int r) { return mixed(r, 5) < 2 ? "yes" : "no"; }},
                {"zip", [](int r) { return fmt::format("{:05}", 1000 + 900 * mixed(r + 3, 20)); }},
                {"many", [](int r) { return fmt::format("{:05}", mixed(r + 7, 10'000)); }},
                {"share", [](int r) { return fmt::format("0.{:02}", mixed(r + 9, 90)); }},
                {"flag", [](int r) { return std::to_string(mixed(r + 11, 2)); }}},
               300, "y", true);
  EXPECT_EQ(roles.at("zip").role, Role::category);
  EXPECT_CONTAINS(roles.at("zip").why, "20 codes such as '0");
  EXPECT_EQ(roles.at("many").role, Role::number);
  EXPECT_TRUE(roles.at("many").warning);
  EXPECT_EQ(roles.at("share").role, Role::number);
  EXPECT_FALSE(roles.at("share").warning);
  EXPECT_EQ(roles.at("flag").role, Role::number);
}

TEST(ColumnRoles, OfManyRowsATwentiethMayBeWords) {
  const auto of = [](int rows) {
    return roles_of({{"y", [](int r) { return std::to_string(mixed(r, 2)); }},
                     {"k", [](int r) { return fmt::format("k{}", r % 100); }}},
                    rows, "y", true)
        .at("k");
  };
  EXPECT_EQ(of(2000).role, Role::category);
  EXPECT_EQ(of(2000).encoding, Encoding::one_hot);
  EXPECT_EQ(of(1900).role, Role::category);
  EXPECT_EQ(of(1900).encoding, Encoding::embedding);
  EXPECT_EQ(of(400).encoding, Encoding::embedding);  // each four times
  EXPECT_EQ(of(390).role, Role::ignored);
}

}  // namespace
}  // namespace ringtrain
