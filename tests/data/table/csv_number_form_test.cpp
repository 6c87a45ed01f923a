#include "data/table/csv_number_form.h"

#include <gtest/gtest.h>

namespace ringtrain {
namespace {

TEST(CsvNumberForm, TellsTheDecimalMark) {
  for (const char* text : {"12.5", "-12.5", "0.123", ".5", "5.", " 1.25 ", "1.5e-3", "1234.567", "1,234.5",
                           "1,234,567.89", "12.3456"})
    EXPECT_EQ(number_form(text), NumberForm::dot) << text;
  for (const char* text :
       {"12,5", "-12,5", "0,123", ",5", "5,", "1,5e-3", "1234,567", "1.234,5", "1.234.567,89"})
    EXPECT_EQ(number_form(text), NumberForm::comma) << text;
}

TEST(CsvNumberForm, ThousandsAreNoDecimals) {
  for (const char* text : {"12", "-3", "+3", "1e5", "1,234", "12.345", "999,999,999"})
    EXPECT_EQ(number_form(text), NumberForm::whole) << text;
}

TEST(CsvNumberForm, OtherTextsAreNoNumbers) {
  for (const char* text : {"", "-", ".", "e5", "abc", "1,5,2", "1.2.3", "2024-05-01", "12:30", "1,234,56",
                           "5%", "1,234.5.6", "1e", "nan", "0,123,456.5"})
    EXPECT_EQ(number_form(text), NumberForm::none) << text;
}

}  // namespace
}  // namespace ringtrain
