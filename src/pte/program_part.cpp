#include <cstring>
#include <new>

#include <base/checked_math.h>
#include <base/try.h>
#include <pte/invalid_program.h>
#include <pte/program_part.h>

namespace etrt::pte {
namespace {

namespace fb = etrt_pte_schema;

constexpr std::size_t kProgramAlignment = 16;

Result<std::optional<ExtendedHeader>> read_header(Bytes pte) {
  constexpr std::size_t kMinSize = kHeaderOffset + sizeof(std::uint32_t);
  if (pte.size < kMinSize) {
    return invalid_program("it has ", pte.size, " bytes, the smallest has more than ", kMinSize);
  }
  const auto* bytes = static_cast<const std::byte*>(pte.data);
  if (!flatbuffers::BufferHasIdentifier(bytes, fb::ProgramIdentifier())) {
    return invalid_program("bytes 4 to 7 are not \"", fb::ProgramIdentifier(), "\"");
  }
  if (std::memcmp(bytes + kHeaderOffset, kHeaderMagic, sizeof(kHeaderMagic)) != 0)
    return std::optional<ExtendedHeader>();

  ExtendedHeader header{};
  if (!base::range_fits(kHeaderOffset, sizeof(header), pte.size)) {
    return invalid_program("it ends inside its header");
  }
  std::memcpy(&header, bytes + kHeaderOffset, sizeof(header));
  if (header.length < kMinHeaderLength) {
    return invalid_program("its header has length ", header.length, ", must be at least ", kMinHeaderLength);
  }
  if (header.program_size > pte.size || header.segment_base > pte.size) {
    return invalid_program("its header says that the program has ", header.program_size,
                           " bytes and the segments begin at ", header.segment_base, ", but the file has ", pte.size);
  }
  return std::optional(header);
}

}  // namespace

void ProgramPart::Free::operator()(std::uint8_t* p) const {
  ::operator delete (p, std::align_val_t{kProgramAlignment});
}

ProgramPart::ProgramPart(Bytes pte, std::uint64_t size, std::optional<ExtendedHeader> header)
    : pte_(pte), header_(header), size_(size), data_(static_cast<const std::uint8_t*>(pte.data)) {
  if (reinterpret_cast<std::uintptr_t>(data_) % kProgramAlignment == 0) return;
  copy_.reset(static_cast<std::uint8_t*>(::operator new (size, std::align_val_t{kProgramAlignment})));
  std::memcpy(copy_.get(), data_, size);
  data_ = copy_.get();
}

Result<ProgramPart> ProgramPart::open(Bytes pte) {
  ETRT_TRY_ASSIGN(const std::optional<ExtendedHeader> header, read_header(pte));
  const std::uint64_t size = header ? header->program_size : pte.size;
  if (size >= FLATBUFFERS_MAX_BUFFER_SIZE) {
    return invalid_program("its program part has ", size, " bytes, at most ", FLATBUFFERS_MAX_BUFFER_SIZE - 1);
  }
  ProgramPart part(pte, size, header);
  flatbuffers::Verifier verifier(part.data(), part.size());
  if (!fb::VerifyProgramBuffer(verifier)) return invalid_program("its program part is truncated or corrupt");
  return part;
}

Result<Bytes> ProgramPart::segment(std::size_t index, const std::string& what) const {
  if (index >= segment_count()) return invalid_program(what, " is in segment ", index, " of ", segment_count());
  const fb::DataSegment& segment = *root().segments()->Get(index);
  const std::uint64_t base = header_ ? header_->segment_base : 0;
  if (base == 0 || !base::range_fits(segment.offset(), segment.size(), pte_.size - base)) {
    return invalid_program(what, " is at ", segment.offset(), " + ", segment.size(), " behind ", base,
                           ", but the file has ", pte_.size, " bytes");
  }
  return Bytes(static_cast<const std::byte*>(pte_.data) + base + segment.offset(), segment.size());
}

}  // namespace etrt::pte
