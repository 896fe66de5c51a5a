#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <blob/format.h>

/// Blobs made by hand, field by field, so that each field can be wrong.
namespace etrt::blob::testing {

using Image = std::vector<std::byte>;

inline Image to_image(std::string_view text) {
  Image image(text.size());
  if (!text.empty()) std::memcpy(image.data(), text.data(), text.size());
  return image;
}

inline std::string to_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Image read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return to_image(std::string(std::istreambuf_iterator<char>(file), {}));
}

/// The blob that fills the last segment of a `.pte`.
inline Image blob_of_pte(const std::string& path) {
  const Image file = read_file(path);
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const auto at = text.find(std::string_view("TR01\x20\0\0\0", 8));
  return at == std::string_view::npos ? Image() : Image(file.begin() + static_cast<std::ptrdiff_t>(at), file.end());
}

struct RawBlob {
  std::string json = R"({"io_bindings":[{"name":"x","is_input":true},{"name":"y","is_input":false}]})";
  std::string engine = "engine-bytes";
  std::string magic = "TR01";
  std::uint32_t metadata_offset = 32;

  std::uint64_t engine_offset() const { return (metadata_offset + json.size() + 15) / 16 * 16; }

  Image image() const {
    Image image(engine_offset() + engine.size());
    std::copy_n(to_image(magic).begin(), 4, image.begin());
    put<std::uint32_t>(image, kMetadataOffsetField, metadata_offset);
    put<std::uint32_t>(image, kMetadataSizeField, static_cast<std::uint32_t>(json.size()));
    put<std::uint32_t>(image, kEngineOffsetField, static_cast<std::uint32_t>(engine_offset()));
    put<std::uint64_t>(image, kEngineSizeField, engine.size());
    if (!json.empty()) std::memcpy(image.data() + metadata_offset, json.data(), json.size());
    if (!engine.empty()) std::memcpy(image.data() + engine_offset(), engine.data(), engine.size());
    return image;
  }

  template <class T>
  static void put(Image& image, std::size_t offset, T value) {
    std::memcpy(image.data() + offset, &value, sizeof(value));
  }
};

/// A blob whose metadata is `json`, which may place variants at 1024 and behind, up to 2048.
inline Image with_variants(const std::string& json) {
  Image image = RawBlob{.json = json, .engine = "engine"}.image();
  image.resize(2048);
  return image;
}

}  // namespace etrt::blob::testing
