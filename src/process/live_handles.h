#pragma once

#include <memory/scratch_pool.h>
#include <mutex>
#include <vector>

#include <cuda/device.h>
#include <etrt/report.h>

namespace etrt::process {

/// A loaded program as the process knows it. The delegate's handles are such.
class LiveHandle {
 public:
  virtual ProgramReport report() = 0;
  virtual const cuda::Device& device() const = 0;

 protected:
  ~LiveHandle() = default;
};

/// The handles of this process, for the report. Threads: safe.
class LiveHandles {
 public:
  void add(LiveHandle& handle);
  void remove(const LiveHandle& handle) noexcept;

  /// Asks every handle. None can end meanwhile.
  Report report(memory::ScratchPool& scratch);

 private:
  std::mutex mutex_;
  std::vector<LiveHandle*> handles_;
};

}  // namespace etrt::process
