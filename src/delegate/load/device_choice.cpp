#include <algorithm>

#include <base/format.h>
#include <base/try.h>
#include <blob/format.h>
#include <delegate/load/device_choice.h>
#include <delegate/log_lines.h>
#include <etrt/options.h>
#include <process/process.h>

namespace etrt::delegate {
namespace {

Error in_option(Error error) {
  return std::move(error).within(base::concat("option '", kOptionDevice, "'"));
}

/// The blob's device, on a GPU where there is a driver.
Result<const cuda::Device*> open_blobs_device(int device_id, bool is_virtual) {
  const std::string name = base::concat(is_virtual ? "virtual:" : "cuda:", device_id);
  auto opened = process::Process::instance().devices().open(name);
  if (opened.ok() || device_id == 0) return opened;
  return std::move(opened).error().within(base::concat(
      "the program is for device ", device_id, " (device_id); option '", kOptionDevice, "' gives it another one"));
}

bool has_engine(const blob::BlobView& blob) {
  const std::vector<blob::Variant> all = blob.candidates();
  return std::any_of(all.begin(), all.end(), [](const auto& one) { return one.kind != blob::kVariantProgram; });
}

/// What follows when the GPU runs nothing of the blob.
Result<DeviceChoice> fall_back(const blob::BlobView& blob, const Options& options, const cuda::Device& gpu,
                               Error refused) {
  auto device = open_blobs_device(blob.metadata().device_id, true);
  if (!device.ok()) return has_engine(blob) ? std::move(refused) : std::move(device).error();
  auto hosted = select(blob, **device, options.engine);
  // The error to show is the GPU's: that is what the user expected to run.
  if (!hosted.ok()) return refused;
  if (has_engine(blob)) {
    if (options.fallback == Fallback::kError) {
      return Error(refused.code(),
                   base::concat(refused.message(), "; or option '", kOptionFallback, "' = virtual, which runs ",
                                hosted->describe(), " on ", (*device)->label));
    }
    log_error("init", base::concat("warning: ", (*device)->label, " runs ", hosted->describe(), ", because ", gpu.label,
                                   " runs none of the program's engines: ", refused.message()));
  }
  return DeviceChoice{*device, std::move(hosted).value()};
}

}  // namespace

Result<DeviceChoice> choose_device(const blob::BlobView& blob, const Options& options) {
  process::Devices& devices = process::Process::instance().devices();
  const bool automatic = options.device == "auto";
  auto opened = automatic ? open_blobs_device(blob.metadata().device_id, !devices.why_no_cuda().empty())
                          : devices.open(options.device);
  if (!opened.ok()) return automatic ? std::move(opened).error() : in_option(std::move(opened).error());
  return choose_payload(blob, options, **opened);
}

Result<DeviceChoice> choose_payload(const blob::BlobView& blob, const Options& options, const cuda::Device& device) {
  auto selected = select(blob, device, options.engine);
  if (selected.ok()) return DeviceChoice{&device, std::move(selected).value()};
  if (options.device != "auto" || device.is_virtual) return std::move(selected).error();
  return fall_back(blob, options, device, std::move(selected).error());
}

}  // namespace etrt::delegate
