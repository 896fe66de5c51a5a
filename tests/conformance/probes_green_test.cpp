// Probes of green contexts and their streams. See probing.h.
#include <array>
#include <memory>
#include <set>

#include <conformance/probing.h>

namespace etrt::conformance {
namespace {

const std::array<NamedStream, 3> kSpecialStreams = {{
    {"null stream", nullptr},
    {"legacy stream", CU_STREAM_LEGACY},
    {"per-thread stream", CU_STREAM_PER_THREAD},
}};

TEST_P(Probes, ContextOfAGreenStream) {
  const auto partition = create_partition();
  const auto inside = create_stream_in(partition);
  const auto outside = create_stream();
  note("cuStreamGetCtx of a green stream, primary current", context_of(inside.get(), partition));
  {
    const auto scope = enter(partition);
    note("cuStreamGetCtx of a green stream, green current", context_of(inside.get(), partition));
    note("cuStreamGetCtx of an ordinary stream, green current", context_of(outside.get(), partition));
    const auto made_here = create_stream();
    note("cuStreamGetCtx of a stream made with green current", context_of(made_here.get(), partition));
  }
  if (!driver().cuStreamGetDevice) return;
  CUdevice found = -1;
  const CUresult result = driver().cuStreamGetDevice(inside.get(), &found);
  note("cuStreamGetDevice of a green stream", support::result_name(result) + ", device " + std::to_string(found));
}

TEST_P(Probes, SpecialStreamsUnderAGreenContext) {
  const auto partition = create_partition();
  const auto buffer = create_buffer();
  const auto event = create_event();
  const auto scope = enter(partition);
  for (const auto& [name, stream] : kSpecialStreams) {
    unsigned long long id = 0;
    CUgreenCtx green = nullptr;
    CUdevice found = -1;
    auto status = CU_STREAM_CAPTURE_STATUS_NONE;
    const std::string of = " of the " + name + ", green current";
    note("cuStreamGetId" + of, driver().cuStreamGetId(stream, &id));
    note("cuStreamGetCtx" + of, context_of(stream, partition));
    const CUresult asked = driver().cuStreamGetGreenCtx(stream, &green);
    note("cuStreamGetGreenCtx" + of,
         support::result_name(asked) + (green == partition.green.get() ? ", the green context"
                                        : green == nullptr             ? ", none"
                                                                       : ", another"));
    if (driver().cuStreamGetDevice) note("cuStreamGetDevice" + of, driver().cuStreamGetDevice(stream, &found));
    note("cuStreamIsCapturing" + of, driver().cuStreamIsCapturing(stream, &status));
    note("cuEventRecord" + of, driver().cuEventRecord(event.get(), stream));
    note("cuStreamWaitEvent" + of, driver().cuStreamWaitEvent(stream, event.get(), 0));
    note("cuMemsetD8Async" + of, driver().cuMemsetD8Async(buffer.address(), 0, 4, stream));
    note("cuStreamQuery" + of, driver().cuStreamQuery(stream));
    note("cuStreamSynchronize" + of, driver().cuStreamSynchronize(stream));
  }
}

TEST_P(Probes, IdsOfSpecialStreams) {
  const auto partition = create_partition();
  for (const auto& [name, stream] : kSpecialStreams) {
    unsigned long long before = 0;
    unsigned long long under_green = 0;
    unsigned long long elsewhere = 0;
    note("cuStreamGetId of the " + name, driver().cuStreamGetId(stream, &before));
    note("id of the " + name, std::to_string(before));
    {
      const auto scope = enter(partition);
      static_cast<void>(driver().cuStreamGetId(stream, &under_green));
    }
    note("id of the " + name + ", green current", std::to_string(under_green));
    on_another_thread([&, handle = stream] {
      static_cast<void>(driver().cuCtxSetCurrent(primary()));
      static_cast<void>(driver().cuStreamGetId(handle, &elsewhere));
    });
    note("id of the " + name + " on another thread", std::to_string(elsewhere));
    note_without_context("cuStreamGetId of the " + name, [&, handle = stream] {
      unsigned long long id = 0;
      return driver().cuStreamGetId(handle, &id);
    });
  }
}

TEST_P(Probes, TheLegacyStreamUnderAGreenContextIsConfined) {
  const auto out = create_pinned(1024);
  const auto partition = create_partition();
  const auto scope = enter(partition);
  note("kernel on the legacy stream, green current",
       kernels().record_sm(CU_STREAM_LEGACY, out.address(), out.count(), microseconds(50)));
  note("cuCtxSynchronize, green current", driver().cuCtxSynchronize());
  const std::set<std::uint32_t> used(out.values().begin(), out.values().end());
  note("SMs used by the legacy stream, green current",
       std::to_string(used.size()) + " of a partition of " + std::to_string(partition.sm_count));
}

TEST_P(Probes, HandlesOfAGreenContext) {
  const auto partition = create_partition();
  CUcontext again = nullptr;
  CUdevice found = -1;
  note("cuCtxFromGreenCtx again", driver().cuCtxFromGreenCtx(&again, partition.green.get()));
  note("cuCtxFromGreenCtx twice", again == partition.context ? "the same handle" : "another handle");
  const auto scope = enter(partition);
  note("cuCtxGetCurrent, green current", name_of(current(), partition));
  const CUresult asked = driver().cuCtxGetDevice(&found);
  note("cuCtxGetDevice, green current", support::result_name(asked) + ", device " + std::to_string(found));
  std::size_t free = 0;
  std::size_t total = 0;
  note("cuMemGetInfo, green current", driver().cuMemGetInfo(&free, &total));
}

TEST_P(Probes, MakingAGreenContext) {
  CUdevResource all{};
  ASSERT_THAT(driver().cuDeviceGetDevResource(device(), &all, CU_DEV_RESOURCE_TYPE_SM), is_ok());
  note("minSmPartitionSize of the device", std::to_string(all.sm.minSmPartitionSize));
  note("smCoscheduledAlignment of the device", std::to_string(all.sm.smCoscheduledAlignment));
  const auto split = [&](const std::string& name, unsigned groups, unsigned least) {
    std::vector<CUdevResource> made(groups);
    CUdevResource rest{};
    unsigned count = groups;
    const CUresult result = driver().cuDevSmResourceSplitByCount(made.data(), &count, &all, &rest, 0, least);
    note("split " + name, support::result_name(result) + ", " + std::to_string(count) + " groups of " +
                              std::to_string(made[0].sm.smCount) + ", rest of type " + std::to_string(rest.type) +
                              " with " + std::to_string(rest.sm.smCount));
  };
  split("one group of 0", 1, 0);
  split("one group of 1", 1, 1);
  split("one group of the whole device", 1, all.sm.smCount);
  split("one group of more than the device", 1, all.sm.smCount + 1);
  split("1000 groups of 1", 1000, 1);

  CUdevResourceDesc description = nullptr;
  note("cuDevResourceGenerateDesc of the whole device", driver().cuDevResourceGenerateDesc(&description, &all, 1));
  CUgreenCtx green = nullptr;
  const CUresult without_flag = driver().cuGreenCtxCreate(&green, description, device(), 0);
  note("cuGreenCtxCreate without CU_GREEN_CTX_DEFAULT_STREAM", without_flag);
  if (without_flag == CUDA_SUCCESS) static_cast<void>(driver().cuGreenCtxDestroy(green));
}

TEST_P(Probes, EventsAcrossContexts) {
  const auto partition = create_partition();
  const auto outside = create_stream();
  const auto inside = create_stream_in(partition);
  const auto scope = enter(partition);
  const auto event = create_event();
  note("cuEventRecord of an event made under green on a primary stream",
       driver().cuEventRecord(event.get(), outside.get()));
  note("cuEventRecord of an event made under green on a green stream",
       driver().cuEventRecord(event.get(), inside.get()));
  note("cuStreamWaitEvent of it on a primary stream", driver().cuStreamWaitEvent(outside.get(), event.get(), 0));
  EXPECT_THAT(synchronize(inside), is_ok());
  EXPECT_THAT(synchronize(outside), is_ok());
}

TEST_P(Probes, DestroyingAGreenContextWithWorkOnItsStream) {
  const auto out = create_pinned();
  const auto event = create_event();
  auto partition = create_partition();
  const auto stream = create_stream_in(partition);
  auto gate = close_gate(stream.get());
  ASSERT_THAT(kernels().fill_u32(stream.get(), out.address(), 7, out.count()), is_ok());
  ASSERT_THAT(driver().cuEventRecord(event.get(), stream.get()), is_ok());
  gate.wait_until_reached();
  // The gate is opened first: the call may wait for the work.
  gate.open();
  note("cuGreenCtxDestroy with work on a stream", driver().cuGreenCtxDestroy(partition.green.release()));
  note("cuEventSynchronize of an event recorded there", driver().cuEventSynchronize(event.get()));
  note("the work of the stream", out[0] == 7 ? "has run" : "has not run");
  note("cuStreamQuery of a stream of a destroyed green context", driver().cuStreamQuery(stream.get()));
  note("cuEventRecord on a stream of a destroyed green context", driver().cuEventRecord(event.get(), stream.get()));
  note("cuStreamSynchronize of a stream of a destroyed green context", driver().cuStreamSynchronize(stream.get()));
}

TEST_P(Probes, AContextDestroyedWhileItIsCurrent) {
  const auto stream = create_stream();
  const auto event = create_event();
  auto held = std::make_unique<DeviceBuffer>(create_buffer());
  CUcontext gone = nullptr;
  {
    auto partition = create_partition();
    gone = partition.context;
    ASSERT_THAT(driver().cuCtxSetCurrent(gone), is_ok());
  }
  const std::string then = ", with the current context destroyed";
  CUcontext context = nullptr;
  CUdevice found = -1;
  CUdeviceptr memory = 0;
  const CUresult asked = driver().cuCtxGetCurrent(&context);
  note("cuCtxGetCurrent" + then, support::result_name(asked) + (context == gone      ? ", the destroyed one"
                                                                : context == nullptr ? ", none"
                                                                                     : ", another"));
  note("cuCtxGetDevice" + then, driver().cuCtxGetDevice(&found));
  note("cuMemAlloc" + then, driver().cuMemAlloc(&memory, 4096));
  note("cuCtxSynchronize" + then, driver().cuCtxSynchronize());
  note("cuMemsetD8Async on an ordinary stream" + then, driver().cuMemsetD8Async(held->address(), 0, 4, stream.get()));
  note("cuEventRecord on an ordinary stream" + then, driver().cuEventRecord(event.get(), stream.get()));
  note("cuStreamSynchronize of an ordinary stream" + then, driver().cuStreamSynchronize(stream.get()));
  note("cuMemsetD8Async on the per-thread stream" + then,
       driver().cuMemsetD8Async(held->address(), 0, 4, CU_STREAM_PER_THREAD));
  note("cuMemFree" + then, driver().cuMemFree(memory));
  ASSERT_THAT(driver().cuCtxPushCurrent(primary()), is_ok());
  note("cuCtxPopCurrent back to it" + then, driver().cuCtxPopCurrent(&context));
  ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
}

}  // namespace
}  // namespace etrt::conformance
