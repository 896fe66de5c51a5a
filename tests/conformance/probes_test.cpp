// Probes of contexts, memory and handles. See probing.h. The one file of the tests that prints.
#include <cstdio>

#include <conformance/probing.h>

namespace etrt::conformance {

ETRT_ON_EVERY_PROVIDER(Probes);

void Probes::note(const std::string& name, const std::string& answer) {
  std::printf("PROBE %s = %s\n", name.c_str(), answer.c_str());
  RecordProperty(name, answer);
}

std::string Probes::name_of(CUcontext context, const Partition& partition) const {
  if (context == nullptr) return "none";
  if (context == primary()) return "the primary context";
  if (context == partition.context) return "the green context";
  return "another context";
}

std::string Probes::context_of(CUstream stream, const Partition& partition) const {
  CUcontext context = nullptr;
  const CUresult result = driver().cuStreamGetCtx(stream, &context);
  return result == CUDA_SUCCESS ? name_of(context, partition) : support::result_name(result);
}

namespace {

TEST_P(Probes, CallsWithNoContextCurrent) {
  const auto partition = create_partition();
  const auto buffer = create_buffer();
  const auto pinned = create_pinned();
  const auto event = create_event();
  const auto inside = create_stream_in(partition);
  const auto outside = create_stream();
  for (const auto& [name, stream] :
       {NamedStream{"a green stream", inside.get()}, {"an ordinary stream", outside.get()}}) {
    const std::string on = " on " + name;
    const CUstream handle = stream;
    note_without_context("cuLaunchKernel" + on,
                         [&] { return kernels().fill_u32(handle, buffer.address(), 7, buffer.count()); });
    note_without_context("cuEventRecord" + on, [&] { return driver().cuEventRecord(event.get(), handle); });
    note_without_context("cuStreamWaitEvent" + on, [&] { return driver().cuStreamWaitEvent(handle, event.get(), 0); });
    note_without_context("cuMemcpyDtoHAsync" + on, [&] {
      return driver().cuMemcpyDtoHAsync(pinned.data(), buffer.address(), buffer.bytes(), handle);
    });
    note_without_context("cuMemsetD8Async" + on,
                         [&] { return driver().cuMemsetD8Async(buffer.address(), 0, 4, handle); });
    note_without_context("cuStreamSynchronize" + on, [&] { return driver().cuStreamSynchronize(handle); });
    note_without_context("cuStreamQuery" + on, [&] { return driver().cuStreamQuery(handle); });
    note_without_context("cuLaunchHostFunc" + on, [&] {
      return driver().cuLaunchHostFunc(
          handle, [](void*) {}, nullptr);
    });
    note_without_context("cuMemAllocAsync and cuMemFreeAsync" + on, [&] {
      CUdeviceptr memory = 0;
      const CUresult allocated = driver().cuMemAllocAsync(&memory, 4096, handle);
      return allocated == CUDA_SUCCESS ? driver().cuMemFreeAsync(memory, handle) : allocated;
    });
    note_without_context("cuStreamGetCtx" + on, [&] {
      CUcontext context = nullptr;
      return driver().cuStreamGetCtx(handle, &context);
    });
  }
  note_without_context("cuEventQuery", [&] { return driver().cuEventQuery(event.get()); });
  note_without_context("cuEventSynchronize", [&] { return driver().cuEventSynchronize(event.get()); });
  note_without_context("cuPointerGetAttribute", [&] {
    unsigned type = 0;
    return driver().cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, buffer.address());
  });
}

TEST_P(Probes, FreeingWithNoContextCurrent) {
  CUdeviceptr memory = 0;
  void* pinned = nullptr;
  CUstream stream = nullptr;
  CUevent event = nullptr;
  ASSERT_THAT(driver().cuMemAlloc(&memory, 4096), is_ok());
  ASSERT_THAT(driver().cuMemHostAlloc(&pinned, 4096, 0), is_ok());
  ASSERT_THAT(driver().cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), is_ok());
  ASSERT_THAT(driver().cuEventCreate(&event, 0), is_ok());
  CUresult answers[4];
  on_another_thread([&] {
    answers[0] = driver().cuMemFree(memory);
    answers[1] = driver().cuMemFreeHost(pinned);
    answers[2] = driver().cuStreamDestroy(stream);
    answers[3] = driver().cuEventDestroy(event);
  });
  note("cuMemFree with no context current", answers[0]);
  note("cuMemFreeHost with no context current", answers[1]);
  note("cuStreamDestroy with no context current", answers[2]);
  note("cuEventDestroy with no context current", answers[3]);
  if (answers[0] != CUDA_SUCCESS) static_cast<void>(driver().cuMemFree(memory));
  if (answers[1] != CUDA_SUCCESS) static_cast<void>(driver().cuMemFreeHost(pinned));
  if (answers[2] != CUDA_SUCCESS) static_cast<void>(driver().cuStreamDestroy(stream));
  if (answers[3] != CUDA_SUCCESS) static_cast<void>(driver().cuEventDestroy(event));
}

