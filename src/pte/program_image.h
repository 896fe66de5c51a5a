#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <etrt/pte.h>
#include <etrt/result.h>
#include <pte/io_spec.h>

namespace etrt::pte {

/// The whole file: a program whose one method calls `TensorRTBackend` with `blob`, and the blob as its segment, at a
/// multiple of 128 as ExecuTorch's exporter has it, so that a mapped file needs no copy.
/// Of `options` it takes the method's name, the labels, the output memory and the compile specs.
Result<std::vector<std::byte>> make_program_image(const IoSpec& io, std::span<const std::byte> blob,
                                                  const WriteOptions& options);

}  // namespace etrt::pte
