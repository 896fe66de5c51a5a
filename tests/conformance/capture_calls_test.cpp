// What calls that are no work do to a capture under way: which are tolerated, which invalidate it, and what a thread in
// relaxed mode may do all the same.
#include <functional>

#include <conformance/capturing.h>
#include <cuda/relaxed_capture.h>

namespace etrt::conformance {
namespace {

using Call = std::function<CUresult(CUstream captured)>;

class CaptureCalls : public CaptureFixture {
 protected:
  void expect_tolerated(const Call& call) {
    const auto stream = create_stream();
    ASSERT_THAT(begin(stream), is_ok());
    EXPECT_THAT(call(stream.get()), is_ok());
    EXPECT_EQ(status(stream.get()), CU_STREAM_CAPTURE_STATUS_ACTIVE);
    const auto graph = end(stream);
    ASSERT_TRUE(graph);
    EXPECT_EQ(node_count(graph), 0u);
  }

  void expect_tolerated_from_a_relaxed_thread(const Call& call) {
    expect_tolerated([&](CUstream captured) {
      const auto relaxed = must(cuda::RelaxedCapture::enter(driver()));
      return call(captured);
    });
  }

  void expect_refused(const Call& call, CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL) {
    const auto stream = create_stream();
    ASSERT_THAT(begin(stream, mode), is_ok());
    EXPECT_THAT(call(stream.get()), fails_with(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED));
    EXPECT_EQ(status(stream.get()), CU_STREAM_CAPTURE_STATUS_INVALIDATED);
    EXPECT_THAT(abandon(stream), fails_with(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED));
  }

  void expect_refused_in_every_mode(const Call& call) {
    for (const auto mode :
         {CU_STREAM_CAPTURE_MODE_GLOBAL, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL, CU_STREAM_CAPTURE_MODE_RELAXED}) {
      expect_refused(call, mode);
    }
    expect_refused([&](CUstream captured) {
      const auto relaxed = must(cuda::RelaxedCapture::enter(driver()));
      return call(captured);
    });
  }

  CUresult ask_context(CUstream stream) const {
    CUcontext context = nullptr;
    return driver().cuStreamGetCtx(stream, &context);
  }

