// What CUDA promises about graphs and partitions: a graph belongs to the partition in which it was captured.
#include <set>

#include <conformance/partitioning.h>

namespace etrt::conformance {
namespace {

class PartitionedGraphs : public PartitionFixture {
 protected:
  static constexpr std::uint32_t kBlocks = 1024;

  cuda::GraphExec capture_record_sm(const cuda::Stream& stream, const PinnedBuffer& out) const {
    return capture(stream, [&] {
      EXPECT_THAT(kernels().record_sm(stream.get(), out.address(), kBlocks, microseconds(50)), is_ok());
    });
  }

  std::size_t sms_used_by(const cuda::GraphExec& exec, const cuda::Stream& stream, const PinnedBuffer& out) const {
    EXPECT_THAT(launch(exec, stream), is_ok());
    EXPECT_THAT(synchronize(stream), is_ok());
    return std::set<std::uint32_t>(out.values().begin(), out.values().end()).size();
  }
};
ETRT_ON_EVERY_PROVIDER(PartitionedGraphs);

TEST_P(PartitionedGraphs, CapturedInAPartitionStayInItWhereverTheyAreLaunched) {
  const auto out = create_pinned(kBlocks);
  const auto partition = create_partition();
  const auto inside = create_stream_in(partition);
  const auto outside = create_stream();
  const auto exec = capture_record_sm(inside, out);
  EXPECT_LE(sms_used_by(exec, inside, out), partition.sm_count);
  EXPECT_LE(sms_used_by(exec, outside, out), partition.sm_count);
}

TEST_P(PartitionedGraphs, CapturedOutsideUseTheDeviceAlsoWhenLaunchedInAPartition) {
  const auto out = create_pinned(kBlocks);
  const auto partition = create_partition();
  const auto inside = create_stream_in(partition);
  const auto outside = create_stream();
  const auto exec = capture_record_sm(outside, out);
  EXPECT_GT(sms_used_by(exec, outside, out), partition.sm_count);
  EXPECT_GT(sms_used_by(exec, inside, out), partition.sm_count);
}

}  // namespace
}  // namespace etrt::conformance
