// Copies of arguments that the engine cannot use in place: host memory, through pinned memory, and unaligned memory.

#include <cstring>

#include <base/try.h>
#include <cuda/alignment.h>
#include <cuda/error.h>
#include <delegate/execution.h>

namespace etrt::delegate {
namespace {

/// Staged tensors start as CUDA's own allocations do.
constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + cuda::kAllocationAlignment - 1) / cuda::kAllocationAlignment * cuda::kAllocationAlignment;
}

}  // namespace

/// An input that an output updates in place is a result, too.
bool Execution::is_result(std::size_t index) const {
  return index >= plan_.input_count || plan_.arguments[index].is_alias_target;
}

bool Execution::is_on_host(std::size_t index) const {
  const Placement placement = arguments_[index].placement;
  return placement == Placement::kHostPageable || placement == Placement::kHostPinned;
}

bool Execution::is_staged_on_device(std::size_t index) const {
  return arguments_[index].placement == Placement::kDeviceStaged;
}

bool Execution::returns_host_data() const {
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (is_result(i) && (is_on_host(i) || arguments_[i].placement == Placement::kHostValues)) return true;
  }
  return false;
}

Status Execution::copy_to_device(std::uint64_t target, const void* source, std::size_t bytes, cuda::StreamRef stream) {
  return cuda::check(driver_, driver_.cuMemcpyHtoDAsync(target, source, bytes, stream.get()), "cuMemcpyHtoDAsync");
}

Status Execution::copy_on_device(std::uint64_t target, std::uint64_t source, std::size_t bytes,
                                 cuda::StreamRef stream) {
  return cuda::check(driver_, driver_.cuMemcpyDtoDAsync(target, source, bytes, stream.get()), "cuMemcpyDtoDAsync");
}

std::size_t Execution::pinned_bytes(bool inputs) const {
  std::size_t total = 0;
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const bool wanted = inputs ? i < plan_.input_count : is_result(i);
    if (wanted && is_on_host(i)) total += aligned(arguments_[i].bytes);
  }
  return total;
}

Status Execution::stage_inputs(Lane& lane, cuda::StreamRef stream) {
  for (std::size_t i = 0; i < plan_.input_count; ++i) {
    if (!is_staged_on_device(i)) continue;
    const Argument& argument = arguments_[i];
    ETRT_TRY_ASSIGN(const std::uint64_t target, lane.staging[i].reserve(argument.bytes, stream));
    ETRT_TRY(copy_on_device(target, argument.address(), argument.bytes, stream));
  }
  return stage_host_inputs(lane, stream);
}

Status Execution::stage_host_inputs(Lane& lane, cuda::StreamRef stream) {
  const std::size_t total = pinned_bytes(true);
  if (total == 0) return {};
  ETRT_TRY_ASSIGN(input_block_, pinned_.lend(total));
  std::byte* host = input_block_.data();
  for (std::size_t i = 0; i < plan_.input_count; ++i) {
    if (!is_on_host(i)) continue;
    const Argument& argument = arguments_[i];
    ETRT_TRY_ASSIGN(const std::uint64_t target, lane.staging[i].reserve(argument.bytes, stream));
    // Pinned memory of the caller can be read in place only when the call waits: else the caller may overwrite it.
    const void* source = argument.data;
    if (argument.placement == Placement::kHostPageable || !waits_) {
      std::memcpy(host, argument.data, argument.bytes);
      source = host;
      host += aligned(argument.bytes);
    }
    ETRT_TRY(copy_to_device(target, source, argument.bytes, stream));
  }
  return waits_ ? Status() : input_block_.release_after(stream);
}

/// The engine has updated an aliased input in place; the program's own output tensor gets the same contents.
Status Execution::copy_aliases(Lane& lane, cuda::StreamRef stream) {
  for (std::size_t i = plan_.input_count; i < arguments_.size(); ++i) {
    const Argument& output = arguments_[i];
    if (!plan_.arguments[i].aliased_input || output.placement != Placement::kDevice) continue;
    const std::uint64_t target = output.address();
    const std::uint64_t source = lane.bound[i].address;
    if (target == source) continue;
    ETRT_TRY(copy_on_device(target, source, output.bytes, stream));
  }
  return {};
}

Status Execution::stage_outputs(Lane& lane, cuda::StreamRef stream) {
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const Argument& argument = arguments_[i];
    if (!is_result(i) || !is_staged_on_device(i) || argument.bytes == 0) continue;
    ETRT_TRY(copy_on_device(argument.address(), lane.bound[i].address, argument.bytes, stream));
  }
  return stage_host_outputs(lane, stream);
}

Status Execution::stage_host_outputs(Lane& lane, cuda::StreamRef stream) {
  const std::size_t total = pinned_bytes(false);
  if (total == 0) return {};
  ETRT_TRY_ASSIGN(output_block_, pinned_.lend(total));
  std::byte* host = output_block_.data();
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (!is_result(i) || !is_on_host(i)) continue;
    const Argument& argument = arguments_[i];
    void* target = argument.data;
    if (argument.placement == Placement::kHostPageable) {
      target = host;
      host += aligned(argument.bytes);
    }
    ETRT_TRY(cuda::check(driver_,
                         driver_.cuMemcpyDtoHAsync(target, lane.bound[i].address, argument.bytes, stream.get()),
                         "cuMemcpyDtoHAsync"));
  }
  return {};
}

void Execution::copy_results_out(const Lane& lane) {
  const std::byte* host = output_block_ ? output_block_.data() : nullptr;
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const Argument& argument = arguments_[i];
    if (!is_result(i) || argument.bytes == 0) continue;
    if (argument.placement == Placement::kHostValues) {
      std::memcpy(argument.data, lane.values[i].data(), argument.bytes);
    } else if (argument.placement == Placement::kHostPageable && host != nullptr) {
      std::memcpy(argument.data, host, argument.bytes);
      host += aligned(argument.bytes);
    }
  }
}

}  // namespace etrt::delegate
