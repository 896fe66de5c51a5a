#include <cstring>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <delegate/in_flight.h>
#include <delegate/staged_copies.h>

namespace etrt::delegate {
namespace {

/// The program says "host" of this memory, and nobody has checked.
Status check_on_host(const cuda::Driver& driver, const void* pointer) {
  unsigned type = 0;
  CUpointer_attribute attribute = CU_POINTER_ATTRIBUTE_MEMORY_TYPE;
  void* value = &type;
  const auto address = reinterpret_cast<CUdeviceptr>(pointer);
  ETRT_TRY(
      cuda::check(driver, driver.cuPointerGetAttributes(1, &attribute, &value, address), "cuPointerGetAttributes"));
  if (type != CU_MEMORYTYPE_DEVICE) return {};
  return Error(ErrorCode::kInvalidArgument,
               base::concat("a copy between host and device was given device memory at ", pointer,
                            " for its host side: give the program host memory there, or export it without the copy"));
}

Status check_not_in_capture(const SelectedStream& selected) {
  if (!selected.in_capture) return {};
  return Error(ErrorCode::kInvalidState,
               "the stream is being captured and the program copies between host and device, which is staged anew at "
               "every call: capture a program whose inputs and outputs are on the device");
}

}  // namespace

Result<SelectedStream> StagedCopies::select(const void* host) const {
  ETRT_TRY_ASSIGN(const SelectedStream selected, select_stream(device_));
  ETRT_TRY(check_on_host(device_.driver, host));
  ETRT_TRY(check_not_in_capture(selected));
  return selected;
}

Status StagedCopies::to_device(CUdeviceptr target, const void* source, std::size_t bytes, LastCopy* last) {
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(device_.driver, device_.ordinal, device_.primary));
  ETRT_TRY_ASSIGN(const SelectedStream selected, select(source));
  ETRT_TRY_ASSIGN(memory::PinnedPool::Block block, to_device_.lend(bytes));
  std::memcpy(block.data(), source, bytes);

  InFlight in_flight(device_.driver, selected.stream);
  in_flight.begin();
  ETRT_TRY(enqueue_to_device(selected, target, block.data(), bytes, last));
  if (!selected.chosen_by_caller) {
    ETRT_TRY(in_flight.wait());
    if (last != nullptr) last->stream_id = 0;
    return {};
  }
  ETRT_TRY(block.release_after(selected.stream));
  if (last != nullptr) {
    ETRT_TRY(in_flight.record(last->done.get()));
    last->stream_id = selected.id;
  }
  in_flight.leave();
  return {};
}

Status StagedCopies::enqueue_to_device(const SelectedStream& selected, CUdeviceptr target, const std::byte* staged,
                                       std::size_t bytes, const LastCopy* last) const {
  const cuda::Driver& driver = device_.driver;
  if (last != nullptr && last->stream_id != 0 && last->stream_id != selected.id) {
    ETRT_TRY(
        cuda::check(driver, driver.cuStreamWaitEvent(selected.stream.get(), last->done.get(), 0), "cuStreamWaitEvent"));
  }
  return cuda::check(driver, driver.cuMemcpyHtoDAsync(target, staged, bytes, selected.stream.get()),
                     "cuMemcpyHtoDAsync");
}

Status StagedCopies::to_host(void* target, CUdeviceptr source, std::size_t bytes) {
  const cuda::Driver& driver = device_.driver;
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(driver, device_.ordinal, device_.primary));
  ETRT_TRY_ASSIGN(const SelectedStream selected, select(target));
  ETRT_TRY_ASSIGN(const memory::PinnedPool::Block block, to_host_.lend(bytes));

  InFlight in_flight(driver, selected.stream);
  in_flight.begin();
  ETRT_TRY(cuda::check(driver, driver.cuMemcpyDtoHAsync(block.data(), source, bytes, selected.stream.get()),
                       "cuMemcpyDtoHAsync"));
  ETRT_TRY(in_flight.wait());
  std::memcpy(target, block.data(), bytes);
  return {};
}

}  // namespace etrt::delegate
