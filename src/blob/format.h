#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

/// The wire format of a TensorRT delegate blob, as constants.
///
///   offset  size  field                little-endian throughout
///        0     4  magic                "TR01", or "TR02" when `aliased_io` is not empty
///        4     4  metadata_offset      32 as everybody writes it
///        8     4  metadata_size
///       12     4  engine_offset        a multiple of 16, not before the end of the metadata
///       16     8  engine_size          0 when the blob has no engine in its main place
///       24     8  reserved             1, then seven zeros
///   then the metadata (JSON), zeros up to engine_offset, the engine, and, each at a multiple of 16, the variants.
///
/// How the format grows:
///   - A fact that an old reader may safely not know becomes a new, optional JSON key. Readers pass over keys they do
///     not know, and a rewrite keeps them.
///   - A fact that changes what the rest means becomes a new magic: that is all an old reader is sure to check.
///   - Further payloads go behind the engine and are found through the `variants` key. Readers pass over variants
///     whose kind they do not know.
///   - No field of the header moves. A limit below may be raised, never lowered.
namespace etrt::blob {

inline constexpr std::string_view kMagicPlain = "TR01";
inline constexpr std::string_view kMagicAliased = "TR02";

inline constexpr std::size_t kMagicSize = 4;
inline constexpr std::size_t kMetadataOffsetField = 4;
inline constexpr std::size_t kMetadataSizeField = 8;
inline constexpr std::size_t kEngineOffsetField = 12;
inline constexpr std::size_t kEngineSizeField = 16;
inline constexpr std::size_t kReservedField = 24;
inline constexpr std::size_t kHeaderSize = 32;
inline constexpr unsigned char kReservedFirstByte = 1;

/// Of the engine and of every variant, from the start of the blob. A nested ExecuTorch program needs as much.
inline constexpr std::uint64_t kPayloadAlignment = 16;

/// What `Variant::kind` can be. A `kVariantProgram` payload is a complete `.pte`; what runs is its method "forward",
/// or its only method when it has just one.
inline constexpr std::string_view kVariantTensorRt = "tensorrt";
inline constexpr std::string_view kVariantTensorRtRtx = "tensorrt_rtx";
inline constexpr std::string_view kVariantProgram = "program";

/// What `AliasedIo::kind` can be: enforced by TensorRT's KV-cache layer, or declared by the user.
inline constexpr std::string_view kAliasKvCacheUpdate = "kv_cache_update";
inline constexpr std::string_view kAliasUser = "user";

// Limits on what is read and written, far above any real engine, so that a hostile file stays cheap to refuse.
inline constexpr std::size_t kMaxMetadataSize = std::size_t{16} << 20;
inline constexpr std::size_t kMaxJsonDepth = 32;
inline constexpr std::size_t kMaxJsonValues = std::size_t{1} << 18;
inline constexpr std::size_t kMaxJsonKeys = 256;  ///< in one object
inline constexpr std::size_t kMaxBindings = 4096;
inline constexpr std::size_t kMaxNameSize = 4096;  ///< as long as TensorRT allows
inline constexpr std::size_t kMaxRank = 16;
inline constexpr std::size_t kMaxVariants = 64;

/// In `Binding::shape`: an extent that is known at run time only.
inline constexpr std::int64_t kDynamicDim = -1;

}  // namespace etrt::blob
