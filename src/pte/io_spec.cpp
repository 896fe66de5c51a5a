#include <limits>
#include <numeric>
#include <utility>

#include <base/checked_math.h>
#include <base/format.h>
#include <base/try.h>
#include <blob/format.h>
#include <pte/io_spec.h>

namespace etrt::pte {
namespace {

template <class... Parts>
Error invalid(const blob::Binding& binding, const Parts&... parts) {
  return Error(ErrorCode::kInvalidArgument, base::concat("binding \"", binding.name, "\": ", parts...));
}

Status set_sizes(const blob::Binding& binding, TensorSpec& spec) {
  for (std::size_t i = 0; i < binding.shape.size(); ++i) {
    std::int64_t extent = binding.shape[i];
    if (extent == blob::kDynamicDim) {
      if (binding.max_shape.empty()) {
        return invalid(binding, "shape[", i, "] is dynamic, so max_shape is required: the runtime allocates by it");
      }
      extent = binding.max_shape[i];
      spec.dynamic = true;
    }
    if (extent > std::numeric_limits<std::int32_t>::max()) {
      return invalid(binding, "dimension ", i, " is ", extent, ", ExecuTorch allows at most 2^31-1");
    }
    spec.sizes.push_back(static_cast<std::int32_t>(extent));
  }
  return {};
}

Status set_nbytes(const blob::Binding& binding, TensorSpec& spec) {
  std::optional<std::uint64_t> nbytes = spec.type.size;
  for (const std::int32_t size : spec.sizes) {
    if (nbytes) nbytes = base::checked_mul(*nbytes, static_cast<std::uint64_t>(size));
  }
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (!nbytes || *nbytes > kMax) return invalid(binding, "the largest tensor it allows has more than 2^63-1 bytes");
  spec.nbytes = *nbytes;
  return {};
}

Result<TensorSpec> make_tensor_spec(const blob::Binding& binding) {
  const auto* type = base::find_element_type(binding.dtype);
  if (type == nullptr) {
    return invalid(binding, "the dtype is \"", binding.dtype,
                   "\", must be one of those in etrt/pte.h, such as float32");
  }
  TensorSpec spec{.type = *type, .sizes = {}, .dim_order = binding.dim_order};
  ETRT_TRY(set_sizes(binding, spec));
  ETRT_TRY(set_nbytes(binding, spec));
  if (spec.dim_order.empty()) {
    spec.dim_order.resize(spec.sizes.size());
    std::iota(spec.dim_order.begin(), spec.dim_order.end(), std::uint8_t{0});
  }
  return spec;
}

}  // namespace

Result<IoSpec> make_io_spec(const std::vector<blob::Binding>& bindings) {
  IoSpec io;
  for (const blob::Binding& binding : bindings) {
    ETRT_TRY_ASSIGN(TensorSpec spec, make_tensor_spec(binding));
    (binding.is_input ? io.inputs : io.outputs).push_back(std::move(spec));
  }
  if (io.outputs.empty()) return Error(ErrorCode::kInvalidArgument, "the method has no outputs: nothing to compute");
  return io;
}

}  // namespace etrt::pte