  CUresult ask_id(CUstream stream) const {
    unsigned long long id = 0;
    return driver().cuStreamGetId(stream, &id);
  }
};
ETRT_ON_EVERY_PROVIDER(CaptureCalls);

// Questions.

TEST_P(CaptureCalls, TheContextOfTheStreamMayBeAskedFor) {
  expect_tolerated([&](CUstream captured) { return ask_context(captured); });
}

TEST_P(CaptureCalls, TheGreenContextOfTheStreamMayBeAskedFor) {
  if (!partitions_supported()) return;
  expect_tolerated([&](CUstream captured) {
    CUgreenCtx green = nullptr;
    return driver().cuStreamGetGreenCtx(captured, &green);
  });
}

TEST_P(CaptureCalls, AskingForTheIdOfTheStreamInvalidates) {
  expect_refused_in_every_mode([&](CUstream captured) { return ask_id(captured); });
}

TEST_P(CaptureCalls, AskingForTheDeviceOfTheStreamInvalidates) {
  if (!driver().cuStreamGetDevice) GTEST_SKIP() << "this driver has no cuStreamGetDevice";
  expect_refused_in_every_mode([&](CUstream captured) {
    CUdevice found = -1;
    return driver().cuStreamGetDevice(captured, &found);
  });
}

TEST_P(CaptureCalls, AnotherStreamMayBeAskedAnything) {
  const auto other = create_stream();
  expect_tolerated([&](CUstream) { return ask_context(other.get()); });
  expect_tolerated([&](CUstream) { return ask_id(other.get()); });
  if (!driver().cuStreamGetDevice) return;
  expect_tolerated([&](CUstream) {
    CUdevice found = -1;
    return driver().cuStreamGetDevice(other.get(), &found);
  });
}

TEST_P(CaptureCalls, TheCurrentContextMayBeAskedFor) {
  expect_tolerated([&](CUstream) {
    CUdevice found = -1;
    return driver().cuCtxGetDevice(&found);
  });
  expect_tolerated([&](CUstream) { return driver().cuCtxSetCurrent(current()); });
}

TEST_P(CaptureCalls, PointersMayBeAskedFor) {
  const auto buffer = create_buffer();
  const std::uint32_t pageable = 0;
  unsigned type = 0;
  CUpointer_attribute attribute = CU_POINTER_ATTRIBUTE_MEMORY_TYPE;
  void* answer = &type;
  expect_tolerated([&](CUstream) { return driver().cuPointerGetAttribute(&type, attribute, buffer.address()); });
  expect_tolerated(
      [&](CUstream) { return driver().cuPointerGetAttributes(1, &attribute, &answer, host_address(&pageable)); });
}

TEST_P(CaptureCalls, FreeMemoryMayBeAskedFor) {
  expect_tolerated([&](CUstream) {
    std::size_t free = 0;
    std::size_t total = 0;
    return driver().cuMemGetInfo(&free, &total);
  });
}

TEST_P(CaptureCalls, QueryingAnEventInvalidatesUnlessTheThreadIsRelaxed) {
  const auto event = create_event();
  const auto outside = create_stream();
  ASSERT_THAT(driver().cuEventRecord(event.get(), outside.get()), is_ok());
  ASSERT_THAT(synchronize(outside), is_ok());
  const Call query = [&](CUstream) { return driver().cuEventQuery(event.get()); };
  expect_refused(query);
  expect_tolerated_from_a_relaxed_thread(query);
}

TEST_P(CaptureCalls, QueryingAnotherStreamInvalidatesUnlessTheThreadIsRelaxed) {
  const auto other = create_stream();
  const Call query = [&](CUstream) { return driver().cuStreamQuery(other.get()); };
  expect_refused(query);
  expect_tolerated_from_a_relaxed_thread(query);
}

// Handles and memory.

TEST_P(CaptureCalls, EventsMayComeAndGo) {
  expect_tolerated([&](CUstream) {
    CUevent event = nullptr;
    const CUresult created = driver().cuEventCreate(&event, CU_EVENT_DISABLE_TIMING);
    return created == CUDA_SUCCESS ? driver().cuEventDestroy(event) : created;
  });
}

TEST_P(CaptureCalls, StreamsMayComeAndGo) {
  expect_tolerated([&](CUstream) {
    CUstream stream = nullptr;
    const CUresult created = driver().cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING);
    return created == CUDA_SUCCESS ? driver().cuStreamDestroy(stream) : created;
  });
}

TEST_P(CaptureCalls, AllocatingInvalidatesUnlessTheThreadIsRelaxed) {
  CUdeviceptr memory = 0;
  const Call allocate = [&](CUstream) { return driver().cuMemAlloc(&memory, 4096); };
  expect_refused(allocate);
  expect_tolerated_from_a_relaxed_thread(allocate);
  EXPECT_THAT(driver().cuMemFree(memory), is_ok());
}

TEST_P(CaptureCalls, FreeingInvalidatesUnlessTheThreadIsRelaxed) {
  CUdeviceptr memory = 0;
  ASSERT_THAT(driver().cuMemAlloc(&memory, 4096), is_ok());
  const Call free = [&](CUstream) { return driver().cuMemFree(memory); };
  expect_refused(free);
  expect_tolerated_from_a_relaxed_thread(free);
}

TEST_P(CaptureCalls, AllocatingInStreamOrderOnAnotherStreamInvalidatesUnlessTheThreadIsRelaxed) {
  const auto other = create_stream();
  CUdeviceptr memory = 0;
  const Call allocate = [&](CUstream) { return driver().cuMemAllocAsync(&memory, 4096, other.get()); };
  expect_refused(allocate);
  expect_tolerated_from_a_relaxed_thread(allocate);
  EXPECT_THAT(driver().cuMemFreeAsync(memory, other.get()), is_ok());
  EXPECT_THAT(synchronize(other), is_ok());
}

TEST_P(CaptureCalls, ModulesMayBeLoaded) {
  CUmodule module = nullptr;
  expect_tolerated([&](CUstream) { return driver().cuModuleLoadData(&module, provider().kernel_image()); });
  EXPECT_THAT(driver().cuModuleUnload(module), is_ok());
}

TEST_P(CaptureCalls, UnloadingAModuleInvalidatesUnlessTheThreadIsRelaxed) {
  CUmodule module = nullptr;
  ASSERT_THAT(driver().cuModuleLoadData(&module, provider().kernel_image()), is_ok());
  const Call unload = [&](CUstream) { return driver().cuModuleUnload(module); };
  expect_refused(unload);
  expect_tolerated_from_a_relaxed_thread(unload);
}

TEST_P(CaptureCalls, SynchronizingAnotherStreamInvalidatesUnlessTheThreadIsRelaxed) {
  const auto other = create_stream();
  const Call wait = [&](CUstream) { return driver().cuStreamSynchronize(other.get()); };
  expect_refused(wait);
  expect_tolerated_from_a_relaxed_thread(wait);
  expect_order_reports();
}

TEST_P(CaptureCalls, SynchronizingAnEventOfAnotherStreamInvalidatesUnlessTheThreadIsRelaxed) {
  const auto other = create_stream();
  const auto event = create_event();
  ASSERT_THAT(driver().cuEventRecord(event.get(), other.get()), is_ok());
  const Call wait = [&](CUstream) { return driver().cuEventSynchronize(event.get()); };
  expect_refused(wait);
  expect_tolerated_from_a_relaxed_thread(wait);
  expect_order_reports();
}

TEST_P(CaptureCalls, SynchronousCopiesAreTolerated) {
  const auto buffer = create_buffer();
  std::vector<std::uint32_t> pageable(buffer.count());
  expect_tolerated(
      [&](CUstream) { return driver().cuMemcpy(host_address(pageable.data()), buffer.address(), buffer.bytes()); });
}

// Graphs.

TEST_P(CaptureCalls, LaunchingAGraphOnTheStreamInvalidates) {
  const auto other = create_stream();
  const auto buffer = create_buffer();
  const auto exec =
      capture(other, [&] { EXPECT_THAT(driver().cuMemsetD8Async(buffer.address(), 0, 4, other.get()), is_ok()); });
  const Call launch = [&](CUstream captured) { return driver().cuGraphLaunch(exec.get(), captured); };
  expect_refused(launch);
  expect_refused([&](CUstream captured) {
    const auto relaxed = must(cuda::RelaxedCapture::enter(driver()));
    return launch(captured);
  });
}

TEST_P(CaptureCalls, AGraphMayBeLaunchedOnAnotherStream) {
  const auto other = create_stream();
  const auto buffer = create_buffer();
  const auto exec =
      capture(other, [&] { EXPECT_THAT(driver().cuMemsetD8Async(buffer.address(), 0, 4, other.get()), is_ok()); });
  expect_tolerated([&](CUstream) { return launch(exec, other); });
  EXPECT_THAT(synchronize(other), is_ok());
}

TEST_P(CaptureCalls, InstantiatingAGraphInvalidatesUnlessTheThreadIsRelaxed) {
  const auto other = create_stream();
  ASSERT_THAT(begin(other), is_ok());
  const auto graph = end(other);
  CUgraphExec made = nullptr;
  const Call instantiate = [&](CUstream) { return driver().cuGraphInstantiateWithFlags(&made, graph.get(), 0); };
  expect_refused(instantiate);
  expect_tolerated_from_a_relaxed_thread(instantiate);
  EXPECT_THAT(driver().cuGraphExecDestroy(made), is_ok());
}

}  // namespace
}  // namespace etrt::conformance
