#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <string>

#include <base/format.h>
#include <base/try.h>
#include <pte/delegate_data.h>
#include <pte/invalid_program.h>
#include <pte/payloads.h>
#include <pte/program_part.h>

namespace etrt::pte {
namespace {

namespace fb = etrt_pte_schema;
using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

constexpr std::uint64_t kTailAlignment = 16;
constexpr std::uint64_t kLeastSegmentAlignment = 128;  ///< as ExecuTorch's exporter has it
constexpr std::uint64_t kMostSegmentAlignment = 4096;
/// What a segment costs in the flatbuffer, at most: its entry, its table and the table's description.
constexpr std::uint64_t kSegmentEntrySize = 64;

constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

/// A segment's bytes and where they lie.
struct Segment {
  std::span<const std::byte> bytes;
  std::uint64_t old_offset = 0;
  std::uint64_t offset = 0;
};

class Rewriter {
 public:
  Rewriter(const ProgramPart& program, const fb::BackendDelegate& delegate, std::span<const std::byte> data)
      : program_(program), delegate_(delegate), data_(data) {}

  Result<std::vector<std::byte>> rewrite() && {
    ETRT_TRY(read_segments());
    ETRT_TRY(check_overlaps());
    place_data();
    place_segments();
    ETRT_TRY(build_tail());
    return image();
  }

 private:
  Status read_segments() {
    const std::uint64_t count = program_.segment_count();
    if (count * kSegmentEntrySize + program_.size() >= FLATBUFFERS_MAX_BUFFER_SIZE) {
      return Error(ErrorCode::kNotSupported, base::concat("its program part of ", program_.size(), " bytes with ",
                                                          count, " segments is too large to be rewritten"));
    }
    const std::uint64_t base = program_.header() ? program_.header()->segment_base : 0;
    std::uint64_t places = base;
    for (std::size_t i = 0; i < count; ++i) {
      const fb::DataSegment& listed = *program_.root().segments()->Get(i);
      Segment segment;
      if (listed.size() != 0) {
        ETRT_TRY_ASSIGN(const Bytes bytes, program_.segment(i, base::concat("segment ", i)));
        segment.bytes = as_span(bytes);
        places |= listed.offset();
      }
      segment.old_offset = listed.offset();
      segments_.push_back(segment);
    }
    const std::uint64_t common = places == 0 ? 1 : std::uint64_t{1} << std::countr_zero(places);
    alignment_ = std::clamp(common, kLeastSegmentAlignment, kMostSegmentAlignment);
    return {};
  }

  /// A small file could otherwise name one large range many times, each of which would be written.
  Status check_overlaps() {
    order_.resize(segments_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [this](std::size_t a, std::size_t b) {
      return segments_[a].old_offset < segments_[b].old_offset;
    });
    std::uint64_t end = 0;
    for (const std::size_t i : order_) {
      const Segment& segment = segments_[i];
      if (segment.bytes.empty()) continue;
      if (segment.old_offset < end) return invalid_program("segment ", i, " overlaps another one");
      end = segment.old_offset + segment.bytes.size();
    }
    return {};
  }

  /// The delegate's segment, if nobody else needs it, else a new one at the end.
  void place_data() {
    const fb::BackendDelegateDataReference& old = *delegate_.processed();
    index_ = old.index();
    if (old.location() == fb::DataLocation::SEGMENT && count_users(index_) == 1) {
      segments_[index_].bytes = data_;
      return;
    }
    index_ = static_cast<std::uint32_t>(segments_.size());
    order_.push_back(index_);
    segments_.push_back({.bytes = data_});
    is_new_ = true;
  }

  std::size_t count_users(std::uint32_t index) const {
    const fb::Program& root = program_.root();
    std::size_t users = 0;
    const auto uses = [&](const fb::SubsegmentOffsets* table) {
      return table != nullptr && table->offsets() != nullptr && table->offsets()->size() > 0 &&
             table->segment_index() == index;
    };
    if (uses(root.constant_segment())) ++users;
    for (std::size_t i = 0; root.mutable_data_segments() != nullptr && i < root.mutable_data_segments()->size(); ++i) {
      if (uses(root.mutable_data_segments()->Get(i))) ++users;
    }
    for (std::size_t i = 0; root.named_data() != nullptr && i < root.named_data()->size(); ++i) {
      if (root.named_data()->Get(i)->segment_index() == index) ++users;
    }
    for (const fb::ExecutionPlan* plan : *root.execution_plan()) {
      for (std::size_t i = 0; plan->delegates() != nullptr && i < plan->delegates()->size(); ++i) {
        const auto* data = plan->delegates()->Get(i)->processed();
        if (data != nullptr && data->location() == fb::DataLocation::SEGMENT && data->index() == index) ++users;
      }
    }
    return users;
  }

  void place_segments() {
    std::uint64_t end = 0;
    for (const std::size_t i : order_) {
      Segment& segment = segments_[i];
      segment.offset = segment.bytes.empty() ? end : align_up(end, alignment_);
      end = segment.offset + segment.bytes.size();
    }
    segments_size_ = end;
  }

