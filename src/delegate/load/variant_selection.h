#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <blob/blob.h>
#include <cuda/device.h>
#include <engine/loader.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// One payload of a blob, looked at for one device.
struct Candidate {
  std::string kind;  ///< "program", "tensorrt", "tensorrt_rtx", or "unknown"
  std::string target;
  std::span<const std::byte> payload;
  const engine::Loader* loader;  ///< null when this build has none for the kind
  Status runs;                   ///< why it cannot run on the device, when it cannot

  /// "a TensorRT-RTX engine for linux_x86_64 of 347212 bytes"
  std::string describe() const;
};

/// Every payload of the blob in order of preference, with whether it runs on the device.
std::vector<Candidate> examine(const blob::BlobView& blob, const cuda::Device& device,
                               const engine::EngineOptions& options = {});

/// The first payload that runs on the device. The error says what the blob holds and why none of it runs here.
Result<Candidate> select(const blob::BlobView& blob, const cuda::Device& device,
                         const engine::EngineOptions& options = {});

}  // namespace etrt::delegate
