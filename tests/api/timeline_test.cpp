#include <gtest/gtest.h>

#include <etrt/buffer.h>
#include <etrt/partition.h>
#include <etrt/timeline.h>
#include <support/matchers.h>

namespace etrt::test {
namespace {

using support::fails_with;
using support::is_ok;

TEST(Timelines, HoldWhatRanWithItsStreamAndPartition) {
  const auto device = Device::open("virtual").value();
  const auto partition = Partition::create(device, 1).value();
  const auto stream = partition.create_stream().value();
  auto memory = Buffer::on_device(device, 64).value();
  auto host = Buffer::pinned(device, 64).value();
  auto timeline = Timeline::start(device);
  ASSERT_THAT(timeline, is_ok());
  ASSERT_THAT(memory.copy_from_host(host.data(), 64, stream.get()), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  const auto spans = timeline->stop();
  ASSERT_FALSE(spans.empty());
  EXPECT_NE(spans.front().partition, 0u);
  EXPECT_LE(spans.front().start_ns, spans.front().end_ns);
}

TEST(Timelines, OneAtATime) {
  const auto device = Device::open("virtual").value();
  {
    const auto first = Timeline::start(device);
    ASSERT_THAT(first, is_ok());
    EXPECT_THAT(Timeline::start(device), fails_with(ErrorCode::kInvalidState));
  }
  EXPECT_THAT(Timeline::start(device), is_ok());
}

TEST(Timelines, AreDrawnAsOnePictureWithARowForEachStream) {
  const std::vector<TimelineSpan> spans = {
      {1, 7, "kernel a<b>", 1000, 5000, 0}, {2, 9, "copy", 2000, 3000, 1}, {3, 0, "wait", 0, 9000, 1}};
  const std::string svg = draw_timeline(spans, "two & one");
  for (const char* part : {"<svg", "two &amp; one", "partition 1, stream 1", "partition 2, stream 2",
                           "whole device, stream 3", "kernel a&lt;b&gt;", ">copy</text>", "</svg>"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(svg.find(">memset</text>"), std::string::npos) << "the legend names what is not there";
}

TEST(Timelines, OfNothingAreDrawnToo) {
  EXPECT_NE(draw_timeline({}, "").find("</svg>"), std::string::npos);
}

}  // namespace
}  // namespace etrt::test
