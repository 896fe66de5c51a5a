#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <cuda/driver.h>
#include <vgpu/observer.h>
#include <vgpu/order_report.h>

namespace etrt::vgpu {

/// How a virtual GPU is built. The defaults are this machine: one device, an SM per core this process may run on.
struct Config {
  int device_count = 1;
  int sm_count = 0;                ///< SMs per device; 0: one per core of the process's affinity mask
  int sm_partition_minimum = 1;    ///< smallest partition (a real H200: 8)
  int sm_partition_alignment = 1;  ///< partitions are multiples of this many SMs (a real H200: 8)
  std::size_t memory_bytes = 0;    ///< device memory per device; 0: half of the machine's memory
  bool check_order = false;        ///< run the order checker
};

/// A virtual GPU in this process: the CUDA driver API over worker threads and host memory. An SM is a CPU core; a
/// partition of k SMs runs its work on k cores. See docs/vgpu.md for the rules it keeps.
///
/// Threads: the table may be called from any thread, as CUDA's. The object must outlive every handle made through it
/// and every call in progress; its destructor waits for the work that is still enqueued.
class VirtualGpu {
 public:
  explicit VirtualGpu(const Config& config = {});
  ~VirtualGpu();
  VirtualGpu(const VirtualGpu&) = delete;
  VirtualGpu& operator=(const VirtualGpu&) = delete;

  const cuda::Driver& driver() const noexcept;

  /// Mistakes found by the order checker since construction or the last `take_order_reports`.
  std::vector<OrderReport> take_order_reports();

  /// Called for each new mistake, on the thread whose call showed it; replaces the previous one. Null: none.
  void on_order_report(std::function<void(const OrderReport&)> callback);

  /// Sees every operation as it finishes, on the worker thread that ran it; null: none. Set while no work is in flight.
  void set_observer(Observer* observer);

  /// The core that an SM of every device is.
  int core_of(unsigned sm) const;

  /// Device and pinned allocations not yet freed, for leak checks.
  std::size_t live_allocations() const;

  /// Streams, events, graphs, modules and green contexts not yet destroyed, for leak checks.
  std::size_t live_handles() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace etrt::vgpu
