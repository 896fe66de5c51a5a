#include <thread>

#include <vgpu/fixture.h>

namespace etrt::vgpu::test {
namespace {

using Kind = OrderReport::Kind;

class OrderChecker : public VgpuTest {
 protected:
  void expect_one(Kind kind) {
    const auto found = reports();
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].kind, kind) << found[0].message;
    EXPECT_NE(found[0].message.find(found[0].first), std::string::npos);
    EXPECT_NE(found[0].message.find(found[0].second), std::string::npos);
  }

  void expect_none() {
    for (const auto& report : reports()) ADD_FAILURE() << report.message;
  }

  CUstream a = make_stream();
  CUstream b = make_stream();
  CUdeviceptr data = make_buffer();
};

TEST_F(OrderChecker, ReportsTwoUnorderedWrites) {
  const Standstill held(driver(), {a, b});
  fill(a, data);
  fill(b, data);
  expect_one(Kind::kUnorderedAccess);
}

TEST_F(OrderChecker, AcceptsTwoWritesOrderedByAnEvent) {
  fill(a, data);
  order(a, b);
  fill(b, data);
  expect_none();
}

TEST_F(OrderChecker, AcceptsTwoWritesOrderedThroughAThirdStream) {
  const CUstream c = make_stream();
  fill(a, data);
  order(a, c);
  order(c, b);
  fill(b, data);
  expect_none();
}

TEST_F(OrderChecker, ReportsTheSameMistakeWhateverRanFirst) {
  Sees observer(1);
  gpu().set_observer(&observer);
  fill(a, data);
  // The first has certainly run, and the program still never waited for it.
  observer.wait();
  fill(b, data);
  expect_one(Kind::kUnorderedAccess);
  synchronize(b);
  gpu().set_observer(nullptr);
}

TEST_F(OrderChecker, AnEventRecordedTooEarlyDoesNotOrder) {
  const CUevent event = make_event();
  driver().cuEventRecord(event, a);
  const Standstill held(driver(), {a, b});
  fill(a, data);
  driver().cuStreamWaitEvent(b, event, 0);
  fill(b, data);
  expect_one(Kind::kUnorderedAccess);
}

TEST_F(OrderChecker, ReportsAKernelThatReadsWhatAnotherStreamWrites) {
  const Standstill held(driver(), {a, b});
  fill(a, data);
  add_one(b, data);
  const auto found = reports();
  ASSERT_FALSE(found.empty());
  EXPECT_NE(found[0].first.find("memset on stream"), std::string::npos) << found[0].first;
  EXPECT_NE(found[0].second.find("kernel add_one on stream"), std::string::npos) << found[0].second;
  EXPECT_NE(found[0].second.find("4096 bytes at 0x"), std::string::npos) << found[0].second;
}

TEST_F(OrderChecker, AcceptsWorkOfOneStream) {
  fill(a, data);
  add_one(a, data);
  add_one(a, data);
  expect_none();
}

TEST_F(OrderChecker, AcceptsUnorderedReads) {
  const CUdeviceptr left = make_buffer();
  const CUdeviceptr right = make_buffer();
  driver().cuMemcpyDtoDAsync(left, data, kBytes, a);
  driver().cuMemcpyDtoDAsync(right, data, kBytes, b);
  expect_none();
}

TEST_F(OrderChecker, ReportsAWriteUnderARead) {
  const Standstill held(driver(), {a, b});
  const CUdeviceptr copy = make_buffer();
  driver().cuMemcpyDtoDAsync(copy, data, kBytes, a);
  fill(b, data);
  expect_one(Kind::kUnorderedAccess);
}

TEST_F(OrderChecker, AcceptsUnorderedWorkOnDisjointHalves) {
  fill(a, data, kBytes / 2);
  fill(b, data + kBytes / 2, kBytes / 2);
  expect_none();
}

TEST_F(OrderChecker, ReportsOverlapByOneByte) {
  const Standstill held(driver(), {a, b});
  fill(a, data, kBytes / 2 + 1);
  fill(b, data + kBytes / 2, kBytes / 2);
  expect_one(Kind::kUnorderedAccess);
}

TEST_F(OrderChecker, AcceptsWorkAfterAStreamWait) {
  fill(a, data);
  synchronize(a);
  fill(b, data);
  expect_none();
}

TEST_F(OrderChecker, AWaitForAnotherStreamDoesNotOrder) {
  const Standstill first(driver(), {a});
  fill(a, data);
  synchronize(b);
  const Standstill second(driver(), {b});
  fill(b, data);
  expect_one(Kind::kUnorderedAccess);
}

TEST_F(OrderChecker, AcceptsWorkAfterAnEventWaitOfTheHost) {
  const CUevent event = make_event();
  fill(a, data);
  driver().cuEventRecord(event, a);
  driver().cuEventSynchronize(event);
  fill(b, data);
  expect_none();
}

TEST_F(OrderChecker, AcceptsWorkAfterASuccessfulQuery) {
  const CUevent event = make_event();
  fill(a, data);
  driver().cuEventRecord(event, a);
  while (driver().cuEventQuery(event) == CUDA_ERROR_NOT_READY) std::this_thread::yield();
  fill(b, data);
  expect_none();
}

TEST_F(OrderChecker, AcceptsWorkAfterAContextWait) {
  fill(a, data);
  driver().cuCtxSynchronize();
  fill(b, data);
  expect_none();
}

