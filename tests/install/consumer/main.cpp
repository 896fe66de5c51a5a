// A program as users of pytorch/TensorRT's delegate have it: a guard around forward(), the stream synchronised later.

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor_ptr_maker.h>

#include <etrt/backend.h>
#include <etrt/buffer.h>
#include <etrt/options.h>
#include <etrt/partition.h>
#include <etrt/pte.h>
#include <etrt/stream.h>
#include <etrt/timeline.h>
#include <etrt/version.h>
#include <torch_tensorrt/executorch/TensorRTBackend.h>

using executorch::extension::from_blob;
using executorch::extension::Module;
using torch_tensorrt::executorch_backend::CudaStreamGuard;

static_assert(!std::is_copy_constructible<CudaStreamGuard>::value, "a guard is not copyable");

namespace {

bool pack(const char* model, const char* packed) {
  std::ifstream in(model, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  etrt::pte::WriteOptions options;
  options.outputs = etrt::pte::OutputMemory::kCaller;
  const auto program = etrt::pte::write({{"program", "host", {text.data(), text.size()}}}, options);
  if (!program.ok()) {
    std::fprintf(stderr, "%s\n", program.error().message().c_str());
    return false;
  }
  std::ofstream out(packed, std::ios::binary);
  out.write(reinterpret_cast<const char*>(program->data()), static_cast<std::streamsize>(program->size()));
  return out.good();
}

int run(const char* packed) {
  auto device = etrt::Device::open("virtual");
  if (!device.ok()) return 10;
  auto stream = etrt::Stream::create(*device);
  auto memory = etrt::Buffer::on_device(*device, 4096);
  if (!stream.ok() || !memory.ok()) return 11;
  auto* base = static_cast<char*>(memory->data());

  const std::vector<float> a(6, 3.0F), b(6, 4.0F);
  std::vector<char> host(4096);
  std::copy(a.begin(), a.end(), reinterpret_cast<float*>(host.data()));
  std::copy(b.begin(), b.end(), reinterpret_cast<float*>(host.data() + 512));
  if (!memory->copy_from_host(host.data(), 4096, stream->get()).ok()) return 12;

  Module module(packed, Module::LoadMode::Mmap);
  executorch::runtime::BackendOptions<1> options;
  executorch::runtime::LoadBackendOptionsMap map;
  if (options.set_option(etrt::kOptionDevice, "virtual") != executorch::runtime::Error::Ok ||
      map.set_options(etrt::kBackendId, options.view()) != executorch::runtime::Error::Ok ||
      module.load(map) != executorch::runtime::Error::Ok ||
      module.load_method("forward") != executorch::runtime::Error::Ok) {
    return 13;
  }
  if (module.set_output(from_blob(base + 1024, {2, 3}), 0) != executorch::runtime::Error::Ok ||
      module.set_output(from_blob(base + 2048, {}), 1) != executorch::runtime::Error::Ok) {
    return 14;
  }
  {
    CudaStreamGuard guard(stream->get());
    const auto result = module.forward({from_blob(base, {2, 3}), from_blob(base + 512, {2, 3})});
    if (!result.ok()) return 15;
  }
  if (!memory->copy_to_host(host.data(), 4096, stream->get()).ok() || !stream->synchronize().ok()) return 16;
  const auto* product = reinterpret_cast<const float*>(host.data() + 1024);
  const auto* sum = reinterpret_cast<const float*>(host.data() + 2048);
  return product[0] == 13.0F && product[5] == 13.0F && sum[0] == -6.0F ? 0 : 17;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || !etrt::is_registered() || !pack(argv[1], argv[2])) return 1;
  const int result = run(argv[2]);
  std::printf("etrt %s: %s\n", ETRT_VERSION_STRING, result == 0 ? "right" : "wrong");
  return result;
}
