#include <base/format.h>
#include <base/try.h>
#include <cuda/pointer_facts.h>
#include <delegate/call/placement.h>

namespace etrt::delegate {
namespace {

/// Nothing is read or written there, but whoever has an output on the host expects the call to be over on return.
Status place_empty(const cuda::Device& device, Argument& argument) {
  argument.placement = Placement::kEmpty;
  if (argument.labelled_cuda || argument.data == nullptr) return {};
  ETRT_TRY_ASSIGN(const cuda::PointerFacts facts, cuda::query_pointer(device.driver, argument.data));
  if (!facts.is_on_device()) argument.placement = Placement::kHostEmpty;
  return {};
}

}  // namespace

Status place(const cuda::Device& device, const ArgumentPlan& plan, std::uint64_t bound, Argument& argument) {
  if (argument.bytes == 0) return place_empty(device, argument);
  if (argument.labelled_cuda && bound == argument.address()) {
    argument.placement = Placement::kDevice;
    return {};
  }
  ETRT_TRY_ASSIGN(const cuda::PointerFacts facts, cuda::query_pointer(device.driver, argument.data));
  const bool on_device = facts.is_on_device();
  if (on_device && facts.managed == 0 && facts.device != device.ordinal) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("tensor '", plan.info.name, "' is memory of device ", facts.device,
                              ", the program runs on ", device.label, ": copy it there first"));
  }
  if (!on_device && argument.labelled_cuda) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("tensor '", plan.info.name, "' is labelled CUDA in the program, but its memory at ",
                              argument.data, " is not device memory of ", device.label,
                              ": give it memory of that device; where the program plans it, load the method under a "
                              "guard on a stream of that device"));
  }
  if (on_device) {
    const bool aligned = argument.address() % plan.info.address_alignment == 0;
    argument.placement = aligned ? Placement::kDevice : Placement::kDeviceStaged;
  } else {
    argument.placement = facts.memory_type == CU_MEMORYTYPE_HOST ? Placement::kHostPinned : Placement::kHostPageable;
  }
  return {};
}

Status place_on_host(const cuda::Device& device, const ArgumentPlan& plan, Argument& argument) {
  argument.placement = Placement::kHostValues;
  if (argument.data == nullptr) return {};
  ETRT_TRY_ASSIGN(const cuda::PointerFacts facts, cuda::query_pointer(device.driver, argument.data));
  if (facts.memory_type != CU_MEMORYTYPE_DEVICE && !argument.labelled_cuda) return {};
  return Error(ErrorCode::kInvalidArgument,
               base::concat("tensor '", plan.info.name, "' is a shape tensor, whose values the engine ",
                            plan.info.is_input ? "reads" : "writes", " on the host, but its memory is on the device"));
}

}  // namespace etrt::delegate
