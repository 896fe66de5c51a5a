#pragma once

#include <cstddef>

#include <vgpu/kernel.h>

namespace etrt::cli {

/// etrt_partition_probe(u32* words, u64 limit_ns): block b writes 1 + its SM to words[2 + b] and stays on the SM until
/// words[0] is set, or until the limit, which it then says in words[1]. The words are pinned memory.
///
/// On the virtual GPU, where the blocks of a launch run one after another and nothing keeps other streams off a core,
/// a block writes its SM and goes.
inline constexpr char kProbeKernel[] = "etrt_partition_probe";

enum ProbeWord : std::size_t { kProbeRelease, kProbeExpired, kProbeMarks };

/// For CUDA's cuModuleLoadData.
extern const char* const kProbePtx;

/// For the virtual GPU's.
const vgpu::ModuleImage& probe_module_image();

}  // namespace etrt::cli
