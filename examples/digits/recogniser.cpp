#include "recogniser.h"

#include <algorithm>

#include <executorch/extension/tensor/tensor_ptr_maker.h>
#include <executorch/runtime/backend/backend_options_map.h>

#include <etrt/options.h>
#include <etrt/stream_guard.h>

namespace digits {
namespace {

namespace et = executorch::runtime;
using executorch::extension::from_blob;

etrt::Error failed(const std::string& what, et::Error error) {
  return {etrt::ErrorCode::kInternal, what + " failed with ExecuTorch error " + et::to_string(error)};
}

}  // namespace

etrt::Result<Recogniser> Recogniser::create(const etrt::Device& device, const etrt::Partition* partition,
                                            const std::string& program, const std::vector<float>& images, int batch) {
  const int count = static_cast<int>(images.size()) / kPixels;
  auto stream = partition != nullptr ? partition->create_stream() : etrt::Stream::create(device);
  if (!stream.ok()) return std::move(stream).error();
  auto on_device = etrt::Buffer::on_device(device, images.size() * sizeof(float));
  if (!on_device.ok()) return std::move(on_device).error();
  auto answers =
      etrt::Buffer::on_device(device, static_cast<std::size_t>(count + kMaxBatch) * kClasses * sizeof(float));
  if (!answers.ok()) return std::move(answers).error();
  if (auto copied = on_device->copy_from_host(images.data(), on_device->size(), stream->get()); !copied.ok()) {
    return std::move(copied).error();
  }

  Recogniser made(std::move(*stream), std::move(*on_device), std::move(*answers), count, batch);
  made.module_ =
      std::make_unique<executorch::extension::Module>(program, executorch::extension::Module::LoadMode::Mmap);
  et::BackendOptions<1> options;
  et::LoadBackendOptionsMap map;
  if (options.set_option(etrt::kOptionDevice, device.name().c_str()) != et::Error::Ok ||
      map.set_options(etrt::kBackendId, options.view()) != et::Error::Ok) {
    return etrt::Error(etrt::ErrorCode::kInternal, "the device option does not fit");
  }
  if (const auto error = made.module_->load(map); error != et::Error::Ok) return failed("loading " + program, error);
  if (const auto error = made.module_->load_method("forward"); error != et::Error::Ok) {
    return failed("loading the method", error);
  }
  return made;
}

etrt::Status Recogniser::enqueue(int batch) {
  const int first = batch * batch_;
  const int n = std::min(batch_, count_ - first);
  auto* image = static_cast<float*>(images_.data()) + first * kPixels;
  auto* answer = static_cast<float*>(logits_.data()) + first * kClasses;
  // ExecuTorch wants room for the output's upper bound; the delegate fills the first n rows.
  if (const auto error = module_->set_output(from_blob(answer, {kMaxBatch, kClasses})); error != et::Error::Ok) {
    return failed("giving the output its memory", error);
  }
  const etrt::StreamGuard guard(stream_.get());
  if (const auto result = module_->forward(from_blob(image, {n, 1, 8, 8})); !result.ok()) {
    return failed("forward", result.error());
  }
  return {};
}

etrt::Result<std::vector<float>> Recogniser::logits() const {
  std::vector<float> values(static_cast<std::size_t>(count_) * kClasses);
  if (auto copied = logits_.copy_to_host(values.data(), values.size() * sizeof(float), stream_.get()); !copied.ok()) {
    return std::move(copied).error();
  }
  if (auto waited = wait(); !waited.ok()) return std::move(waited).error();
  return values;
}

}  // namespace digits
