#pragma once

#include <cstddef>
#include <cstdint>

/// The header that ExecuTorch puts behind the eight bytes that start every flatbuffer, to say where the segments are.
namespace etrt::pte {

inline constexpr std::size_t kHeaderOffset = 8;
inline constexpr char kHeaderMagic[4] = {'e', 'h', '0', '0'};

/// As it lies in the file, little-endian.
struct ExtendedHeader {
  char magic[4];
  std::uint32_t length;
  std::uint64_t program_size;  ///< with this header
  std::uint64_t segment_base;
  std::uint64_t segment_data_size;  ///< absent in files of before ExecuTorch 1.0
};
static_assert(sizeof(ExtendedHeader) == 32);

inline constexpr std::uint32_t kMinHeaderLength = offsetof(ExtendedHeader, segment_data_size);

}  // namespace etrt::pte
