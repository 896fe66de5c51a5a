#include <algorithm>
#include <utility>

#include <cuda/fake_table.h>

namespace etrt::cuda {
namespace {

constexpr std::uintptr_t kNumbersPerDevice = 16;

CUdevice device_of(CUcontext context) {
  return static_cast<CUdevice>(reinterpret_cast<std::uintptr_t>(context) / kNumbersPerDevice) - 1;
}

}  // namespace

CUcontext FakeTable::context_of(CUdevice device, int number) {
  return reinterpret_cast<CUcontext>((static_cast<std::uintptr_t>(device) + 1) * kNumbersPerDevice +
                                     static_cast<std::uintptr_t>(number));
}

FakeTable::FakeTable() {
#define ETRT_FAKE_ENTRY(name, function) driver_.name = decltype(driver_.name)::bound<&FakeTable::function>(this)
  ETRT_FAKE_ENTRY(cuEventCreate, create_event);
  ETRT_FAKE_ENTRY(cuEventDestroy, destroy_event);
  ETRT_FAKE_ENTRY(cuEventQuery, query_event);
  ETRT_FAKE_ENTRY(cuCtxGetCurrent, get_current);
  ETRT_FAKE_ENTRY(cuCtxGetDevice, get_device);
  ETRT_FAKE_ENTRY(cuStreamGetCtx, get_stream_context);
  ETRT_FAKE_ENTRY(cuCtxPushCurrent, push);
  ETRT_FAKE_ENTRY(cuCtxPopCurrent, pop);
  ETRT_FAKE_ENTRY(cuThreadExchangeStreamCaptureMode, exchange_mode);
  ETRT_FAKE_ENTRY(cuGetErrorName, error_name);
  ETRT_FAKE_ENTRY(cuGetErrorString, error_string);
#undef ETRT_FAKE_ENTRY
}

CUresult FakeTable::create_event(FakeTable& self, CUevent* event, unsigned) {
  self.calls.emplace_back("cuEventCreate");
  if (self.answer != CUDA_SUCCESS) return self.answer;
  *event = reinterpret_cast<CUevent>(self.next_handle_++);
  self.live_events.push_back(*event);
  return CUDA_SUCCESS;
}

CUresult FakeTable::destroy_event(FakeTable& self, CUevent event) {
  self.calls.emplace_back("cuEventDestroy");
  if (std::erase(self.live_events, event) == 0) return CUDA_ERROR_INVALID_HANDLE;
  return self.answer;
}

CUresult FakeTable::query_event(FakeTable& self, CUevent) {
  self.calls.emplace_back("cuEventQuery");
  return self.answer;
}

CUresult FakeTable::get_current(FakeTable& self, CUcontext* context) {
  self.calls.emplace_back("cuCtxGetCurrent");
  *context = self.context_stack.empty() ? nullptr : self.context_stack.back();
  return self.answer;
}

CUresult FakeTable::get_device(FakeTable& self, CUdevice* device) {
  self.calls.emplace_back("cuCtxGetDevice");
  if (self.answer != CUDA_SUCCESS) return self.answer;
  if (self.context_stack.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  *device = device_of(self.context_stack.back());
  return CUDA_SUCCESS;
}

CUresult FakeTable::get_stream_context(FakeTable& self, CUstream, CUcontext* context) {
  self.calls.emplace_back("cuStreamGetCtx");
  if (self.current_is_destroyed) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  *context = self.context_stack.back();
  return self.answer;
}

CUresult FakeTable::push(FakeTable& self, CUcontext context) {
  self.calls.emplace_back("cuCtxPushCurrent");
  if (self.answer != CUDA_SUCCESS) return self.answer;
  self.context_stack.push_back(context);
  return CUDA_SUCCESS;
}

CUresult FakeTable::pop(FakeTable& self, CUcontext* context) {
  self.calls.emplace_back("cuCtxPopCurrent");
  if (self.context_stack.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  *context = self.context_stack.back();
  self.context_stack.pop_back();
  return CUDA_SUCCESS;
}

CUresult FakeTable::exchange_mode(FakeTable& self, CUstreamCaptureMode* mode) {
  self.calls.emplace_back("cuThreadExchangeStreamCaptureMode");
  if (self.answer != CUDA_SUCCESS) return self.answer;
  if (self.refusals > 0) {
    --self.refusals;
    return CUDA_ERROR_UNKNOWN;
  }
  std::swap(*mode, self.capture_mode);
  return CUDA_SUCCESS;
}

CUresult FakeTable::error_name(FakeTable&, CUresult result, const char** name) {
  switch (result) {
    case CUDA_ERROR_INVALID_HANDLE:
      *name = "CUDA_ERROR_INVALID_HANDLE";
      return CUDA_SUCCESS;
    case CUDA_ERROR_OUT_OF_MEMORY:
      *name = "CUDA_ERROR_OUT_OF_MEMORY";
      return CUDA_SUCCESS;
    default:
      *name = nullptr;
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult FakeTable::error_string(FakeTable&, CUresult result, const char** text) {
  *text = result == CUDA_ERROR_INVALID_HANDLE ? "invalid resource handle" : nullptr;
  return *text != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

}  // namespace etrt::cuda
