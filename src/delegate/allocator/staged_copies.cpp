#include <cstring>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/pointer_facts.h>
#include <cuda/waits.h>
#include <delegate/allocator/staged_copies.h>
#include <memory/copies.h>

namespace etrt::delegate {
namespace {

/// The program says "host" of this memory, and nobody has checked.
Status check_on_host(const cuda::Driver& driver, const void* pointer) {
  ETRT_TRY_ASSIGN(const cuda::PointerFacts facts, cuda::query_pointer(driver, pointer));
  if (facts.memory_type != CU_MEMORYTYPE_DEVICE) return {};
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
  ETRT_TRY_ASSIGN(memory::PinnedPool::Block block, pools_.pinned().lend(bytes));
  std::memcpy(block.data(), source, bytes);
  Status copied = enqueue_to_device(selected, target, block, bytes, last);
  if (copied.ok() && !selected.chosen_by_caller) {
    copied = cuda::synchronize(device_.driver, selected.stream);
    if (copied.ok() && last != nullptr) last->stream_id = 0;
  }
  if (!copied.ok()) settle(selected.stream, block);
  return copied;
}

Status StagedCopies::enqueue_to_device(const SelectedStream& selected, CUdeviceptr target,
                                       memory::PinnedPool::Block& block, std::size_t bytes, LastCopy* last) const {
  const cuda::Driver& driver = device_.driver;
  const cuda::StreamRef stream = selected.stream;
  if (last != nullptr && last->stream_id != 0 && last->stream_id != selected.id) {
    ETRT_TRY(cuda::check(driver, driver.cuStreamWaitEvent(stream.get(), last->done.get(), 0), "cuStreamWaitEvent"));
  }
  ETRT_TRY(memory::copy_to_device(driver, target, block.data(), bytes, stream));
  if (!selected.chosen_by_caller) return {};
  ETRT_TRY(block.release_after(stream));
  if (last == nullptr) return {};
  ETRT_TRY(cuda::check(driver, driver.cuEventRecord(last->done.get(), stream.get()), "cuEventRecord"));
  last->stream_id = selected.id;
  return {};
}

Status StagedCopies::to_host(void* target, CUdeviceptr source, std::size_t bytes) {
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(device_.driver, device_.ordinal, device_.primary));
  ETRT_TRY_ASSIGN(const SelectedStream selected, select(target));
  ETRT_TRY_ASSIGN(memory::PinnedPool::Block block, pools_.pinned().lend(bytes));
  Status copied = memory::copy_to_host(device_.driver, block.data(), source, bytes, selected.stream);
  if (copied.ok()) copied = cuda::synchronize(device_.driver, selected.stream);
  if (copied.ok()) {
    std::memcpy(target, block.data(), bytes);
  } else {
    settle(selected.stream, block);
  }
  return copied;
}

/// After a failure: nothing may be in flight when the call returns, since the caller knows of nothing.
void StagedCopies::settle(cuda::StreamRef stream, memory::PinnedPool::Block& block) const {
  if (!cuda::wait_for_stream(device_, stream)) block.abandon();
}

}  // namespace etrt::delegate
