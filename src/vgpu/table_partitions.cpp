#include <algorithm>
#include <numeric>

#include <vgpu/call.h>
#include <vgpu/handle.h>
#include <vgpu/sm_resource.h>
#include <vgpu/table.h>

namespace etrt::vgpu {
namespace {

CUresult device_get_resource(Machine& machine, CUdevice ordinal, CUdevResource* resource, CUdevResourceType type) {
  return enter(machine, Needs::kInit, [&](Call&) {
    if (resource == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (machine.device(ordinal) == nullptr) return CUDA_ERROR_INVALID_DEVICE;
    if (number_of(type) != CU_DEV_RESOURCE_TYPE_SM) return CUDA_ERROR_INVALID_RESOURCE_TYPE;
    SmSet all{ordinal, true, true, std::vector<unsigned>(static_cast<std::size_t>(machine.sms.sm_count()))};
    std::iota(all.sms.begin(), all.sms.end(), 0u);
    write_resource(machine, all, *resource);
    return CUDA_SUCCESS;
  });
}

/// SMs per group for a request of `wanted` out of `available`, under the device's minimum and alignment. A request that
/// only the rounding makes too large gets all there is.
std::size_t group_size(const Config& config, std::size_t available, unsigned wanted, bool coscheduled) {
  int minimum = std::max(config.sm_partition_minimum, 1);
  int alignment = std::max(config.sm_partition_alignment, 1);
  if (!coscheduled) {
    minimum = std::min(minimum, kLooseSms);
    alignment = std::min(alignment, kLooseSms);
  }
  const std::size_t unit = static_cast<std::size_t>(alignment);
  const std::size_t size = std::max<std::size_t>(wanted, static_cast<std::size_t>(minimum));
  const std::size_t rounded = (size + unit - 1) / unit * unit;
  return rounded > available && size <= available ? available : rounded;
}

CUresult split_by_count(Machine& machine, CUdevResource* result, unsigned* group_count, const CUdevResource* input,
                        CUdevResource* remaining, unsigned flags, unsigned wanted) {
  return enter(machine, Needs::kInit, [&](Call&) {
    constexpr unsigned kLoose = CU_DEV_SM_RESOURCE_SPLIT_IGNORE_SM_COSCHEDULING;
    const bool known = flags == 0 || flags == kLoose || flags == CU_DEV_SM_RESOURCE_SPLIT_MAX_POTENTIAL_CLUSTER_SIZE;
    if (group_count == nullptr || input == nullptr || !known) return CUDA_ERROR_INVALID_VALUE;
    if (number_of(input->type) != CU_DEV_RESOURCE_TYPE_SM) return CUDA_ERROR_INVALID_RESOURCE_TYPE;
    const auto set = read_resource(machine, *input);
    if (!set || (result != nullptr && *group_count == 0)) return CUDA_ERROR_INVALID_VALUE;
    const bool coscheduled = flags != kLoose;
    const std::size_t size = group_size(machine.config, set->sms.size(), wanted, coscheduled);
    if (!set->may_split || size > set->sms.size()) {
      if (result != nullptr) *result = {};
      return CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION;
    }

    std::size_t groups = set->sms.size() / size;
    if (result != nullptr) groups = std::min<std::size_t>(groups, *group_count);
    auto next = set->sms.begin();
    for (std::size_t group = 0; group < groups; ++group) {
      const auto end = next + static_cast<std::ptrdiff_t>(size);
      if (result != nullptr) write_resource(machine, {set->device, false, coscheduled, {next, end}}, result[group]);
      next = end;
    }
    if (remaining != nullptr) {
      write_resource(machine, {set->device, false, false, {next, set->sms.end()}}, *remaining);
    }
    *group_count = static_cast<unsigned>(groups);
    return CUDA_SUCCESS;
  });
}

CUresult generate_desc(Machine& machine, CUdevResourceDesc* description, CUdevResource* resources, unsigned count) {
  return enter(machine, Needs::kInit, [&](Call&) {
    if (description == nullptr || resources == nullptr || count == 0) return CUDA_ERROR_INVALID_VALUE;
    Machine::ResourceDescription all{-1, true, {}};
    for (unsigned i = 0; i < count; ++i) {
      if (number_of(resources[i].type) != CU_DEV_RESOURCE_TYPE_SM) return CUDA_ERROR_INVALID_RESOURCE_TYPE;
      const auto set = read_resource(machine, resources[i]);
      if (!set) return CUDA_ERROR_INVALID_VALUE;
      if (i > 0 && set->device != all.device) return CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION;
      all.device = set->device;
      all.coscheduled = all.coscheduled && set->coscheduled;
      all.sms.insert(all.sms.end(), set->sms.begin(), set->sms.end());
    }
    // Groups of two splits may share SMs, which nothing forbids: the work has them once.
    std::sort(all.sms.begin(), all.sms.end());
    all.sms.erase(std::unique(all.sms.begin(), all.sms.end()), all.sms.end());
    *description = next_handle<CUdevResourceDesc>();
    machine.descriptions.emplace(*description, std::move(all));
    return CUDA_SUCCESS;
  });
}

CUresult green_create(Machine& machine, CUgreenCtx* green, CUdevResourceDesc description, CUdevice ordinal,
                      unsigned flags) {
  return enter(machine, Needs::kInit, [&](Call&) {
    if (green == nullptr || flags != CU_GREEN_CTX_DEFAULT_STREAM) return CUDA_ERROR_INVALID_VALUE;
    Device* device = machine.device(ordinal);
    if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
    const auto described = machine.descriptions.find(description);
    if (described == machine.descriptions.end()) return CUDA_ERROR_INVALID_VALUE;
    if (described->second.device != ordinal) return CUDA_ERROR_INVALID_DEVICE;
    auto context = std::make_shared<Context>();
    context->handle = next_handle<CUcontext>();
    context->green = next_handle<CUgreenCtx>();
    context->device = device;
    context->partition = machine.sms.make_partition(++machine.partitions_made, described->second.sms);
    context->coscheduled = described->second.coscheduled;
    context->active = true;
    machine.contexts.emplace(context->handle, context);
    machine.green_contexts.emplace(context->green, context);
    ++device->retains;
    device->primary->active = true;
    *green = context->green;
    return CUDA_SUCCESS;
  });
}

CUresult green_destroy(Machine& machine, CUgreenCtx handle) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    const auto context = lookup(machine.green_contexts, handle);
    if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
    context->active = false;
    for (const auto& stream : machine.open_streams) {
      if (stream->context == context && stream->capture != nullptr) stream->capture->invalidated = true;
    }
    // CUDA: the context's streams stay to be destroyed by their owner, and what is in them completes.
    if (context->legacy != nullptr) machine.close_stream(*context->legacy);
    context->legacy.reset();
    machine.contexts.erase(context->handle);
    machine.green_contexts.erase(handle);
    machine.release_primary(*context->device, call.lock);
    return CUDA_SUCCESS;
  });
}

