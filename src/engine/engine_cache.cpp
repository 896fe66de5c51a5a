#include <utility>
#include <vector>

#include <engine/engine_cache.h>

namespace etrt::engine {

/// A load that others may wait for. However it ends, nobody waits for ever and nothing that failed stays.
class EngineCache::Load {
 public:
  /// With the cache's mutex held.
  Load(EngineCache& cache, const Key& key, Content content)
      : cache_(cache), entry_(std::make_shared<Entry>(Entry{std::move(content)})) {
    entry_->loading = promise_.get_future().share();
    place_ = cache_.entries_.emplace(key, entry_);
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// Without the mutex. An exception of the loader is given to those who wait too.
  Loaded run(const Loader& loader, const cuda::Device& device, std::span<const std::byte> bytes,
             const EngineOptions& options) {
    try {
      auto made = loader.load(device, bytes, options);
      Loaded loaded =
          made.ok() ? Loaded(std::shared_ptr<Engine>(std::move(made).value())) : Loaded(std::move(made).error());
      end(loaded.ok() ? *loaded : nullptr);
      promise_.set_value(loaded);
      return loaded;
    } catch (...) {
      end(nullptr);
      promise_.set_exception(std::current_exception());
      throw;
    }
  }

 private:
  void end(const std::shared_ptr<Engine>& engine) noexcept {
    const std::lock_guard lock(cache_.mutex_);
    if (!entry_->loading.valid()) return;
    entry_->engine = engine;
    entry_->loading = {};
    if (engine == nullptr) cache_.entries_.erase(place_);
  }

  EngineCache& cache_;
  std::promise<Loaded> promise_;
  std::shared_ptr<Entry> entry_;
  Entries::iterator place_;
};

Hash EngineCache::hash(std::span<const std::byte> bytes) {
  hashed_bytes_ += bytes.size();
  return hash_of(bytes, seeds_);
}

EngineCache::Entries::iterator EngineCache::find(const Key& key, const Content& content) {
  const auto [first, last] = entries_.equal_range(key);
  for (auto at = first; at != last; ++at) {
    const Content& known = at->second->content;
    const bool same_file = known.file && content.file && known.file->is_same(*content.file);
    if (same_file || (known.hash && known.hash == content.hash)) return at;
  }
  return entries_.end();
}

/// Reads what has to be read to tell `content` from the entries of its key, without the lock. False when there was
/// nothing to learn.
bool EngineCache::learn_hashes(std::unique_lock<std::mutex>& lock, const Key& key, Content& content,
                               std::span<const std::byte> bytes) {
  const auto [first, last] = entries_.equal_range(key);
  std::vector<std::shared_ptr<Entry>> unknown;
  for (auto at = first; at != last; ++at) {
    if (!at->second->content.hash && !at->second->hash_was_tried) unknown.push_back(at->second);
  }
  const bool is_alone = first == last;
  if (is_alone || (content.hash && unknown.empty())) return false;
  lock.unlock();
  if (!content.hash) content.hash = hash(bytes);
  for (const auto& entry : unknown) {
    const auto mapping = FileMapping::create(*entry->content.file);
    const auto learnt = mapping ? std::optional(hash(mapping->bytes())) : std::nullopt;
    const std::lock_guard held(mutex_);
    entry->content.hash = learnt;
    entry->hash_was_tried = true;
  }
  lock.lock();
  return true;
}

Result<std::shared_ptr<Engine>> EngineCache::load(const Loader& loader, const cuda::Device& device,
                                                  std::span<const std::byte> bytes, const EngineOptions& options) {
  const Key key{&device.driver, device.ordinal, &loader, options, bytes.size(), sample_of(bytes, seeds_)};
  Content content{FileRange::of(bytes), std::nullopt};
  if (!content.file) content.hash = hash(bytes);

  std::unique_lock lock(mutex_);
  do {
    std::erase_if(entries_, [](const auto& at) { return !at.second->loading.valid() && at.second->engine.expired(); });
    if (const auto found = find(key, content); found != entries_.end()) {
      if (auto engine = found->second->engine.lock()) return engine;
      if (const auto loading = found->second->loading; loading.valid()) {
        lock.unlock();
        return loading.get();
      }
      entries_.erase(found);  // Its last holder has gone since the line above.
    }
  } while (learn_hashes(lock, key, content, bytes));
  Load load(*this, key, std::move(content));
  lock.unlock();
  return load.run(loader, device, bytes, options);
}

}  // namespace etrt::engine
