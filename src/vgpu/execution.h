#pragma once

#include <cstdint>
#include <vector>

#include <vgpu/arena.h>
#include <vgpu/observer.h>
#include <vgpu/operation.h>

namespace etrt::vgpu {

/// Where workers find device memory.
/// Threads: immutable.
class DeviceAddresses {
 public:
  void add(const Arena& arena) { arenas_.push_back(&arena); }

  /// Whether `address` is one of a device, allocated or not.
  bool is_device(std::uint64_t address) const { return arena_of(address) != nullptr; }

  /// Where the byte at `address` is; host addresses are themselves.
  void* view(std::uint64_t address) const {
    const Arena* arena = arena_of(address);
    return arena != nullptr ? arena->view(address) : reinterpret_cast<void*>(address);
  }

 private:
  const Arena* arena_of(std::uint64_t address) const {
    for (const Arena* arena : arenas_) {
      if (arena->contains(address)) return arena;
    }
    return nullptr;
  }

  std::vector<const Arena*> arenas_;
};

/// The worker that runs an operation.
struct Site {
  const DeviceAddresses& addresses;
  Observer* observer;
  std::uint64_t stream_id;
  int device;
};

std::int64_t now_ns();

/// Runs what `operation` does, on the calling thread, confined to its partition already.
void execute(const Operation& operation, const Site& site);

/// Tells the observer, if there is one. `start_ns` is when the worker came to the operation.
void observe(const Operation& operation, const Site& site, std::int64_t start_ns);

}  // namespace etrt::vgpu
