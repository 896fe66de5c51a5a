#pragma once

#include <string>
#include <vector>

namespace etrt::cli {

enum class Align { kLeft, kRight };

/// A table in plain text: columns as wide as their widest cell, two spaces between them, no trailing spaces.
/// Cells are shown as they are; text from files goes through `printable` first.
/// Threads: like any value.
class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Missing cells are empty; cells beyond the last column are ignored.
  void add_row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  bool empty() const { return rows_.empty(); }

  /// Title line, then a line a row, each beginning with `indent` spaces and ending with a newline.
  std::string to_string(std::size_t indent = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace etrt::cli