TEST_P(Probes, ContextsOfMemory) {
  const auto partition = create_partition();
  const auto ask = [&](const std::string& name, CUdeviceptr address) {
    CUcontext context = nullptr;
    const CUresult result = driver().cuPointerGetAttribute(&context, CU_POINTER_ATTRIBUTE_CONTEXT, address);
    note("CU_POINTER_ATTRIBUTE_CONTEXT of " + name, support::result_name(result) + ", " + name_of(context, partition));
  };
  const auto stream = create_stream();
  const auto pinned = create_pinned();
  CUdeviceptr ordered = 0;
  ASSERT_THAT(driver().cuMemAllocAsync(&ordered, 4096, stream.get()), is_ok());
  ask("stream-ordered memory", ordered);
  ASSERT_THAT(driver().cuMemFreeAsync(ordered, stream.get()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  ask("pinned memory", pinned.address());
  const auto scope = enter(partition);
  const auto buffer_inside = create_buffer();
  const auto pinned_inside = create_pinned();
  ask("device memory allocated under green", buffer_inside.address());
  ask("pinned memory allocated under green", pinned_inside.address());
}

TEST_P(Probes, EdgesOfPointers) {
  const DeviceBuffer buffer(driver(), 250);
  std::size_t size = 0;
  unsigned type = 0;
  CUresult asked = driver().cuPointerGetAttribute(&size, CU_POINTER_ATTRIBUTE_RANGE_SIZE, buffer.address());
  note("RANGE_SIZE of 1000 bytes", support::result_name(asked) + ", " + std::to_string(size));
  note("MEMORY_TYPE one past 1000 bytes",
       driver().cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, buffer.address() + 1000));
  note("MEMORY_TYPE of null", driver().cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, 0));
  std::uint32_t pageable = 0;
  int ordinal = 12345;
  CUpointer_attribute attribute = CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL;
  void* answer = &ordinal;
  asked = driver().cuPointerGetAttributes(1, &attribute, &answer, host_address(&pageable));
  note("DEVICE_ORDINAL of a pageable pointer among many", support::result_name(asked) + ", " + std::to_string(ordinal));
  note("DEVICE_ORDINAL of a pageable pointer alone",
       driver().cuPointerGetAttribute(&ordinal, attribute, host_address(&pageable)));
}

