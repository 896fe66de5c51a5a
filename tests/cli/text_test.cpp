#include <cmath>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cli/text.h>

namespace etrt::cli {
namespace {

TEST(Text, PlainTextIsShownAsItIs) {
  EXPECT_EQ(printable("image [1, 3] größe ≤ 64"), "image [1, 3] größe ≤ 64");
}

TEST(Text, NoControlCharacterReachesTheTerminal) {
  std::string hostile;
  for (int code = 0; code < 256; ++code) hostile += static_cast<char>(code);
  for (const char character : printable(hostile, 5000)) {
    EXPECT_TRUE(static_cast<unsigned char>(character) >= 0x20 && character != 0x7f);
  }
  EXPECT_EQ(printable("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\x9b31m")
      << "a C1 control character in UTF-8";
}

TEST(Text, CharactersThatReorderOrHideTextAreEscaped) {
  EXPECT_EQ(printable("a\u202eb"), "a\\u202eb");
  EXPECT_EQ(printable("a\u200bb"), "a\\u200bb");
  EXPECT_EQ(printable("\ufeff"), "\\ufeff");
}

TEST(Text, BrokenUtf8IsShownByteByByte) {
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond Unicode";
}

TEST(Text, LongTextLosesItsMiddle) {
  const std::string text = "begin" + std::string(1000, '.') + "end";
  const std::string shown = printable(text, 20);
  EXPECT_EQ(display_width(shown), 20u);
  EXPECT_THAT(shown, testing::StartsWith("begin"));
  EXPECT_THAT(shown, testing::HasSubstr("…"));
  EXPECT_THAT(shown, testing::EndsWith("end"));
}

TEST(Text, AMegabyteOfHostileTextIsShortToo) {
  EXPECT_LE(printable(std::string(1 << 20, '\x1b'), 64).size(), 64u * 4);
}

TEST(Text, NumbersHaveFourSignificantDigits) {
  EXPECT_EQ(number_text(0), "0");
  EXPECT_EQ(number_text(0.0123456), "0.01235");
  EXPECT_EQ(number_text(0.001), "0.001000");
  EXPECT_EQ(number_text(0.5), "0.5000");
  EXPECT_EQ(number_text(1), "1.000");
  EXPECT_EQ(number_text(-1.5), "-1.500");
  EXPECT_EQ(number_text(42.678), "42.68");
  EXPECT_EQ(number_text(999.94), "999.9");
  EXPECT_EQ(number_text(999.96), "1000") << "rounding adds a digit before the point";
  EXPECT_EQ(number_text(1234.4), "1234");
  EXPECT_EQ(number_text(123456.7), "123457");
  EXPECT_EQ(number_text(1e300).size(), 301u);
  EXPECT_EQ(number_text(std::nan("")), "-");
}

TEST(Text, SizesAreGivenExactlyToo) {
  EXPECT_EQ(bytes_text(1), "1 byte");
  EXPECT_EQ(bytes_text(1023), "1023 bytes");
  EXPECT_EQ(bytes_text(60456), "59.0 KiB (60456 bytes)");
  EXPECT_EQ(bytes_text(UINT64_MAX), "16384.0 PiB (18446744073709551615 bytes)");
}

TEST(Text, CountsHaveTheirPlural) {
  EXPECT_EQ(count_text(1, "input"), "1 input");
  EXPECT_EQ(count_text(0, "input"), "0 inputs");
  EXPECT_EQ(count_text(2, "copy"), "2 copies");
}

}  // namespace
}  // namespace etrt::cli