TEST_F(OrderChecker, AcceptsAWaitMadeByAnotherThread) {
  fill(a, data);
  std::thread([&] {
    driver().cuCtxSetCurrent(primary());
    synchronize(a);
  }).join();
  fill(b, data);
  expect_none();
}

TEST_F(OrderChecker, AHostFunctionThatRanOrdersWhatCameBeforeIt) {
  fill(a, data);
  HostGate gate(driver(), a);
  gate.wait_until_reached();
  fill(b, data);
  expect_none();
}

TEST_F(OrderChecker, TheLegacyStreamOrdersBlockingStreams) {
  const CUstream blocking = make_stream(CU_STREAM_DEFAULT);
  const CUstream other = make_stream(CU_STREAM_DEFAULT);
  fill(blocking, data);
  fill(CU_STREAM_LEGACY, data);
  fill(other, data);
  expect_none();
}

TEST_F(OrderChecker, TheLegacyStreamDoesNotOrderNonBlockingStreams) {
  const Standstill held(driver(), {a});
  fill(a, data);
  fill(CU_STREAM_LEGACY, data);
  expect_one(Kind::kUnorderedAccess);
  synchronize(CU_STREAM_LEGACY);
}

TEST_F(OrderChecker, OneMistakeMadeOftenIsReportedOnce) {
  const Standstill held(driver(), {a, b});
  for (int i = 0; i < 10; ++i) {
    fill(a, data);
    fill(b, data);
  }
  // "a then b" and, from the second round on, "b then a".
  EXPECT_EQ(reports().size(), 2u);
}

TEST_F(OrderChecker, CallsBackOnTheThreadThatMadeTheMistake) {
  const Standstill held(driver(), {a, b});
  std::vector<std::thread::id> threads;
  gpu().on_order_report([&](const OrderReport&) {
    threads.push_back(std::this_thread::get_id());
    EXPECT_EQ(gpu().take_order_reports().size(), 1u);
  });
  fill(a, data);
  fill(b, data);
  gpu().on_order_report(nullptr);
  EXPECT_EQ(threads, std::vector{std::this_thread::get_id()});
}

TEST_F(OrderChecker, ManyShortLivedStreamsAreAllTold) {
  for (int i = 0; i < 200; ++i) {
    const CUstream brief = make_stream();
    fill(brief, data);
    order(brief, a);
    fill(a, data);
    order(a, b);
    driver().cuStreamDestroy(brief);
    synchronize(a);
  }
  expect_none();
  const CUstream late = make_stream();
  const Standstill held(driver(), {a, late});
  fill(a, data);
  fill(late, data);
  expect_one(Kind::kUnorderedAccess);
}

TEST_F(OrderChecker, ADestroyedStreamsWorkStillCounts) {
  const Standstill held(driver(), {b});
  const CUstream brief = make_stream();
  const CUevent event = make_event();
  fill(brief, data);
  driver().cuEventRecord(event, brief);
  driver().cuStreamDestroy(brief);
  fill(b, data);
  expect_one(Kind::kUnorderedAccess);
  driver().cuEventSynchronize(event);
}

TEST_F(OrderChecker, AContextWaitCoversDestroyedStreamsWhoseWorkHasEnded) {
  for (const unsigned flags : {CU_STREAM_NON_BLOCKING, CU_STREAM_DEFAULT}) {
    const CUstream brief = make_stream(flags);
    Sees ended(1);
    gpu().set_observer(&ended);
    fill(brief, data);
    ended.wait();
    driver().cuStreamDestroy(brief);
    driver().cuCtxSynchronize();
    gpu().set_observer(nullptr);
    fill(b, data);
    expect_none();
    synchronize(b);
  }
}

TEST_F(OrderChecker, AContextWaitCoversThePerThreadStreamsOfEndedThreads) {
  Sees ended(1);
  gpu().set_observer(&ended);
  const auto on_a_thread = [&](auto body) {
    std::thread([&] {
      driver().cuCtxSetCurrent(primary());
      body();
    }).join();
  };
  on_a_thread([&] { fill(CU_STREAM_PER_THREAD, data); });
  ended.wait();
  on_a_thread([] {});  // The first call of another thread closes the streams of those that have ended.
  driver().cuCtxSynchronize();
  gpu().set_observer(nullptr);
  fill(b, data);
  expect_none();
  synchronize(b);
}

TEST_F(OrderChecker, TheLegacyStreamComesAfterBlockingStreamsThatAreGone) {
  const CUstream brief = make_stream(CU_STREAM_DEFAULT);
  Sees ended(1);
  gpu().set_observer(&ended);
  fill(brief, data);
  ended.wait();
  driver().cuStreamDestroy(brief);
  gpu().set_observer(nullptr);
  fill(CU_STREAM_LEGACY, data);
  expect_none();
  synchronize(CU_STREAM_LEGACY);
}

TEST_F(OrderChecker, ADestroyedStreamThatNobodyWaitedForIsStillUnordered) {
  const CUstream brief = make_stream();
  Sees ended(1);
  gpu().set_observer(&ended);
  fill(brief, data);
  ended.wait();
  driver().cuStreamDestroy(brief);
  gpu().set_observer(nullptr);
  fill(b, data);
  expect_one(Kind::kUnorderedAccess);
  synchronize(b);
}

}  // namespace
}  // namespace etrt::vgpu::test
