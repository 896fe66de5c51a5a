#include <cstring>

#include <base/try.h>
#include <delegate/call/argument_staging.h>
#include <memory/alignment.h>
#include <memory/copies.h>

namespace etrt::delegate {
namespace {

using memory::aligned;
using memory::copy_on_device;
using memory::copy_to_device;
using memory::copy_to_host;

}  // namespace

/// An input that an output updates in place is a result, too.
bool ArgumentStaging::is_result(std::size_t index) const {
  return index >= plan_.input_count || plan_.arguments[index].is_alias_target;
}

bool ArgumentStaging::is_on_host(std::size_t index) const {
  const Placement placement = arguments_[index].placement;
  return placement == Placement::kHostPageable || placement == Placement::kHostPinned;
}

bool ArgumentStaging::is_staged_on_device(std::size_t index) const {
  return arguments_[index].placement == Placement::kDeviceStaged;
}

bool ArgumentStaging::is_staged(std::size_t index) const {
  return is_on_host(index) || is_staged_on_device(index);
}

bool ArgumentStaging::returns_host_data() const {
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const Placement placement = arguments_[i].placement;
    if (is_result(i) && (is_on_host(i) || placement == Placement::kHostValues || placement == Placement::kHostEmpty)) {
      return true;
    }
  }
  return false;
}

std::size_t ArgumentStaging::pinned_bytes(bool inputs) const {
  std::size_t total = 0;
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const bool wanted = inputs ? i < plan_.input_count : is_result(i);
    if (wanted && is_on_host(i)) total += aligned(arguments_[i].bytes);
  }
  return total;
}

Status ArgumentStaging::copy_in(Slot& slot, cuda::StreamRef stream, bool waits) {
  for (std::size_t i = 0; i < plan_.input_count; ++i) {
    if (!is_staged_on_device(i)) continue;
    const Argument& argument = arguments_[i];
    ETRT_TRY_ASSIGN(const std::uint64_t target, slot.stage(i, argument.bytes, stream));
    ETRT_TRY(copy_on_device(driver_, target, argument.address(), argument.bytes, stream));
  }
  return copy_host_inputs(slot, stream, waits);
}

Status ArgumentStaging::copy_host_inputs(Slot& slot, cuda::StreamRef stream, bool waits) {
  const std::size_t total = pinned_bytes(true);
  if (total == 0) return {};
  ETRT_TRY_ASSIGN(input_block_, pinned_.lend(total));
  std::byte* host = input_block_.data();
  for (std::size_t i = 0; i < plan_.input_count; ++i) {
    if (!is_on_host(i)) continue;
    const Argument& argument = arguments_[i];
    ETRT_TRY_ASSIGN(const std::uint64_t target, slot.stage(i, argument.bytes, stream));
    // Pinned memory of the caller can be read in place only when the call waits: else the caller may overwrite it.
    const void* source = argument.data;
    if (argument.placement == Placement::kHostPageable || !waits) {
      std::memcpy(host, argument.data, argument.bytes);
      source = host;
      host += aligned(argument.bytes);
    }
    ETRT_TRY(copy_to_device(driver_, target, source, argument.bytes, stream));
  }
  return waits ? Status() : input_block_.release_after(stream);
}

Status ArgumentStaging::locate(Slot& slot, cuda::StreamRef stream) {
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (plan_.arguments[i].on_host() || plan_.arguments[i].info.data_dependent) continue;
    ETRT_TRY_ASSIGN(arguments_[i].engine_address, place_for_engine(slot, i, stream));
  }
  return {};
}

/// An argument's own memory, its staging, or, for an aliased output, its input's place.
Result<std::uint64_t> ArgumentStaging::place_for_engine(Slot& slot, std::size_t index, cuda::StreamRef stream) {
  const Argument& argument = arguments_[index];
  if (const auto aliased = plan_.arguments[index].aliased_input) return place_for_engine(slot, *aliased, stream);
  if (argument.bytes == 0) return std::uint64_t{0};
  if (argument.placement == Placement::kDevice) return argument.address();
  return slot.stage(index, argument.bytes, stream);
}

/// The engine has updated an aliased input in place; the program's own output tensor gets the same contents.
Status ArgumentStaging::copy_aliases(cuda::StreamRef stream) {
  for (std::size_t i = plan_.input_count; i < arguments_.size(); ++i) {
    const Argument& output = arguments_[i];
    if (!plan_.arguments[i].aliased_input || output.placement != Placement::kDevice) continue;
    if (output.address() == output.engine_address) continue;
    ETRT_TRY(copy_on_device(driver_, output.address(), output.engine_address, output.bytes, stream));
  }
  return {};
}

Status ArgumentStaging::copy_out(cuda::StreamRef stream) {
  ETRT_TRY(copy_aliases(stream));
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const Argument& argument = arguments_[i];
    if (!is_result(i) || !is_staged_on_device(i) || argument.bytes == 0) continue;
    ETRT_TRY(copy_on_device(driver_, argument.address(), argument.engine_address, argument.bytes, stream));
  }
  return copy_host_outputs(stream);
}

Status ArgumentStaging::copy_host_outputs(cuda::StreamRef stream) {
  const std::size_t total = pinned_bytes(false);
  if (total == 0) return {};
  const auto holds = input_block_ ? memory::PinnedPool::Holds::kABlock : memory::PinnedPool::Holds::kNothing;
  ETRT_TRY_ASSIGN(output_block_, pinned_.lend(total, holds));
  std::byte* host = output_block_.data();
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (!is_result(i) || !is_on_host(i)) continue;
    const Argument& argument = arguments_[i];
    void* target = argument.data;
    if (argument.placement == Placement::kHostPageable) {
      target = host;
      host += aligned(argument.bytes);
    }
    ETRT_TRY(copy_to_host(driver_, target, argument.engine_address, argument.bytes, stream));
  }
  return {};
}

void ArgumentStaging::fetch(const Slot& slot) {
  const std::byte* host = output_block_ ? output_block_.data() : nullptr;
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const Argument& argument = arguments_[i];
    if (!is_result(i) || argument.bytes == 0) continue;
    if (argument.placement == Placement::kHostValues) {
      std::memcpy(argument.data, slot.values(i).data(), argument.bytes);
    } else if (argument.placement == Placement::kHostPageable && host != nullptr) {
      std::memcpy(argument.data, host, argument.bytes);
      host += aligned(argument.bytes);
    }
  }
}

void ArgumentStaging::abandon() {
  input_block_.abandon();
  output_block_.abandon();
}

}  // namespace etrt::delegate
