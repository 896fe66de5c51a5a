#pragma once

#include <cstdint>

namespace etrt::delegate {

/// Whether etrt launches calls as graphs of its own; see `kOptionCudaGraph` in include/etrt/options.h.
enum class GraphMode : std::uint8_t { kOff, kOn, kAuto };

}  // namespace etrt::delegate
