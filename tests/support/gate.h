#pragma once

#include <memory>

#include <support/kernel_library.h>

namespace etrt::support {

/// Closes gates on the streams of one provider. Must outlive the work of every stream it closed.
/// Threads: safe.
class GateKeeper {
 public:
  /// One closed gate.
  class Lock {
   public:
    virtual ~Lock() = default;
    virtual void open() = 0;
    virtual bool reached() const = 0;  ///< the stream stands at the gate, or has passed it
    virtual bool expired() const = 0;  ///< the stream gave up waiting
  };

  virtual ~GateKeeper() = default;
  virtual CUresult close(CUstream stream, std::shared_ptr<Lock>& lock) = 0;
};

/// Gates made of host functions that block on a condition variable. For providers that give each stream a thread of its
/// own for host functions: the virtual GPU.
std::unique_ptr<GateKeeper> create_host_gates(const cuda::Driver& driver);

/// Gates made of one-thread kernels that wait for a flag in pinned memory. For CUDA, where host functions of all
/// streams share a thread, so that a blocked one would hold up streams that no gate closes. A context must be current,
/// here and when the keeper is destroyed. `kernels` must outlive the keeper.
Result<std::unique_ptr<GateKeeper>> create_kernel_gates(const cuda::Driver& driver, const KernelLibrary& kernels);

/// Freezes a stream at a point: work enqueued before runs, work enqueued after waits until the gate is opened.
/// Opens at the latest when it is destroyed, so that a failed test does not hang; and no stream waits longer than a few
/// seconds, a test in which that happens fails. While a gate is closed make no call that waits for the whole device: on
/// CUDA these are cuMemAlloc, cuMemFree, cuMemHostAlloc, cuMemFreeHost, cuModuleLoadData and large pageable copies. So
/// declare gates after buffers and modules.
/// Threads: may be opened by any thread.
class Gate {
 public:
  Gate(GateKeeper& keeper, CUstream stream);
  Gate(Gate&&) = default;
  ~Gate();

  void open();

  /// Waits until the stream stands at the gate: everything enqueued before has run.
  void wait_until_reached() const;

 private:
  std::shared_ptr<GateKeeper::Lock> lock_;
};

}  // namespace etrt::support
