// The picture of a timeline. Rows are streams, boxes are operations, colours are kinds.

#include <algorithm>
#include <cstdio>
#include <map>
#include <sstream>

#include <etrt/timeline.h>

namespace etrt {
namespace {

constexpr double kWidth = 1000;
constexpr double kLabelWidth = 190;
constexpr double kRowHeight = 34;
constexpr double kTop = 56;

struct Row {
  std::uint64_t partition;
  std::uint64_t stream;
  auto operator<=>(const Row&) const = default;
};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

const char* colour(const TimelineSpan& span) {
  if (span.name.starts_with("kernel")) return span.partition % 2 == 0 ? "#4878a8" : "#5a9367";
  if (span.name.starts_with("copy")) return "#d9a441";
  if (span.name.starts_with("wait")) return "#d8d8d8";
  return "#9a86b8";
}

/// A round step that gives the axis five to ten marks.
double axis_step(double span_us) {
  double step = 1;
  while (span_us / step > 10) {
    step *= 2;
    if (span_us / step <= 10) break;
    step *= 2.5;
    if (span_us / step <= 10) break;
    step *= 2;
  }
  return step;
}

std::string format_us(double us) {
  char text[32];
  std::snprintf(text, sizeof(text), us >= 1000 ? "%.4g ms" : "%.4g µs", us >= 1000 ? us / 1000 : us);
  return text;
}

void draw_axis(std::ostringstream& svg, double span_us, double bottom) {
  const double plot = kWidth - kLabelWidth - 20;
  for (double us = 0; us <= span_us; us += axis_step(span_us)) {
    const double x = kLabelWidth + us / span_us * plot;
    svg << "<line x1='" << x << "' y1='" << kTop - 8 << "' x2='" << x << "' y2='" << bottom
        << "' stroke='#e6e6e6'/><text x='" << x << "' y='" << bottom + 16
        << "' text-anchor='middle' fill='#666' font-size='11'>" << format_us(us) << "</text>\n";
  }
}

std::string row_label(const Row& row, const std::map<std::uint64_t, int>& partition_numbers) {
  const std::string where =
      row.partition == 0 ? "whole device" : "partition " + std::to_string(partition_numbers.at(row.partition));
  return where + ", stream " + std::to_string(row.stream);
}

}  // namespace

std::string draw_timeline(const std::vector<TimelineSpan>& spans, const std::string& title) {
  std::map<Row, int> rows;
  std::map<std::uint64_t, int> partition_numbers;
  for (const TimelineSpan& span : spans) {
    rows.emplace(Row{span.partition, span.stream}, 0);
    if (span.partition != 0) partition_numbers.emplace(span.partition, 0);
  }
  int index = 0;
  for (auto& [row, number] : rows) number = index++;
  index = 0;
  for (auto& [partition, number] : partition_numbers) number = ++index;

  std::int64_t first = spans.empty() ? 0 : spans.front().start_ns;
  std::int64_t last = first + 1000;
  for (const TimelineSpan& span : spans) {
    first = std::min(first, span.start_ns);
    last = std::max(last, span.end_ns);
  }
  const double span_us = static_cast<double>(last - first) / 1000;
  const double bottom = kTop + kRowHeight * static_cast<double>(rows.size());
  const double plot = kWidth - kLabelWidth - 20;

  std::ostringstream svg;
  svg.precision(6);
  svg << "<svg xmlns='http://www.w3.org/2000/svg' width='" << kWidth << "' height='" << bottom + 30
      << "' font-family='sans-serif'>\n<rect width='100%' height='100%' fill='white'/>\n<text x='14' y='26' "
         "font-size='15' font-weight='bold'>"
      << escaped(title) << "</text>\n";
  draw_axis(svg, span_us, bottom);
  for (const auto& [row, number] : rows) {
    const double y = kTop + kRowHeight * number;
    svg << "<text x='14' y='" << y + 20 << "' font-size='12'>" << row_label(row, partition_numbers) << "</text>\n";
  }
  for (const TimelineSpan& span : spans) {
    const double x = kLabelWidth + static_cast<double>(span.start_ns - first) / 1000 / span_us * plot;
    const double width = std::max(0.6, static_cast<double>(span.end_ns - span.start_ns) / 1000 / span_us * plot);
    const double y = kTop + kRowHeight * rows.at({span.partition, span.stream}) + 4;
    svg << "<rect x='" << x << "' y='" << y << "' width='" << width << "' height='" << kRowHeight - 10 << "' fill='"
        << colour(span) << "' stroke='white' stroke-width='0.4'><title>" << escaped(span.name) << ", "
        << format_us(static_cast<double>(span.end_ns - span.start_ns) / 1000) << ", core " << span.core
        << "</title></rect>\n";
  }
  svg << "</svg>\n";
  return svg.str();
}

}  // namespace etrt
