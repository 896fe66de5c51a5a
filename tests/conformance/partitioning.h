#pragma once

// Green contexts, as the suites about them use them.

#include <algorithm>
#include <utility>
#include <vector>

#include <conformance/capturing.h>
#include <cuda/current_context.h>
#include <cuda/error.h>

namespace etrt::conformance {

using support::Partition;

class PartitionFixture : public CaptureFixture {
 protected:
  void SetUp() override {
    CaptureFixture::SetUp();
    if (IsSkipped() || HasFatalFailure() || !partitions_supported()) return;
    layout_ = must(support::sm_layout(driver(), device()));
  }

  const support::SmLayout& layout() const { return layout_; }

  /// `count` disjoint partitions, each of less than half the device.
  std::vector<Partition> create_partitions(unsigned count) const {
    const unsigned sms = std::min(2 * layout_.minimum, layout_.total / (count + 1));
    return must(support::create_partitions(driver(), device(), count, std::max(sms, layout_.minimum)));
  }

  Partition create_partition() const { return std::move(create_partitions(1).front()); }

  cuda::Stream create_stream_in(const Partition& partition) const {
    return must(cuda::create_green_stream(driver(), partition.green.get()));
  }

  /// A scope with the partition's context current.
  cuda::CurrentContext enter(const Partition& partition) const {
    return must(cuda::CurrentContext::push(driver(), partition.context));
  }

  CUgreenCtx green_of(CUstream stream) const {
    CUgreenCtx green = nullptr;
    EXPECT_THAT(driver().cuStreamGetGreenCtx(stream, &green), is_ok());
    return green;
  }

 private:
  support::SmLayout layout_{};
};

}  // namespace etrt::conformance
