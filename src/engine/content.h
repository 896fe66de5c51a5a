#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <engine/file_range.h>

namespace etrt::engine {

/// Seeds drawn per process, so that no file can be made to collide with another.
struct HashSeeds {
  std::uint64_t a;
  std::uint64_t b;
  static HashSeeds draw();
};

/// 128 bits of what bytes hold.
struct Hash {
  std::uint64_t a;
  std::uint64_t b;
  friend bool operator==(const Hash&, const Hash&) = default;
};

/// Of all bytes: a pass over them.
Hash hash_of(std::span<const std::byte> bytes, const HashSeeds& seeds);

/// Of a few pages spread over the bytes. Unequal: the bytes are unequal too.
std::uint64_t sample_of(std::span<const std::byte> bytes, const HashSeeds& seeds);

/// What tells bytes from others of their size and sample: the file that they are mapped from, or what they hold, which
/// takes a pass over them. Threads: a value.
struct Content {
  std::optional<FileRange> file;
  std::optional<Hash> hash;
};

}  // namespace etrt::engine
