#pragma once

#include <string>

namespace etrt::vgpu {

/// A mistake of stream ordering that the order checker found. On a GPU it would be a race that shows rarely.
struct OrderReport {
  enum class Kind {
    kUnorderedAccess,  ///< two operations touch the same bytes, one writes, and nothing orders them
    kFreeWhileInUse,   ///< the host frees memory without knowing that an operation that touches it has run
    kUseAfterFree,     ///< an operation touches device memory that was freed before, in stream order
    kWaitInCapture,    ///< the host waited for a stream or event that is being captured
  };

  Kind kind;
  std::string first;    ///< the earlier operation: what it is, its stream, the bytes it touches
  std::string second;   ///< the later operation or call
  std::string message;  ///< both in one sentence, with the remedy
};

}  // namespace etrt::vgpu
