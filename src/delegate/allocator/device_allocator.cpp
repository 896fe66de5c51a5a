#include <algorithm>
#include <bit>
#include <utility>

#include <base/checked_math.h>
#include <base/format.h>
#include <base/try.h>
#include <cuda/alignment.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/relaxed_capture.h>
#include <cuda/waits.h>
#include <delegate/allocator/device_allocator.h>
#include <delegate/boundary.h>
#include <delegate/load/planned_memory.h>
#include <delegate/streams/caller_stream.h>
#include <memory/alignment.h>
#include <memory/stream_ordered_memory.h>
#include <process/process.h>

namespace etrt::delegate {
namespace {

namespace et = executorch::runtime;

/// The device that a program calls `index`.
Result<const cuda::Device*> device_of(int index) {
  if (index < 0) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("the program asks for CUDA device ", index, ": export it for device 0 or another"));
  }
  process::Devices& devices = process::Process::instance().devices();
  bool is_virtual = !devices.why_no_cuda().empty();
  if (const auto chosen = caller_stream_identity()) {
    if (!is_virtual) {
      // There are two providers: a stream that is not CUDA's is the virtual GPU's.
      const auto device = devices.open(base::concat("cuda:", chosen->device));
      is_virtual = !device.ok() || &(*device)->driver != chosen->driver;
    }
    // Exporters that know of one device call it 0.
    if (index == 0) index = chosen->device;
  }
  return devices.open(base::concat(is_virtual ? "virtual:" : "cuda:", index));
}

}  // namespace

/// Device memory that a loaded method plans. Ends when nothing but copies into it is in flight.
struct DeviceAllocator::Allocation {
  static Result<std::shared_ptr<Allocation>> create(memory::DeviceHeap& heap, std::size_t bytes, std::size_t alignment);
  Allocation(const cuda::Device& owner, std::size_t size) : device(owner), bytes(size) {}
  Allocation(const Allocation&) = delete;
  Allocation& operator=(const Allocation&) = delete;
  ~Allocation();

  const cuda::Device& device;
  std::byte* data = nullptr;  ///< aligned as asked
  std::size_t bytes;
  memory::StreamOrderedMemory planned;
  std::mutex mutex;  ///< of `last`
  LastCopy last;
};

/// From the stream-ordered allocator: unlike cuMemFree, unloading a program then stalls nobody else on the GPU.
Result<std::shared_ptr<DeviceAllocator::Allocation>> DeviceAllocator::Allocation::create(memory::DeviceHeap& heap,
                                                                                         std::size_t bytes,
                                                                                         std::size_t alignment) {
  const auto wanted =
      base::checked_add(std::max<std::size_t>(bytes, 1), alignment > cuda::kAllocationAlignment ? alignment : 0);
  if (!wanted) return Error(ErrorCode::kOutOfMemory, base::concat(bytes, " bytes are more than any device has"));
  const cuda::Device& device = heap.device();
  const cuda::Driver& driver = device.driver;
  // The primary context, whichever is current: an event of a green one would go with it.
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(driver, device.primary));
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(driver));
  auto allocation = std::make_shared<Allocation>(device, bytes);
  ETRT_TRY_ASSIGN(allocation->last.done, cuda::create_event(driver));
  ETRT_TRY_ASSIGN(allocation->planned, memory::StreamOrderedMemory::create_for_any_stream(heap, *wanted));
  const CUdeviceptr aligned = (allocation->planned.get() + alignment - 1) & ~CUdeviceptr{alignment - 1};
  allocation->data = reinterpret_cast<std::byte*>(aligned);
  return allocation;
}

DeviceAllocator::Allocation::~Allocation() {
  const cuda::Driver& driver = device.driver;
  const auto scope = cuda::CurrentContext::push(driver, device.primary);
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(driver);
  if (!relaxed) {
    planned.abandon();
    return;
  }
  const cuda::StreamRef stream = cuda::per_thread_stream();
  const bool is_ordered = last.stream_id == 0 ||
                          driver.cuStreamWaitEvent(stream.get(), last.done.get(), 0) == CUDA_SUCCESS ||
                          cuda::wait_for_event(device, last.done.get());
  if (!is_ordered) planned.abandon();
  planned.free_on(stream);
}

DeviceAllocator::DeviceAllocator(memory::Pools& pools) : pools_(pools) {}
DeviceAllocator::~DeviceAllocator() = default;

et::Result<void*> DeviceAllocator::allocate(std::size_t bytes, DeviceIndex index, std::size_t alignment) {
  return contained("allocate", [&]() -> et::Result<void*> {
    const auto allocated = try_allocate(bytes, index, alignment);
    if (!allocated.ok()) return told("allocate", allocated.error());
    return *allocated;
  });
}

