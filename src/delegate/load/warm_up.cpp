#include <algorithm>
#include <charconv>
#include <memory>
#include <numeric>

#include <executorch/runtime/core/evalue.h>
#include <executorch/runtime/core/exec_aten/exec_aten.h>

#include <base/checked_math.h>
#include <base/format.h>
#include <base/try.h>
#include <cuda/error.h>
#include <cuda/owners.h>
#include <cuda/waits.h>
#include <delegate/call/tensor_label.h>
#include <delegate/handle.h>
#include <delegate/load/warm_up.h>
#include <engine/program/tensor_types.h>
#include <etrt/stream_guard.h>
#include <memory/stream_ordered_memory.h>
#include <process/process.h>

namespace etrt::delegate {
namespace {

namespace et = executorch::runtime;
using engine::Dims;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// The part before `separator`, which is taken off `rest` with it.
std::string_view next_part(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return trimmed(part);
}

std::optional<Dims> parse_dims(std::string_view text) {
  if (text == "scalar") return Dims();
  std::vector<std::int32_t> sizes;
  if (text.empty() || text.back() == 'x') return std::nullopt;
  while (!text.empty()) {
    const std::string_view part = next_part(text, 'x');
    std::int32_t size = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), size);
    if (error != std::errc() || end != part.data() + part.size() || size < 0) return std::nullopt;
    sizes.push_back(size);
  }
  if (sizes.size() > engine::kMaxRank) return std::nullopt;
  return Dims(std::span<const std::int32_t>(sizes));
}

/// ExecuTorch's order of dimensions in memory and strides, which are 32 bits.
struct Layout {
  std::vector<std::uint8_t> dim_order;
  std::vector<std::int32_t> strides;
};

/// Nothing when a stride does not fit. `info.dim_order`, where there is one, orders as many dimensions as `dims` has.
std::optional<Layout> layout_of(const engine::TensorInfo& info, const Dims& dims) {
  Layout layout{info.dim_order, std::vector<std::int32_t>(dims.rank())};
  if (layout.dim_order.empty()) {
    layout.dim_order.resize(dims.rank());
    std::iota(layout.dim_order.begin(), layout.dim_order.end(), std::uint8_t{0});
  }
  std::int64_t stride = 1;
  for (std::size_t k = dims.rank(); k-- > 0;) {
    const std::uint8_t dim = layout.dim_order[k];
    if (stride > INT32_MAX) return std::nullopt;
    layout.strides[dim] = static_cast<std::int32_t>(stride);
    stride *= std::max(dims[dim], 1);
  }
  return layout;
}

/// An argument of the warm-up: device memory of a shape, zeroed, and ExecuTorch's tensor over it.
class ZeroTensor {
 public:
  /// The memory is in use on `stream` from then on.
  static Result<std::unique_ptr<ZeroTensor>> create(memory::DeviceHeap& heap, const engine::TensorInfo& info,
                                                    const Dims& dims, cuda::StreamRef stream) {
    const auto count = engine::element_count(dims);
    const auto bytes = count ? base::checked_mul(*count, engine::byte_size(info.type)) : std::nullopt;
    auto layout = layout_of(info, dims);
    if (!bytes || !layout) {
      return Error(ErrorCode::kInvalidArgument,
                   base::concat(label(info), " of shape ", engine::to_string(dims),
                                " is too large for a tensor: load the program without warm-up shapes"));
    }
    std::unique_ptr<ZeroTensor> made(new ZeroTensor(info, dims, std::move(*layout)));
    if (*bytes > 0) {
      ETRT_TRY_ASSIGN(made->memory_, memory::StreamOrderedMemory::create(heap, *bytes, stream));
      const cuda::Driver& driver = heap.device().driver;
      Status zeroed =
          cuda::check(driver, driver.cuMemsetD8Async(made->memory_.get(), 0, *bytes, stream.get()), "cuMemsetD8Async");
      if (!zeroed.ok()) {
        made->memory_.free_on(stream);
        return std::move(zeroed).error();
      }
      made->tensor_.set_data(reinterpret_cast<void*>(made->memory_.get()));
    }
    return made;
  }

  et::EValue* value() { return &value_; }

