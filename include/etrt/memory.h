#pragma once

#include <cstddef>
#include <memory>

#include <etrt/cuda_handles.h>
#include <etrt/device.h>
#include <etrt/export.h>
#include <etrt/result.h>

namespace etrt {

/// Where etrt takes memory from on one device: an application's own allocator, such as a pool that it shares with other
/// libraries. It serves staging, scratch memory, the memory of graphs, what programs plan on the device, and pinned
/// host memory for copies; weights are the engine's own.
///
/// Sizes are in bytes and never 0. What is given back is what was given, whole, once, with the size that was asked for.
/// A context of the device is current during a call, and the thread is in CUDA's relaxed capture mode, so that
/// cudaMalloc and the like disturb no capture. A call comes from any thread, at steady state never, and may come while
/// etrt holds locks: it must not call into etrt or ExecuTorch.
/// Threads: must be safe. Nothing may be thrown: failures are null and false.
class ETRT_API MemorySource {
 public:
  virtual ~MemorySource();

  /// Device memory, aligned to 256 bytes at least, for work that is enqueued on `stream` after this call and for
  /// whatever is ordered after that (as cudaMallocAsync; RMM: device_memory_resource::allocate). Null: there is none.
  virtual void* allocate_device(std::size_t bytes, cudaStream_t stream) noexcept = 0;

  /// Takes device memory back behind all work enqueued on `stream` so far: work there may use it again, other streams
  /// only once they are ordered behind this point. The stream may be another than that of the allocation. False: it is
  /// not taken back, and still etrt's; it is offered again when a program is unloaded.
  virtual bool deallocate_device(void* memory, std::size_t bytes, cudaStream_t stream) noexcept = 0;

  /// Page-locked host memory that the device can read and write (as cudaHostAlloc). Null: there is none.
  virtual void* allocate_pinned(std::size_t bytes) noexcept = 0;

  /// Takes page-locked memory back, which nothing uses any more. False: as for device memory.
  virtual bool deallocate_pinned(void* memory, std::size_t bytes) noexcept = 0;
};

/// Has etrt take its memory on `device` from `source`, for the rest of the process; the default is the driver
/// (cuMemAllocAsync, cuMemHostAlloc). Call it before the first program is loaded there. `source` is kept until the
/// process ends.
///
/// Errors: `kInvalidState` once memory of the device was used, or another source was given; `kInvalidArgument` for
/// null. Threads: safe.
ETRT_API Status set_memory_source(const Device& device, std::shared_ptr<MemorySource> source);

}  // namespace etrt
