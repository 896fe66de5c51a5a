#pragma once

#include <atomic>

#include <delegate/abandoned.h>
#include <delegate/handle_list.h>
#include <delegate/partition_mix.h>
#include <engine/engine_cache.h>
#include <memory/pools.h>

namespace etrt::delegate {

/// What all handles of a process share. Never destroyed: handles may end after any static of ours.
/// Threads: safe.
struct Runtime {
  engine::EngineCache engines;
  PartitionMix partitions;
  memory::Pools pools;
  HandleList handles;
  Abandoned abandoned;
  std::atomic<bool> times_layers{false};

  static Runtime& instance();
};

}  // namespace etrt::delegate