  /// The new table of segments, and the reference to a new one. Offsets in a flatbuffer are relative, so this one can
  /// stand behind the other; what is in front then points to it.
  Status build_tail() {
    const auto& table = *reinterpret_cast<const flatbuffers::Table*>(&program_.root());
    segments_field_ = table.GetAddressOf(fb::Program::VT_SEGMENTS);
    if (segments_field_ == nullptr) {
      return Error(ErrorCode::kNotSupported,
                   "the program has no table of segments, so none can be added: export it "
                   "with ExecuTorch 1.0 or later");
    }
    std::vector<Offset<fb::DataSegment>> tables;
    tables.reserve(segments_.size());
    for (const Segment& segment : segments_) {
      tables.push_back(fb::CreateDataSegment(tail_, segment.offset, segment.bytes.size()));
    }
    const auto list = tail_.CreateVector(tables);
    const auto reference = fb::CreateBackendDelegateDataReference(tail_, fb::DataLocation::SEGMENT, index_);
    tail_.Finish(fb::CreateProgram(tail_, 0, 0, 0, 0, list));
    segments_at_ = tail_.GetSize() - list.o;
    reference_at_ = tail_.GetSize() - reference.o;
    return {};
  }

  std::vector<std::byte> image() const {
    const bool had_header = program_.header().has_value();
    ExtendedHeader header = program_.header().value_or(ExtendedHeader{});
    const std::uint64_t inserted = had_header ? 0 : sizeof(header);
    if (!had_header) {
      std::memcpy(header.magic, kHeaderMagic, sizeof(header.magic));
      header.length = sizeof(header);
    }
    const std::uint64_t tail_at = align_up(program_.size() + inserted, kTailAlignment);
    header.program_size = tail_at + tail_.GetSize();
    header.segment_base = align_up(header.program_size, alignment_);
    header.segment_data_size = segments_size_;

    std::vector<std::byte> file(header.segment_base + segments_size_);
    std::memcpy(file.data(), program_.data(), kHeaderOffset);
    std::memcpy(file.data() + kHeaderOffset + inserted, program_.data() + kHeaderOffset,
                program_.size() - kHeaderOffset);
    if (!had_header) add_to_number(file, 0, static_cast<std::uint32_t>(inserted));
    // A header of an older length ends before its last number, and the flatbuffer goes on there.
    std::memcpy(file.data() + kHeaderOffset, &header, std::min<std::size_t>(header.length, sizeof(header)));
    std::memcpy(file.data() + tail_at, tail_.GetBufferPointer(), tail_.GetSize());
    point(file, program_.offset_of(segments_field_) + inserted, tail_at + segments_at_);
    if (is_new_) {
      const auto& table = *reinterpret_cast<const flatbuffers::Table*>(&delegate_);
      const auto* field = table.GetAddressOf(fb::BackendDelegate::VT_PROCESSED);
      point(file, program_.offset_of(field) + inserted, tail_at + reference_at_);
    }
    for (const Segment& segment : segments_) {
      if (segment.bytes.empty()) continue;
      std::memcpy(file.data() + header.segment_base + segment.offset, segment.bytes.data(), segment.bytes.size());
    }
    return file;
  }

  static void add_to_number(std::vector<std::byte>& file, std::uint64_t at, std::uint32_t summand) {
    std::uint32_t number = 0;
    std::memcpy(&number, file.data() + at, sizeof(number));
    number += summand;
    std::memcpy(file.data() + at, &number, sizeof(number));
  }

  /// Makes the offset field at `field` lead to `target`.
  static void point(std::vector<std::byte>& file, std::uint64_t field, std::uint64_t target) {
    const auto distance = static_cast<flatbuffers::uoffset_t>(target - field);
    std::memcpy(file.data() + field, &distance, sizeof(distance));
  }

  const ProgramPart& program_;
  const fb::BackendDelegate& delegate_;
  std::span<const std::byte> data_;

  std::vector<Segment> segments_;
  std::vector<std::size_t> order_;  ///< of the segments in the file
  std::uint64_t alignment_ = 0;
  std::uint64_t segments_size_ = 0;
  std::uint32_t index_ = 0;  ///< of the segment with the data
  bool is_new_ = false;      ///< the delegate has to be told

  FlatBufferBuilder tail_;
  std::uint64_t segments_at_ = 0;
  std::uint64_t reference_at_ = 0;
  const std::uint8_t* segments_field_ = nullptr;
};

/// Parts of a hostile file may share bytes, so that a change of one is a change of another.
Status check_result(const std::vector<std::byte>& file, std::size_t method, std::size_t delegate,
                    std::span<const std::byte> data) {
  const auto info = inspect(file);
  if (!info.ok() || method >= info->methods.size() || delegate >= info->methods[method].delegates.size()) {
    return invalid_program("parts of it overlap");
  }
  const auto found = as_span(info->methods[method].delegates[delegate].data);
  const bool same = found.size() == data.size() && std::equal(found.begin(), found.end(), data.begin());
  return same ? Status() : invalid_program("parts of it overlap");
}

}  // namespace

Result<std::vector<std::byte>> replace_delegate_data(Bytes pte, std::size_t method, std::size_t delegate,
                                                     std::span<const std::byte> data) {
  ETRT_TRY_ASSIGN(const ProgramPart program, ProgramPart::open(pte));
  const fb::ExecutionPlan& plan = *program.root().execution_plan()->Get(method);
  ETRT_TRY_ASSIGN(auto file, Rewriter(program, *plan.delegates()->Get(delegate), data).rewrite());
  ETRT_TRY(check_result(file, method, delegate, data));
  return file;
}

}  // namespace etrt::pte
