#pragma once

#include <algorithm>
#include <fake_nvinfer/fake_plan.h>
#include <fake_nvinfer/fake_state.h>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <cuda/call_counter.h>
#include <engine/engine.h>
#include <engine/tensorrt/tensorrt_loader.h>
#include <support/context_fixture.h>
#include <support/fault_injector.h>

namespace etrt::engine::tensorrt {

using support::DeviceBuffer;
using support::fails_with;
using support::is_ok;
using support::must;

/// Matches a `Result` that holds an error of one code whose message matches.
class FailsSaying {
 public:
  using is_gtest_matcher = void;

  FailsSaying(ErrorCode code, ::testing::Matcher<std::string> message) : code_(code), message_(std::move(message)) {}

  template <class T>
  bool MatchAndExplain(const Result<T>& result, ::testing::MatchResultListener* out) const {
    if (result.ok()) return false;
    *out << "which is " << support::error_code_name(result.error().code()) << ": " << result.error().message();
    return result.error().code() == code_ && message_.Matches(result.error().message());
  }

  void DescribeTo(std::ostream* out) const {
    *out << "fails with " << support::error_code_name(code_) << " and a message that ";
    message_.DescribeTo(out);
  }
  void DescribeNegationTo(std::ostream* out) const { *out << "does otherwise"; }

 private:
  ErrorCode code_;
  ::testing::Matcher<std::string> message_;
};

inline FailsSaying fails_with(ErrorCode code, ::testing::Matcher<std::string> message) {
  return {code, std::move(message)};
}

/// The path of libfake_nvinfer_`name`.so, which lies beside the tests or in the build's folder for libraries.
std::string fake_library(const std::string& name);

/// The one that the tests use unless they say otherwise.
inline const std::string kFakeLibrary = fake_library("11_1");

namespace fake {
/// Compiled with the headers of tests/fake_nvinfer.
const Adapter& adapter();
}  // namespace fake

/// The libraries that the tests' loaders open.
LibrarySearch& libraries();

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

/// Sees the driver calls of the engine, and not those of the library.
class EngineCalls final : public cuda::CallHook {
 public:
  cuda::CallCounter counter;
  support::FaultInjector faults;
  std::function<void(cuda::Symbol)> on_call;  ///< before the call is made
  std::set<cuda::Symbol> refused;             ///< these fail, whoever makes them

  std::optional<CUresult> before(cuda::Symbol symbol) override {
    counter.before(symbol);
    if (on_call) on_call(symbol);
    if (refused.contains(symbol)) return CUDA_ERROR_UNKNOWN;
    // What cannot be destroyed stays, and is nobody's leak.
    constexpr cuda::Symbol kOfDestructors[] = {cuda::Symbol::k_cuStreamDestroy, cuda::Symbol::k_cuEventDestroy,
                                               cuda::Symbol::k_cuStreamSynchronize, cuda::Symbol::k_cuMemFree};
    if (std::find(std::begin(kOfDestructors), std::end(kOfDestructors), symbol) != std::end(kOfDestructors)) {
      return std::nullopt;
    }
    return faults.before(symbol);
  }
  void after(cuda::Symbol, CUresult) override {}
};

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

  const cuda::Stream& stream() const { return *stream_; }

  /// Driver calls that the engine makes, its library left out.
  EngineCalls& calls() { return calls_; }

 private:
  EngineCalls calls_;
  std::optional<cuda::DecoratedDriver> decorated_;
  std::optional<cuda::Device> device_;
  std::optional<cuda::Stream> stream_;
  etrt::fake::State* state_ = nullptr;
};

}  // namespace etrt::engine::tensorrt
