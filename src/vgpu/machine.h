#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <vector>

#include <vgpu/capture.h>
#include <vgpu/context.h>
#include <vgpu/event.h>
#include <vgpu/execution.h>
#include <vgpu/graph.h>
#include <vgpu/memory_map.h>
#include <vgpu/module.h>
#include <vgpu/order_checker.h>
#include <vgpu/stream.h>
#include <vgpu/thread_state.h>
#include <vgpu/user_objects.h>
#include <vgpu/virtual_gpu.h>

namespace etrt::vgpu {

template <class Handle, class Object>
using Registry = std::unordered_map<Handle, std::shared_ptr<Object>>;

/// The state of one virtual GPU, and the scheduling of its streams. The entry points (table_*.cpp) work on it under
/// `mutex`; workers hold that only between operations.
/// Threads: everything is guarded by `mutex`, but what is immutable or atomic.
class Machine {
 public:
  explicit Machine(const Config& config);
  /// Waits for all work, those of destroyed streams too.
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Whether this is a forked child's copy: its workers, and whoever held a lock at the fork, exist in the parent
  /// alone.
  bool forked() const { return getpid() != process_; }

  // Streams and their work. The caller holds `mutex`.

  std::shared_ptr<Stream> make_stream(const std::shared_ptr<Context>& context, Stream::Role role, bool blocking);
  void close_stream(Stream& stream);
  /// Makes the stream's worker, once, before anything is put into it. Throws std::system_error where the system has no
  /// more threads.
  void start(const std::shared_ptr<Stream>& stream);
  /// Gives `operation` the next place in `stream`, which was started and is not capturing, and returns at once.
  void enqueue(const std::shared_ptr<Stream>& stream, std::unique_ptr<Operation> operation,
               std::span<const Access> accesses);
  /// After `close_stream`: a worker that has nothing left to run ends at once, and can then be joined.
  void wait_for_idle_worker(const Stream& stream, std::unique_lock<std::mutex>& lock);
  /// Joins workers that have ended; releases `lock` meanwhile.
  void join_ended_workers(std::unique_lock<std::mutex>& lock);
  /// The work of `context` so far; of its whole device when it is the primary one.
  std::vector<Point> points_of(const Context& context) const;
  /// What a host that waits for `points`, the work of `context`, will have seen; for the order checker.
  static VectorClock clock_of(const Context& context, const std::vector<Point>& points);
  static void wait(std::unique_lock<std::mutex>& lock, const Point& point);

  // Threads and contexts. The caller holds `mutex`.

  ThreadState& this_thread();
  void release_primary(Device& device, std::unique_lock<std::mutex>& lock);
  Device* device(CUdevice ordinal);

  // Memory. The caller holds `mutex`.

  void release_allocation(Allocation& allocation);

  /// Runs the callback for reports that it has not seen; releases `lock` for good.
  void deliver_reports(std::unique_lock<std::mutex>& lock);

  /// A copy of `label` that lives as long as the machine.
  std::string_view intern(std::string label) { return *labels.insert(std::move(label)).first; }

  std::size_t live_allocations() const;
  std::size_t live_handles() const;

  mutable std::mutex mutex;

  const Config config;
  const SmMap sms;
  const std::uint64_t instance;
  std::vector<std::unique_ptr<Device>> devices;  ///< immutable after construction; what they hold is guarded
  DeviceAddresses addresses;                     ///< immutable after construction
  std::atomic<Observer*> observer{nullptr};

  bool initialised = false;
  Registry<CUcontext, Context> contexts;  ///< primary and green
  Registry<CUgreenCtx, Context> green_contexts;
  Registry<CUstream, Stream> streams;
  Registry<CUevent, Event> events;
  Registry<CUmodule, Module> modules;
  Registry<CUfunction, Function> functions;
  UserObjects user_objects;  ///< outlive the graphs that keep them
  Registry<CUgraph, Graph> graphs;
  Registry<CUgraphExec, GraphExec> graph_execs;
  struct ResourceDescription {
    int device;
    bool coscheduled;  ///< as in SmSet
    std::vector<unsigned> sms;
  };
  std::unordered_map<CUdevResourceDesc, ResourceDescription> descriptions;  ///< CUDA: valid for the process's life
  std::uint64_t partitions_made = 0;

  MemoryMap memory;
  OperationPool operations;
  std::vector<std::shared_ptr<Capture>> captures;     ///< begun and not ended
  std::vector<std::shared_ptr<Stream>> open_streams;  ///< with work, or that may still get some
  std::unique_ptr<OrderChecker> checker;              ///< null: off
  std::shared_ptr<const std::function<void(const OrderReport&)>> on_report;
  std::set<std::string> labels;

  /// What went with its context instead of being freed by its owner; still counted by the leak checks.
  std::size_t abandoned_allocations = 0;
  std::size_t abandoned_handles = 0;

 private:
  void work(const std::shared_ptr<Stream>& stream);
  void order_after_context(Stream& stream, Operation& operation);
  void settle(Operation& operation);
  void leave_capture(Stream& stream);
  void forget_stream(Stream& stream);
  void close_streams_of_ended_threads();

  const pid_t process_ = getpid();
  std::vector<std::shared_ptr<ThreadState>> threads_;
  std::shared_ptr<ThreadState> late_thread_;  ///< for calls of threads that are past keeping a state
  std::vector<std::thread> ended_workers_;
  std::size_t running_workers_ = 0;
  std::condition_variable worker_ended_;
};

}  // namespace etrt::vgpu
