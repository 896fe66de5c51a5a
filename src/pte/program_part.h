#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <program_generated.h>
#include <string>

#include <etrt/pte.h>
#include <etrt/result.h>
#include <pte/extended_header.h>

namespace etrt::pte {

/// The part of a program file that is a flatbuffer, verified: every pointer in it leads to something inside of it. That
/// says nothing of optional parts, which may be missing, nor of indices, which may be out of range.
/// Borrows the file. Threads: a const one may be read from any number of threads.
class ProgramPart {
 public:
  static Result<ProgramPart> open(Bytes pte);

  const etrt_pte_schema::Program& root() const { return *etrt_pte_schema::GetProgram(data_); }

  /// From the start of the file, at an address that suits its numbers: in place, or a copy.
  const std::uint8_t* data() const { return data_; }
  std::uint64_t size() const { return size_; }
  std::uint64_t offset_of(const void* part) const {
    return static_cast<std::uint64_t>(static_cast<const std::uint8_t*>(part) - data_);
  }

  /// Absent in files that nobody gave segments.
  const std::optional<ExtendedHeader>& header() const { return header_; }

  std::size_t segment_count() const { return root().segments() == nullptr ? 0 : root().segments()->size(); }

  /// A segment's bytes in the file. `kInvalidData`, in the name of `what` is there, when it lies outside.
  Result<Bytes> segment(std::size_t index, const std::string& what) const;

 private:
  struct Free {
    void operator()(std::uint8_t* p) const;
  };

  ProgramPart(Bytes pte, std::uint64_t size, std::optional<ExtendedHeader> header);

  Bytes pte_;
  std::optional<ExtendedHeader> header_;
  std::uint64_t size_;
  std::unique_ptr<std::uint8_t, Free> copy_;
  const std::uint8_t* data_;
};

}  // namespace etrt::pte
