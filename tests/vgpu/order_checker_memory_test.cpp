#include <functional>
#include <thread>

#include <vgpu/fixture.h>

namespace etrt::vgpu::test {
namespace {

using Kind = OrderReport::Kind;

class OrderCheckerMemory : public VgpuTest {
 protected:
  std::vector<Kind> kinds() {
    std::vector<Kind> found;
    for (const auto& report : reports()) found.push_back(report.kind);
    return found;
  }

  CUstream a = make_stream();
  CUstream b = make_stream();
};

TEST_F(OrderCheckerMemory, ReportsAFreeUnderWorkThatMayStillRunBeforeItWaitsForIt) {
  const CUdeviceptr data = make_buffer();
  HostGate gate(driver(), a);
  fill(a, data);
  // The free waits for the stream, as on a GPU: only the report lets the stream go.
  gpu().on_order_report([&](const OrderReport&) { gate.open(); });
  EXPECT_EQ(driver().cuMemFree(data), CUDA_SUCCESS);
  const auto found = reports();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, Kind::kFreeWhileInUse);
  EXPECT_NE(found[0].first.find("memset on stream"), std::string::npos) << found[0].first;
}

TEST_F(OrderCheckerMemory, AcceptsAFreeAfterAWait) {
  const CUdeviceptr data = make_buffer();
  fill(a, data);
  synchronize(a);
  EXPECT_EQ(driver().cuMemFree(data), CUDA_SUCCESS);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerMemory, ReportsAFreeThatNoWaitOrdersAlsoWhereTheWorkHasRun) {
  const CUdeviceptr data = make_buffer();
  void* pinned = make_pinned();
  const CUdeviceptr other = make_buffer();
  Sees observer(2);
  gpu().set_observer(&observer);
  driver().cuMemcpyHtoDAsync(data, pinned, kBytes, a);
  fill(a, other);
  // The copy has certainly run, and the program does not know.
  observer.wait();
  EXPECT_EQ(driver().cuMemFree(data), CUDA_SUCCESS);
  EXPECT_EQ(kinds(), std::vector{Kind::kFreeWhileInUse});
  EXPECT_EQ(driver().cuMemFreeHost(pinned), CUDA_SUCCESS);
  EXPECT_EQ(kinds(), std::vector{Kind::kFreeWhileInUse});
  gpu().set_observer(nullptr);
}

TEST_F(OrderCheckerMemory, AcceptsTheEndOfTheContextWithWorkUnderWay) {
  fill(a, make_buffer());
  EXPECT_EQ(driver().cuDevicePrimaryCtxRelease(0), CUDA_SUCCESS);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerMemory, AcceptsAFreeOfPinnedMemoryAfterAWait) {
  const CUdeviceptr data = make_buffer();
  void* pinned = make_pinned();
  driver().cuMemcpyHtoDAsync(data, pinned, kBytes, a);
  synchronize(a);
  EXPECT_EQ(driver().cuMemFreeHost(pinned), CUDA_SUCCESS);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerMemory, AcceptsAFreeAfterAWaitForAStreamThatIsOrderedBehindTheWork) {
  const CUdeviceptr data = make_buffer();
  fill(a, data);
  order(a, b);
  synchronize(b);
  EXPECT_EQ(driver().cuMemFree(data), CUDA_SUCCESS);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerMemory, AcceptsAFreeOnceTheHostHasSeenTheEndOfTheWork) {
  const CUevent event = make_event();
  const CUevent timed_from = make_event(CU_EVENT_DEFAULT);
  const CUevent timed_to = make_event(CU_EVENT_DEFAULT);
  const auto while_not_ready = [](auto&& ask) {
    while (ask() == CUDA_ERROR_NOT_READY) std::this_thread::yield();
  };
  const std::vector<std::function<void()>> ways{
      [&] { driver().cuCtxSynchronize(); },
      [&] { while_not_ready([&] { return driver().cuStreamQuery(a); }); },
      [&] {
        driver().cuEventRecord(event, a);
        while_not_ready([&] { return driver().cuEventQuery(event); });
      },
      [&] {
        driver().cuEventRecord(timed_from, a);
        driver().cuEventRecord(timed_to, a);
        float time = 0;
        while_not_ready([&] { return driver().cuEventElapsedTime(&time, timed_from, timed_to); });
      },
      [&] { HostGate(driver(), a).wait_until_reached(); },
  };
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const CUdeviceptr data = make_buffer();
    fill(a, data);
    ways[i]();
    EXPECT_EQ(driver().cuMemFree(data), CUDA_SUCCESS);
    EXPECT_TRUE(kinds().empty()) << "way " << i;
  }
}

TEST_F(OrderCheckerMemory, AcceptsAFreeUnderWorkOnOtherMemory) {
  const CUdeviceptr data = make_buffer();
  CUdeviceptr other = 0;
  driver().cuMemAllocAsync(&other, kBytes, b);
  synchronize(b);
  HostGate gate(driver(), a);
  fill(a, data);
  EXPECT_EQ(driver().cuMemFree(other), CUDA_SUCCESS);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerMemory, ReportsAFreeOfPinnedMemoryUnderACopy) {
  const CUdeviceptr data = make_buffer();
  void* pinned = make_pinned();
  HostGate gate(driver(), a);
  driver().cuMemcpyHtoDAsync(data, pinned, kBytes, a);
  gpu().on_order_report([&](const OrderReport&) { gate.open(); });
  EXPECT_EQ(driver().cuMemFreeHost(pinned), CUDA_SUCCESS);
  EXPECT_EQ(kinds(), std::vector{Kind::kFreeWhileInUse});
}

