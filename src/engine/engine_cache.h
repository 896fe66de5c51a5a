#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <tuple>

#include <engine/loader.h>
#include <etrt/result.h>

namespace etrt::engine {

/// Shares one engine between all who hold the same bytes on the same device with the same options. It keeps no engine
/// alive: the last holder frees it.
/// Threads: safe. Loading holds a lock, so that two loads of the same bytes make one engine.
class EngineCache {
 public:
  EngineCache();

  Result<std::shared_ptr<Engine>> load(const Loader& loader, const cuda::Device& device,
                                       std::span<const std::byte> bytes, const EngineOptions& options);

 private:
  struct Key {
    const cuda::Driver* driver;
    int device;
    const Loader* loader;
    EngineOptions options;
    std::size_t size;
    std::uint64_t hash_a;
    std::uint64_t hash_b;

    auto operator<=>(const Key&) const = default;
  };

  Key key(const Loader& loader, const cuda::Device& device, std::span<const std::byte> bytes,
          const EngineOptions& options) const;

  /// Seeds drawn per process, so that no file can be made to collide with another.
  std::uint64_t seed_a_;
  std::uint64_t seed_b_;
  std::mutex mutex_;
  std::map<Key, std::weak_ptr<Engine>> engines_;
};

}  // namespace etrt::engine
