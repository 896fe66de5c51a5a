#include <gtest/gtest.h>

#include <cli/table.h>

namespace etrt::cli {
namespace {

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
  Table table({{"name"}, {"bytes", Align::kRight}});
  table.add_row({"a", "5"});
  table.add_row({"a much longer name", "123456"});
  EXPECT_EQ(table.to_string(),
            "name                 bytes\n"
            "a                        5\n"
            "a much longer name  123456\n");
}

TEST(Table, CharactersOfSeveralBytesTakeOneColumn) {
  Table table({{"shape"}, {"x"}});
  table.add_row({"≤64", "y"});
  table.add_row({"größer", "y"});
  EXPECT_EQ(table.to_string(),
            "shape   x\n"
            "≤64     y\n"
            "größer  y\n");
}

TEST(Table, LinesHaveNoTrailingSpacesAndAnIndent) {
  Table table({{"a"}, {"b"}});
  table.add_row({"1"});
  EXPECT_EQ(table.to_string(2), "  a  b\n  1\n");
}

TEST(Table, MissingAndSurplusCellsDoNoHarm) {
  Table table({{"a"}, {"b"}});
  table.add_row({});
  table.add_row({"1", "2", "3"});
  EXPECT_EQ(table.to_string(), "a  b\n\n1  2\n");
}

}  // namespace
}  // namespace etrt::cli