TEST_P(Probes, FreeingAndAllocatingOddly) {
  const auto stream = create_stream();
  CUdeviceptr memory = 0;
  note("cuMemFree of 0", driver().cuMemFree(0));
  note("cuMemFreeAsync of 0", driver().cuMemFreeAsync(0, stream.get()));
  note("cuMemFreeHost of null", driver().cuMemFreeHost(nullptr));
  const CUresult nothing = driver().cuMemAllocAsync(&memory, 0, stream.get());
  note("cuMemAllocAsync of 0 bytes", nothing);
  if (nothing == CUDA_SUCCESS && memory != 0) static_cast<void>(driver().cuMemFreeAsync(memory, stream.get()));
  void* pinned = nullptr;
  const CUresult no_pinned = driver().cuMemHostAlloc(&pinned, 0, 0);
  note("cuMemHostAlloc of 0 bytes", no_pinned);
  if (no_pinned == CUDA_SUCCESS && pinned != nullptr) static_cast<void>(driver().cuMemFreeHost(pinned));

  ASSERT_THAT(driver().cuMemAllocAsync(&memory, 4096, stream.get()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  note("cuMemFree of stream-ordered memory", driver().cuMemFree(memory));
  ASSERT_THAT(driver().cuMemAlloc(&memory, 4096), is_ok());
  const CUresult in_order = driver().cuMemFreeAsync(memory, stream.get());
  note("cuMemFreeAsync of ordinary memory", in_order);
  if (in_order != CUDA_SUCCESS) static_cast<void>(driver().cuMemFree(memory));
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(Probes, FlagsOfEventsAndWaits) {
  const auto event = create_event();
  const auto stream = create_stream();
  note("cuStreamWaitEvent with flags 0x40", driver().cuStreamWaitEvent(stream.get(), event.get(), 0x40));
  note("cuStreamWaitEvent with CU_EVENT_WAIT_EXTERNAL outside a capture",
       driver().cuStreamWaitEvent(stream.get(), event.get(), CU_EVENT_WAIT_EXTERNAL));
  CUevent made = nullptr;
  const CUresult result = driver().cuEventCreate(&made, 0x4000);
  note("cuEventCreate with flags 0x4000", result);
  if (result == CUDA_SUCCESS) static_cast<void>(driver().cuEventDestroy(made));
}

TEST_P(Probes, NullHandles) {
  const auto stream = create_stream();
  note("cuModuleUnload of null", driver().cuModuleUnload(nullptr));
  note("cuGraphDestroy of null", driver().cuGraphDestroy(nullptr));
  note("cuGraphExecDestroy of null", driver().cuGraphExecDestroy(nullptr));
  note("cuGraphLaunch of null", driver().cuGraphLaunch(nullptr, stream.get()));
  note("cuLaunchKernel of null", driver().cuLaunchKernel(nullptr, 1, 1, 1, 1, 1, 1, 0, stream.get(), nullptr, nullptr));
  note("cuCtxPushCurrent of null", driver().cuCtxPushCurrent(nullptr));
  static_cast<void>(driver().cuCtxSetCurrent(primary()));
  note("cuStreamDestroy of the legacy stream", driver().cuStreamDestroy(CU_STREAM_LEGACY));
}

TEST_P(Probes, ImagesThatAreNone) {
  const auto load = [&](const std::string& name, const char* image) {
    CUmodule module = nullptr;
    const CUresult result = driver().cuModuleLoadData(&module, image);
    note("cuModuleLoadData of " + name, result);
    if (result == CUDA_SUCCESS) static_cast<void>(driver().cuModuleUnload(module));
  };
  alignas(16) static constexpr char kEmpty[64] = "";
  alignas(16) static constexpr char kText[64] = "neither a cubin, nor a fatbin, nor PTX";
  alignas(16) static constexpr char kWrongPtx[128] = ".version 7.0\n.target sm_70\n.address_size 64\nnonsense;\n";
  load("an empty text", kEmpty);
  load("any text", kText);
  load("wrong PTX", kWrongPtx);
}

TEST_P(Probes, CudaFromAHostFunction) {
  struct Call {
    const cuda::Driver* driver;
    CUevent event;
    CUresult answer;
  };
  const auto event = create_event();
  const auto stream = create_stream();
  Call call{&driver(), event.get(), CUDA_SUCCESS};
  const CUhostFn ask = [](void* data) {
    auto& call = *static_cast<Call*>(data);
    call.answer = call.driver->cuEventQuery(call.event);
  };
  ASSERT_THAT(driver().cuLaunchHostFunc(stream.get(), ask, &call), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  note("cuEventQuery from a host function", call.answer);
}

}  // namespace
}  // namespace etrt::conformance
