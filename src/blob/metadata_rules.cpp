#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include <base/format.h>
#include <base/try.h>
#include <blob/format.h>
#include <blob/json_text.h>
#include <blob/metadata_rules.h>
#include <blob/utf8.h>

namespace etrt::blob {
namespace {

template <class... Parts>
Error invalid(const Parts&... parts) {
  return Error(ErrorCode::kInvalidData, base::concat(parts...));
}

/// Text that stays the same through JSON and through a C string.
Status check_text(std::string_view text, const std::string& field, std::size_t limit) {
  if (text.size() > limit) return invalid(field, " has ", text.size(), " bytes, at most ", limit, " are allowed");
  if (!is_utf8(text)) return invalid(field, " is not valid UTF-8: ", quote_text(text));
  if (text.find('\0') != std::string_view::npos) return invalid(field, " contains a NUL: ", quote_text(text));
  return {};
}

Status check_rank(std::size_t rank, std::size_t expected, const std::string& field) {
  if (rank == 0 || rank == expected) return {};
  return invalid(field, " has ", rank, " entries, but the shape has ", expected);
}

Status check_extents(const Binding& binding, const std::string& field) {
  for (std::size_t i = 0; i < binding.shape.size(); ++i) {
    const std::int64_t extent = binding.shape[i];
    if (extent < kDynamicDim) {
      return invalid(field, ".shape[", i, "] is ", extent, ", must be at least 0, or ", kDynamicDim, " for dynamic");
    }
    const std::int64_t fixed = extent == kDynamicDim ? 0 : extent;
    const std::int64_t low = binding.min_shape.empty() ? fixed : binding.min_shape[i];
    if (low < 0) return invalid(field, ".min_shape[", i, "] is ", low, ", must be at least 0");
    if (!binding.max_shape.empty() && binding.max_shape[i] < low) {
      return invalid(field, ".max_shape[", i, "] is ", binding.max_shape[i], ", must be at least ", low);
    }
    if (extent == kDynamicDim) continue;
    const bool agrees = low == extent && (binding.max_shape.empty() || binding.max_shape[i] == extent);
    if (!agrees) return invalid(field, ".shape[", i, "] is ", extent, ", but its bounds allow other extents");
  }
  return {};
}

Status check_dim_order(const Binding& binding, const std::string& field) {
  std::array<bool, kMaxRank> seen{};
  for (const std::uint8_t dim : binding.dim_order) {
    if (dim >= binding.shape.size() || seen[dim]) {
      return invalid(field, ".dim_order names dimension ", int{dim}, ", must name each of the ", binding.shape.size(),
                     " dimensions once");
    }
    seen[dim] = true;
  }
  return {};
}

Status check_binding(const Binding& binding, const std::string& field) {
  if (binding.name.empty()) return invalid(field, ".name is empty");
  ETRT_TRY(check_text(binding.name, field + ".name", kMaxNameSize));
  ETRT_TRY(check_text(binding.dtype, field + ".dtype", kMaxNameSize));
  const std::size_t rank = binding.shape.size();
  if (rank > kMaxRank) return invalid(field, ".shape has ", rank, " dimensions, at most ", kMaxRank, " are allowed");
  ETRT_TRY(check_rank(binding.min_shape.size(), rank, field + ".min_shape"));
  ETRT_TRY(check_rank(binding.max_shape.size(), rank, field + ".max_shape"));
  ETRT_TRY(check_rank(binding.dim_order.size(), rank, field + ".dim_order"));
  ETRT_TRY(check_extents(binding, field));
  return check_dim_order(binding, field);
}

using Directions = std::unordered_map<std::string, bool>;

Status check_end(const Directions& is_input, const std::string& name, bool want_input, const std::string& field) {
  const auto found = is_input.find(name);
  if (found == is_input.end()) return invalid(field, " is ", quote_text(name), ", which is not in io_bindings");
  if (found->second != want_input) {
    return invalid(field, " is ", quote_text(name), ", which is an ", want_input ? "output" : "input");
  }
  return {};
}

Status check_aliases(const Metadata& metadata, const Directions& is_input) {
  std::unordered_set<std::string> used;
  for (std::size_t i = 0; i < metadata.aliased_io.size(); ++i) {
    const AliasedIo& alias = metadata.aliased_io[i];
    const std::string field = base::concat("aliased_io[", i, "]");
    ETRT_TRY(check_end(is_input, alias.output, false, field + ".output"));
    ETRT_TRY(check_end(is_input, alias.input, true, field + ".input"));
    for (const std::string* name : {&alias.output, &alias.input}) {
      if (!used.insert(*name).second) return invalid(field, " names ", quote_text(*name), ", which is aliased already");
    }
    if (alias.kind != kAliasKvCacheUpdate && alias.kind != kAliasUser) {
      return invalid(field, ".kind is ", quote_text(alias.kind), ", must be \"", kAliasKvCacheUpdate, "\" or \"",
                     kAliasUser, "\"");
    }
  }
  return {};
}

}  // namespace

Status check_metadata(const Metadata& metadata) {
  if (metadata.io_bindings.size() > kMaxBindings) {
    return invalid("io_bindings has ", metadata.io_bindings.size(), " entries, at most ", kMaxBindings, " are allowed");
  }
  Directions is_input;
  for (std::size_t i = 0; i < metadata.io_bindings.size(); ++i) {
    const Binding& binding = metadata.io_bindings[i];
    const std::string field = base::concat("io_bindings[", i, "]");
    ETRT_TRY(check_binding(binding, field));
    if (!is_input.emplace(binding.name, binding.is_input).second) {
      return invalid(field, ".name is ", quote_text(binding.name), ", which another binding has already");
    }
  }
  ETRT_TRY(check_aliases(metadata, is_input));
  if (metadata.device_id < 0) return invalid("device_id is ", metadata.device_id, ", must be at least 0");
  if (!is_utf8(metadata.serialized_metadata)) return invalid("serialized_metadata is not valid UTF-8");
  return check_text(metadata.target_platform, "target_platform", kMaxNameSize);
}

Status check_variant_text(std::string_view kind, std::string_view target, const std::string& field) {
  if (kind.empty()) return invalid(field, ".kind is empty");
  ETRT_TRY(check_text(kind, field + ".kind", kMaxNameSize));
  return check_text(target, field + ".target", kMaxNameSize);
}

}  // namespace etrt::blob
