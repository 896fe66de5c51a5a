#include <algorithm>

#include <cli/table.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

std::string padded(const std::string& cell, std::size_t width, Align align) {
  const std::size_t own = display_width(cell);
  const std::string space(width > own ? width - own : 0, ' ');
  return align == Align::kRight ? space + cell : cell + space;
}

}  // namespace

std::string Table::to_string(std::size_t indent) const {
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  std::vector<std::vector<std::string>> lines{titles};
  lines.insert(lines.end(), rows_.begin(), rows_.end());

  std::vector<std::size_t> widths(columns_.size(), 0);
  for (auto& cells : lines) {
    cells.resize(columns_.size());
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], display_width(cells[i]));
  }

  std::string text;
  for (const auto& cells : lines) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) line += "  ";
      line += padded(cells[i], widths[i], columns_[i].align);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace etrt::cli
