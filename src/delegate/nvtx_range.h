#pragma once

#include <nvtx3/nvtx3.hpp>

namespace etrt::delegate {

/// How Nsight Systems shows etrt's ranges: as a domain of their own. Without a profiler a range costs two tests of a
/// pointer.
struct NvtxDomain {
  static constexpr const char* name = "etrt";
};

/// A range of this thread's time, for as long as it lives. The name must outlive it.
using NvtxRange = nvtx3::scoped_range_in<NvtxDomain>;

}  // namespace etrt::delegate
