#pragma once

#include <optional>
#include <vector>

#include <cuda.h>

#include <vgpu/machine.h>

namespace etrt::vgpu {

/// The SMs that a CUdevResource stands for. It travels inside the resource's opaque bytes.
struct SmSet {
  int device = 0;
  bool may_split = true;    ///< CUDA: what a split gave cannot be split again
  std::uint64_t split = 0;  ///< which split it came from; 0: none
  std::vector<unsigned> sms;
};

/// Fills `resource` so that `read_resource` of the same machine gives `set` back.
void write_resource(const Machine& machine, const SmSet& set, CUdevResource& resource);

/// Nothing for a resource that this machine did not make.
std::optional<SmSet> read_resource(const Machine& machine, const CUdevResource& resource);

}  // namespace etrt::vgpu
