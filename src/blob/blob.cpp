#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include <base/checked_math.h>
#include <base/format.h>
#include <base/try.h>
#include <blob/blob.h>
#include <blob/format.h>
#include <blob/json_text.h>
#include <blob/metadata_json.h>
#include <blob/metadata_rules.h>

namespace etrt::blob {
namespace {

static_assert(std::endian::native == std::endian::little, "the header is read as it lies in memory");

using Bytes = std::span<const std::byte>;

template <class... Parts>
Error unusable(const Parts&... parts) {
  return Error(ErrorCode::kInvalidData, base::concat("not a usable TensorRT blob: ", parts...));
}

struct Header {
  std::uint32_t metadata_offset;
  std::uint32_t metadata_size;
  std::uint32_t engine_offset;
  std::uint64_t engine_size;
};

template <class T>
T number_at(Bytes bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

std::string_view text_at(Bytes bytes, std::size_t offset, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes.data()) + offset, size};
}

/// The fields of the header, each checked on its own.
Result<Header> read_header(Bytes bytes) {
  if (bytes.size() < kHeaderSize) {
    return unusable("it has ", bytes.size(), " bytes, the header alone has ", kHeaderSize);
  }
  // Either magic may come with or without aliased_io: the difference only protects readers that know no aliases.
  const std::string_view magic = text_at(bytes, 0, kMagicSize);
  if (magic != kMagicPlain && magic != kMagicAliased) {
    return unusable("the magic is ", quote_text(magic), ", must be \"", kMagicPlain, "\" or \"", kMagicAliased, "\"");
  }
  return Header{number_at<std::uint32_t>(bytes, kMetadataOffsetField),
                number_at<std::uint32_t>(bytes, kMetadataSizeField),
                number_at<std::uint32_t>(bytes, kEngineOffsetField), number_at<std::uint64_t>(bytes, kEngineSizeField)};
}

Status check_layout(const Header& header, std::size_t size) {
  if (header.metadata_offset < kHeaderSize) {
    return unusable("metadata_offset is ", header.metadata_offset, ", inside the header of ", kHeaderSize, " bytes");
  }
  if (header.metadata_size > kMaxMetadataSize) {
    return unusable("metadata_size is ", header.metadata_size, ", at most ", kMaxMetadataSize, " is allowed");
  }
  if (!base::range_fits(header.metadata_offset, header.metadata_size, size)) {
    return unusable("metadata_offset ", header.metadata_offset, " + metadata_size ", header.metadata_size,
                    " lies outside of its ", size, " bytes");
  }
  if (header.engine_offset % kPayloadAlignment != 0) {
    return unusable("engine_offset is ", header.engine_offset, ", must be a multiple of ", kPayloadAlignment);
  }
  const std::uint64_t metadata_end = std::uint64_t{header.metadata_offset} + header.metadata_size;
  if (header.engine_offset < metadata_end) {
    return unusable("engine_offset is ", header.engine_offset, ", but the metadata ends at ", metadata_end);
  }
  if (!base::range_fits(header.engine_offset, header.engine_size, size)) {
    return unusable("engine_offset ", header.engine_offset, " + engine_size ", header.engine_size,
                    " lies outside of its ", size, " bytes");
  }
  return {};
}

struct Range {
  std::uint64_t begin;
  std::uint64_t end;
  std::string what;
};

Status check_variant(const Variant& variant, const std::string& what, std::uint64_t size) {
  if (auto status = check_variant_text(variant.kind, variant.target, what); !status.ok()) {
    return unusable(status.error().message());
  }
  if (variant.size == 0) return unusable(what, ".size is 0, must be at least 1");
  if (variant.offset % kPayloadAlignment != 0) {
    return unusable(what, ".offset is ", variant.offset, ", must be a multiple of ", kPayloadAlignment);
  }
  if (!base::range_fits(variant.offset, variant.size, size)) {
    return unusable(what, ".offset ", variant.offset, " + size ", variant.size, " lies outside of its ", size,
                    " bytes");
  }
  return {};
}

bool is_engine(const Header& header, const Variant& variant) {
  return header.engine_size != 0 && variant.offset == header.engine_offset && variant.size == header.engine_size;
}

/// Each variant on its own, then all ranges of the blob against each other.
Status check_variants(const Header& header, const std::vector<Variant>& variants, std::uint64_t size) {
  const std::uint64_t metadata_end = std::uint64_t{header.metadata_offset} + header.metadata_size;
  std::vector<Range> ranges{{0, kHeaderSize, "the header"}, {header.metadata_offset, metadata_end, "the metadata"}};
  if (header.engine_size != 0) {
    ranges.push_back({header.engine_offset, header.engine_offset + header.engine_size, "the engine"});
  }
  bool engine_described = false;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const std::string what = base::concat("variants[", i, "]");
    ETRT_TRY(check_variant(variants[i], what, size));
    if (is_engine(header, variants[i]) && !engine_described) {
      engine_described = true;
      continue;
    }
    ranges.push_back({variants[i].offset, variants[i].offset + variants[i].size, what});
  }
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].begin >= ranges[i - 1].end) continue;
    return unusable(ranges[i].what, " begins at ", ranges[i].begin, ", but ", ranges[i - 1].what, " ends at ",
                    ranges[i - 1].end);
  }
  return {};
}

}  // namespace

Result<BlobView> BlobView::parse(Bytes bytes) {
  ETRT_TRY_ASSIGN(const Header header, read_header(bytes));
  ETRT_TRY(check_layout(header, bytes.size()));
  auto metadata = metadata_from_json(text_at(bytes, header.metadata_offset, header.metadata_size));
  if (!metadata.ok()) return unusable(metadata.error().message());
  ETRT_TRY(check_variants(header, metadata->variants, bytes.size()));
  const auto engine = bytes.subspan(header.engine_offset, header.engine_size);
  return BlobView(bytes, engine, *std::move(metadata));
}

std::vector<Variant> BlobView::candidates() const {
  std::vector<Variant> all;
  if (!engine_.empty()) {
    const auto offset = static_cast<std::uint64_t>(engine_.data() - bytes_.data());
    const auto is_engine = [&](const Variant& variant) { return variant.offset == offset; };
    if (std::none_of(variants().begin(), variants().end(), is_engine)) {
      all.push_back({"", metadata_.target_platform, offset, engine_.size()});
    }
  }
  all.insert(all.end(), variants().begin(), variants().end());
  return all;
}

Bytes BlobView::payload(const Variant& variant) const noexcept {
  if (!base::range_fits(variant.offset, variant.size, bytes_.size())) return {};
  return bytes_.subspan(variant.offset, variant.size);
}

}  // namespace etrt::blob
