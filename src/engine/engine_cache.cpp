#include <algorithm>
#include <bit>
#include <cstring>
#include <random>

#include <base/try.h>
#include <engine/engine_cache.h>

namespace etrt::engine {
namespace {

std::uint64_t draw_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

/// Mixes eight bytes at a time; keyed by the seed, not for secrecy but against accidents.
std::uint64_t hash(std::span<const std::byte> bytes, std::uint64_t seed) {
  constexpr std::uint64_t kOddMultiplier = 0x9e3779b97f4a7c15;
  std::uint64_t state = seed ^ bytes.size();
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<std::size_t>(8, bytes.size() - i));
    state = std::rotl(state ^ word, 27) * (seed | 1) + kOddMultiplier;
    state ^= state >> 31;
  }
  return state;
}

}  // namespace

EngineCache::EngineCache() : seed_a_(draw_seed()), seed_b_(draw_seed()) {}

EngineCache::Key EngineCache::key(const Loader& loader, const cuda::Device& device, std::span<const std::byte> bytes,
                                  const EngineOptions& options) const {
  return {&device.driver, device.ordinal, &loader, options, bytes.size(), hash(bytes, seed_a_), hash(bytes, seed_b_)};
}

Result<std::shared_ptr<Engine>> EngineCache::load(const Loader& loader, const cuda::Device& device,
                                                  std::span<const std::byte> bytes, const EngineOptions& options) {
  const Key wanted = key(loader, device, bytes, options);
  const std::lock_guard lock(mutex_);
  std::erase_if(engines_, [](const auto& entry) { return entry.second.expired(); });
  if (const auto found = engines_.find(wanted); found != engines_.end()) {
    if (auto engine = found->second.lock()) return engine;
  }
  ETRT_TRY_ASSIGN(auto loaded, loader.load(device, bytes, options));
  std::shared_ptr<Engine> engine = std::move(loaded);
  engines_[wanted] = engine;
  return engine;
}

}  // namespace etrt::engine