TEST_F(OrderCheckerMemory, PinnedMemoryThatWasFreedIsAnyonesMemory) {
  // The C library may give the address to someone who never heard of the free.
  void* pinned = make_pinned();
  EXPECT_EQ(driver().cuMemFreeHost(pinned), CUDA_SUCCESS);
  EXPECT_EQ(name_words(a, reinterpret_cast<CUdeviceptr>(pinned)), CUDA_SUCCESS);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerMemory, ReportsAKernelOnFreedMemory) {
  const CUdeviceptr data = make_buffer();
  EXPECT_EQ(driver().cuMemFree(data), CUDA_SUCCESS);
  EXPECT_EQ(add_one(a, data), CUDA_SUCCESS);
  const auto found = kinds();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0], Kind::kUseAfterFree);
}

TEST_F(OrderCheckerMemory, ReportsAKernelAfterAStreamOrderedFree) {
  CUdeviceptr data = 0;
  driver().cuMemAllocAsync(&data, kBytes, a);
  add_one(a, data);
  driver().cuMemFreeAsync(data, a);
  add_one(a, data);
  const auto found = kinds();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0], Kind::kUseAfterFree);
}

TEST_F(OrderCheckerMemory, ReportsACopyFromFreedMemory) {
  CUdeviceptr data = 0;
  const CUdeviceptr copy = make_buffer();
  driver().cuMemAllocAsync(&data, kBytes, a);
  driver().cuMemFreeAsync(data, a);
  EXPECT_EQ(driver().cuMemcpyDtoDAsync(copy, data, kBytes, a), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(kinds(), std::vector{Kind::kUseAfterFree});
}

TEST_F(OrderCheckerMemory, AcceptsAStreamOrderedLife) {
  for (int i = 0; i < 50; ++i) {
    CUdeviceptr data = 0;
    driver().cuMemAllocAsync(&data, kBytes, a);
    add_one(a, data);
    driver().cuMemFreeAsync(data, a);
  }
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerMemory, ReportsAFreeThatIsNotOrderedAfterAUse) {
  CUdeviceptr data = 0;
  driver().cuMemAllocAsync(&data, kBytes, a);
  order(a, b);
  fill(b, data);
  driver().cuMemFreeAsync(data, a);
  EXPECT_EQ(kinds(), std::vector{Kind::kUnorderedAccess});
}

TEST_F(OrderCheckerMemory, AcceptsAFreeOrderedAfterAUseInAnotherStream) {
  CUdeviceptr data = 0;
  driver().cuMemAllocAsync(&data, kBytes, a);
  order(a, b);
  fill(b, data);
  order(b, a);
  driver().cuMemFreeAsync(data, a);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerMemory, ReportsAUseNotOrderedAfterTheAllocation) {
  CUdeviceptr data = 0;
  driver().cuMemAllocAsync(&data, kBytes, a);
  fill(b, data);
  EXPECT_EQ(kinds(), std::vector{Kind::kUnorderedAccess});
}

TEST_F(OrderCheckerMemory, ReportsUnorderedCopiesThatShareAPinnedBuffer) {
  void* pinned = make_pinned();
  const CUdeviceptr left = make_buffer();
  const CUdeviceptr right = make_buffer();
  const Standstill held(driver(), {a, b});
  driver().cuMemcpyDtoHAsync(pinned, left, kBytes, a);
  driver().cuMemcpyHtoDAsync(right, pinned, kBytes, b);
  EXPECT_EQ(kinds(), std::vector{Kind::kUnorderedAccess});
}

TEST_F(OrderCheckerMemory, APageableSourceIsFreeAtOnce) {
  std::vector<std::byte> bytes(kBytes);
  const CUdeviceptr left = make_buffer();
  const CUdeviceptr right = make_buffer();
  driver().cuMemcpyHtoDAsync(left, bytes.data(), kBytes, a);
  driver().cuMemcpyDtoHAsync(bytes.data(), right, kBytes, b);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerMemory, ACopyToPageableMemoryIsAWaitOfTheHost) {
  std::vector<std::byte> bytes(kBytes);
  const CUdeviceptr data = make_buffer();
  fill(a, data);
  driver().cuMemcpyDtoHAsync(bytes.data(), data, kBytes, a);
  fill(b, data);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerMemory, AnAddressGivenAgainStartsAfresh) {
  // More than the device holds in all, so that addresses come round.
  const std::size_t quarter = checked_config().memory_bytes / 4;
  for (int i = 0; i < 16; ++i) {
    const CUdeviceptr data = make_buffer(quarter);
    fill(i % 2 == 0 ? a : b, data, kBytes);
    synchronize(i % 2 == 0 ? a : b);
    EXPECT_EQ(driver().cuMemFree(data), CUDA_SUCCESS);
  }
  EXPECT_TRUE(kinds().empty());
}

}  // namespace
}  // namespace etrt::vgpu::test
