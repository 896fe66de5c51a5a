#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <cuda/driver.h>

namespace etrt::cuda {

/// A driver table in a few lines: it keeps a stack of contexts, makes event handles, and writes down what is called.
/// Only the entry points that the tests of src/cuda call are there.
/// Threads: one.
class FakeTable {
 public:
  FakeTable();
  FakeTable(const FakeTable&) = delete;
  FakeTable& operator=(const FakeTable&) = delete;

  const Driver& driver() const { return driver_; }

  /// The calls so far, by name, oldest first.
  std::vector<std::string> calls;

  std::vector<CUevent> live_events;
  std::vector<CUcontext> context_stack;

  /// What the next calls of everything but error names answer.
  CUresult answer = CUDA_SUCCESS;

  /// The current context was destroyed, and is still current.
  bool current_is_destroyed = false;

  /// Of the one thread.
  CUstreamCaptureMode capture_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;

  /// How many of the next exchanges of the mode are refused.
  int refusals = 0;

  /// The handle of a context of `device`; another number, another context.
  static CUcontext context_of(CUdevice device, int number = 0);

 private:
  static CUresult create_event(FakeTable& self, CUevent* event, unsigned flags);
  static CUresult destroy_event(FakeTable& self, CUevent event);
  static CUresult query_event(FakeTable& self, CUevent event);
  static CUresult get_current(FakeTable& self, CUcontext* context);
  static CUresult get_device(FakeTable& self, CUdevice* device);
  static CUresult get_stream_context(FakeTable& self, CUstream stream, CUcontext* context);
  static CUresult push(FakeTable& self, CUcontext context);
  static CUresult pop(FakeTable& self, CUcontext* context);
  static CUresult exchange_mode(FakeTable& self, CUstreamCaptureMode* mode);
  static CUresult error_name(FakeTable& self, CUresult result, const char** name);
  static CUresult error_string(FakeTable& self, CUresult result, const char** text);

  Driver driver_;
  std::uintptr_t next_handle_ = 0x1000;
};

}  // namespace etrt::cuda
