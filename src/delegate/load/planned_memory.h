#pragma once

#include <cuda/device.h>
#include <delegate/load/options.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// ExecuTorch gives a method its planned memory before it loads the delegates that use it, on the same thread: so where
/// that memory is gets remembered for the thread until the method is loaded.
///
/// Notes that the calling thread's method has memory on `device`, which the program calls CUDA device `index`.
void note_planned_memory(int index, const cuda::Device& device);

/// Refuses a program that runs on `device` while ExecuTorch has planned its memory on another one: the first call would
/// fail. `method` tells the methods that a thread loads from one another.
Status check_planned_memory(const void* method, const cuda::Device& device, const Options& options);

}  // namespace etrt::delegate
