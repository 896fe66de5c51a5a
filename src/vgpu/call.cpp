#include <algorithm>

#include <vgpu/call.h>

namespace etrt::vgpu {

CUresult Call::admit(Needs needs) const {
  // CUDA: host functions must not call the API.
  if (thread.is_worker) return CUDA_ERROR_NOT_PERMITTED;
  if (!machine.initialised) return CUDA_ERROR_NOT_INITIALIZED;
  if (needs == Needs::kInit) return CUDA_SUCCESS;
  if (thread.contexts.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  return context().active ? CUDA_SUCCESS : CUDA_ERROR_CONTEXT_IS_DESTROYED;
}

CUresult Call::find(CUstream handle, std::shared_ptr<Stream>& stream) {
  const bool legacy = handle == nullptr || handle == CU_STREAM_LEGACY;
  if (!legacy && handle != CU_STREAM_PER_THREAD) {
    stream = lookup(machine.streams, handle);
    if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    return stream->context->active ? CUDA_SUCCESS : CUDA_ERROR_CONTEXT_IS_DESTROYED;
  }
  if (const CUresult refused = admit(Needs::kContext); refused != CUDA_SUCCESS) return refused;
  const auto& current = thread.contexts.back();
  if (legacy) {
    if (current->legacy == nullptr) current->legacy = machine.make_stream(current, Stream::Role::kLegacy, false);
    stream = current->legacy;
    return CUDA_SUCCESS;
  }
  if (current->is_green()) return CUDA_ERROR_INVALID_HANDLE;
  auto& own = thread.per_thread_streams;
  std::erase_if(own, [](const auto& entry) { return entry.second->closing; });
  for (const auto& [context, known] : own) {
    if (context == current.get()) {
      stream = known;
      return CUDA_SUCCESS;
    }
  }
  stream = machine.make_stream(current, Stream::Role::kPerThread, true);
  own.emplace_back(current.get(), stream);
  return CUDA_SUCCESS;
}

CUresult Call::find_for_work(CUstream handle, std::shared_ptr<Stream>& stream) {
  if (const CUresult refused = find(handle, stream); refused != CUDA_SUCCESS) return refused;
  if (conflicts_with_captures(*stream, true)) return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
  if (stream->capture != nullptr) {
    return stream->capture->invalidated ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : CUDA_SUCCESS;
  }
  machine.start(stream);
  return CUDA_SUCCESS;
}

bool Call::conflicts_with_captures(const Stream& legacy, bool invalidate) {
  if (legacy.role != Stream::Role::kLegacy) return false;
  bool found = false;
  for (const auto& capture : machine.captures) {
    const bool implied =
        std::any_of(capture->participants.begin(), capture->participants.end(),
                    [&](const Stream* one) { return one->blocking && one->context == legacy.context; });
    if (!implied) continue;
    found = true;
    if (invalidate) capture->invalidated = true;
  }
  return found;
}

CUresult Call::refuse_in_capture(std::string_view name, bool waits) {
  if (thread.capture_mode == CU_STREAM_CAPTURE_MODE_RELAXED) return CUDA_SUCCESS;
  bool refused = false;
  for (const auto& capture : machine.captures) {
    const bool own = capture->thread == thread.id && capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED;
    const bool everywhere =
        thread.capture_mode == CU_STREAM_CAPTURE_MODE_GLOBAL && capture->mode == CU_STREAM_CAPTURE_MODE_GLOBAL;
    if (!own && !everywhere) continue;
    refused = true;
    capture->invalidated = true;
    if (waits && machine.checker != nullptr) machine.checker->waited_in_capture(name, capture->origin->id);
  }
  return refused ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS;
}

CUresult Call::refuse_capturing(const Stream& stream, std::string_view name, bool waits) {
  if (conflicts_with_captures(stream, true)) return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
  if (stream.capture == nullptr) return CUDA_SUCCESS;
  stream.capture->invalidated = true;
  if (waits && machine.checker != nullptr) machine.checker->waited_in_capture(name, stream.id);
  return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

void Call::declare(Operation& operation, std::uint64_t address, std::uint64_t bytes, bool write) const {
  if (machine.checker == nullptr || bytes == 0) return;
  operation.accesses.push_back({address, bytes, write, label(operation)});
}

void Call::submit(const std::shared_ptr<Stream>& stream, std::unique_ptr<Operation> operation) {
  if (stream->capture != nullptr) {
    add_node(*stream, std::move(operation));
    return;
  }
  const std::span<const Access> accesses = operation->accesses;
  machine.enqueue(stream, std::move(operation), accesses);
}

void Call::add_node(Stream& stream, std::unique_ptr<Operation> operation) {
  machine.operations.part_with_one();
  Capture& capture = *stream.capture;
  operation->partition = stream.partition;
  Capture::Node node{std::move(operation), capture.ancestors_of(stream.tail)};
  if (machine.checker != nullptr) machine.checker->captured(capture, node);
  stream.tail.assign(1, capture.nodes.size());
  capture.nodes.push_back(std::move(node));
}

}  // namespace etrt::vgpu
