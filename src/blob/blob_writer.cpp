#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include <base/checked_math.h>
#include <base/format.h>
#include <base/try.h>
#include <blob/blob_writer.h>
#include <blob/format.h>
#include <blob/json_text.h>
#include <blob/metadata_json.h>
#include <blob/metadata_rules.h>

namespace etrt::blob {
namespace {

static_assert(std::endian::native == std::endian::little, "the header is written as it lies in memory");

using Bytes = std::span<const std::byte>;

/// Where everything goes, for metadata of a given size.
struct Layout {
  std::uint64_t engine_offset = 0;
  std::vector<std::uint64_t> payload_offsets;
  std::uint64_t total = 0;
};

bool same_memory(Bytes a, Bytes b) {
  return !a.empty() && a.data() == b.data() && a.size() == b.size();
}

std::optional<std::uint64_t> align_up(std::uint64_t offset) {
  const auto raised = base::checked_add(offset, kPayloadAlignment - 1);
  if (!raised) return std::nullopt;
  return *raised & ~(kPayloadAlignment - 1);
}

std::optional<Layout> lay_out(std::uint64_t metadata_size, Bytes engine, std::span<const Payload> payloads) {
  Layout layout;
  const auto engine_offset = align_up(kHeaderSize + metadata_size);
  if (!engine_offset) return std::nullopt;
  layout.engine_offset = *engine_offset;
  auto end = base::checked_add<std::uint64_t>(*engine_offset, engine.size());
  for (const Payload& payload : payloads) {
    if (same_memory(payload.bytes, engine)) {
      layout.payload_offsets.push_back(layout.engine_offset);
      continue;
    }
    const auto offset = end ? align_up(*end) : std::nullopt;
    if (!offset) return std::nullopt;
    layout.payload_offsets.push_back(*offset);
    end = base::checked_add<std::uint64_t>(*offset, payload.bytes.size());
  }
  if (!end) return std::nullopt;
  layout.total = *end;
  return layout;
}

/// What a reader would call bad data is, from a writer's caller, a bad argument.
Error invalid(const Error& error) {
  return Error(ErrorCode::kInvalidArgument, error.message());
}

Error too_large() {
  return Error(ErrorCode::kNotSupported, "the blob would have more than 2^64 bytes");
}

Status check_payloads(Bytes engine, std::span<const Payload> payloads) {
  if (payloads.size() > kMaxVariants) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("a blob can have ", kMaxVariants, " variants, ", payloads.size(), " were given"));
  }
  bool engine_described = false;
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    const Payload& payload = payloads[i];
    const std::string what = base::concat("variants[", i, "]");
    if (payload.bytes.empty()) return Error(ErrorCode::kInvalidArgument, what + " has no bytes");
    if (auto status = check_variant_text(payload.kind, payload.target, what); !status.ok()) {
      return invalid(status.error());
    }
    if (!same_memory(payload.bytes, engine)) continue;
    if (engine_described) return Error(ErrorCode::kInvalidArgument, what + " describes the engine a second time");
    engine_described = true;
  }
  return {};
}

/// The metadata names the payloads' offsets, and its own size moves them. Offsets only ever grow with the size, so
/// starting from nothing this settles after a few rounds.
Result<std::pair<std::string, Layout>> settle(Metadata metadata, Bytes engine, std::span<const Payload> payloads) {
  metadata.variants.clear();
  for (const Payload& payload : payloads) {
    metadata.variants.push_back({payload.kind, payload.target, 0, payload.bytes.size()});
  }
  constexpr int kRounds = 24;
  std::size_t assumed_size = 0;
  for (int round = 0; round < kRounds; ++round) {
    auto layout = lay_out(assumed_size, engine, payloads);
    if (!layout) return too_large();
    for (std::size_t i = 0; i < payloads.size(); ++i) metadata.variants[i].offset = layout->payload_offsets[i];
    ETRT_TRY_ASSIGN(std::string json, metadata_to_json(metadata));
    if (json.size() > kMaxMetadataSize) {
      return Error(ErrorCode::kNotSupported, base::concat("the metadata has ", json.size(), " bytes as JSON, at most ",
                                                          kMaxMetadataSize, " are allowed"));
    }
    if (json.size() == assumed_size) {
      // Unknown keys that were carried over can still break a limit of the whole.
      if (auto read_back = metadata_from_json(json); !read_back.ok()) return invalid(read_back.error());
      return std::pair(std::move(json), *std::move(layout));
    }
    assumed_size = json.size();
  }
  return Error(ErrorCode::kInternal, "the layout of a blob did not settle");
}

class Image {
 public:
  explicit Image(std::size_t size) : bytes_(size) {}

  void put(std::size_t offset, const void* data, std::size_t size) {
    if (size != 0) std::memcpy(bytes_.data() + offset, data, size);
  }

  template <class T>
  void put_number(std::size_t offset, T value) {
    put(offset, &value, sizeof(value));
  }

  std::vector<std::byte> take() && { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

void put_header(Image& image, std::string_view magic, std::size_t metadata_size, const Layout& layout,
                std::uint64_t engine_size) {
  image.put(0, magic.data(), magic.size());
  image.put_number(kMetadataOffsetField, static_cast<std::uint32_t>(kHeaderSize));
  image.put_number(kMetadataSizeField, static_cast<std::uint32_t>(metadata_size));
  image.put_number(kEngineOffsetField, static_cast<std::uint32_t>(layout.engine_offset));
  image.put_number(kEngineSizeField, engine_size);
  image.put_number(kReservedField, kReservedFirstByte);
}

}  // namespace

Result<std::vector<std::byte>> write_blob(const Metadata& metadata, Bytes engine, std::span<const Payload> payloads) {
  if (auto status = check_metadata(metadata); !status.ok()) return invalid(status.error());
  ETRT_TRY(check_payloads(engine, payloads));
  ETRT_TRY_ASSIGN(const auto settled, settle(metadata, engine, payloads));
  const auto& [json, layout] = settled;
  if (layout.total > static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max())) return too_large();

  Image image(layout.total);
  put_header(image, metadata.aliased_io.empty() ? kMagicPlain : kMagicAliased, json.size(), layout, engine.size());
  image.put(kHeaderSize, json.data(), json.size());
  image.put(layout.engine_offset, engine.data(), engine.size());
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    if (same_memory(payloads[i].bytes, engine)) continue;
    image.put(layout.payload_offsets[i], payloads[i].bytes.data(), payloads[i].bytes.size());
  }
  return std::move(image).take();
}

}  // namespace etrt::blob
