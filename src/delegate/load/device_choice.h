#pragma once

#include <blob/blob.h>
#include <cuda/device.h>
#include <delegate/load/options.h>
#include <delegate/load/variant_selection.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// Where a program runs, and as what.
struct DeviceChoice {
  const cuda::Device* device;
  Candidate candidate;
};

/// The device that the options name, and the first payload that runs there.
///
/// "auto" is device N of the blob's `device_id`: "cuda:N" where this process has a CUDA driver, else "virtual:N". On a
/// GPU that can run nothing of the blob, a blob without any engine goes to the virtual GPU; one whose engines the GPU
/// refused does so when the option "fallback" says so, with a warning, and is an error otherwise.
///
/// Errors: `kNotFound` for a device that is not there, `kIncompatible` when nothing runs there, with the reasons.
Result<DeviceChoice> choose_device(const blob::BlobView& blob, const Options& options);

/// The first payload that runs on the device, or what follows when none does.
Result<DeviceChoice> choose_payload(const blob::BlobView& blob, const Options& options, const cuda::Device& device);

}  // namespace etrt::delegate