CUresult green_get_resource(Machine& machine, CUgreenCtx handle, CUdevResource* resource, CUdevResourceType type) {
  return enter(machine, Needs::kInit, [&](Call&) {
    const auto context = lookup(machine.green_contexts, handle);
    if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
    if (resource == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (number_of(type) != CU_DEV_RESOURCE_TYPE_SM) return CUDA_ERROR_INVALID_RESOURCE_TYPE;
    const SmSet own{context->device->ordinal, true, context->coscheduled, context->partition->sms};
    write_resource(machine, own, *resource);
    return CUDA_SUCCESS;
  });
}

CUresult context_from_green(Machine& machine, CUcontext* out, CUgreenCtx handle) {
  return enter(machine, Needs::kInit, [&](Call&) {
    if (out == nullptr) return CUDA_ERROR_INVALID_VALUE;
    const auto context = lookup(machine.green_contexts, handle);
    if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
    *out = context->handle;
    return CUDA_SUCCESS;
  });
}

CUresult green_stream_create(Machine& machine, CUstream* out, CUgreenCtx handle, unsigned flags, int) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (out == nullptr || flags != CU_STREAM_NON_BLOCKING) return CUDA_ERROR_INVALID_VALUE;
    const auto context = lookup(machine.green_contexts, handle);
    if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
    const auto stream = machine.make_stream(context, Stream::Role::kCreated, false);
    *out = next_handle<CUstream>();
    machine.streams.emplace(*out, stream);
    machine.join_ended_workers(call.lock);
    return CUDA_SUCCESS;
  });
}

}  // namespace

void bind_partitions(cuda::Driver& table, Machine& machine) {
  bind<&device_get_resource>(table.cuDeviceGetDevResource, machine);
  bind<&split_by_count>(table.cuDevSmResourceSplitByCount, machine);
  bind<&generate_desc>(table.cuDevResourceGenerateDesc, machine);
  bind<&green_create>(table.cuGreenCtxCreate, machine);
  bind<&green_destroy>(table.cuGreenCtxDestroy, machine);
  bind<&green_get_resource>(table.cuGreenCtxGetDevResource, machine);
  bind<&context_from_green>(table.cuCtxFromGreenCtx, machine);
  bind<&green_stream_create>(table.cuGreenCtxStreamCreate, machine);
}

}  // namespace etrt::vgpu