Result<void*> DeviceAllocator::try_allocate(std::size_t bytes, DeviceIndex index, std::size_t alignment) {
  const std::string what = base::concat(bytes, " bytes that the program plans on CUDA device ", int{index});
  if (!std::has_single_bit(alignment)) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat(what, ": the alignment is ", alignment, ", must be a power of 2"));
  }
  // A method is loaded before its delegates are.
  refresh_executorch_caller_stream();
  auto device = device_of(index);
  if (!device.ok()) return std::move(device).error().within(what);
  auto allocation = Allocation::create(pools_.of(**device).planned(), bytes, alignment);
  if (!allocation.ok()) {
    const Error& error = allocation.error();
    const bool is_full = error.code() == ErrorCode::kOutOfMemory;
    // The remedy first: ExecuTorch's log cuts a line after 255 characters.
    return Error(error.code(), base::concat(what, ", ", (*device)->label, ": ",
                                            is_full ? "unload other programs, or export with smaller bounds: " : "",
                                            error.message()));
  }
  std::byte* const data = (*allocation)->data;
  note_planned_memory(index, **device);
  const std::lock_guard lock(mutex_);
  allocations_.emplace(data, std::move(allocation).value());
  return data;
}

void DeviceAllocator::deallocate(void* pointer, DeviceIndex index) {
  if (pointer == nullptr) return;
  static_cast<void>(contained("deallocate", [&]() -> et::Error {
    std::shared_ptr<Allocation> ended;
    {
      const std::lock_guard lock(mutex_);
      const auto found = allocations_.find(static_cast<const std::byte*>(pointer));
      if (found != allocations_.end()) {
        ended = std::move(found->second);
        allocations_.erase(found);
      }
    }
    if (ended != nullptr) return et::Error::Ok;
    return told("deallocate",
                Error(ErrorCode::kInvalidArgument,
                      base::concat("memory at ", pointer, " of CUDA device ", int{index},
                                   " was not allocated here, or was freed already: it is left as it is")));
  }));
}

et::Error DeviceAllocator::copy_host_to_device(void* target, const void* source, std::size_t bytes, DeviceIndex index) {
  return contained("copy_host_to_device", [&] {
    const Status copied = copy_in(target, source, bytes, index);
    return copied.ok() ? et::Error::Ok : told("copy_host_to_device", copied.error());
  });
}

et::Error DeviceAllocator::copy_device_to_host(void* target, const void* source, std::size_t bytes, DeviceIndex index) {
  return contained("copy_device_to_host", [&] {
    const Status copied = copy_out(target, source, bytes, index);
    return copied.ok() ? et::Error::Ok : told("copy_device_to_host", copied.error());
  });
}

/// An address of ours tells its device. Any other is the application's, on the device that the program names.
Result<DeviceAllocator::Place> DeviceAllocator::place(const void* pointer, std::size_t bytes, DeviceIndex index) {
  const auto* address = static_cast<const std::byte*>(pointer);
  {
    const std::lock_guard lock(mutex_);
    auto next = allocations_.upper_bound(address);
    if (next != allocations_.begin()) {
      const std::shared_ptr<Allocation>& allocation = std::prev(next)->second;
      const auto offset = static_cast<std::size_t>(address - allocation->data);
      if (offset < allocation->bytes) {
        if (base::range_fits(offset, bytes, allocation->bytes)) return Place{&allocation->device, allocation};
        return Error(ErrorCode::kInvalidArgument,
                     base::concat("a copy of ", bytes, " bytes at offset ", offset, " does not fit memory of ",
                                  allocation->bytes, " bytes"));
      }
    }
  }
  ETRT_TRY_ASSIGN(const cuda::Device* device, device_of(index));
  return Place{device, nullptr};
}

Status DeviceAllocator::copy_in(void* target, const void* source, std::size_t bytes, DeviceIndex index) {
  if (bytes == 0) return {};
  if (target == nullptr || source == nullptr) return Error(ErrorCode::kInvalidArgument, "a tensor has no memory");
  ETRT_TRY_ASSIGN(const Place to, place(target, bytes, index));
  const auto address = reinterpret_cast<CUdeviceptr>(target);
  if (to.allocation == nullptr) return copies(*to.device).to_device(address, source, bytes, nullptr);
  const std::lock_guard lock(to.allocation->mutex);
  return copies(*to.device).to_device(address, source, bytes, &to.allocation->last);
}

Status DeviceAllocator::copy_out(void* target, const void* source, std::size_t bytes, DeviceIndex index) {
  if (bytes == 0) return {};
  if (target == nullptr || source == nullptr) return Error(ErrorCode::kInvalidArgument, "a tensor has no memory");
  ETRT_TRY_ASSIGN(const Place from, place(source, bytes, index));
  return copies(*from.device).to_host(target, reinterpret_cast<CUdeviceptr>(source), bytes);
}

}  // namespace etrt::delegate
