#pragma once

#include <optional>
#include <vector>

#include <cuda.h>

#include <vgpu/machine.h>

namespace etrt::vgpu {

/// The SMs that a CUdevResource stands for. It travels inside the resource's opaque bytes.
struct SmSet {
  int device = 0;
  bool may_split = true;    ///< what a split gave cannot be split again
  bool coscheduled = true;  ///< made of groups that honour the device's minimum and alignment
  std::vector<unsigned> sms;
};

/// SMs that need not be scheduled together come in pairs.
inline constexpr int kLooseSms = 2;

/// Fills `resource` so that `read_resource` of the same machine gives `set` back.
void write_resource(const Machine& machine, const SmSet& set, CUdevResource& resource);

/// Nothing for a resource that this machine did not make.
std::optional<SmSet> read_resource(const Machine& machine, const CUdevResource& resource);

}  // namespace etrt::vgpu
