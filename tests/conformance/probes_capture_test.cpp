// Probes of stream capture. See probing.h.
#include <functional>

#include <conformance/probing.h>
#include <cuda/relaxed_capture.h>

namespace etrt::conformance {
namespace {

using ProbedCall = std::function<CUresult(const cuda::Stream& captured)>;

class CaptureProbes : public Probes {
 protected:
  /// What a call answers in a capture in global mode, what then becomes of the capture, and how it ends.
  void note_in_capture(const std::string& name, const ProbedCall& call) {
    const auto stream = create_stream();
    ASSERT_THAT(begin(stream), is_ok());
    const CUresult answer = call(stream);
    note(name + ", in a capture", support::result_name(answer) + what_became_of(stream));
  }

  /// The same, with the thread in relaxed mode during the call.
  void note_in_relaxed_capture(const std::string& name, const ProbedCall& call) {
    note_in_capture(name + ", thread relaxed", [&](const cuda::Stream& stream) {
      const auto relaxed = must(cuda::RelaxedCapture::enter(driver()));
      return call(stream);
    });
  }

  void note_both(const std::string& name, const ProbedCall& call) {
    note_in_capture(name, call);
    note_in_relaxed_capture(name, call);
  }

 private:
  std::string what_became_of(const cuda::Stream& stream) const {
    auto status = CU_STREAM_CAPTURE_STATUS_NONE;
    static_cast<void>(driver().cuStreamIsCapturing(stream.get(), &status));
    CUgraph handle = nullptr;
    const CUresult ended = driver().cuStreamEndCapture(stream.get(), &handle);
    std::string text = status == CU_STREAM_CAPTURE_STATUS_ACTIVE ? ", capture active" : ", capture invalidated";
    text += ", end " + support::result_name(ended);
    if (handle != nullptr) {
      const cuda::Graph graph(driver(), handle);
      text += ", nodes " + std::to_string(node_count(graph));
    }
    return text;
  }
};
ETRT_ON_EVERY_PROVIDER(CaptureProbes);

TEST_P(CaptureProbes, EventsOfTheCapture) {
  const auto event = create_event();
  note_both("cuEventQuery of a captured event", [&](const cuda::Stream& stream) {
    EXPECT_THAT(driver().cuEventRecord(event.get(), stream.get()), is_ok());
    return driver().cuEventQuery(event.get());
  });
  note_both("cuEventSynchronize of a captured event", [&](const cuda::Stream& stream) {
    EXPECT_THAT(driver().cuEventRecord(event.get(), stream.get()), is_ok());
    return driver().cuEventSynchronize(event.get());
  });
}

TEST_P(CaptureProbes, EventsOfACaptureThatHasEnded) {
  const auto event = create_event();
  const auto captured = create_stream();
  const auto other = create_stream();
  ASSERT_THAT(begin(captured), is_ok());
  ASSERT_THAT(driver().cuEventRecord(event.get(), captured.get()), is_ok());
  const auto graph = end(captured);
  note("cuEventQuery of an event of an ended capture", driver().cuEventQuery(event.get()));
  note("cuEventSynchronize of an event of an ended capture", driver().cuEventSynchronize(event.get()));
  note("cuStreamWaitEvent of an event of an ended capture", driver().cuStreamWaitEvent(other.get(), event.get(), 0));
  note("cuStreamIsCapturing of a stream that waited so",
       status(other.get()) == CU_STREAM_CAPTURE_STATUS_NONE ? "not capturing" : "capturing");
  note("cuStreamSynchronize of a stream that waited so", driver().cuStreamSynchronize(other.get()));
  note("cuEventRecord of such an event outside", driver().cuEventRecord(event.get(), other.get()));
  note("cuEventSynchronize after that", driver().cuEventSynchronize(event.get()));
}

TEST_P(CaptureProbes, EventsOfOutside) {
  const auto never = create_event();
  const auto finished = create_event();
  const auto pending = create_event();
  const auto outside = create_stream();
  ASSERT_THAT(driver().cuEventRecord(finished.get(), outside.get()), is_ok());
  ASSERT_THAT(synchronize(outside), is_ok());
  auto gate = close_gate(outside.get());
  ASSERT_THAT(driver().cuEventRecord(pending.get(), outside.get()), is_ok());
  for (const auto& [name, event] :
       {std::pair("an event never recorded", &never), {"a finished event", &finished}, {"a pending event", &pending}}) {
    const CUevent handle = event->get();
    note_both(std::string("cuEventQuery of ") + name,
              [&](const cuda::Stream&) { return driver().cuEventQuery(handle); });
    note_both(std::string("cuStreamWaitEvent of ") + name,
              [&](const cuda::Stream& stream) { return driver().cuStreamWaitEvent(stream.get(), handle, 0); });
  }
  gate.open();
  for (const auto& [name, event] : {std::pair("an event never recorded", &never), {"a finished event", &finished}}) {
    const CUevent handle = event->get();
    note_both(std::string("cuEventSynchronize of ") + name,
              [&](const cuda::Stream&) { return driver().cuEventSynchronize(handle); });
  }
}

TEST_P(CaptureProbes, CopiesOfPageableMemory) {
  const auto buffer = create_buffer();
  std::vector<std::uint32_t> pageable(buffer.count());
  note_both("pageable cuMemcpyHtoDAsync", [&](const cuda::Stream& stream) {
    return driver().cuMemcpyHtoDAsync(buffer.address(), pageable.data(), buffer.bytes(), stream.get());
  });
  note_both("pageable cuMemcpyDtoHAsync", [&](const cuda::Stream& stream) {
    return driver().cuMemcpyDtoHAsync(pageable.data(), buffer.address(), buffer.bytes(), stream.get());
  });
  note_both("cuMemcpy", [&](const cuda::Stream&) {
    return driver().cuMemcpy(host_address(pageable.data()), buffer.address(), buffer.bytes());
  });
}

TEST_P(CaptureProbes, StreamOrderedMemory) {
  note_both("cuMemAllocAsync and cuMemFreeAsync", [&](const cuda::Stream& stream) {
    CUdeviceptr memory = 0;
    const CUresult allocated = driver().cuMemAllocAsync(&memory, 4096, stream.get());
    if (allocated != CUDA_SUCCESS) return allocated;
    return driver().cuMemFreeAsync(memory, stream.get());
  });
  note_both("cuMemAllocAsync and cuMemFreeAsync on another stream", [&](const cuda::Stream&) {
    const auto other = create_stream();
    CUdeviceptr memory = 0;
    const CUresult allocated = driver().cuMemAllocAsync(&memory, 4096, other.get());
    if (allocated != CUDA_SUCCESS) return allocated;
    return driver().cuMemFreeAsync(memory, other.get());
  });
}

TEST_P(CaptureProbes, FreeingInStreamOrderOnAnotherStream) {
  const auto other = create_stream();
  for (const bool relaxed : {false, true}) {
    CUdeviceptr memory = 0;
    ASSERT_THAT(driver().cuMemAllocAsync(&memory, 4096, other.get()), is_ok());
    CUresult freed = CUDA_SUCCESS;
    const ProbedCall free = [&](const cuda::Stream&) { return freed = driver().cuMemFreeAsync(memory, other.get()); };
    const std::string name = "cuMemFreeAsync on another stream";
    relaxed ? note_in_relaxed_capture(name, free) : note_in_capture(name, free);
    if (freed != CUDA_SUCCESS) static_cast<void>(driver().cuMemFreeAsync(memory, other.get()));
  }
  EXPECT_THAT(synchronize(other), is_ok());
}

TEST_P(CaptureProbes, TheIdOfTheLegacyStream) {
  const auto blocking = create_stream(CU_STREAM_DEFAULT);
  unsigned long long id = 0;
  ASSERT_THAT(begin(blocking), is_ok());
  note("cuStreamGetId of the legacy stream, captured stream blocking", driver().cuStreamGetId(CU_STREAM_LEGACY, &id));
  note("the capture then", status(blocking.get()) == CU_STREAM_CAPTURE_STATUS_ACTIVE ? "active" : "invalidated");
  static_cast<void>(abandon(blocking));
}

TEST_P(CaptureProbes, AllocatingAndFreeing) {
  CUdeviceptr memory = 0;
  void* pinned = nullptr;
  for (const bool relaxed : {false, true}) {
    const auto ask = [&](const std::string& name, const ProbedCall& call) {
      relaxed ? note_in_relaxed_capture(name, call) : note_in_capture(name, call);
    };
    ASSERT_THAT(driver().cuMemAlloc(&memory, 4096), is_ok());
    ASSERT_THAT(driver().cuMemHostAlloc(&pinned, 4096, 0), is_ok());
    CUresult freed = CUDA_SUCCESS;
    ask("cuMemFree", [&](const cuda::Stream&) { return freed = driver().cuMemFree(memory); });
    if (freed != CUDA_SUCCESS) static_cast<void>(driver().cuMemFree(memory));
    ask("cuMemFreeHost", [&](const cuda::Stream&) { return freed = driver().cuMemFreeHost(pinned); });
    if (freed != CUDA_SUCCESS) static_cast<void>(driver().cuMemFreeHost(pinned));
    void* fresh = nullptr;
    ask("cuMemHostAlloc", [&](const cuda::Stream&) { return driver().cuMemHostAlloc(&fresh, 4096, 0); });
    if (fresh != nullptr) static_cast<void>(driver().cuMemFreeHost(fresh));
  }
}

TEST_P(CaptureProbes, MakingAndDestroyingHandles) {
  note_both("cuEventCreate and cuEventDestroy", [&](const cuda::Stream&) {
    CUevent event = nullptr;
    const CUresult created = driver().cuEventCreate(&event, CU_EVENT_DISABLE_TIMING);
    return created == CUDA_SUCCESS ? driver().cuEventDestroy(event) : created;
  });
  note_both("cuStreamCreate and cuStreamDestroy", [&](const cuda::Stream&) {
    CUstream stream = nullptr;
    const CUresult created = driver().cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING);
    return created == CUDA_SUCCESS ? driver().cuStreamDestroy(stream) : created;
  });
  note_both("cuDevicePrimaryCtxRetain and Release", [&](const cuda::Stream&) {
    CUcontext context = nullptr;
    const CUresult retained = driver().cuDevicePrimaryCtxRetain(&context, device());
    return retained == CUDA_SUCCESS ? driver().cuDevicePrimaryCtxRelease(device()) : retained;
  });
}

TEST_P(CaptureProbes, WaitingForOthers) {
  const auto other = create_stream();
  note_both("cuStreamSynchronize of another stream",
            [&](const cuda::Stream&) { return driver().cuStreamSynchronize(other.get()); });
  note_both("cuStreamQuery of another stream",
            [&](const cuda::Stream&) { return driver().cuStreamQuery(other.get()); });
  note_both("cuStreamQuery of the captured stream",
            [&](const cuda::Stream& stream) { return driver().cuStreamQuery(stream.get()); });
  note_both("cuStreamSynchronize of the captured stream",
            [&](const cuda::Stream& stream) { return driver().cuStreamSynchronize(stream.get()); });
  note_both("cuCtxSynchronize", [&](const cuda::Stream&) { return driver().cuCtxSynchronize(); });
  note_both("cuMemGetInfo", [&](const cuda::Stream&) {
    std::size_t free = 0;
    std::size_t total = 0;
    return driver().cuMemGetInfo(&free, &total);
  });
  note_both("cuCtxSetCurrent", [&](const cuda::Stream&) { return driver().cuCtxSetCurrent(primary()); });
}

TEST_P(CaptureProbes, GraphsInCaptures) {
  const auto buffer = create_buffer();
  const auto other = create_stream();
  const auto exec =
      capture(other, [&] { EXPECT_THAT(driver().cuMemsetD8Async(buffer.address(), 0, 4, other.get()), is_ok()); });
  ASSERT_THAT(begin(other), is_ok());
  const auto graph = end(other);
  note_both("cuGraphLaunch on the captured stream", [&](const cuda::Stream& stream) { return launch(exec, stream); });
  note_both("cuGraphLaunch on another stream", [&](const cuda::Stream&) { return launch(exec, other); });
  note_both("cuGraphInstantiateWithFlags and cuGraphExecDestroy", [&](const cuda::Stream&) {
    CUgraphExec made = nullptr;
    const CUresult result = driver().cuGraphInstantiateWithFlags(&made, graph.get(), 0);
    return result == CUDA_SUCCESS ? driver().cuGraphExecDestroy(made) : result;
  });
  EXPECT_THAT(synchronize(other), is_ok());
}

TEST_P(CaptureProbes, TheLegacyStreamAndOtherCaptures) {
  const auto buffer = create_buffer();
  note_both("kernel on the legacy stream, captured stream non-blocking", [&](const cuda::Stream&) {
    return kernels().fill_u32(CU_STREAM_LEGACY, buffer.address(), 7, buffer.count());
  });
  const auto blocking = create_stream(CU_STREAM_DEFAULT);
  ASSERT_THAT(begin(blocking), is_ok());
  note("kernel on the legacy stream, captured stream blocking",
       kernels().fill_u32(CU_STREAM_LEGACY, buffer.address(), 7, buffer.count()));
  note("that capture", status(blocking.get()) == CU_STREAM_CAPTURE_STATUS_ACTIVE ? "active" : "invalidated");
  note("its end", abandon(blocking));
  EXPECT_THAT(driver().cuCtxSynchronize(), is_ok());
}

TEST_P(CaptureProbes, BeginningAndEndingOddly) {
  const auto stream = create_stream();
  note("cuStreamEndCapture of a stream that is not captured", abandon(stream));
  note_in_capture("cuStreamBeginCapture again", [&](const cuda::Stream& captured) { return begin(captured); });
  note_in_capture("cuStreamEndCapture on another thread", [&](const cuda::Stream& captured) {
    CUresult answer = CUDA_SUCCESS;
    on_another_thread([&] {
      static_cast<void>(driver().cuCtxSetCurrent(primary()));
      answer = abandon(captured);
    });
    return answer;
  });
  auto unknown = static_cast<CUstreamCaptureMode>(3);
  note("cuThreadExchangeStreamCaptureMode of an unknown mode", driver().cuThreadExchangeStreamCaptureMode(&unknown));
}

TEST_P(CaptureProbes, EndsOfAHandleThatIsCaptured) {
  auto stream = create_stream();
  ASSERT_THAT(begin(stream), is_ok());
  note("cuStreamDestroy of a stream in capture", driver().cuStreamDestroy(stream.release()));
  auto partition = create_partition();
  const auto inside = create_stream_in(partition);
  // Relaxed: nobody can end this capture any more, and in another mode it would forbid calls to all tests that follow.
  ASSERT_THAT(begin(inside, CU_STREAM_CAPTURE_MODE_RELAXED), is_ok());
  note("cuGreenCtxDestroy with a stream in capture", driver().cuGreenCtxDestroy(partition.green.release()));
  note("cuStreamEndCapture on its stream", abandon(inside));
}

}  // namespace
}  // namespace etrt::conformance
