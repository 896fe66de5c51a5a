#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <executorch/extension/module/module.h>

#include <cli/commands.h>
#include <cli/file.h>
#include <cli/program_file.h>
#include <cli/tensors.h>
#include <etrt/buffer.h>
#include <etrt/cuda_handles.h>
#include <etrt/device.h>
#include <etrt/result.h>

namespace etrt::cli {

struct SessionOptions {
  DelegateChoices delegate;
  /// The file beside the program that holds its weights, which must outlive the session; null: none.
  const MappedFile* data = nullptr;
  /// Inputs, outputs and whatever the program plans live in this device's memory, which only a method of delegate
  /// calls alone survives; see `is_only_delegate`.
  std::optional<Device> resident;
};

/// ExecuTorch's way to read bytes, which must outlive it.
std::unique_ptr<executorch::runtime::DataLoader> loader_of(std::span<const std::byte> bytes);

/// One method, loaded and ready to run, with the memory for what it takes and gives.
/// The program must outlive it. Threads: one caller at a time.
class Session {
 public:
  static Result<std::unique_ptr<Session>> load(const ProgramFile& program, const pte::MethodInfo& method,
                                               const SessionOptions& options);

  /// Takes the inputs, once; on return they are where the method reads them. `stream` carries copies to the device.
  Status set_inputs(std::span<const HostTensor> inputs, cudaStream_t stream);

  /// What an application calls: ExecuTorch's Module::execute.
  Status execute();

  /// The outputs of the last run, which `stream` has finished.
  Result<std::vector<HostTensor>> read_outputs(cudaStream_t stream) const;

  /// The loaded method itself, its inputs set. For benches.
  Result<executorch::runtime::Method*> prepared_method();

 private:
  /// Lets us reach the Method, which Module's own accessor is deprecated for.
  class Module final : public executorch::extension::Module {
   public:
    using executorch::extension::Module::Module;
    executorch::runtime::Method* loaded(const std::string& name) { return methods_.at(name).method.get(); }
  };

  Session(const ProgramFile& program, const pte::MethodInfo& method, SessionOptions options);

  Status load_program();
  Status plan_device_memory();
  Status provide_outputs();
  Result<void*> allocate(std::size_t bytes);
  Error failed(const char* what, executorch::runtime::Error code) const;

  const ProgramFile& program_;
  const pte::MethodInfo& info_;
  SessionOptions options_;
  std::vector<Buffer> device_memory_;
  std::vector<std::vector<std::byte>> host_memory_;
  std::vector<executorch::runtime::Span<std::uint8_t>> planned_;
  std::unique_ptr<executorch::runtime::HierarchicalAllocator> planned_allocator_;
  Module module_;
  std::vector<executorch::extension::TensorPtr> tensors_;
  std::vector<executorch::runtime::EValue> inputs_;
  std::vector<executorch::runtime::EValue> outputs_;
};

}  // namespace etrt::cli
