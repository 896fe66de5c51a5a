#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <etrt/result.h>

namespace etrt::blob {

/// One input or output of the delegate. An empty `dtype` says that the type and the shape are unknown here and come
/// from the engine: that is how pytorch/TensorRT writes every binding.
/// `min_shape`, `max_shape` and `dim_order` are for a host that has no engine to ask. Each is empty (unsaid) or has the
/// rank of `shape`, and each is written only when it is not empty.
struct Binding {
  std::string name;
  std::string dtype = {};                ///< "float32", "int64", ...; the names PyTorch uses
  std::vector<std::int64_t> shape = {};  ///< `kDynamicDim` where the extent is known at run time only
  bool is_input = true;
  std::vector<std::int64_t> min_shape = {};  ///< inclusive
  std::vector<std::int64_t> max_shape = {};  ///< inclusive
  std::vector<std::uint8_t> dim_order = {};  ///< dimensions from the outermost in memory to the innermost
  std::string extra = {};  ///< unknown keys, as the text of one JSON object; empty when there are none
};

/// An output that shares its memory with an input, so that the input is updated in place.
struct AliasedIo {
  std::string output;
  std::string input;
  std::string kind;  ///< `kAliasKvCacheUpdate` or `kAliasUser`
};

/// One payload of a blob that carries several, for a GPU, a library or a host each.
struct Variant {
  std::string kind;    ///< `kVariantTensorRt`, `kVariantTensorRtRtx`, `kVariantProgram`; "" when the blob does not say
  std::string target;  ///< free text for whoever chooses, such as "sm_89" or "host"
  std::uint64_t offset = 0;  ///< from the start of the blob
  std::uint64_t size = 0;
};

/// What a blob says about its payloads.
struct Metadata {
  std::vector<Binding> io_bindings;  ///< in the order of the delegate's arguments: inputs, then outputs
  std::vector<AliasedIo> aliased_io;
  bool hardware_compatible = false;
  std::int32_t device_id = 0;
  std::string serialized_metadata;
  std::string target_platform;
  std::vector<Variant> variants;
  std::string extra = {};  ///< unknown keys, as the text of one JSON object; empty when there are none
};

/// A blob that has been checked from end to end: nothing that it hands out lies outside of it.
/// Borrows the bytes: they must outlive the view and every span taken from it, and must not change. The metadata is
/// a copy and depends on nothing.
/// Threads: a const view may be read from any number of threads.
class BlobView {
 public:
  /// `kInvalidData` for a blob that breaks the format, naming the field, its value and the limit.
  static Result<BlobView> parse(std::span<const std::byte> bytes);

  const Metadata& metadata() const noexcept { return metadata_; }

  /// The engine in the main place; empty when there is none.
  std::span<const std::byte> engine() const noexcept { return engine_; }

  /// The variants that the metadata lists, in order of preference. One of them may be the engine itself (same offset
  /// and size): it then says what the engine is.
  const std::vector<Variant>& variants() const noexcept { return metadata_.variants; }

  /// Everything that could be run, in order of preference: `variants()`, before them the engine if none of them is it.
  /// An engine that nobody describes has kind "" (TensorRT or TensorRT-RTX) and the target platform as its target.
  std::vector<Variant> candidates() const;

  /// The bytes of one of `variants()` or `candidates()`; empty for a variant of another blob that does not fit here.
  std::span<const std::byte> payload(const Variant& variant) const noexcept;

 private:
  BlobView(std::span<const std::byte> bytes, std::span<const std::byte> engine, Metadata metadata)
      : bytes_(bytes), engine_(engine), metadata_(std::move(metadata)) {}

  std::span<const std::byte> bytes_;
  std::span<const std::byte> engine_;
  Metadata metadata_;
};

}  // namespace etrt::blob
