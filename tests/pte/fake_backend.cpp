#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include <executorch/runtime/backend/interface.h>
#include <executorch/runtime/core/device_allocator.h>

#include <pte/fake_backend.h>

namespace etrt::pte::testing {
namespace {

using executorch::runtime::ArrayRef;
using executorch::runtime::DelegateHandle;
using executorch::runtime::Error;
using executorch::runtime::EValue;
using executorch::runtime::FreeableBuffer;
using executorch::runtime::Result;
using executorch::runtime::Span;
namespace etensor = executorch::runtime::etensor;

bool is_mapped_from(std::uintptr_t address, const std::string& file) {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    std::istringstream(line) >> std::hex >> begin >> dash >> end;
    if (address >= begin && address < end) return line.find(file) != std::string::npos;
  }
  return false;
}

class Backend final : public executorch::runtime::BackendInterface {
 public:
  bool is_available() const override { return true; }

  Result<DelegateHandle*> init(executorch::runtime::BackendInitContext&, FreeableBuffer* processed,
                               ArrayRef<executorch::runtime::CompileSpec> specs) const override {
    FakeBackend& fake = FakeBackend::get();
    const auto* bytes = static_cast<const std::byte*>(processed->data());
    fake.blob.assign(bytes, bytes + processed->size());
    fake.blob_address = reinterpret_cast<std::uintptr_t>(bytes);
    fake.blob_in_mapped_file = !fake.mapped_file.empty() && is_mapped_from(fake.blob_address, fake.mapped_file);
    for (const auto& spec : specs) {
      fake.compile_specs.push_back(
          {spec.key, std::string(static_cast<const char*>(spec.value.buffer), spec.value.nbytes)});
    }
    return &fake;
  }

  Error execute(executorch::runtime::BackendExecutionContext&, DelegateHandle* handle,
                Span<EValue*> args) const override {
    auto& fake = *static_cast<FakeBackend*>(handle);
    fake.args.clear();
    for (EValue* arg : args) {
      const auto& tensor = arg->toTensor();
      fake.args.push_back({tensor.scalar_type(),
                           {tensor.sizes().begin(), tensor.sizes().end()},
                           tensor.const_data_ptr(),
                           tensor.unsafeGetTensorImpl()->device_type() == etensor::DeviceType::CUDA});
    }
    if (fake.run) fake.run(args);
    return Error::Ok;
  }
};

/// Host memory under the name of CUDA.
class Allocator final : public executorch::runtime::DeviceAllocator {
 public:
  Result<void*> allocate(std::size_t nbytes, etensor::DeviceIndex, std::size_t alignment) override {
    return std::aligned_alloc(alignment, (nbytes + alignment - 1) / alignment * alignment);
  }
  void deallocate(void* memory, etensor::DeviceIndex) override { std::free(memory); }
  Error copy_host_to_device(void* to, const void* from, std::size_t nbytes, etensor::DeviceIndex) override {
    std::memcpy(to, from, nbytes);
    return Error::Ok;
  }
  Error copy_device_to_host(void* to, const void* from, std::size_t nbytes, etensor::DeviceIndex) override {
    std::memcpy(to, from, nbytes);
    return Error::Ok;
  }
  etensor::DeviceType device_type() const override { return etensor::DeviceType::CUDA; }
};

bool register_fakes() {
  static Backend backend;
  static Allocator allocator;
  executorch::runtime::register_device_allocator(&allocator);
  return executorch::runtime::register_backend({"TensorRTBackend", &backend}) == Error::Ok;
}

[[maybe_unused]] const bool kRegistered = register_fakes();

}  // namespace

FakeBackend& FakeBackend::get() {
  static FakeBackend fake;
  return fake;
}

FakeBackend& FakeBackend::reset() {
  return get() = FakeBackend();
}

}  // namespace etrt::pte::testing
