// The picture of a timeline. Rows are streams, boxes are operations, colours are kinds.

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <sstream>

#include <etrt/timeline.h>

namespace etrt {
namespace {

constexpr double kWidth = 1000;
constexpr double kLabelWidth = 190;
constexpr double kPlotWidth = kWidth - kLabelWidth - 20;
constexpr double kLegendStep = 62;
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

/// Colours by what an operation's name begins with.
struct Kind {
  const char* name;
  const char* colour;
};
constexpr Kind kKernel{"kernel", "#4878a8"};
constexpr Kind kCopy{"copy", "#d9a441"};
constexpr Kind kMemset{"memset", "#c46b5a"};
constexpr Kind kWait{"wait", "#d8d8d8"};
constexpr Kind kEvent{"event", "#9a86b8"};
constexpr Kind kOther{"other", "#8c8c8c"};

const Kind& kind_of(const TimelineSpan& span) {
  for (const Kind* kind : {&kKernel, &kCopy, &kMemset, &kWait, &kEvent}) {
    if (span.name.starts_with(kind->name)) return *kind;
  }
  return kOther;
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

/// Where everything goes.
struct Layout {
  std::map<Row, int> rows;
  std::map<std::uint64_t, int> partition_numbers;  ///< CUDA's own are arbitrary; the picture counts from one
  std::int64_t first_ns = 0;
  double span_us = 1;

  double x(std::int64_t ns) const { return kLabelWidth + width(ns - first_ns); }
  double width(std::int64_t ns) const { return static_cast<double>(ns) / 1000 / span_us * kPlotWidth; }
  double y(int row) const { return kTop + kRowHeight * row; }
  double bottom() const { return y(static_cast<int>(rows.size())); }

  std::string label(const Row& row) const {
    const std::string where =
        row.partition == 0 ? "whole device" : "partition " + std::to_string(partition_numbers.at(row.partition));
    return where + ", stream " + std::to_string(row.stream);
  }
};

Layout lay_out(const std::vector<TimelineSpan>& spans) {
  Layout layout;
  layout.first_ns = spans.empty() ? 0 : spans.front().start_ns;
  std::int64_t last = layout.first_ns + 1000;
  for (const TimelineSpan& span : spans) {
    layout.rows.emplace(Row{span.partition, span.stream}, 0);
    if (span.partition != 0) layout.partition_numbers.emplace(span.partition, 0);
    layout.first_ns = std::min(layout.first_ns, span.start_ns);
    last = std::max(last, span.end_ns);
  }
  layout.span_us = static_cast<double>(last - layout.first_ns) / 1000;
  int number = 0;
  for (auto& [row, index] : layout.rows) index = number++;
  number = 0;
  for (auto& [partition, index] : layout.partition_numbers) index = ++number;
  return layout;
}

void draw_axis(std::ostringstream& svg, const Layout& layout) {
  const double step = axis_step(layout.span_us);
  for (int mark = 0; mark * step <= layout.span_us; ++mark) {
    const double us = mark * step;
    const double x = kLabelWidth + us / layout.span_us * kPlotWidth;
    svg << "<line x1='" << x << "' y1='" << kTop - 8 << "' x2='" << x << "' y2='" << layout.bottom()
        << "' stroke='#e6e6e6'/><text x='" << x << "' y='" << layout.bottom() + 16
        << "' text-anchor='middle' fill='#666' font-size='11'>" << format_us(us) << "</text>\n";
  }
}

/// The kinds that the picture has, right of the title.
void draw_legend(std::ostringstream& svg, const std::vector<TimelineSpan>& spans) {
  std::set<const Kind*> present;
  for (const TimelineSpan& span : spans) present.insert(&kind_of(span));
  double x = kWidth - 20 - kLegendStep * static_cast<double>(present.size());
  for (const Kind* kind : {&kKernel, &kCopy, &kMemset, &kWait, &kEvent, &kOther}) {
    if (!present.contains(kind)) continue;
    svg << "<rect x='" << x << "' y='16' width='11' height='11' fill='" << kind->colour << "'/><text x='" << x + 15
        << "' y='26' font-size='11' fill='#444'>" << kind->name << "</text>\n";
    x += kLegendStep;
  }
}

void draw_span(std::ostringstream& svg, const Layout& layout, const TimelineSpan& span) {
  const double width = std::max(0.6, layout.width(span.end_ns - span.start_ns));
  const double y = layout.y(layout.rows.at({span.partition, span.stream})) + 4;
  svg << "<rect x='" << layout.x(span.start_ns) << "' y='" << y << "' width='" << width << "' height='"
      << kRowHeight - 10 << "' fill='" << kind_of(span).colour << "' stroke='white' stroke-width='0.4'><title>"
      << escaped(span.name) << ", " << format_us(static_cast<double>(span.end_ns - span.start_ns) / 1000) << ", core "
      << span.core << "</title></rect>\n";
}

}  // namespace

std::string draw_timeline(const std::vector<TimelineSpan>& spans, const std::string& title) {
  const Layout layout = lay_out(spans);
  std::ostringstream svg;
  svg.precision(6);
  svg << "<svg xmlns='http://www.w3.org/2000/svg' width='" << kWidth << "' height='" << layout.bottom() + 30
      << "' font-family='sans-serif'>\n<rect width='100%' height='100%' fill='white'/>\n<text x='14' y='26' "
         "font-size='15' font-weight='bold'>"
      << escaped(title) << "</text>\n";
  draw_legend(svg, spans);
  draw_axis(svg, layout);
  for (const auto& [row, index] : layout.rows) {
    svg << "<text x='14' y='" << layout.y(index) + 20 << "' font-size='12'>" << layout.label(row) << "</text>\n";
  }
  for (const TimelineSpan& span : spans) draw_span(svg, layout, span);
  svg << "</svg>\n";
  return svg.str();
}

}  // namespace etrt
