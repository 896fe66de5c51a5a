#pragma once

#include <fake_nvinfer/fake_plan.h>
#include <fake_nvinfer/fake_state.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <engine/engine.h>
#include <engine/tensorrt/tensorrt_loader.h>
#include <support/context_fixture.h>

namespace etrt::engine::tensorrt {

using support::DeviceBuffer;
using support::fails_with;
using support::is_ok;
using support::must;

inline constexpr const char* kFakeLibrary = "libfake_nvinfer_11_1.so";

/// The loader of the tests' own TensorRT.
const TensorRtLoader& fake_loader();

/// What a test shares with a library of the tests' own TensorRT.
etrt::fake::State& state_of(const std::string& library);

/// An int32 engine: output k is input 0 plus k + 1, all of one shape.
etrt::fake::Plan fixed_plan(std::vector<std::int64_t> dims, std::size_t outputs = 1);

/// One open input "x" and one output "y", x + 1; a profile for each pair of smallest and largest shapes.
struct Ends {
  std::vector<std::int64_t> minimum;
  std::vector<std::int64_t> maximum;
};
etrt::fake::Plan open_plan(const std::vector<Ends>& profiles);

/// A test of the engine on every provider. At the end no engine and no context may be left.
class TensorRtTest : public support::ContextFixture {
 protected:
  void SetUp() override;
  void TearDown() override;

  bool ready() const { return device_.has_value(); }
  const cuda::Device& cuda_device() const { return *device_; }
  etrt::fake::State& state() const { return *state_; }

  Result<std::unique_ptr<Engine>> try_load(const etrt::fake::Plan& plan, EngineOptions options = {}) const;
  std::unique_ptr<Engine> load(const etrt::fake::Plan& plan) const { return must(try_load(plan)); }
  static std::unique_ptr<ExecutionContext> create_context(Engine& engine, std::optional<int> profile = std::nullopt) {
    return must(engine.create_context(profile));
  }

  static Status bind(ExecutionContext& context, std::size_t tensor, const DeviceBuffer& buffer) {
    return context.bind(tensor, buffer.address(), buffer.bytes());
  }
  /// Buffer of `count` elements, each `value`.
  DeviceBuffer filled(std::uint32_t count, std::uint32_t value) const;

  /// Enqueues and waits.
  Status run(ExecutionContext& context) const;

 private:
  std::optional<cuda::Device> device_;
  std::optional<cuda::Stream> stream_;
  etrt::fake::State* state_ = nullptr;
};

/// The message of an error; empty for a success.
template <class T>
std::string message(const Result<T>& result) {
  return result.ok() ? std::string() : result.error().message();
}

}  // namespace etrt::engine::tensorrt
