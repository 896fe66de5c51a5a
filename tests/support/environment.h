#pragma once

#include <string_view>

namespace etrt::support {

// The environment variables of the tests. environment.cpp is the one file of tests/ that touches the environment.

/// Whether ETRT_REQUIRE_DEVICE names `provider`: its absence is then a failure, not a skip.
bool device_required(std::string_view provider);

/// Asks libcuda, before it is loaded, to load kernels with their module (CUDA_MODULE_LOADING=EAGER) and to give streams
/// hardware queues of their own (CUDA_DEVICE_MAX_CONNECTIONS=32). Without the two, the first launch of a kernel, or a
/// stream that shares a queue, could wait for a closed gate. Values that are set already are kept.
/// Threads: only while no other thread of the process reads the environment.
void prepare_cuda_environment();

}  // namespace etrt::support