 private:
  ZeroTensor(const engine::TensorInfo& info, const Dims& dims, Layout layout)
      : sizes_(dims.sizes().begin(), dims.sizes().end()),
        layout_(std::move(layout)),
        tensor_(engine::to_executorch(info.type), static_cast<ssize_t>(sizes_.size()), sizes_.data(), nullptr,
                layout_.dim_order.data(), layout_.strides.data(),
                executorch::runtime::TensorShapeDynamism::DYNAMIC_BOUND),
        value_(executorch::aten::Tensor(&tensor_)) {}

  std::vector<std::int32_t> sizes_;
  Layout layout_;
  memory::StreamOrderedMemory memory_;
  executorch::aten::TensorImpl tensor_;
  et::EValue value_;
};

/// The tensors of one warm-up call, which are freed only once it is over.
using Tensors = std::vector<std::unique_ptr<ZeroTensor>>;

Status enqueue_once(Handle& handle, const ShapeSet& set, cuda::StreamRef stream, Tensors& tensors) {
  const IoPlan& plan = handle.plan();
  std::vector<et::EValue*> values;
  for (std::size_t i = 0; i < plan.arguments.size(); ++i) {
    const engine::TensorInfo& info = plan.arguments[i].info;
    ETRT_TRY_ASSIGN(auto tensor, ZeroTensor::create(handle.memory().planned(), info,
                                                    i < plan.input_count ? set[i] : info.maximum, stream));
    values.push_back(tensor->value());
    tensors.push_back(std::move(tensor));
  }
  const StreamGuard guard(stream.get());
  return handle.execute({values.data(), values.size()});
}

Status run_once(Handle& handle, const ShapeSet& set, cuda::StreamRef stream) {
  const cuda::Device& device = handle.device();
  const auto tensors = std::make_shared<Tensors>();
  Status enqueued = enqueue_once(handle, set, stream, *tensors);
  if (cuda::wait_for_stream(device, stream)) return enqueued;
  process::Process::instance().abandoned().keep(tensors);
  return enqueued.ok() ? Error(ErrorCode::kDriver, "every wait for the warm-up failed") : enqueued;
}

Status check_fits(const IoPlan& plan, const ShapeSet& set) {
  if (set.size() != plan.input_count) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("a set has ", set.size(), " shapes, the program takes ", plan.input_count, " inputs"));
  }
  for (std::size_t i = 0; i < set.size(); ++i) {
    const engine::TensorInfo& info = plan.arguments[i].info;
    if (engine::within(set[i], info.minimum, info.maximum)) continue;
    const std::string range = info.is_dynamic() ? base::concat(engine::to_string(info.minimum), " to ") : "";
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("the shape ", engine::to_string(set[i]), " for ", label(info),
                              " does not fit: give one within ", range, engine::to_string(info.maximum)));
  }
  return {};
}

}  // namespace

Result<std::vector<ShapeSet>> parse_shape_sets(std::string_view text) {
  std::vector<ShapeSet> sets;
  std::string_view rest = trimmed(text);
  while (!rest.empty()) {
    std::string_view inputs = next_part(rest, ';');
    ShapeSet set;
    do {
      const std::string_view shape = next_part(inputs, ',');
      const auto dims = parse_dims(shape);
      if (!dims) {
        return Error(ErrorCode::kInvalidArgument,
                     base::concat("'", shape,
                                  "' is no shape: write 15x1x8x8, or scalar; inputs are separated by ',', "
                                  "sets of shapes by ';'"));
      }
      set.push_back(*dims);
    } while (!inputs.empty());
    sets.push_back(std::move(set));
  }
  return sets;
}

Status warm_up(Handle& handle, const std::vector<ShapeSet>& sets) {
  if (sets.empty()) return {};
  const IoPlan& plan = handle.plan();
  if (plan.has_host_tensors) {
    return Error(ErrorCode::kNotSupported, "a program with shape tensors cannot be warmed up on zeros: run it instead");
  }
  for (const ShapeSet& set : sets) ETRT_TRY(check_fits(plan, set));
  ETRT_TRY_ASSIGN(const auto stream, cuda::create_stream(handle.device().driver));
  for (const ShapeSet& set : sets) ETRT_TRY(run_once(handle, set, cuda::StreamRef(stream.get())));
  return {};
}

}  // namespace etrt::delegate
