#pragma once

// The TensorRT engine as the delegate runs it, from the blob to the results.

#include <delegate_fixture.h>
#include <tensorrt/tensorrt_fixture.h>

#include <blob/blob_writer.h>
#include <process/process.h>

namespace etrt::test {

inline constexpr const char* kKind = "fake_tensorrt";

/// The loader of the tests' own TensorRT beside the one of the build.
class FakeTensorRtLoader final : public engine::Loader {
 public:
  std::string_view kind() const override { return kKind; }
  Status supports(const cuda::Device& device, const engine::Target& target, std::span<const std::byte> bytes,
                  const engine::EngineOptions& options) const override {
    return engine::tensorrt::fake_loader().supports(device, target, bytes, options);
  }
  Result<std::unique_ptr<engine::Engine>> load(const cuda::Device& device, std::span<const std::byte> bytes,
                                               const engine::EngineOptions& options) const override {
    return engine::tensorrt::fake_loader().load(device, bytes, options);
  }
};

class TensorRtDelegate : public DelegateTest {
 protected:
  void SetUp() override {
    DelegateTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    static const FakeTensorRtLoader loader;
    static const bool added = (process::Process::instance().loaders().add(loader), true);
    static_cast<void>(added);
    auto& state = engine::tensorrt::state_of(engine::tensorrt::kFakeLibrary);
    state.driver = &driver();
    state.kernel_image = device().is_virtual() ? support::vgpu_kernels() : support::kKernelsPtx;
  }

  /// What an exporter says of the engine.
  static blob::Metadata metadata_of(const etrt::fake::Plan& plan) {
    blob::Metadata metadata;
    for (const auto& input : plan.inputs) metadata.io_bindings.push_back({.name = input.name, .is_input = true});
    for (const auto& output : plan.outputs) {
      auto& binding = metadata.io_bindings.emplace_back();
      binding.name = output.name;
      binding.is_input = false;
      // What the exporter knows of a data-dependent output: no more elements than its input has.
      if (output.data_elements >= 0) {
        binding.shape = {-1};
        binding.min_shape = {0};
        binding.max_shape = plan.inputs[output.of].dims;
      }
      if (!output.alias.empty())
        metadata.aliased_io.push_back({.output = output.name, .input = output.alias, .kind = "user"});
    }
    return metadata;
  }

  Result<std::unique_ptr<delegate::Handle>> try_load(const etrt::fake::Plan& plan,
                                                     delegate::Options options = {}) const {
    return try_load(plan, metadata_of(plan), std::move(options));
  }

  /// A blob of one engine, with this said of it.
  Result<std::unique_ptr<delegate::Handle>> try_load(const etrt::fake::Plan& plan, const blob::Metadata& metadata,
                                                     delegate::Options options = {}) const {
    const auto bytes = plan.serialize();
    const blob::Payload payload{kKind, "anywhere", bytes};
    options.engine.tensorrt_library = engine::tensorrt::kFakeLibrary;
    return DelegateTest::try_load(must(blob::write_blob(metadata, {}, {&payload, 1})), options);
  }
  std::unique_ptr<delegate::Handle> load(const etrt::fake::Plan& plan) const { return must(try_load(plan)); }
};

}  // namespace etrt::test
