#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include <engine/engine_cache.h>
#include <engine/loaders.h>
#include <etrt/report.h>
#include <memory/pools.h>
#include <process/abandoned.h>
#include <process/devices.h>
#include <process/environment.h>
#include <process/live_handles.h>
#include <process/partition_mix.h>

namespace etrt::process {

/// What exists once a process: whatever two loaded programs share is a member here and nowhere else.
///
/// `instance` is for the edges, where others call into etrt: the public API, the backend, its handles as they are made,
/// ExecuTorch's allocator and the command line. Everything within is handed what it needs of it.
/// Threads: safe.
class Process {
 public:
  /// Never destroyed: a registered backend and the application's own statics may outlive any order of destruction.
  static Process& instance();

  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  Devices& devices() { return devices_; }
  engine::EngineCache& engines() { return engines_; }
  memory::Pools& memory() { return memory_; }
  Abandoned& abandoned() { return abandoned_; }
  PartitionMix& partitions() { return partitions_; }
  LiveHandles& handles() { return handles_; }

  /// The loaders of this build and those that were added. TensorRT's libraries are looked for where the environment
  /// says when this is first called.
  engine::Loaders& loaders();

  /// Waits for no call and no load.
  Report report();

  /// Whether engines measure their layers.
  bool times_layers() const { return times_layers_.load(std::memory_order_relaxed); }
  void time_layers(bool on) { times_layers_.store(on, std::memory_order_relaxed); }

 private:
  Process() = default;
  ~Process() = delete;

  Environment environment_;
  Devices devices_{environment_};
  std::once_flag loaders_made_;
  std::unique_ptr<engine::Loaders> loaders_;
  engine::EngineCache engines_;
  memory::Pools memory_;
  Abandoned abandoned_;
  PartitionMix partitions_;
  LiveHandles handles_;
  std::atomic<bool> times_layers_{false};
};

}  // namespace etrt::process
