#include <algorithm>
#include <bit>
#include <cstring>
#include <random>

#include <engine/content.h>

namespace etrt::engine {
namespace {

constexpr std::size_t kSamples = 16;
constexpr std::size_t kSampleSize = 4096;

/// Mixes eight bytes; keyed by the seed, not for secrecy but against accidents.
std::uint64_t mix(std::uint64_t state, std::uint64_t word, std::uint64_t seed) {
  constexpr std::uint64_t kOddMultiplier = 0x9e3779b97f4a7c15;
  state = std::rotl(state ^ word, 27) * (seed | 1) + kOddMultiplier;
  return state ^ (state >> 31);
}

/// Two hashes in one pass: neither waits for the other's multiplication.
Hash mix_in(Hash state, std::span<const std::byte> bytes, const HashSeeds& seeds) {
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<std::size_t>(8, bytes.size() - i));
    state.a = mix(state.a, word, seeds.a);
    state.b = mix(state.b, word, seeds.b);
  }
  return state;
}

}  // namespace

HashSeeds HashSeeds::draw() {
  std::random_device device;
  const auto word = [&] { return (static_cast<std::uint64_t>(device()) << 32) | device(); };
  return {word(), word()};
}

Hash hash_of(std::span<const std::byte> bytes, const HashSeeds& seeds) {
  return mix_in({seeds.a ^ bytes.size(), seeds.b ^ bytes.size()}, bytes, seeds);
}

std::uint64_t sample_of(std::span<const std::byte> bytes, const HashSeeds& seeds) {
  if (bytes.size() <= kSamples * kSampleSize) return hash_of(bytes, seeds).a;
  Hash state{seeds.a ^ bytes.size(), seeds.b};
  for (std::size_t i = 0; i < kSamples; ++i) {
    const std::size_t offset = (bytes.size() - kSampleSize) / (kSamples - 1) * i;
    state = mix_in(state, bytes.subspan(offset, kSampleSize), seeds);
  }
  return state.a;
}

}  // namespace etrt::engine
