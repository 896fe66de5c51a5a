#pragma once

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <span>

#include <engine/content.h>
#include <engine/loader.h>
#include <etrt/result.h>

namespace etrt::engine {

/// Shares one engine between all who hold the same bytes on the same device with the same options. It keeps no engine
/// alive: the last holder frees it.
/// Threads: safe. Two loads of the same bytes make one engine: the second waits for the first and shares what comes of
/// it, an error too. Other loads run side by side, and a failed one is tried again by the next that comes.
class EngineCache {
 public:
  Result<std::shared_ptr<Engine>> load(const Loader& loader, const cuda::Device& device,
                                       std::span<const std::byte> bytes, const EngineOptions& options);

  /// Bytes that were read to tell contents apart, samples left out.
  std::uint64_t hashed_bytes() const { return hashed_bytes_; }

 private:
  struct Key {
    const cuda::Driver* driver;
    int device;
    const Loader* loader;
    EngineOptions options;
    std::size_t size;
    std::uint64_t sample;

    auto operator<=>(const Key&) const = default;
  };
  using Loaded = Result<std::shared_ptr<Engine>>;

  /// An engine that is there or being loaded. Guarded by the cache's mutex.
  struct Entry {
    Content content;
    bool hash_was_tried = false;
    std::weak_ptr<Engine> engine = {};
    std::shared_future<Loaded> loading = {};  ///< valid until the load has ended
  };
  using Entries = std::multimap<Key, std::shared_ptr<Entry>>;
  class Load;

  Entries::iterator find(const Key& key, const Content& content);
  bool learn_hashes(std::unique_lock<std::mutex>& lock, const Key& key, Content& content,
                    std::span<const std::byte> bytes);
  Hash hash(std::span<const std::byte> bytes);

  const HashSeeds seeds_ = HashSeeds::draw();
  std::atomic<std::uint64_t> hashed_bytes_{0};
  std::mutex mutex_;
  Entries entries_;
};

}  // namespace etrt::engine
